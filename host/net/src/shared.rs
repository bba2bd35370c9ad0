use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use wasket_session::{Hub, IdSource};
use wasket_ws::{CloseCode, CloseFrame};

use crate::Routes;
use crate::clock::Clock;
use crate::counted::Counted;

/// What every connection needs.
pub(crate) struct Shared {
    pub(crate) routes: Routes,
    pub(crate) ids: Arc<IdSource>,
    pub(crate) clock: Arc<Clock>,
    /// What every opening request here has.
    pub(crate) properties: Arc<[(Box<str>, Box<str>)]>,
    pub(crate) stopping: CancellationToken,
    /// Requests that a setting of a service has refused, by both.
    refused: Mutex<HashMap<(Arc<str>, &'static str), Counted>>,
}

impl Shared {
    pub(crate) fn new(routes: Routes, ids: impl Into<Arc<IdSource>>) -> Self {
        Self {
            routes,
            ids: ids.into(),
            clock: Arc::new(Clock::new()),
            properties: Arc::new([("http-version".into(), "1.1".into())]),
            stopping: CancellationToken::new(),
            refused: Mutex::default(),
        }
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
