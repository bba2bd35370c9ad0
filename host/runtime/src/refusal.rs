//! What a guest is refused for a limit's sake: it hears `refused`, the operator which setting says so.

use std::mem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime::Handle;
use wasket_session::SessionId;

use crate::log::{TARGET, logged};
use crate::text::{cut, escaped};

/// When the guests of one service were last refused something, setting by setting.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    told: Mutex<Vec<(&'static str, Instant)>>,
    /// What was noted once.
    noted: Mutex<Vec<&'static str>>,
}

impl Refusals {
    /// Tells the operator, once a minute at most: a guest may ask as often as it likes.
    #[cold]
    pub(crate) fn tell(
        &self,
        service: &str,
        session: SessionId,
        setting: &'static str,
        max: usize,
    ) {
        if self.is_news(setting, Instant::now()) {
            tracing::warn!(
                target: TARGET,
                service,
                session = logged(session),
                setting,
                "the guest is refused more than {setting} = {max}; further refusals are not told for a minute"
            );
        }
    }

    /// Tells the operator what the guest wanted to reach, as seldom.
    #[cold]
    pub(crate) fn tell_target(&self, service: &str, session: SessionId, target: &str) {
        self.warn("connect", service, session, || {
            format!(
                "the guest may not connect to {}, which `connect` does not list",
                escaped(target)
            )
        });
    }

    /// Tells the operator which store the guest wanted to open, as seldom.
    #[cold]
    pub(crate) fn tell_store(&self, service: &str, session: SessionId, identifier: &str) {
        self.warn("stores", service, session, || {
            let identifier = escaped(cut(identifier, IDENTIFIER_BYTES_SHOWN));
            format!(
                "the guest may not open the store \"{identifier}\", which `stores` does not name"
            )
        });
    }

    /// Tells the operator which address the guest's sockets may not be used for, as seldom.
    #[cold]
    pub(crate) fn tell_socket(
        &self,
        service: &str,
        session: SessionId,
        what: &str,
        address: SocketAddr,
    ) {
        self.warn("sockets", service, session, || {
            format!("the guest's socket may not {what} {address}, which `sockets` does not list")
        });
    }

    /// Tells the operator that the guest wants a socket, and nothing is granted that it could reach.
    #[cold]
    pub(crate) fn tell_no_sockets(&self, service: &str, session: SessionId) {
        self.warn("sockets", service, session, || {
            "the guest may have no socket: `sockets` lists no address".to_owned()
        });
    }

    /// Tells the operator which name the guest wants to look up.
    #[cold]
    pub(crate) fn tell_name(&self, service: &str, session: SessionId, name: &str) {
        // No setting allows it, so that of the addresses may be told of beside.
        let key = "sockets (names)";
        self.warn_of(key, "sockets", service, session, || {
            let name = escaped(cut(name, NAME_BYTES_MAX));
            format!("the guest may not look up {name}: `sockets` grants addresses, and only `connect` names")
        });
    }

    /// Tells the operator that the guest wants to write to what it may only read.
    #[cold]
    pub(crate) fn tell_writing(&self, service: &str, session: SessionId) {
        self.warn("directories", service, session, || {
            "the guest may not write to a directory that `directories` lists without `writable`"
                .to_owned()
        });
    }

    /// Tells the operator that the guest holds as much as it may.
    #[cold]
    pub(crate) fn tell_held(
        &self,
        service: &str,
        session: SessionId,
        what: &'static str,
        max: usize,
    ) {
        self.warn_of(what, "directories", service, session, || {
            format!("the guest may hold no more than {max} {what}")
        });
    }

    /// Notes, once for the service, what its guests ask for and are not granted: most do so whether they need it or not.
    #[cold]
    pub(crate) fn note(&self, service: &str, session: SessionId, setting: &'static str) {
        if self.is_first(setting) {
            tracing::debug!(
                target: TARGET,
                service,
                session = logged(session),
                setting,
                "the guest asks for its {setting}, and `{setting}` grants nothing"
            );
        }
    }

    /// Tells the operator of a store that is full, or does not work: as seldom.
    #[cold]
    pub(crate) fn tell_of_store(
        &self,
        service: &str,
        session: SessionId,
        store: &str,
        error: &wasket_store::Error,
    ) {
        let session = logged(session);
        match error {
            wasket_store::Error::Full { .. } if self.is_news("bytes_max", Instant::now()) => {
                tracing::warn!(
                    target: TARGET,
                    service,
                    session,
                    store,
                    setting = "bytes_max",
                    "{error}; further refusals are not told for a minute"
                );
            }
            error if error.is_failure() && self.is_news("store", Instant::now()) => {
                tracing::error!(
                    target: TARGET,
                    service,
                    session,
                    store,
                    "{error}; further failures are not told for a minute"
                );
            }
            _ => {}
        }
    }

    fn warn(
        &self,
        setting: &'static str,
        service: &str,
        session: SessionId,
        what: impl FnOnce() -> String,
    ) {
        self.warn_of(setting, setting, service, session, what);
    }

    fn warn_of(
        &self,
        key: &'static str,
        setting: &'static str,
        service: &str,
        session: SessionId,
        what: impl FnOnce() -> String,
    ) {
        if self.is_news(key, Instant::now()) {
            tracing::warn!(
                target: TARGET,
                service,
                session = logged(session),
                setting,
                "{}; further refusals are not told for a minute",
                what()
            );
        }
    }

