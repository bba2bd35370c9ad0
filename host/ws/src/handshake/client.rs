//! The client's half: a request, and what to make of the answer (RFC 6455 sections 4.1 and 4.2.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::field::{self, ExtensionParams};
use super::{VERSION, accept_key};

/// An opening handshake that a client sends: `GET`, HTTP/1.1, a `Host`, and [`headers`](Self::headers).
#[derive(Clone, Debug)]
pub struct Request {
    key: String,
    protocols: Vec<String>,
    extensions: Option<String>,
}

impl Request {
    /// A request with a nonce, which has to be random and new for each connection, and the subprotocols to offer,
    /// most wanted first.
    pub fn new(nonce: [u8; 16], protocols: &[&str]) -> Result<Self, BadProtocol> {
        let mut distinct = Vec::<String>::new();
        for &protocol in protocols {
            if !field::is_token(protocol) || distinct.iter().any(|other| other == protocol) {
                return Err(BadProtocol(protocol.to_owned()));
            }
            distinct.push(protocol.to_owned());
        }
        Ok(Self {
            key: STANDARD.encode(nonce),
            protocols: distinct,
            extensions: None,
        })
    }

    /// The same with extensions to offer, in the form of `Sec-WebSocket-Extensions`. It has to be well-formed.
    #[must_use]
    pub fn with_extensions(mut self, offer: impl Into<String>) -> Self {
        self.extensions = Some(offer.into());
        self
    }

    /// The headers that make a request an opening handshake. `Host` and others are the caller's.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("upgrade", "websocket".to_owned()),
            ("connection", "Upgrade".to_owned()),
            ("sec-websocket-key", self.key.clone()),
            ("sec-websocket-version", VERSION.to_owned()),
        ];
        if !self.protocols.is_empty() {
            headers.push(("sec-websocket-protocol", self.protocols.join(", ")));
        }
        if let Some(extensions) = &self.extensions {
            headers.push(("sec-websocket-extensions", extensions.clone()));
        }
        headers
    }

    /// Whether the response accepts this request, and what it chose.
    ///
    /// An extension that was offered is returned as the server agreed to it: its parameters are its own to check.
    pub fn verify<'h>(
        &self,
        status: u16,
        headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    ) -> Result<Agreed, BadAnswer> {
        if status != 101 {
            return Err(BadAnswer::Status(status));
        }
        let upgrade = field::only_value(headers.clone(), "upgrade");
        if !upgrade.is_ok_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket")) {
            return Err(BadAnswer::Upgrade);
        }
        if !field::list_has(headers.clone(), "connection", "upgrade") {
            return Err(BadAnswer::Connection);
        }
        let accept = field::only_value(headers.clone(), "sec-websocket-accept");
        if accept != Ok(accept_key(&self.key).as_str()) {
            return Err(BadAnswer::Accept);
        }
        Ok(Agreed {
            protocol: self.agreed_protocol(headers.clone())?,
            extensions: self.agreed_extensions(headers)?,
        })
    }

    fn agreed_protocol<'h>(
        &self,
        headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    ) -> Result<Option<String>, BadAnswer> {
        const NAME: &str = "sec-websocket-protocol";
        if field::values(headers.clone(), NAME).next().is_none() {
            return Ok(None);
        }
        let chosen = field::only_value(headers, NAME).map_err(|()| BadAnswer::Protocol)?;
        let offered = self.protocols.iter().find(|offered| *offered == chosen);
        offered.cloned().map(Some).ok_or(BadAnswer::Protocol)
    }

    fn agreed_extensions<'h>(
        &self,
        headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    ) -> Result<Vec<ExtensionParams>, BadAnswer> {
        let agreed = field::extensions(headers).ok_or(BadAnswer::Extensions)?;
        let offer = self.extensions.as_deref().unwrap_or_default();
        let offer = [("sec-websocket-extensions", offer.as_bytes())];
        let offered = field::extensions(offer.into_iter()).unwrap_or_default();
        let was_offered = |extension: &ExtensionParams| {
            offered.iter().any(|offered| offered.name == extension.name)
        };
        match agreed.iter().all(was_offered) {
            true => Ok(agreed),
            false => Err(BadAnswer::Extensions),
        }
    }
}

/// What both sides agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreed {
    /// The subprotocol the server chose, if it chose one.
    pub protocol: Option<String>,
    /// The extensions the server agreed to, in the order in which they apply.
    pub extensions: Vec<ExtensionParams>,
}

/// Why a response does not accept the handshake: the server's fault, or its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// Another status than 101: an ordinary HTTP answer, such as a redirect or a demand for credentials.
    #[error("the server answered with status {0}, not 101")]
    Status(u16),
    /// `Upgrade` is missing, doubled, or not `websocket`.
    #[error("Upgrade in the answer is not websocket")]
    Upgrade,
    /// `Connection` does not have `Upgrade`.
    #[error("Connection in the answer is not Upgrade")]
    Connection,
    /// `Sec-WebSocket-Accept` is missing, doubled, or does not belong to our key.
    #[error("Sec-WebSocket-Accept does not answer our key")]
    Accept,
    /// A subprotocol that was not offered, or several.
    #[error("Sec-WebSocket-Protocol is not one that was offered")]
    Protocol,
    /// An extension that was not offered, or a malformed list.
    #[error("Sec-WebSocket-Extensions has one that was not offered, or is malformed")]
    Extensions,
}

/// A subprotocol to offer that is not a token, or is there twice: the caller's mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a token, or is offered twice")]
pub struct BadProtocol(pub String);
