use crate::{Cookie, Principal, Request};

/// The opening handshake of a [`Client`](super::Client). A string is a target, with or without a query.
#[derive(Clone, Debug)]
pub struct Opening(Request);

impl Opening {
    /// A `GET` of the target, whose path and query are decoded.
    #[must_use]
    pub fn new(target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(Request {
            service: "test".to_owned(),
            method: "GET".to_owned(),
            authority: "localhost".to_owned(),
            target: target.to_owned(),
            path: decoded(path),
            query: pairs
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
                .map(|(name, value)| (decoded(name), decoded(value)))
                .collect(),
            remote_address: "127.0.0.1:50000".to_owned(),
            ..Request::default()
        })
    }

    /// Adds a field.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0
            .headers
            .push((name.to_ascii_lowercase(), value.into()));
        self
    }

    /// Offers a subprotocol. Without the handshake export none is agreed on.
    #[must_use]
    pub fn protocol(mut self, protocol: impl Into<String>) -> Self {
        self.0.protocols.push(protocol.into());
        self
    }

    /// Sends a cookie.
    #[must_use]
    pub fn cookie(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.cookies.push(Cookie {
            name: name.into(),
            value: value.into(),
        });
        self
    }

    /// What a `{name}` part of the route matched.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.parameters.push((name.into(), value.into()));
        self
    }

    /// Who is asking, as the host's authentication found out.
    #[must_use]
    pub fn principal(mut self, principal: Principal) -> Self {
        self.0.principal = Some(principal);
        self
    }

    pub(super) fn request(&self) -> &Request {
        &self.0
    }

    pub(super) fn into_request(self) -> Request {
        self.0
    }
}

impl From<&str> for Opening {
    fn from(target: &str) -> Self {
        Self::new(target)
    }
}

/// Any other request.
impl From<Request> for Opening {
    fn from(request: Request) -> Self {
        Self(request)
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .and_then(|digits| str::from_utf8(digits).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_gives_path_and_query() {
        let request = Opening::new("/a%20b?name=J%C3%BCrgen&empty&x=1=2&100%").into_request();
        assert_eq!(request.path, "/a b");
        let pairs: Vec<_> = request.query.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(
            pairs,
            [
                ("name", "Jürgen"),
                ("empty", ""),
                ("x", "1=2"),
                ("100%", "")
            ]
        );
    }
}
