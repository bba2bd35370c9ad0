use std::net::SocketAddr;

use http::{HeaderMap, header};
use wasket_ws::deflate::Parameters;

/// What the server answered to the handshake, and what was agreed on.
#[derive(Debug)]
pub struct Response {
    pub(crate) url: String,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) headers: HeaderMap,
    pub(crate) protocol: Option<String>,
    pub(crate) compression: Option<Parameters>,
}

impl Response {
    /// The URL that is connected to, after redirects, without name and password.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the socket's other end: the server's, or the proxy's.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Its status: the only one that opens a connection.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        http::StatusCode::SWITCHING_PROTOCOLS
    }

    /// Its headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Names and values of the cookies it sets (RFC 6265 section 5.2), without their attributes: to keep and to send
    /// them again is the caller's.
    pub fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.headers
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|field| str::from_utf8(field.as_bytes()).ok())
            .filter_map(|field| field.split(';').next()?.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
            .filter(|(name, _)| !name.is_empty())
    }

    /// The subprotocol that the server chose of those offered.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// What was agreed on for compression, if it was.
    #[must_use]
    pub fn compression(&self) -> Option<Parameters> {
        self.compression
    }

    /// The extensions agreed on, as the server wrote them.
    pub fn extensions(&self) -> impl Iterator<Item = &str> {
        self.headers
            .get_all(header::SEC_WEBSOCKET_EXTENSIONS)
            .iter()
            .filter_map(|field| field.to_str().ok())
    }
}
