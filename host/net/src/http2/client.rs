//! Those whose requests come over one connection: one client, or all that a trusted proxy speaks for.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::cancelled::Cancelled;

/// Somebody who sends requests, and what that may cost us for nothing.
#[derive(Debug)]
pub(super) struct Client {
    /// Its sessions that may be on their way to being admitted at once: whoever asks for many and takes them back has
    /// as many guests made at most.
    pub(super) openings: Semaphore,
    cancelled: Mutex<Cancelled>,
}

/// The clients of one connection.
#[derive(Debug)]
pub(super) enum Clients {
    /// Who has the connection.
    One(Arc<Client>),
    /// Whom its proxy has spoken for. What one of them does is not to be felt by the others.
    Many(Mutex<ByAddress>),
}

#[derive(Debug)]
pub(super) struct ByAddress {
    clients: HashMap<IpAddr, Arc<Client>>,
    /// Requests that each may have open at once.
    open_max: u32,
    /// Who has nothing to be remembered for is forgotten when there are so many.
    forget_at: usize,
}

impl Client {
    fn new(now: Instant, open_max: u32) -> Arc<Self> {
        Arc::new(Self {
            openings: Semaphore::new(OPENINGS_MAX),
            cancelled: Mutex::new(Cancelled::new(now, open_max)),
        })
    }

    /// Counts a request that was taken back. False: it is one too many.
    pub(super) fn takes_back(&self, now: Instant) -> bool {
        self.cancelled.lock().one_more(now)
    }
}

impl Clients {
    /// One that may have so many requests open at once.
    pub(super) fn one(now: Instant, open_max: u32) -> Self {
        Self::One(Client::new(now, open_max))
    }

    /// The same, of each of many.
    pub(super) fn many(open_max: u32) -> Self {
        Self::Many(Mutex::new(ByAddress {
            clients: HashMap::new(),
            open_max,
            forget_at: FORGET_AT,
        }))
    }

    /// The client of a request; where they are many, the one of this address.
    pub(super) fn of(&self, address: impl FnOnce() -> IpAddr, now: Instant) -> Arc<Client> {
        match self {
            Self::One(client) => Arc::clone(client),
            Self::Many(clients) => clients.lock().of(address(), now),
        }
    }

    /// Whether a request of one of many is refused: it has taken too many back. Where there is but one, its connection
    /// is over then.
    pub(super) fn refuse(&self, client: &Client, now: Instant) -> bool {
        matches!(self, Self::Many(_)) && client.cancelled.lock().is_used_up(now)
    }
}

impl ByAddress {
    fn of(&mut self, address: IpAddr, now: Instant) -> Arc<Client> {
        if self.clients.len() >= self.forget_at {
            self.clients.retain(|_, client| {
                Arc::strong_count(client) > 1 || !client.cancelled.lock().is_forgiven(now)
            });
            self.forget_at = FORGET_AT.max(self.clients.len().saturating_mul(2));
        }
        let client = self.clients.entry(address);
        Arc::clone(client.or_insert_with(|| Client::new(now, self.open_max)))
    }
}

/// Of one client on one connection.
const OPENINGS_MAX: usize = 16;
const FORGET_AT: usize = 64;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    fn of(clients: &Clients, number: u32, now: Instant) -> Arc<Client> {
        clients.of(|| Ipv4Addr::from(number).into(), now)
    }

    // hardening H25
    #[test]
    fn one_of_many_is_refused_and_forgiven_alone() {
        let begin = Instant::now();
        let clients = Clients::many(1);
        let flooder = of(&clients, 1, begin);
        while flooder.takes_back(begin) {}
        assert!(clients.refuse(&of(&clients, 1, begin), begin));
        assert!(!clients.refuse(&of(&clients, 2, begin), begin));
        let later = begin + Duration::from_secs(1);
        assert!(!clients.refuse(&of(&clients, 1, later), later));
        // Where there is but one, its connection ends instead.
        let clients = Clients::one(begin, 1);
        let flooder = of(&clients, 1, begin);
        while flooder.takes_back(begin) {}
        assert!(!clients.refuse(&flooder, begin));
    }

    #[test]
    fn those_who_have_done_nothing_are_forgotten() {
        let begin = Instant::now();
        let clients = Clients::many(1);
        let (flooder, waiting) = (of(&clients, 1, begin), of(&clients, 2, begin));
        while flooder.takes_back(begin) {}
        drop(flooder);
        for number in 3..10_000 {
            of(&clients, number, begin);
        }
        let Clients::Many(known) = &clients else {
            panic!("they are many");
        };
        assert!(known.lock().clients.len() <= FORGET_AT);
        assert!(Arc::ptr_eq(&of(&clients, 2, begin), &waiting));
        assert!(clients.refuse(&of(&clients, 1, begin), begin));
    }
}