    fn is_first(&self, setting: &'static str) -> bool {
        let mut noted = self.noted.lock();
        let is_first = !noted.contains(&setting);
        if is_first {
            noted.push(setting);
        }
        is_first
    }

    fn is_news(&self, setting: &'static str, now: Instant) -> bool {
        let mut told = self.told.lock();
        match told.iter_mut().find(|(name, _)| *name == setting) {
            Some((_, at)) if now.saturating_duration_since(*at) < TELL_AGAIN => false,
            Some((_, at)) => {
                *at = now;
                true
            }
            None => {
                told.push((setting, now));
                true
            }
        }
    }
}

/// The failures of one kind of one service's guests, as they are told: clients may cause them at any rate.
#[derive(Debug, Default)]
pub(crate) struct Failures(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    began: Option<Instant>,
    told: u32,
    untold: u64,
    /// Somebody is about to tell how many.
    telling: bool,
}

impl Failures {
    /// Whether to tell another one. How many were not is told when the second is over.
    #[cold]
    pub(crate) fn are_news(&self, service: &Arc<str>) -> bool {
        let mut told = self.0.lock();
        let are_news = told.count(Instant::now());
        if told.untold > 0
            && !told.telling
            && let Ok(host) = Handle::try_current()
        {
            told.telling = true;
            let (told, service) = (Arc::clone(&self.0), Arc::clone(service));
            host.spawn(async move {
                tokio::time::sleep(SELDOM).await;
                let untold = told.lock().tell();
                tracing::warn!(
                    target: TARGET,
                    service = &*service,
                    "{untold} failures of guests were not told: there were more than {FAILURES_TOLD_MAX} in a second"
                );
            });
        }
        are_news
    }
}

impl Told {
    /// Whether one more is to be told.
    fn count(&mut self, now: Instant) -> bool {
        let is_over = |at| now.saturating_duration_since(at) >= SELDOM;
        if self.began.is_none_or(is_over) {
            (self.began, self.told) = (Some(now), 0);
        }
        let is_news = self.told < FAILURES_TOLD_MAX;
        match is_news {
            true => self.told += 1,
            false => self.untold += 1,
        }
        is_news
    }

    /// How many were not told.
    fn tell(&mut self) -> u64 {
        self.telling = false;
        mem::take(&mut self.untold)
    }
}

/// When something was last told that may happen at any rate.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether to tell it: once a second at most.
    pub(crate) fn is_news(&self) -> bool {
        let now = Instant::now();
        let mut told = self.0.lock();
        let is_news = told.is_none_or(|at| now.saturating_duration_since(at) >= SELDOM);
        if is_news {
            *told = Some(now);
        }
        is_news
    }
}

/// Names are shorter; what guests give for one may not be.
const NAME_BYTES_MAX: usize = 255;

/// Of one service, in a second.
const FAILURES_TOLD_MAX: u32 = 32;

/// Of a name that a guest made up.
const IDENTIFIER_BYTES_SHOWN: usize = 128;

const SELDOM: Duration = Duration::from_secs(1);
const TELL_AGAIN: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_is_told_once_a_minute() {
        let refusals = Refusals::default();
        let now = Instant::now();
        assert!(refusals.is_news("a", now));
        assert!(refusals.is_news("b", now));
        assert!(!refusals.is_news("a", now + Duration::from_secs(59)));
        assert!(refusals.is_news("a", now + Duration::from_secs(60)));
        assert!(!refusals.is_news("a", now + Duration::from_secs(61)));
    }

    // hardening H28
    #[test]
    fn failures_are_told_so_many_in_a_second_and_the_others_counted() {
        let mut told = Told::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        for now in [now, later] {
            for _ in 0..FAILURES_TOLD_MAX {
                assert!(told.count(now));
            }
            assert!(!told.count(now));
        }
        assert!(!told.count(later));
        assert_eq!((told.tell(), told.tell()), (3, 0));
    }

    // hardening H28
    #[tokio::test]
    async fn how_many_were_not_told_is_told_without_another_one() {
        let (failures, service) = (Failures::default(), Arc::from("test"));
        for n in 0..40 {
            assert_eq!(failures.are_news(&service), n < FAILURES_TOLD_MAX);
        }
        assert!(all_are_told(&failures).await);
    }

    // hardening H28
    #[tokio::test]
    async fn those_are_told_too_where_the_first_had_nobody_to_tell() {
        let failures = Arc::new(Failures::default());
        let service = Arc::from("test");
        let elsewhere = (Arc::clone(&failures), Arc::clone(&service));
        let counted = std::thread::spawn(move || {
            let (failures, service) = elsewhere;
            (0..40).filter(|_| failures.are_news(&service)).count()
        });
        assert_eq!(counted.join().unwrap(), 32);
        failures.are_news(&service);
        assert!(all_are_told(&failures).await);
    }

    async fn all_are_told(failures: &Failures) -> bool {
        let are_told = async {
            while failures.0.lock().untold > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let within = Duration::from_secs(30);
        tokio::time::timeout(within, are_told).await.is_ok()
    }
}
