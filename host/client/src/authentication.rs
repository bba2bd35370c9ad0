//! Proving who we are, to a server or a proxy.

use http::HeaderValue;
use wasket_auth::Challenge;

use crate::Connect;
use crate::credentials::Credentials;

/// What was tried to prove who we are, in one series of requests.
pub(crate) struct Login<'c> {
    credentials: Option<&'c Credentials>,
    without_basic: bool,
    /// Sent by Basic before anybody asked.
    was_at_once: bool,
    answers: u8,
}

impl<'c> Login<'c> {
    pub(crate) fn new(connect: &Connect, credentials: Option<&'c Credentials>) -> Self {
        Self {
            credentials,
            without_basic: connect.without_basic,
            was_at_once: false,
            answers: 0,
        }
    }

    /// Basic, without being asked.
    pub(crate) fn at_once(&mut self) -> Option<HeaderValue> {
        let credentials = self.credentials.filter(|_| !self.without_basic);
        let Credentials { name, password } = credentials?;
        self.was_at_once = true;
        sensitive(&wasket_auth::basic(name, password)?)
    }

    /// What answers the challenges to a request with this method and target; `None` if nothing does, or would do so
    /// again: the same answer twice is right only where the nonce was stale.
    pub(crate) fn answer<'h>(
        &mut self,
        challenges: impl IntoIterator<Item = &'h HeaderValue>,
        method: &str,
        target: &str,
    ) -> Option<HeaderValue> {
        let Credentials { name, password } = self.credentials?;
        let fields = challenges.into_iter().map(HeaderValue::as_bytes);
        let challenge = Challenge::strongest(fields, name)?;
        if challenge.is_basic() && self.without_basic {
            return None;
        }
        let is_news = match self.answers {
            0 => !(self.was_at_once && challenge.is_basic()),
            1 => challenge.is_stale(),
            _ => false,
        };
        if !is_news {
            return None;
        }
        self.answers += 1;
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).ok()?;
        sensitive(&challenge.answer(name, password, method, target, nonce)?)
    }
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
