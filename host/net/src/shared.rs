use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use http::Version;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use wasket_session::{Hub, IdSource};
use wasket_ws::{CloseCode, CloseFrame};

use crate::Routes;
use crate::clock::Clock;
use crate::counted::Counted;
use crate::tls::Established;

/// What guests can ask for by name.
pub(crate) type Properties = Arc<[(Box<str>, Box<str>)]>;

/// The property that says over which version a request came.
pub(crate) fn http_version(version: &str) -> (Box<str>, Box<str>) {
    ("http-version".into(), version.into())
}

/// What every connection needs.
pub(crate) struct Shared {
    pub(crate) routes: Routes,
    pub(crate) ids: Arc<IdSource>,
    pub(crate) clock: Arc<Clock>,
    /// What every request on a plain connection has, by the version of HTTP.
    properties: [Properties; 2],
    pub(crate) stopping: CancellationToken,
    /// Connections of HTTP/2 that were cut off, and requests of proxies that were refused, for what was taken back.
    flooded: Mutex<Counted>,
    /// Requests that a setting of a service has refused, by both.
    refused: Mutex<HashMap<(Arc<str>, &'static str), Counted>>,
}

impl Shared {
    pub(crate) fn new(routes: Routes, ids: impl Into<Arc<IdSource>>) -> Self {
        Self {
            routes,
            ids: ids.into(),
            clock: Arc::new(Clock::new()),
            properties: ["1.1", "2"].map(|version| [http_version(version)].into()),
            stopping: CancellationToken::new(),
            flooded: Mutex::default(),
            refused: Mutex::default(),
        }
    }

    /// What the host knows of a request beside what others ask for by name.
    pub(crate) fn properties(&self, version: Version, tls: Option<&Established>) -> Properties {
        let [first, second] = &self.properties;
        Arc::clone(match tls {
            Some(tls) => &tls.properties,
            None if version == Version::HTTP_2 => second,
            None => first,
        })
    }

    /// Counts a connection that was cut off, or a request that was refused, for the requests that were taken back. How
    /// many there were since the log was told, when it is to be told again.
    pub(crate) fn flooded(&self) -> Option<u64> {
        self.flooded.lock().more(Instant::now())
    }

    /// Counts a request that this setting of a service has refused. How many there were since the log was told, when
    /// it is to be told again.
    pub(crate) fn refused(&self, service: &Arc<str>, setting: &'static str) -> Option<u64> {
        let mut refused = self.refused.lock();
        let counted = refused.entry((Arc::clone(service), setting)).or_default();
        counted.more(Instant::now())
    }

    /// What sessions are told when the host stops.
    pub(crate) fn farewell(&self) -> CloseFrame {
        CloseFrame::truncated(CloseCode::GOING_AWAY, "the host is stopping")
    }

    /// The hubs of all services, each once.
    pub(crate) fn hubs(&self) -> Vec<Arc<Hub>> {
        let services = self
            .routes
            .places()
            .filter_map(|place| place.service.as_ref());
        let mut hubs: Vec<Arc<Hub>> = Vec::new();
        for service in services {
            let hub = service.hub();
            if !hubs.iter().any(|known| Arc::ptr_eq(known, hub)) {
                hubs.push(Arc::clone(hub));
            }
        }
        hubs
    }
}
