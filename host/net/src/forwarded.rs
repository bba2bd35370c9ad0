//! What proxies say of the client whose request they pass on: `X-Forwarded-For`, `-Proto` and `-Host`, and
//! `Forwarded` (RFC 7239). Pure: header fields and an address in, an address out.
//!
//! Only what a trusted proxy wrote counts. Each adds itself at the right end, so the lists are walked from there,
//! up to the first address that is not trusted; what is left of it was written by who knows whom and is not even
//! looked at. Of two families of fields one may have come from the client and passed through: where both are there
//! they have to say the same, and what only one says does not count.

mod element;

use std::net::SocketAddr;

use http::{HeaderMap, header::HeaderValue};

use crate::network::Networks;
use element::{Element, Node};

/// The peer as it is seen through trusted proxies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The client's address; port 0 where the proxy does not tell it.
    pub address: SocketAddr,
    /// Whether the client uses TLS, where a proxy says so.
    pub secure: Option<bool>,
    /// The host that the client asked for, where a proxy says so.
    pub host: Option<String>,
    /// A proxy speaks for somebody else: what the connection itself shows, such as a certificate, is the proxy's.
    pub relayed: bool,
}

impl Seen {
    /// A peer that nobody speaks for.
    pub(crate) fn direct(peer: SocketAddr) -> Self {
        Self {
            address: peer,
            secure: None,
            host: None,
            relayed: false,
        }
    }
}

/// What a trusted proxy says cannot be made out: a mistake in its settings, or somebody behind it tries something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForwardedError {
    /// The field is not what its specification says.
    #[error("`{0}` cannot be read")]
    Unreadable(&'static str),
    /// Two fields that both are there, of which the proxy can have written only one.
    #[error(
        "`Forwarded` and `X-Forwarded-{0}` differ: the proxy has to remove what it does not set"
    )]
    Differ(&'static str),
}

/// Who is behind `peer`, as far as the trusted proxies tell. What an untrusted peer says is not looked at.
///
/// # Errors
/// When what counts cannot be read, or does not agree.
pub fn seen(
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &Networks,
) -> Result<Seen, ForwardedError> {
    if !trusted.contain(peer.ip()) {
        return Ok(Seen::direct(peer));
    }
    let told = match (
        by_lists(peer, headers, trusted)?,
        by_forwarded(peer, headers, trusted)?,
    ) {
        (None, None) => return Ok(Seen::direct(peer)),
        (Some(told), None) | (None, Some(told)) => told,
        (Some(listed), Some(told)) => both(listed, told)?,
    };
    Ok(Seen {
        address: told.address.unwrap_or(peer),
        secure: told.secure,
        host: told.host,
        relayed: true,
    })
}

/// What one family of fields says.
struct Told {
    /// `None` where it is about something else only. Who will not name the client names itself.
    address: Option<SocketAddr>,
    secure: Option<bool>,
    host: Option<String>,
}

/// Of two families one may be the client's own: they must not differ, and what only one says is not known. But for
/// the address: lists that have no `X-Forwarded-For` leave it to `Forwarded`, as who could write that could have
/// written the other. `Forwarded` without `for` says that nobody is to know.
fn both(listed: Told, told: Told) -> Result<Told, ForwardedError> {
    let address = match (listed.address, told.address) {
        (Some(one), Some(other)) if one.ip() != other.ip() => {
            return Err(ForwardedError::Differ("For"));
        }
        (Some(one), Some(other)) if one != other => Some(SocketAddr::new(one.ip(), 0)),
        (one, other) => one.or(other),
    };
    Ok(Told {
        address,
        secure: agreed(listed.secure, told.secure, "Proto")?,
        host: agreed(listed.host, told.host, "Host")?,
    })
}

fn agreed<T: PartialEq>(
    one: Option<T>,
    other: Option<T>,
    field: &'static str,
) -> Result<Option<T>, ForwardedError> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => Err(ForwardedError::Differ(field)),
        (one, other) => Ok(one.and(other)),
    }
}

