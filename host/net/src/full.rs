//! Tells the operator when queues hold more than they may together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;
use wasket_session::{Account, Hub, OUTBOX_BYTES_ASSURED};

/// The accounts of all services and of the host, and when each was last spoken of.
pub(crate) struct Queues(Vec<Told>);

struct Told {
    account: Arc<Account>,
    what: What,
    at: Option<Instant>,
}

/// What an account is of.
enum What {
    Service(Arc<str>),
    AllServices,
    Takeover,
}

impl Queues {
    pub(crate) fn of(hubs: &[Arc<Hub>]) -> Self {
        let told = |account: &Arc<Account>, what| Told {
            account: Arc::clone(account),
            what,
            at: None,
        };
        let service =
            |hub: &Arc<Hub>| told(hub.account(), What::Service(Arc::clone(hub.service())));
        let mut accounts: Vec<_> = hubs.iter().map(service).collect();
        let host = hubs.first().and_then(|hub| hub.account().whole());
        accounts.extend(host.map(|host| told(host, What::AllServices)));
        let compression = hubs.iter().find_map(|hub| hub.compression());
        accounts.extend(compression.map(|it| told(&it.memory, What::Takeover)));
        Self(accounts)
    }

    /// Speaks of those that were full since the last time, each once a minute at most.
    pub(crate) fn tell(&mut self) {
        for told in &mut self.0 {
            let quiet = told.at.is_some_and(|at| at.elapsed() < TELL_AGAIN);
            if told.account.take_was_full() && !quiet {
                told.at = Some(Instant::now());
                told.warn();
            }
        }
    }
}

impl Told {
    fn warn(&self) {
        let bytes_max = self.account.bytes_max();
        let (service, setting) = match &self.what {
            What::Service(service) => (Some(&**service), "service_queued_bytes_max"),
            What::AllServices => (None, "queued_bytes_max"),
            What::Takeover => {
                let setting = "context_takeover_bytes_max";
                warn!(
                    setting,
                    "{setting} = {bytes_max} is taken: sessions that open now compress without context takeover"
                );
                return;
            }
        };
        warn!(
            service,
            setting,
            "more than {setting} = {bytes_max} waits to be written: for now each session may queue \
             {OUTBOX_BYTES_ASSURED} bytes"
        );
    }
}

const TELL_AGAIN: Duration = Duration::from_secs(60);
