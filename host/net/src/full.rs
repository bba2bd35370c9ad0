//! Tells the operator when queues hold more than they may together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;
use wasket_session::{Account, Hub, OUTBOX_BYTES_ASSURED};

/// The accounts of all services and of the host, and when each was last spoken of.
pub(crate) struct Queues(Vec<Told>);

struct Told {
    account: Arc<Account>,
    /// `None`: all services.
    service: Option<Arc<str>>,
    at: Option<Instant>,
}

impl Queues {
    pub(crate) fn of(hubs: &[Arc<Hub>]) -> Self {
        let told = |account: &Arc<Account>, service| Told {
            account: Arc::clone(account),
            service,
            at: None,
        };
        let service = |hub: &Arc<Hub>| told(hub.account(), Some(Arc::clone(hub.service())));
        let mut accounts: Vec<_> = hubs.iter().map(service).collect();
        let host = hubs.first().and_then(|hub| hub.account().whole());
        accounts.extend(host.map(|host| told(host, None)));
        Self(accounts)
    }

    /// Speaks of those that were full since the last time, each once a minute at most.
    pub(crate) fn tell(&mut self) {
        for told in &mut self.0 {
            let quiet = told.at.is_some_and(|at| at.elapsed() < TELL_AGAIN);
            if told.account.take_was_full() && !quiet {
                told.at = Some(Instant::now());
                let setting = match told.service {
                    Some(_) => "service_queued_bytes_max",
                    None => "queued_bytes_max",
                };
                warn!(
                    service = told.service.as_deref(),
                    setting,
                    "more than {setting} = {} waits to be written: for now each session may queue \
                     {OUTBOX_BYTES_ASSURED} bytes",
                    told.account.bytes_max()
                );
            }
        }
    }
}

const TELL_AGAIN: Duration = Duration::from_secs(60);