/// `X-Forwarded-*`; `None` when there are no such fields.
fn by_lists(
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &Networks,
) -> Result<Option<Told>, ForwardedError> {
    let nodes = List::of(headers, "X-Forwarded-For")?;
    let protos = List::of(headers, "X-Forwarded-Proto")?;
    let hosts = List::of(headers, "X-Forwarded-Host")?;
    if [&nodes, &protos, &hosts].map(List::is_empty) == [true; 3] {
        return Ok(None);
    }
    let read = |text: &&str| Node::parse(text).ok_or(nodes.unreadable());
    let (address, hops) = walk(peer, nodes.entries.iter().rev().map(read), trusted)?;
    let secure = protos.told_at(hops)?;
    let secure = secure.map(|text| element::secure(text).ok_or(protos.unreadable()));
    let host = hosts.told_at(hops)?;
    let host = host.map(|text| element::host(text).ok_or(hosts.unreadable()));
    Ok(Some(Told {
        address: (!nodes.is_empty()).then_some(address),
        secure: secure.transpose()?,
        host: host.transpose()?,
    }))
}

/// `Forwarded`; `None` when there is none.
fn by_forwarded(
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &Networks,
) -> Result<Option<Told>, ForwardedError> {
    let mut elements = Vec::new();
    for field in headers.get_all("Forwarded") {
        let text = field.to_str().ok();
        let read = text.and_then(|text| Element::parse_all(text, &mut elements));
        read.ok_or(ForwardedError::Unreadable("Forwarded"))?;
    }
    let nodes = elements.iter().rev();
    let nodes = nodes.map(|element| Ok(element.node.unwrap_or(Node::Unknown)));
    let (address, hops) = walk(peer, nodes, trusted)?;
    let told = elements.into_iter().rev().nth(hops);
    Ok(told.map(|element| Told {
        address: Some(address),
        secure: element.secure,
        host: element.host,
    }))
}

/// The way from the peer to the client, from name to name: who stands at its end, and how many proxies were passed
/// before the one that names it.
fn walk(
    peer: SocketAddr,
    nodes: impl Iterator<Item = Result<Node, ForwardedError>>,
    trusted: &Networks,
) -> Result<(SocketAddr, usize), ForwardedError> {
    let (mut address, mut hops) = (peer, 0);
    for (passed, node) in nodes.enumerate() {
        hops = passed;
        let Node::Address(ip, port) = node? else {
            // It will not tell: then it is the last one we know.
            break;
        };
        address = SocketAddr::new(ip, port);
        if !trusted.contain(ip) {
            break;
        }
    }
    Ok((address, hops))
}

/// The entries of all fields of one name, in order.
struct List<'h> {
    name: &'static str,
    entries: Vec<&'h str>,
}

impl<'h> List<'h> {
    fn of(headers: &'h HeaderMap, name: &'static str) -> Result<Self, ForwardedError> {
        let mut entries = Vec::new();
        for field in headers.get_all(name) {
            let text = HeaderValue::to_str(field).map_err(|_| ForwardedError::Unreadable(name))?;
            entries.extend(text.split(',').map(|entry| entry.trim_matches([' ', '\t'])));
        }
        Ok(Self { name, entries })
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn unreadable(&self) -> ForwardedError {
        ForwardedError::Unreadable(self.name)
    }

    /// What the proxy so many hops away said; where each replaces what the one before it said, the only thing. In a
    /// list that some have not added to, who said what cannot be told.
    fn told_at(&self, hops: usize) -> Result<Option<&'h str>, ForwardedError> {
        match self.entries.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(only)),
            all => {
                let told = all.iter().rev().nth(hops);
                told.map(|told| Some(*told))
                    .ok_or_else(|| self.unreadable())
            }
        }
    }
}

#[cfg(test)]
mod tests;
