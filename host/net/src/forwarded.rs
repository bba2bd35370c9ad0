//! What proxies say of the client whose request they pass on: `X-Forwarded-For`, `-Proto` and `-Host`, and
//! `Forwarded` (RFC 7239). Pure: header fields and an address in, an address out.
//!
//! Only what a trusted proxy wrote counts. Each adds itself at the right end, so the lists are walked from there,
//! up to the first address that is not trusted; what is left of it was written by who knows whom and is not even
//! looked at. Of two families of fields one may have come from the client and passed through: where both are there
//! they have to say the same.

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
    let direct = Seen {
        address: peer,
        secure: None,
        host: None,
    };
    if !trusted.contain(peer.ip()) {
        return Ok(direct);
    }
    let listed = by_lists(peer, headers, trusted)?;
    let told = by_forwarded(peer, headers, trusted)?;
    match (listed, told) {
        (None, None) => Ok(direct),
        (Some(seen), None) | (None, Some(seen)) => Ok(seen),
        (Some(listed), Some(told)) => both(listed, told),
    }
}

fn both(listed: Seen, told: Seen) -> Result<Seen, ForwardedError> {
    if listed.address.ip() != told.address.ip() {
        return Err(ForwardedError::Differ("For"));
    }
    let address = if told.address.port() == 0 {
        listed.address
    } else {
        told.address
    };
    Ok(Seen {
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
        (one, other) => Ok(one.or(other)),
    }
}

/// `X-Forwarded-*`; `None` when there are no such fields.
fn by_lists(
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &Networks,
) -> Result<Option<Seen>, ForwardedError> {
    let nodes = List::of(headers, "X-Forwarded-For")?;
    let protos = List::of(headers, "X-Forwarded-Proto")?;
    let hosts = List::of(headers, "X-Forwarded-Host")?;
    if nodes.0.is_empty() && protos.0.is_empty() && hosts.0.is_empty() {
        return Ok(None);
    }
    let mut walk = Walk::from(peer);
    for text in nodes.0.iter().rev() {
        let node = Node::parse(text).ok_or(ForwardedError::Unreadable("X-Forwarded-For"))?;
        if !walk.step(node, trusted) {
            break;
        }
    }
    let secure = protos
        .told_at(walk.hops)
        .map(|text| element::secure(text).ok_or(ForwardedError::Unreadable("X-Forwarded-Proto")));
    let host = hosts
        .told_at(walk.hops)
        .map(|text| element::host(text).ok_or(ForwardedError::Unreadable("X-Forwarded-Host")));
    Ok(Some(Seen {
        address: walk.address,
        secure: secure.transpose()?,
        host: host.transpose()?,
    }))
}

/// `Forwarded`; `None` when there is none.
fn by_forwarded(
    peer: SocketAddr,
    headers: &HeaderMap,
    trusted: &Networks,
) -> Result<Option<Seen>, ForwardedError> {
    let mut elements = Vec::new();
    for field in headers.get_all("Forwarded") {
        let text = field.to_str().ok();
        let read = text.and_then(|text| Element::parse_all(text, &mut elements));
        read.ok_or(ForwardedError::Unreadable("Forwarded"))?;
    }
    if elements.is_empty() {
        return Ok(None);
    }
    let mut walk = Walk::from(peer);
    let mut last = None;
    for element in elements.iter().rev() {
        last = Some(element);
        if !walk.step(element.node.unwrap_or(Node::Unknown), trusted) {
            break;
        }
    }
    Ok(Some(Seen {
        address: walk.address,
        secure: last.and_then(|element| element.secure),
        host: last.and_then(|element| element.host.clone()),
    }))
}

/// The way from the peer to the client.
struct Walk {
    /// Of whoever stands at this end of what was walked.
    address: SocketAddr,
    /// Proxies that were walked past.
    hops: usize,
}

impl Walk {
    fn from(peer: SocketAddr) -> Self {
        Self {
            address: peer,
            hops: 0,
        }
    }

    /// Goes to whom a trusted proxy names. Whether that one is to be believed, too.
    fn step(&mut self, node: Node, trusted: &Networks) -> bool {
        let Node::Address(ip, port) = node else {
            // It will not tell: then it is the last one we know.
            return false;
        };
        self.address = SocketAddr::new(ip, port);
        let goes_on = trusted.contain(ip);
        self.hops += usize::from(goes_on);
        goes_on
    }
}

/// The entries of all fields of one name, in order.
struct List<'h>(Vec<&'h str>);

impl<'h> List<'h> {
    fn of(headers: &'h HeaderMap, name: &'static str) -> Result<Self, ForwardedError> {
        let mut entries = Vec::new();
        for field in headers.get_all(name) {
            let text = HeaderValue::to_str(field).map_err(|_| ForwardedError::Unreadable(name))?;
            entries.extend(text.split(',').map(|entry| entry.trim_matches([' ', '\t'])));
        }
        Ok(Self(entries))
    }

    /// What the proxy so many hops away said; where each replaces what the one before it said, the only thing.
    fn told_at(&self, hops: usize) -> Option<&'h str> {
        let at = self.0.len().saturating_sub(1).saturating_sub(hops);
        self.0.get(at).copied()
    }
}

#[cfg(test)]
mod tests;
