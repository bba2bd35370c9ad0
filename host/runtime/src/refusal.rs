//! What a guest is refused for a limit's sake: it hears `refused`, the operator which setting says so.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasket_session::SessionId;

use crate::log::{TARGET, logged};
use crate::text::escaped;

/// When the guests of one service were last refused something, setting by setting.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    told: Mutex<Vec<(&'static str, Instant)>>,
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
        if self.is_news("connect", Instant::now()) {
            tracing::warn!(
                target: TARGET,
                service,
                session = logged(session),
                setting = "connect",
                "the guest may not connect to {}, which `connect` does not list; further refusals are not told for a minute",
                escaped(target)
            );
        }
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

/// The failures of one service's guests, as they are told: clients may cause them at any rate.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    began: Option<Instant>,
    told: u32,
    untold: u64,
}

impl Failures {
    /// Whether to tell another one. How many were not is told with the first of a later second.
    #[cold]
    pub(crate) fn are_news(&self, service: &str) -> bool {
        let (are_news, untold) = self.count(Instant::now());
        if untold > 0 {
            tracing::warn!(
                target: TARGET,
                service,
                "{untold} failures of guests were not told: there were more than {FAILURES_TOLD_MAX} in a second"
            );
        }
        are_news
    }

    fn count(&self, now: Instant) -> (bool, u64) {
        let mut second = self.0.lock();
        let is_over = |at| now.saturating_duration_since(at) >= SELDOM;
        let mut untold = 0;
        if second.began.is_none_or(is_over) {
            untold = second.untold;
            *second = Told {
                began: Some(now),
                ..Told::default()
            };
        }
        let are_news = second.told < FAILURES_TOLD_MAX;
        match are_news {
            true => second.told += 1,
            false => second.untold += 1,
        }
        (are_news, untold)
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

/// Of one service, in a second.
const FAILURES_TOLD_MAX: u32 = 32;

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
        let failures = Failures::default();
        let now = Instant::now();
        for n in 0..40 {
            assert_eq!(failures.count(now), (n < FAILURES_TOLD_MAX, 0));
        }
        let later = now + Duration::from_secs(1);
        assert_eq!(failures.count(later), (true, 8));
        assert_eq!(failures.count(later), (true, 0));
    }
}
