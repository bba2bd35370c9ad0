//! The server's half: is this request an opening handshake (RFC 6455 section 4.2.1)?

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::GeneralPurposeConfig;
use base64::engine::{DecodePaddingMode, GeneralPurpose};

use super::field::{self, ExtensionParams};
use super::{VERSION, accept_key};

/// What a client offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The `Sec-WebSocket-Accept` to answer with; `None` where the version of HTTP has no use for it.
    pub accept: Option<String>,
    /// The subprotocols, most wanted first. The server picks one or none.
    pub protocols: Vec<String>,
    /// The extensions, most wanted first.
    pub extensions: Vec<ExtensionParams>,
}

/// Examines a request: its method, the `1` of `HTTP/1.1`, and its headers, names in any case.
///
/// The work is linear in the size of the headers.
pub fn examine<'h>(
    method: &str,
    http_minor_version: u8,
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
) -> Result<Offer, Refusal> {
    if http_minor_version < 1 {
        return Err(Refusal::HttpVersion);
    }
    if method != "GET" {
        return Err(Refusal::Method);
    }
    has_host_and_no_body(headers.clone())?;
    if !field::list_has(headers.clone(), "upgrade", "websocket")
        || !field::list_has(headers.clone(), "connection", "upgrade")
    {
        return Err(Refusal::NotUpgrade);
    }
    has_version(headers.clone())?;
    let key = field::only_value(headers.clone(), "sec-websocket-key")
        .ok()
        .filter(|key| is_key(key))
        .ok_or(Refusal::Key)?;
    offer(Some(accept_key(key)), headers)
}

/// Examines a request of HTTP/2 or later, known to be an extended CONNECT for `websocket` (RFC 8441 section 5): its
/// headers, names in any case, with `:authority` as `host`. There is no key, and there is nothing to upgrade.
///
/// The work is linear in the size of the headers.
pub fn examine_extended<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
) -> Result<Offer, Refusal> {
    has_host_and_no_body(headers.clone())?;
    has_version(headers.clone())?;
    offer(None, headers)
}

fn has_host_and_no_body<'h>(
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
) -> Result<(), Refusal> {
    field::only_value(headers.clone(), "host")
        .ok()
        .filter(|host| is_host(host))
        .ok_or(Refusal::Host)?;
    match field::has_body(headers) {
        true => Err(Refusal::Body),
        false => Ok(()),
    }
}

fn has_version<'h>(headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> Result<(), Refusal> {
    match field::only_value(headers, "sec-websocket-version") {
        Ok(VERSION) => Ok(()),
        _ => Err(Refusal::Version),
    }
}

fn offer<'h>(
    accept: Option<String>,
    headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
) -> Result<Offer, Refusal> {
    Ok(Offer {
        accept,
        protocols: field::distinct_tokens(headers.clone(), "sec-websocket-protocol")
            .ok_or(Refusal::Protocols)?,
        extensions: field::extensions(headers).ok_or(Refusal::Extensions)?,
    })
}

/// Why a request is not an opening handshake: the client's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// HTTP/1.0 cannot upgrade.
    #[error("the request is not HTTP/1.1")]
    HttpVersion,
    /// The method is not GET.
    #[error("the method is not GET")]
    Method,
    /// `Host` is missing, there twice, or not a host and maybe a port (RFC 9112 section 3.2).
    #[error("Host is missing, doubled or malformed")]
    Host,
    /// The request has a body. What is behind an opening handshake are frames, and nobody shall see them as
    /// something else.
    #[error("an opening handshake has no body")]
    Body,
    /// A plain request: no `Upgrade: websocket`, or no `Connection: Upgrade`.
    #[error("the request does not ask for an upgrade to websocket")]
    NotUpgrade,
    /// `Sec-WebSocket-Version` is missing, doubled, or not 13.
    #[error("Sec-WebSocket-Version is not {VERSION}")]
    Version,
    /// `Sec-WebSocket-Key` is missing, doubled, or not 16 bytes in base64.
    #[error("Sec-WebSocket-Key is not 16 bytes in base64")]
    Key,
    /// `Sec-WebSocket-Protocol` has something other than tokens, one of them twice, or more than 64.
    #[error("Sec-WebSocket-Protocol is not a list of distinct tokens")]
    Protocols,
    /// `Sec-WebSocket-Extensions` is malformed.
    #[error("Sec-WebSocket-Extensions is malformed")]
    Extensions,
}

impl Refusal {
    /// The status to answer with. Close the connection afterwards: what follows is neither a request nor a frame.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::Method => 405,
            Self::NotUpgrade => 426,
            _ => 400,
        }
    }

    /// The headers that the status needs to be understood, besides `Connection: close`.
    #[must_use]
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Method => &[("allow", "GET")],
            Self::NotUpgrade => &[("upgrade", "websocket"), ("sec-websocket-version", VERSION)],
            Self::Version => &[("sec-websocket-version", VERSION)],
            _ => &[],
        }
    }
}

/// Whether this may be a host and a port. Which host it is decides who listens; here only what would mean another
/// place in a URL, or nothing, is kept out.
fn is_host(host: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_graphic() && !b"/\\?#@\"<>^`{|}".contains(&byte);
    !host.is_empty() && host.bytes().all(fits)
}

/// Whether this is 16 bytes in base64. Bits beyond them may be set, for some clients send 22 random characters.
fn is_key(key: &str) -> bool {
    let mut nonce = [0; 18];
    key.len() == 24
        && key
            .strip_suffix("==")
            .is_some_and(|digits| KEY.decode_slice(digits, &mut nonce) == Ok(16))
}

const KEY: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, KEY_CONFIG);
const KEY_CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::RequireNone)
    .with_decode_allow_trailing_bits(true);
