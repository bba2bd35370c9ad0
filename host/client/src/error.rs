//! Why a connection did not come about, in one line that says what to do.

use std::fmt;
use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::Closed;

/// Why there is no connection. `Display` is one line: the phase, what happened, and what to do about it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The name has no address, or none was found in time ([`io::ErrorKind::TimedOut`]).
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// No address took the connection.
    Connect {
        /// Host and port.
        to: String,
        /// What became of it.
        fault: ConnectFault,
    },
    /// The proxy did not let us through.
    Proxy {
        /// The proxy's host and port.
        proxy: String,
        /// What became of it.
        fault: ProxyFault,
    },
    /// TLS was not agreed on, or the server is not who it should be.
    Tls {
        /// The name that the certificate was to be for.
        name: String,
        /// What became of it.
        fault: TlsFault,
    },
    /// The server did not accept the handshake.
    Handshake(HandshakeFault),
    /// The connection was there, and is closed.
    Closed(Closed),
}

/// Where on the way an [`Error`] happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the name.
    Resolve,
    /// Dialling.
    Connect,
    /// Asking a proxy.
    Proxy,
    /// TLS.
    Tls,
    /// The opening handshake.
    Handshake,
    /// After it.
    Closed,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Proxy => "proxy",
            Self::Tls => "TLS",
            Self::Handshake => "handshake",
            Self::Closed => "closed",
        })
    }
}

impl Error {
    /// Where on the way it happened.
    #[must_use]
    pub fn phase(&self) -> Phase {
        match self {
            Self::Resolve { .. } => Phase::Resolve,
            Self::Connect { .. } => Phase::Connect,
            Self::Proxy { .. } => Phase::Proxy,
            Self::Tls { .. } => Phase::Tls,
            Self::Handshake(_) => Phase::Handshake,
            Self::Closed(_) => Phase::Closed,
        }
    }

    /// Whether the same would be answered another time.
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Handshake(HandshakeFault::Rejected(rejection))
            | Self::Proxy {
                fault: ProxyFault::Credentials(rejection) | ProxyFault::Refused(rejection),
                ..
            } => rejection.status.is_client_error() && !PASSING.contains(&rejection.status),
            Self::Tls {
                fault: TlsFault::Certificate(_),
                ..
            } => true,
            _ => false,
        }
    }

    /// The server's answer, if it rejected the handshake.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Handshake(HandshakeFault::Rejected(rejection)) => Some(rejection),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = self.phase();
        match self {
            Self::Resolve { host, source } if source.kind() == io::ErrorKind::TimedOut => {
                write!(
                    f,
                    "{phase}: {host} was not looked up in time; check the network and its resolver"
                )
            }
            Self::Resolve { host, source } => {
                write!(
                    f,
                    "{phase}: {host} has no address: {source}; check the name"
                )
            }
            Self::Connect { to, fault } => write!(f, "{phase}: {to} {fault}"),
            Self::Proxy { proxy, fault } => write!(f, "{phase}: {proxy} {fault}"),
            Self::Tls { name, fault } => write!(f, "{phase}: {name} {fault}"),
            Self::Handshake(fault) => write!(f, "{phase}: {fault}"),
            Self::Closed(closed) => write!(f, "{closed}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Resolve { source, .. } => Some(source),
            Self::Connect {
                fault: ConnectFault::Failed(source),
                ..
            } => Some(source),
            Self::Tls {
                fault: TlsFault::Failed(source),
                ..
            } => Some(source),
            _ => None,
        }
    }
}

/// What became of dialling.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectFault {
    /// Nothing listens there.
    #[error("refused the connection; is the server running, and is this its port?")]
    Refused,
    /// No address answered in time.
    #[error(
        "did not answer within {0:?}; is the address right, and does a firewall stand between?"
    )]
    TimedOut(std::time::Duration),
    /// Every address was declined by [`Connect::allow`](crate::Connect::allow). The first of them.
    #[error("is at {0}, which is not allowed; have the address allowed")]
    NotAllowed(SocketAddr),
    /// Anything else; of several addresses the last one's.
    #[error("is not reachable: {0}; check the address and the network")]
    Failed(io::Error),
}

/// What became of asking a proxy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyFault {
    /// There is no way to the proxy itself.
    #[error("is out of reach: {0}")]
    Unreachable(Box<Error>),
    /// It wants to know who we are, and we said nothing or what it does not take.
    #[error("wants to know who we are (407); {}", proof(.0, &http::header::PROXY_AUTHENTICATE))]
    Credentials(Box<Rejection>),
    /// It answered something else than 2xx.
    #[error("answered {}{}; does it allow CONNECT to this host and port?", .0.status, excerpt(.0))]
    Refused(Box<Rejection>),
    /// It did not answer in time.
    #[error("did not answer within {0:?}; is it an HTTP proxy?")]
    TimedOut(std::time::Duration),
    /// What it answered is not HTTP, or the connection broke.
    #[error("did not answer in HTTP: {0}; is it an HTTP proxy?")]
    Malformed(String),
}

/// What became of TLS.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsFault {
    /// The system has no certificates of authorities, and none was given.
    #[error("cannot be verified: there are no certificates of authorities on this system; add one")]
    NoRoots,
    /// The certificate is not acceptable.
    #[error("{0}")]
    Certificate(CertificateFault),
    /// The server does not want us: what it said.
    #[error("declined us ({0}); give the client certificate that it wants")]
    Declined(String),
    /// It took too long.
    #[error("did not finish its TLS handshake within {0:?}; does this port speak TLS?")]
    TimedOut(std::time::Duration),
    /// The other side ended or answered something else than TLS, or refuses us.
    #[error("failed: {0}; does this port speak TLS, in a version allowed here?")]
    Failed(io::Error),
}

