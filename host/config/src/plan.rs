//! What a configuration means: plain data, every value checked, every path complete, every default filled in.

mod auth;
mod capability;
mod connect;
mod files;
mod http;
mod store;
mod tls;

use crate::value::{
    AuthName, Header, HostName, LogFilter, Network, Origin, Route, ServiceName, Sha256, StoreName,
    Subprotocol,
};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

pub use auth::{Algorithm, Auth, Login, Scheme, UserComponent, Users};
pub use capability::{Capabilities, Directory};
pub use connect::Connect;
pub use files::Files;
pub use http::{Http, Requests};
pub use store::{Kept, Store};
pub use tls::{Certificate, ClientCertificates, Password, Tls, TlsVersions};

/// Everything that one host does.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The process as a whole.
    pub host: Host,
    /// What is logged.
    pub log: Log,
    /// Addresses to listen on: at least one, none twice (but for port 0).
    pub listeners: Vec<Listener>,
    /// Logins that listeners and services name.
    pub auths: Vec<Auth>,
    /// Key-value stores that components may be granted, in the order of the file: no two in one file.
    pub stores: Vec<Store>,
    /// Services in the order of the file: no two with the same name or the same paths.
    pub services: Vec<Service>,
    /// Directories whose files are served, in the order of the file, each at a path of its own. Where there is none,
    /// there is a service, or a component of plain HTTP.
    pub files: Vec<Files>,
    /// Components that answer plain requests, in the order of the file: no two on the same paths.
    pub http: Vec<Http>,
}

impl Plan {
    /// Nothing on one address, everything else as by default: what `wasket run COMPONENT.wasm` begins with.
    pub fn empty(address: SocketAddr) -> Self {
        Self {
            host: Host::default(),
            log: Log::default(),
            listeners: vec![Listener {
                address,
                ..Listener::default()
            }],
            auths: Vec::new(),
            stores: Vec::new(),
            services: Vec::new(),
            files: Vec::new(),
            http: Vec::new(),
        }
    }

    /// The table that answers plain requests on exactly these paths. It goes before a service's own component.
    pub fn http_at(&self, route: &Route) -> Option<&Http> {
        let mut tables = self.http.iter();
        tables.find(|table| table.route.matches_the_same_as(route))
    }
}

/// `[host]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Threads for connections and guests; 0: one for each core.
    pub workers: usize,
    /// Sandboxes at once over all services.
    pub instances_max: u32,
    /// Connections of guests to the outside at once, over all services.
    pub outbound_connections_max: usize,
    /// Bytes that the outboxes of all services may hold together.
    pub queued_bytes_max: usize,
    /// Memory for compression that remembers earlier messages, over all services.
    pub context_takeover_bytes_max: usize,
    /// Whether compiled components are kept on disk.
    pub cache: bool,
    /// Where; `None`: `wasket` below the user's cache directory.
    pub cache_directory: Option<PathBuf>,
    /// How often running guests are interrupted.
    pub epoch_tick: Duration,
    /// How long a shutdown waits for sessions.
    pub drain: Duration,
    /// The number of this host, part of its session ids.
    pub node: u8,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            workers: 0,
            instances_max: 10_000,
            outbound_connections_max: 10_000,
            queued_bytes_max: 1024 * MIB,
            context_takeover_bytes_max: 256 * MIB,
            cache: true,
            cache_directory: None,
            epoch_tick: Duration::from_millis(5),
            drain: Duration::from_secs(10),
            node: 0,
        }
    }
}

