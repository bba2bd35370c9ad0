/// What a caller asked for that cannot be: found before anything is sent.
///
/// `Display` is one line that names the part and what is wrong with it. No password is in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mistake {
    /// A part of the URL.
    #[error("the {part} of the URL `{url}` {what}")]
    Url {
        /// The URL, without what it has of a password.
        url: String,
        /// Which part: `scheme`, `host`, `port`, `fragment`, `user` or `text`.
        part: &'static str,
        /// What is wrong with it, and what would be right.
        what: &'static str,
    },
    /// The URL of the proxy, in the same words.
    #[error("proxy: {0}")]
    Proxy(Box<Mistake>),
    /// A subprotocol that is no token, or was named before (RFC 6455 section 4.1).
    #[error("the subprotocol {0:?} is not a token, or is there twice")]
    Protocol(String),
    /// A header's name or value.
    #[error("the header {name:?} {what}")]
    Header {
        /// Its name as it was given.
        name: String,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A cookie's name or value (RFC 6265 section 4.1.1).
    #[error(
        "the cookie {0:?} has a name that is no token, or a value with spaces, quotes, commas, semicolons or control characters"
    )]
    Cookie(String),
    /// A name or a password with control characters.
    #[error("the name or the password has control characters")]
    Credentials,
    /// More redirects than anybody follows.
    #[error("at most {max} redirects are followed, not {asked}")]
    Redirects {
        /// What was asked for.
        asked: usize,
        /// [`REDIRECTS_MAX`](crate::REDIRECTS_MAX).
        max: usize,
    },
    /// Of compression a window or the level.
    #[error("the {what} of compression is {min} to {max}, not {value}")]
    Compression {
        /// Which: `server_max_window_bits`, `client_max_window_bits` or `level`.
        what: &'static str,
        /// What was asked for.
        value: u8,
        /// The least that there is.
        min: u8,
        /// The most that there is.
        max: u8,
    },
    /// A certificate, a key or a name for TLS.
    #[error("{what}: {why}")]
    Tls {
        /// Which: `the authority`, `the client certificate`, `the key`, `the server name`.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A close code that may not be sent by a client (RFC 6455 section 7.4).
    #[error(
        "a client does not close with {0}: 1000-1003, 1007-1010, 1012-1014 and 3000-4999 it may send"
    )]
    CloseCode(u16),
    /// A reason that does not fit, or stands without a code.
    #[error("a close reason has at most 123 bytes and comes with a code; this one has {bytes}")]
    CloseReason {
        /// Its length in bytes.
        bytes: usize,
    },
}
