use super::{Invalid, is_token};

/// A header field that the answer to an opening handshake may carry (RFC 9110, section 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    name: String,
    value: String,
}

impl Header {
    /// Checks a name and a value.
    ///
    /// # Errors
    /// [`Invalid::Header`] when the name is not a token or one that the handshake sets itself, or when the value
    /// has anything but visible ASCII, spaces and tabs, or a blank at either end.
    pub fn new(name: &str, value: &str) -> Result<Self, Invalid> {
        Self::check_name(name)?;
        Self::check_value(value)?;
        Ok(Self {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    /// The name, as it was written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Names are compared without regard to case.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(crate) fn check_name(name: &str) -> Result<(), Invalid> {
        let lower = name.to_ascii_lowercase();
        if !is_token(name) {
            Err(Invalid::Header(
                "expected a name of letters, digits and !#$%&'*+-.^_`|~ only",
            ))
        } else if lower.starts_with("sec-websocket-") || OF_THE_HANDSHAKE.contains(&lower.as_str())
        {
            Err(Invalid::Header(
                "the handshake itself decides about this one",
            ))
        } else {
            Ok(())
        }
    }

    pub(crate) fn check_value(value: &str) -> Result<(), Invalid> {
        if value.contains(['\r', '\n', '\0']) {
            Err(Invalid::Header("a line break or NUL cannot be part of it"))
        } else if !value.chars().all(|c| matches!(c, '\t' | ' '..='~')) {
            Err(Invalid::Header(
                "expected visible ASCII, spaces and tabs only",
            ))
        } else if value != value.trim() {
            Err(Invalid::Header("a blank at its start or end would be lost"))
        } else {
            Ok(())
        }
    }
}

/// Beside `Sec-WebSocket-*`: what frames the response and upgrades the connection.
const OF_THE_HANDSHAKE: [&str; 9] = [
    "connection",
    "upgrade",
    "content-length",
    "transfer-encoding",
    "keep-alive",
    "te",
    "trailer",
    "proxy-connection",
    "date",
];

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H17
    #[test]
    fn nothing_can_break_out_of_a_header_field() {
        for (name, value) in [
            ("X-A", "b"),
            ("x-a", ""),
            ("Set-Cookie", "a=b; Path=/\t; Secure"),
        ] {
            let header = Header::new(name, value).unwrap();
            assert_eq!((header.name(), header.value()), (name, value));
        }
        let wrong = [
            ("", "b"),
            ("X A", "b"),
            ("X-A:", "b"),
            ("X-A\r\nX-B", "b"),
            ("X-A", "b\r\nX-B: c"),
            ("X-A", "b\nc"),
            ("X-A", "b\rc"),
            ("X-A", "b\0c"),
            ("X-A", "b\u{7f}"),
            ("X-A", "caf\u{e9}"),
            ("X-A", " b"),
            ("X-A", "b "),
            ("Upgrade", "h2c"),
            ("connection", "close"),
            ("Sec-WebSocket-Protocol", "chat"),
            ("Content-Length", "3"),
        ];
        for (name, value) in wrong {
            assert!(Header::new(name, value).is_err(), "{name:?}: {value:?}");
        }
    }
}