/// `[log]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// What is logged.
    pub level: LogFilter,
    /// What is logged of these services instead; each is one of the plan's, none twice.
    pub service_levels: Vec<(ServiceName, LogLevel)>,
    /// How a line looks.
    pub format: LogFormat,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What needs mending.
    Error,
    /// What may need it.
    Warn,
    /// What happens.
    Info,
    /// Why.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// The level that a setting names.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "off" => Self::Off,
            "error" => Self::Error,
            "warn" => Self::Warn,
            "info" => Self::Info,
            "debug" => Self::Debug,
            "trace" => Self::Trace,
            _ => return None,
        })
    }
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The format that a setting or an option names.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// `[[listen]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// Where to accept connections; port 0: the system chooses.
    pub address: SocketAddr,
    /// Connections that the kernel holds ready.
    pub backlog: u16,
    /// TCP_NODELAY.
    pub nodelay: bool,
    /// SO_REUSEADDR.
    pub reuse_address: bool,
    /// Connections open at once.
    pub connections_max: usize,
    /// Connections open at once from one client address; `None`: off.
    pub connections_per_address_max: Option<usize>,
    /// The longest request head.
    pub request_head_bytes_max: usize,
    /// How long a request head may take.
    pub request_head_timeout: Duration,
    /// How long the opening handshake may take.
    pub handshake_timeout: Duration,
    /// How long the body of a request or of an answer may make no progress.
    pub transfer_timeout: Duration,
    /// Proxies whose word about the client counts.
    pub trusted_proxies: Vec<Network>,
    /// Whether every connection begins with a head of the PROXY protocol; never without trusted proxies.
    pub proxy_protocol: bool,
    /// How connections are encrypted; `None`: they are not.
    pub tls: Option<Tls>,
    /// Who may come; `None`: anyone.
    pub auth: Option<AuthName>,
    /// Whether HTTP/2 is spoken with clients that want it.
    pub http2: bool,
    /// Streams at once of one such connection.
    pub http2_streams_max: u32,
    /// Whether a page to try the services is served at `/`.
    pub try_page: bool,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
            backlog: 1024,
            nodelay: true,
            reuse_address: true,
            connections_max: 20_000,
            connections_per_address_max: None,
            request_head_bytes_max: 16 * 1024,
            request_head_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            transfer_timeout: Duration::from_secs(30),
            trusted_proxies: Vec::new(),
            proxy_protocol: false,
            tls: None,
            auth: None,
            http2: true,
            http2_streams_max: 100,
            try_page: false,
        }
    }
}

/// The port without any setting. No root is needed to listen on it.
pub const PORT: u16 = 4649;

/// `[service.NAME]`: a route and what answers there.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Its name in logs and for other settings.
    pub name: ServiceName,
    /// The paths that it answers.
    pub route: Route,
    /// What answers.
    pub behavior: Behavior,
    /// What the component reads through `wasi:config/store`, in the order of the file; no key twice.
    pub config: Vec<(String, String)>,
    /// Where the component may connect to; the first that matches counts.
    pub connect: Vec<Connect>,
    /// What the component may open through `wasi:keyvalue`, and the plan's store that it is; no name twice.
    pub stores: Vec<(String, StoreName)>,
    /// What else the component is granted.
    pub capabilities: Capabilities,
    /// Subprotocols, the preferred one first; none twice.
    pub protocols: Vec<Subprotocol>,
    /// Hosts that may be asked for; without any, all.
    pub hosts: Vec<HostName>,
    /// Web pages that may connect.
    pub origins: Origins,
    /// How clients say who they are.
    pub login: Login,
    /// Roles of which a client needs one; empty: none.
    pub require_roles: Vec<String>,
    /// Header fields added to every answer; no name twice.
    pub response_headers: Vec<Header>,
    /// What its sessions may use.
    pub limits: Limits,
    /// What plain requests to its component may use, where it answers them.
    pub requests: Requests,
}

impl Service {
    /// A service with nothing but what it needs; everything else as by default.
    pub fn new(name: ServiceName, route: Route, behavior: Behavior) -> Self {
        Self {
            name,
            route,
            behavior,
            config: Vec::new(),
            connect: Vec::new(),
            stores: Vec::new(),
            capabilities: Capabilities::default(),
            protocols: Vec::new(),
            hosts: Vec::new(),
            origins: Origins::SameHost,
            login: Login::AsListener,
            require_roles: Vec::new(),
            response_headers: Vec::new(),
            limits: Limits::default(),
            requests: Requests::default(),
        }
    }
}

/// What answers on a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behavior {
    /// A component in a sandbox.
    Component {
        /// Its file.
        file: PathBuf,
        /// The digest that its bytes have to have.
        sha256: Option<Sha256>,
    },
    /// Built into the host.
    Native(Native),
}

/// Behaviors that are built into the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Native {
    /// Sends every message back.
    Echo,
}

impl Native {
    /// The behavior that a setting names.
    pub fn named(name: &str) -> Option<Self> {
        (name == "echo").then_some(Self::Echo)
    }
}

