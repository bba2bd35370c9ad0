//! Values with a form of their own. Each is made from text by `FromStr`, and a wrong one cannot be made.

mod address;
mod digest;
mod filter;
mod guest_path;
mod header;
mod host;
mod name;
mod network;
mod origin;
mod outward;
mod route;
mod size;
mod socket;
mod time;

pub use address::parse_address;
pub use digest::Sha256;
pub use filter::LogFilter;
pub use guest_path::GuestPath;
pub use header::Header;
pub use host::HostName;
pub use name::{AuthName, ServiceName, StoreName, Subprotocol};
pub use network::Network;
pub use origin::Origin;
pub use outward::Outward;
pub(crate) use outward::parse_proxy;
pub use route::{Route, Segment};
pub use size::{parse_size, show_size};
pub use socket::SocketRange;
pub use time::{parse_time, show_time};

/// Text that cannot be a value of its kind. Always the operator's mistake: it says what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Not an IP address and a port.
    #[error("not an address: {0}")]
    Address(&'static str),
    /// Not the name of a file or directory.
    #[error("not a file name: {0}")]
    Path(&'static str),
    /// Not a version of TLS.
    #[error("not a version of TLS: {0}")]
    TlsVersion(&'static str),
    /// Not the name of an environment variable.
    #[error("not the name of an environment variable: {0}")]
    Variable(&'static str),
    /// Not a length of time.
    #[error("not a duration: {0}")]
    Time(&'static str),
    /// Not a number of bytes.
    #[error("not a size: {0}")]
    Size(&'static str),
    /// Not a route pattern.
    #[error("not a route: {0}")]
    Route(&'static str),
    /// Not a host.
    #[error("not a host: {0}")]
    Host(&'static str),
    /// Not a block of IP addresses.
    #[error("not a network: {0}")]
    Network(&'static str),
    /// Not a web origin.
    #[error("not an origin: {0}")]
    Origin(&'static str),
    /// Not a path that a component finds a directory at.
    #[error("not a path for a component: {0}")]
    GuestPath(&'static str),
    /// Not an address and ports that a component may reach.
    #[error("not an address with a port: {0}")]
    Socket(&'static str),
    /// Not what a component may connect to.
    #[error("not a target: {0}")]
    Outward(&'static str),
    /// Not a proxy.
    #[error("not a proxy: {0}")]
    Proxy(&'static str),
    /// Not the name of a user.
    #[error("not the name of a user: {0}")]
    User(&'static str),
    /// Not a name for a login.
    #[error("not a name for a login: {0}")]
    AuthName(&'static str),
    /// Not a realm.
    #[error("not a realm: {0}")]
    Realm(&'static str),
    /// Not a role.
    #[error("not a role: {0}")]
    Role(&'static str),
    /// Not an algorithm of Digest.
    #[error("not an algorithm of Digest: {0}")]
    Algorithm(&'static str),
    /// Not a name for a service.
    #[error("not a service name: {0}")]
    ServiceName(&'static str),
    /// Not a name for a store.
    #[error("not a store name: {0}")]
    StoreName(&'static str),
    /// Not a name that a component may open a store by.
    #[error("not a name to open a store by: {0}")]
    StoreIdentifier(&'static str),
    /// Not a name for a subprotocol.
    #[error("not a subprotocol: {0}")]
    Subprotocol(&'static str),
    /// Not the name or the value of a header field that may be set.
    #[error("not a header field that can be set: {0}")]
    Header(&'static str),
    /// Not a SHA-256.
    #[error("not a SHA-256: {0}")]
    Digest(&'static str),
    /// Not levels of the log.
    #[error("not a log level: {0}")]
    Filter(&'static str),
}

impl Invalid {
    /// What was expected, without the kind.
    pub fn expected(self) -> &'static str {
        match self {
            Self::Address(expected)
            | Self::Path(expected)
            | Self::TlsVersion(expected)
            | Self::Variable(expected)
            | Self::Time(expected)
            | Self::Size(expected)
            | Self::Route(expected)
            | Self::Host(expected)
            | Self::Network(expected)
            | Self::Origin(expected)
            | Self::GuestPath(expected)
            | Self::Socket(expected)
            | Self::Outward(expected)
            | Self::Proxy(expected)
            | Self::User(expected)
            | Self::AuthName(expected)
            | Self::Realm(expected)
            | Self::Role(expected)
            | Self::Algorithm(expected)
            | Self::ServiceName(expected)
            | Self::StoreName(expected)
            | Self::StoreIdentifier(expected)
            | Self::Subprotocol(expected)
            | Self::Header(expected)
            | Self::Digest(expected)
            | Self::Filter(expected) => expected,
        }
    }

    /// The kind, as a noun with its article.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Address(_) => "an address",
            Self::Path(_) => "a file name",
            Self::TlsVersion(_) => "a version of TLS",
            Self::Variable(_) => "the name of an environment variable",
            Self::Time(_) => "a duration",
            Self::Size(_) => "a size",
            Self::Route(_) => "a route",
            Self::Host(_) => "a host",
            Self::Network(_) => "a network",
            Self::Origin(_) => "an origin",
            Self::GuestPath(_) => "a path for a component",
            Self::Socket(_) => "an address with a port",
            Self::Outward(_) => "a target",
            Self::Proxy(_) => "a proxy",
            Self::User(_) => "the name of a user",
            Self::AuthName(_) => "a name for a login",
            Self::Realm(_) => "a realm",
            Self::Role(_) => "a role",
            Self::Algorithm(_) => "an algorithm of Digest",
            Self::ServiceName(_) => "a service name",
            Self::StoreName(_) => "a store name",
            Self::StoreIdentifier(_) => "a name to open a store by",
            Self::Subprotocol(_) => "a subprotocol",
            Self::Header(_) => "a header field that can be set",
            Self::Digest(_) => "a SHA-256",
            Self::Filter(_) => "a log level",
        }
    }
}

/// Characters of a token: names of header fields and subprotocols (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
