use super::Login;
use crate::value::{Header, HostName, Route, ServiceName};
use std::path::PathBuf;

/// `[files.NAME]`: a directory and where its files are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Its name in logs.
    pub name: ServiceName,
    /// Where the directory stands: exact segments only.
    pub route: Route,
    /// What is served.
    pub directory: PathBuf,
    /// The file that is served for a directory; `None`: off.
    pub index: Option<String>,
    /// The value of `Cache-Control`; `None`: off.
    pub cache_control: Option<String>,
    /// Whether what stands compressed beside a file goes in its place.
    pub precompressed: bool,
    /// Whether names that begin with a dot are there.
    pub dot_files: bool,
    /// Hosts that may be asked for; without any, all.
    pub hosts: Vec<HostName>,
    /// How clients say who they are.
    pub login: Login,
    /// Roles of which a client needs one; empty: none.
    pub require_roles: Vec<String>,
    /// Header fields added to every answer; no name twice.
    pub response_headers: Vec<Header>,
}