/// What is wrong with a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// Nobody known has signed it.
    #[error(
        "has a certificate of an authority that is not known here; add its certificate to the authorities"
    )]
    UnknownIssuer,
    /// It is for other names.
    #[error("has a certificate for other names{0}; connect by one of them")]
    Name(String),
    /// It is over, or has not begun.
    #[error(
        "has a certificate that is expired or not valid yet; have it renewed, or set the clock"
    )]
    Time,
    /// Anything else.
    #[error("has a certificate that is not acceptable: {0}; have it replaced")]
    Other(String),
}

/// What became of the opening handshake.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeFault {
    /// The server answered with another status than 101.
    #[error("the server answered {}{}; {}", .0.status, excerpt(.0), remedy(.0))]
    Rejected(Box<Rejection>),
    /// The answer has status 101, and yet does not accept what was asked.
    #[error("{0}; is this a WebSocket server?")]
    Answer(crate::BadAnswer),
    /// What was answered to compression was not offered.
    #[error("{0}; connect without compression")]
    Compression(crate::BadCompression),
    /// A redirect that is not followed.
    #[error("the redirect to \"{}\" {why}; connect to the right URL", .location.escape_debug())]
    Redirect {
        /// Where it leads.
        location: String,
        /// Why it is not followed.
        why: &'static str,
    },
    /// The answer did not come in time.
    #[error("the server did not answer within {0:?}; is this a WebSocket server?")]
    TimedOut(std::time::Duration),
    /// What was answered is not HTTP/1.1, is beyond the limits (64 KiB, 100 headers), or the connection broke.
    #[error(
        "the server did not answer in HTTP: {0}; is this a WebSocket server, and is it ws or wss?"
    )]
    Malformed(String),
    /// The operating system gave no random numbers.
    #[error("the operating system gives no random numbers; this is its fault")]
    Random,
}

/// An answer that is not the one hoped for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rejection {
    /// Its status.
    pub status: StatusCode,
    /// Its headers: at most 100, and 64 KiB.
    pub headers: HeaderMap,
    /// The beginning of its body, at most [`BODY_BYTES_MAX`].
    pub body: Bytes,
    /// Whether there is more of the body.
    pub is_cut: bool,
    /// Whether the request said who we are: with credentials or a header of the caller's.
    pub was_identified: bool,
}

impl Rejection {
    /// An answer of this status, without headers and body: for the tests of those who handle it.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            is_cut: false,
            was_identified: false,
        }
    }
}

/// What is a client's error, and yet may be none the next time.
const PASSING: [StatusCode; 3] = [
    StatusCode::REQUEST_TIMEOUT,
    StatusCode::TOO_EARLY,
    StatusCode::TOO_MANY_REQUESTS,
];

/// What is kept of the body of an answer, in bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;

impl From<HandshakeFault> for Error {
    fn from(fault: HandshakeFault) -> Self {
        Self::Handshake(fault)
    }
}

impl From<Closed> for Error {
    fn from(closed: Closed) -> Self {
        Self::Closed(closed)
    }
}

/// The first line of a body that is text.
fn excerpt(rejection: &Rejection) -> String {
    let is_text = rejection
        .headers
        .get(http::header::CONTENT_TYPE)
        .is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let text = String::from_utf8_lossy(&rejection.body);
    match text.lines().map(str::trim).find(|line| !line.is_empty()) {
        Some(line) if is_text => {
            let line: String = line.chars().take(EXCERPT_CHARS).collect();
            format!(" \"{}\"", line.escape_debug())
        }
        _ => String::new(),
    }
}

const EXCERPT_CHARS: usize = 100;

/// What to do where the other side wants to know who we are.
fn proof(rejection: &Rejection, challenges: &HeaderName) -> String {
    let fields = rejection.headers.get_all(challenges).iter();
    let is_understood =
        wasket_auth::Challenge::strongest(fields.map(HeaderValue::as_bytes), "").is_some();
    let asks = match schemes(&rejection.headers, challenges).as_str() {
        "" => String::new(),
        schemes => format!(" (it asks for {schemes})"),
    };
    match (rejection.was_identified, is_understood, asks.is_empty()) {
        (true, ..) => format!("check the name and the password, or what else was sent{asks}"),
        (false, true, _) | (false, false, true) => format!("give a name and a password{asks}"),
        (false, false, false) => {
            format!("only Digest and Basic are understood here{asks}: send a header that proves it")
        }
    }
}

/// The schemes of challenges, as far as they are words.
fn schemes(headers: &HeaderMap, name: &HeaderName) -> String {
    let scheme = |value: &HeaderValue| {
        let text = value.to_str().ok()?;
        let word = text.split([' ', ',']).next()?;
        wasket_ws::handshake::is_token(word).then(|| word.to_owned())
    };
    let mut schemes: Vec<String> = headers.get_all(name).iter().filter_map(scheme).collect();
    schemes.dedup();
    schemes.truncate(4);
    schemes.join(", ")
}

fn remedy(rejection: &Rejection) -> String {
    let header = |name| {
        rejection
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    match rejection.status.as_u16() {
        401 => proof(rejection, &http::header::WWW_AUTHENTICATE),
        403 => "does it allow this origin and this user?".to_owned(),
        404 => "check the path".to_owned(),
        300..=399 => match header(http::header::LOCATION) {
            Some(location) => format!(
                "it redirects to \"{}\": allow redirects",
                location.escape_debug()
            ),
            None => "it redirects to nowhere".to_owned(),
        },
        426 => "it speaks another version of the protocol, or none".to_owned(),
        429 | 503 => "try again later".to_owned(),
        500..=599 => "the fault is the server's".to_owned(),
        _ => "is this a WebSocket server, and the right path?".to_owned(),
    }
}