/// Web pages that may connect. A request without an Origin header always may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origins {
    /// Those whose origin matches the Host header.
    SameHost,
    /// All.
    Any,
    /// These, besides those that match the Host header.
    Listed(Vec<Origin>),
}

/// What the sessions of one service may use. The meaning of each is in `docs/settings.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest message from a client, in bytes.
    pub message_bytes_max: usize,
    /// Frames that one message may be cut into.
    pub fragments_max: u32,
    /// Bytes that may wait to be written to one client.
    pub outbox_bytes_max: usize,
    /// Bytes that the outboxes of all its sessions may hold together.
    pub service_queued_bytes_max: usize,
    /// How long an outbox may stay full.
    pub slow_reader_time: Duration,
    /// What becomes of a client whose outbox a broadcast overflows.
    pub slow_reader: SlowReader,
    /// How messages are compressed; `None`: not at all.
    pub compression: Option<Compression>,
    /// Linear memory of one instance, in bytes.
    pub memory_bytes_max: usize,
    /// Table elements of one instance.
    pub table_elements_max: usize,
    /// How long a guest may compute for one event.
    pub event_time: Duration,
    /// How long one event may take, waiting included.
    pub event_wall_time: Duration,
    /// Messages that one event may queue for other sessions.
    pub event_deliveries_max: usize,
    /// Bytes that one event may queue for other sessions.
    pub event_bytes_max: usize,
    /// How often a quiet client is pinged; `None`: never.
    pub ping_every: Option<Duration>,
    /// How long the pong may take.
    pub pong_timeout: Duration,
    /// How long the answer to a close frame may take.
    pub close_timeout: Duration,
    /// How long a write may make no progress.
    pub write_timeout: Duration,
    /// How long a session may pass without a message; `None`: for ever.
    pub idle_timeout: Option<Duration>,
    /// How long a session may last; `None`: for ever.
    pub lifetime_max: Option<Duration>,
    /// Sessions at once; `None`: as many as the host and its listeners allow.
    pub sessions_max: Option<usize>,
    /// Topics of one session.
    pub topics_per_session_max: usize,
    /// Timers of one session.
    pub timers_per_session_max: usize,
    /// Connections to the outside of one session's guest.
    pub connections_per_session_max: usize,
    /// What all its guests may log together, in bytes a second.
    pub log_bytes_per_second_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes_max: MIB,
            fragments_max: 131_072,
            outbox_bytes_max: 4 * MIB,
            service_queued_bytes_max: 256 * MIB,
            slow_reader_time: Duration::from_secs(10),
            slow_reader: SlowReader::Close,
            compression: None,
            memory_bytes_max: 32 * MIB,
            table_elements_max: 20_000,
            event_time: Duration::from_millis(100),
            event_wall_time: Duration::from_secs(10),
            event_deliveries_max: 100_000,
            event_bytes_max: 2 * MIB,
            ping_every: Some(Duration::from_secs(30)),
            pong_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(30),
            idle_timeout: None,
            lifetime_max: None,
            sessions_max: None,
            topics_per_session_max: 128,
            timers_per_session_max: 32,
            connections_per_session_max: 4,
            log_bytes_per_second_max: 64 * 1024,
        }
    }
}

/// How a service compresses messages (RFC 7692).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// From 1, quick, to 9, small.
    pub level: u8,
    /// Smaller messages go as they are.
    pub message_bytes_min: usize,
    /// Whether what is sent may refer to earlier messages.
    pub server_context_takeover: bool,
    /// Whether what clients send may.
    pub client_context_takeover: bool,
    /// The largest window of what is sent, 9 to 15.
    pub server_max_window_bits: u8,
    /// The largest window of what clients send, 9 to 15.
    pub client_max_window_bits: u8,
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            level: 1,
            message_bytes_min: 256,
            server_context_takeover: false,
            client_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        }
    }
}

/// What becomes of a client whose outbox a broadcast overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlowReader {
    /// Its session ends with 1008.
    Close,
    /// It misses that message.
    Drop,
}

impl SlowReader {
    /// The choice that a setting names.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "close" => Some(Self::Close),
            "drop" => Some(Self::Drop),
            _ => None,
        }
    }
}

const MIB: usize = 1024 * 1024;
