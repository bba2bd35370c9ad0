//! The opening handshake (RFC 6455 section 4), as data: no sockets and no HTTP types.
//!
//! A server calls [`examine`] with a request (or [`examine_extended`], where the session is to be a stream of HTTP/2) and
//! answers with the [`Offer`] or the [`Refusal`]. A client makes a
//! [`Request`], sends its headers, and calls [`Request::verify`] with the response.
//!
//! Deliberately absent: `Origin`, cookies, authentication and the choice of subprotocol and extensions. They are
//! policy, and decided elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

mod client;
mod field;
mod server;
#[cfg(test)]
mod work;

pub use client::{Agreed, BadAnswer, BadProtocol, Request};
pub use field::{ExtensionParams, is_reserved, is_token};
pub use server::{Offer, Refusal, examine, examine_extended};

/// The `Sec-WebSocket-Accept` that answers a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2).
#[must_use]
pub fn accept_key(key: &str) -> String {
    let mut sha1 = Sha1::new();
    sha1.update(key.as_bytes());
    sha1.update(GUID);
    STANDARD.encode(sha1.finalize())
}

/// The protocol's version, the only one there is.
pub const VERSION: &str = "13";

const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 section 1.3.
    #[test]
    fn accept_key_of_the_rfc() {
        assert_eq!(
            accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
