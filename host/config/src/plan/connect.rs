//! What a service's component may connect to.

use std::path::PathBuf;

use super::Password;
use crate::value::Outward;

/// One entry of `connect`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    /// Where to.
    pub url: Outward,
    /// As whom; `None`: nobody.
    pub user: Option<String>,
    /// The user's password.
    pub password: Password,
    /// The authorities that sign the server's certificate; `None`: the system's.
    pub ca: Option<PathBuf>,
    /// The certificate to show, and its key; may be the same file.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// An HTTP proxy.
    pub proxy: Option<String>,
    /// Whether names may lead to addresses that are not public.
    pub private_addresses: bool,
}

impl Connect {
    /// One with nothing but its URL.
    pub fn new(url: Outward) -> Self {
        Self {
            url,
            user: None,
            password: Password::Empty,
            ca: None,
            certificate: None,
            proxy: None,
            private_addresses: false,
        }
    }
}
