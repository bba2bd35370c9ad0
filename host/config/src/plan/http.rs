use super::{Capabilities, Connect, Limits, Login, Origins};
use crate::value::{Header, HostName, Route, ServiceName, Sha256, StoreName};
use std::path::PathBuf;
use std::time::Duration;

/// `[http.NAME]`: a route and the component that answers plain requests there.
#[derive(Debug, Clone, PartialEq)]
pub struct Http {
    /// Its name in logs.
    pub name: ServiceName,
    /// The paths that it answers.
    pub route: Route,
    /// The component's file.
    pub component: PathBuf,
    /// The digest that its bytes have to have.
    pub sha256: Option<Sha256>,
    /// What it reads through `wasi:config/store`, in the order of the file; no key twice.
    pub config: Vec<(String, String)>,
    /// The service whose sessions it sees, which the plan has; `None`: the one of the same paths, or none.
    pub publishes_to: Option<ServiceName>,
    /// Where it may connect to; the first that matches counts.
    pub connect: Vec<Connect>,
    /// What it may open through `wasi:keyvalue`, and the plan's store that it is; no name twice.
    pub stores: Vec<(String, StoreName)>,
    /// What else it is granted.
    pub capabilities: Capabilities,
    /// Hosts that may be asked for; without any, all.
    pub hosts: Vec<HostName>,
    /// Web pages whose requests may change something.
    pub origins: Origins,
    /// How clients say who they are.
    pub login: Login,
    /// Roles of which a client needs one; empty: none.
    pub require_roles: Vec<String>,
    /// Header fields added to every answer; no name twice.
    pub response_headers: Vec<Header>,
    /// What an instance may use. What is about sessions in it is not looked at.
    pub limits: Limits,
    /// What a request may use.
    pub requests: Requests,
}

impl Http {
    /// A component with nothing but what it needs; everything else as by default.
    pub fn new(name: ServiceName, route: Route, component: PathBuf) -> Self {
        Self {
            name,
            route,
            component,
            sha256: None,
            config: Vec::new(),
            publishes_to: None,
            connect: Vec::new(),
            stores: Vec::new(),
            capabilities: Capabilities::default(),
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

/// What plain HTTP requests to a component may use. The meaning of each is in `docs/settings.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// The longest body of a request.
    pub body_bytes_max: u64,
    /// How long a guest may compute for one request.
    pub request_time: Duration,
    /// How long one request may take, waiting included; `None`: for ever.
    pub request_wall_time: Option<Duration>,
    /// Requests at once.
    pub requests_max: usize,
}

impl Default for Requests {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            request_time: Duration::from_secs(1),
            request_wall_time: Some(Duration::from_secs(60)),
            requests_max: 100,
        }
    }
}
