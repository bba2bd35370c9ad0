use std::net::SocketAddr;

use http::header::HOST;
use http::request::Parts;

use crate::forwarded::Seen;
use crate::tls::Established;

/// What was asked for, and by whom, as it is seen through trusted proxies.
pub(crate) struct Asked<'a> {
    pub(crate) remote: SocketAddr,
    /// The host, with its port if one was given.
    pub(crate) authority: String,
    pub(crate) secure: bool,
    /// What the connection's own TLS has established.
    pub(crate) tls: Option<&'a Established>,
}

impl<'a> Asked<'a> {
    pub(crate) fn of(request: &Parts, seen: Seen, tls: Option<&'a Established>) -> Self {
        let host = || {
            let host = request.headers.get(HOST);
            host.and_then(|host| host.to_str().ok()).map(str::to_owned)
        };
        Self {
            remote: seen.address,
            authority: seen.host.or_else(host).unwrap_or_default(),
            secure: seen.secure.unwrap_or(tls.is_some()),
            tls,
        }
    }
}
