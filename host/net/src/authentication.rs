//! From a request to a principal.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::StatusCode;
use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use tracing::{error, info, warn};
use wasket_auth::{Algorithm, Attempt, Begun, Guard, Scheme, Verdict};
use wasket_session::{Found, Principal, Unavailable, Users};

use crate::answer::{Answer, plain};
use crate::clock::Clock;
use crate::failures::Failures;
use crate::handshake::is_extended_connect;
use crate::hashing::Hashing;
use crate::places::Places;
use crate::shared::Shared;

/// A login: what is asked, who is known, and how often one address may be wrong.
pub struct Authentication {
    guard: Guard,
    users: Arc<dyn Users>,
    /// What to offer, the preferred first; `None`: what the users have.
    algorithms: Option<Vec<Algorithm>>,
    failures: Failures,
    lookups: Places,
    hashing: Hashing,
}

/// A request that asks to be let in.
pub(crate) struct Asking<'r> {
    headers: &'r HeaderMap,
    method: &'r str,
    is_extended_connect: bool,
    target: &'r str,
    authority: &'r str,
    remote: SocketAddr,
    clock: &'r Arc<Clock>,
}

impl<'r> Asking<'r> {
    pub(crate) fn new(request: &'r Parts, remote: SocketAddr, shared: &'r Shared) -> Self {
        let target = request.uri.path_and_query();
        let host = request.headers.get(HOST);
        Self {
            headers: &request.headers,
            method: request.method.as_str(),
            is_extended_connect: is_extended_connect(request),
            target: target.map_or("/", |target| target.as_str()),
            authority: host.and_then(|host| host.to_str().ok()).unwrap_or_default(),
            remote,
            clock: &shared.clock,
        }
    }
}

impl Authentication {
    /// A login for the users of one realm. An address that failed so many times within a minute is refused for the rest
    /// of it. Passwords whose hashes are slow are verified by `hashing`.
    #[must_use]
    pub fn new(
        guard: Guard,
        users: Arc<dyn Users>,
        algorithms: Option<Vec<Algorithm>>,
        failures_per_minute_max: Option<u32>,
        hashing: Hashing,
    ) -> Self {
        Self {
            guard,
            users,
            algorithms,
            failures: Failures::new(failures_per_minute_max),
            lookups: Places::new(LOOKUPS_MAX, LOOKUPS_WAITING_MAX, LOOKUP_WAIT_MAX),
            hashing,
        }
    }

    /// Who asks; or 401 with a challenge, 400, 429 or 503.
    pub(crate) async fn identify(
        self: &Arc<Self>,
        asking: Asking<'_>,
    ) -> Result<Principal, Box<Answer>> {
        let attempt = self.begin(&asking)?;
        let name = attempt.name().to_owned();
        let found = self.look_up(&name, &asking).await?;
        let address = asking.remote.ip();
        let verdict = self.verdict(attempt, &found, address, asking.clock).await?;
        match (verdict, found) {
            (Checked::Verdict(Verdict::Proved), Found::User(_, mut principal)) => {
                let scheme = self.guard.scheme().name();
                principal.claims.push(("scheme".into(), scheme.into()));
                Ok(principal)
            }
            (Checked::Verdict(Verdict::Stale), Found::User(..)) => {
                Err(self.challenge(true, asking.clock))
            }
            (Checked::Refused(refused_ms), _) => Err(too_many(refused_ms)),
            (Checked::Verdict(Verdict::Uncompared), _) => {
                error!(realm = %self.guard.realm(), "there is no memory for verifying a password");
                Err(unavailable())
            }
            (Checked::Verdict(_), _) => {
                self.tell_of_failure(&name, &asking);
                Err(self.challenge(false, asking.clock))
            }
        }
    }

    async fn look_up(&self, name: &str, asking: &Asking<'_>) -> Result<Found, Box<Answer>> {
        self.refuse_who_failed(asking)?;
        let _place = self.lookups.enter().await.ok_or_else(unavailable)?;
        // Looked at again, here and before a slow hash is: others of this address may have failed while this one waited.
        self.refuse_who_failed(asking)?;
        let found = self.users.find(self.guard.realm().as_str(), name).await;
        if matches!(found, Err(Unavailable::Name)) {
            self.note_failure(asking.remote.ip(), asking.clock);
            self.tell_of_failure(name, asking);
        }
        found.map_err(|_| unavailable())
    }

    fn refuse_who_failed(&self, asking: &Asking<'_>) -> Result<(), Box<Answer>> {
        let address = asking.remote.ip();
        match self.failures.refused_for(address, now(asking.clock)) {
            Some(refused_ms) => Err(too_many(refused_ms)),
            None => Ok(()),
        }
    }

    fn tell_of_failure(&self, name: &str, asking: &Asking<'_>) {
        info!(remote = %asking.remote, realm = %self.guard.realm(), name, "authentication failed");
    }

    /// Reads what the request says of itself.
    fn begin(&self, asking: &Asking<'_>) -> Result<Attempt, Box<Answer>> {
        let mut all = asking.headers.get_all(AUTHORIZATION).iter();
        let Some(authorization) = all.next() else {
            return Err(self.challenge(false, asking.clock));
        };
        if all.next().is_some() {
            return Err(bad("the Authorization field is given twice"));
        }
        let authorization = authorization.as_bytes();
        let (target, authority) = (asking.target, asking.authority);
        // Who opens a session may not know by which version it goes: browsers answer for the GET that it is over HTTP/1.1.
        let methods = match asking.is_extended_connect {
            true => &["GET", asking.method][..],
            false => &[asking.method],
        };
        let begun = self.guard.begin(authorization, methods, target, authority);
        match begun {
            Ok(Begun::Attempt(attempt)) if self.offers(&attempt) => Ok(attempt),
            Ok(Begun::Attempt(_) | Begun::Anonymous) => Err(self.challenge(false, asking.clock)),
            Err(malformed) => Err(bad(&malformed.to_string())),
        }
    }

    async fn verdict(
        self: &Arc<Self>,
        attempt: Attempt,
        found: &Found,
        address: IpAddr,
        clock: &Arc<Clock>,
    ) -> Result<Checked, Box<Answer>> {
        let secret = match found {
            Found::User(secret, _) | Found::Nobody(Some(secret)) => secret,
            Found::Nobody(None) => {
                self.note_failure(address, clock);
                return Ok(Checked::Verdict(Verdict::Failed));
            }
        };
        let known = matches!(found, Found::User(..));
        let slow = attempt.is_slow(secret);
        let check = {
            let (this, secret, clock) = (Arc::clone(self), secret.clone(), Arc::clone(clock));
            move || {
                if let Some(ms) = this.failures.refused_for(address, now(&clock)) {
                    return Checked::Refused(ms);
                }
                let verdict = this.guard.finish(&attempt, &secret, now(&clock));
                if verdict == Verdict::Failed || !known && verdict != Verdict::Uncompared {
                    this.note_failure(address, &clock);
                }
                Checked::Verdict(verdict)
            }
        };
        if slow {
            self.hashing.run(check).await.ok_or_else(unavailable)
        } else {
            Ok(check())
        }
    }

    fn note_failure(&self, address: IpAddr, clock: &Clock) {
        if self.failures.note(address, now(clock)) {
            warn!(
                %address,
                realm = %self.guard.realm(),
                "too many failed logins: refused for a minute; the setting `failures_per_minute_max` says how many"
            );
        }
    }

    /// What Digest is offered with; nothing for Basic.
    fn offered(&self) -> Cow<'_, [Algorithm]> {
        match (self.guard.scheme(), &self.algorithms) {
            (Scheme::Basic, _) => Cow::Borrowed(&[]),
            (Scheme::Digest, Some(set)) => Cow::Borrowed(set),
            (Scheme::Digest, None) => Cow::Owned(self.users.algorithms()),
        }
    }

    /// A client names the algorithm itself: one that was not offered would be weaker than the operator wants.
    fn offers(&self, attempt: &Attempt) -> bool {
        let used = attempt.algorithm();
        used.is_none_or(|used| self.offered().contains(&used))
    }

    fn challenge(&self, stale: bool, clock: &Clock) -> Box<Answer> {
        let mut answer = plain(StatusCode::UNAUTHORIZED, "this needs a name and a password");
        for challenge in self.guard.challenges(&self.offered(), stale, now(clock)) {
            if let Ok(challenge) = HeaderValue::from_bytes(challenge.as_bytes()) {
                answer.headers_mut().append(WWW_AUTHENTICATE, challenge);
            }
        }
        Box::new(answer)
    }
}

enum Checked {
    Verdict(Verdict),
    /// The address has failed too often meanwhile: for so many milliseconds.
    Refused(u64),
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("guard", &self.guard)
            .finish_non_exhaustive()
    }
}

/// Names that are looked up at once: a component has an instance for each.
const LOOKUPS_MAX: usize = 64;
/// Those that wait for it, and how long.
const LOOKUPS_WAITING_MAX: usize = 200;
const LOOKUP_WAIT_MAX: Duration = Duration::from_secs(5);

fn now(clock: &Clock) -> u64 {
    clock.monotonic_ms(Instant::now())
}

fn bad(text: &str) -> Box<Answer> {
    Box::new(plain(StatusCode::BAD_REQUEST, text))
}

fn too_many(refused_ms: u64) -> Box<Answer> {
    let text = "too many failed logins; try again later";
    let mut answer = plain(StatusCode::TOO_MANY_REQUESTS, text);
    let seconds = HeaderValue::from(refused_ms.div_ceil(1000));
    answer.headers_mut().insert(RETRY_AFTER, seconds);
    Box::new(answer)
}

fn unavailable() -> Box<Answer> {
    let text = "logins cannot be checked now; try again later";
    let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, text);
    let retry = HeaderValue::from_static("5");
    answer.headers_mut().insert(RETRY_AFTER, retry);
    Box::new(answer)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Semaphore;
    use wasket_auth::{Challenge, Secret};
    use wasket_session::Lookup;

    use super::*;

    /// Knows nobody, and says so when it may.
    struct Slow {
        may: Semaphore,
        lookups: AtomicU32,
    }

    impl Users for Slow {
        fn find<'a>(&'a self, _: &'a str, _: &'a str) -> Lookup<'a> {
            Box::pin(async {
                self.lookups.fetch_add(1, Ordering::Relaxed);
                self.may.acquire().await.unwrap().forget();
                Ok(Found::Nobody(None))
            })
        }

        fn algorithms(&self) -> Vec<Algorithm> {
            Vec::new()
        }
    }

    // hardening H26
    #[tokio::test]
    async fn who_waits_for_a_lookup_is_refused_when_its_address_fails_meanwhile() {
        let users = Arc::new(Slow {
            may: Semaphore::new(0),
            lookups: AtomicU32::new(0),
        });
        let guard = Guard::basic("r".parse().unwrap());
        let known: Arc<dyn Users> = users.clone();
        let mut login = Authentication::new(guard, known, None, Some(1), Hashing::new());
        login.lookups = Places::new(1, 1, Duration::from_secs(600));
        let login = Arc::new(login);
        let ask = || {
            let login = Arc::clone(&login);
            let authorization = HeaderValue::from_static("Basic YTpi");
            let headers: HeaderMap = [(AUTHORIZATION, authorization)].into_iter().collect();
            tokio::spawn(async move {
                let asking = Asking {
                    headers: &headers,
                    method: "GET",
                    is_extended_connect: false,
                    target: "/",
                    authority: "h",
                    remote: ([127, 0, 0, 1], 1).into(),
                    clock: &Arc::new(Clock::new()),
                };
                login
                    .identify(asking)
                    .await
                    .err()
                    .map(|answer| answer.status())
            })
        };
        let (first, second) = (ask(), ask());
        while !login.lookups.are_full() {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask().await.unwrap(), Some(StatusCode::SERVICE_UNAVAILABLE));
        users.may.add_permits(2);
        assert_eq!(first.await.unwrap(), Some(StatusCode::UNAUTHORIZED));
        assert_eq!(second.await.unwrap(), Some(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(users.lookups.load(Ordering::Relaxed), 1);
    }

    /// Knows everybody, by one password.
    struct Open;

    impl Users for Open {
        fn find<'a>(&'a self, _: &'a str, name: &'a str) -> Lookup<'a> {
            let principal = Principal {
                name: name.into(),
                roles: Vec::new(),
                claims: Vec::new(),
            };
            Box::pin(async { Ok(Found::User(Secret::plain("secret"), principal)) })
        }

        fn algorithms(&self) -> Vec<Algorithm> {
            vec![Algorithm::Sha256]
        }
    }

    // RFC 8441, section 4: a session over HTTP/2 is a CONNECT to those who see the stream, and a GET to browsers.
    #[tokio::test]
    async fn a_digest_for_a_session_over_http2_may_be_that_of_a_get() {
        let guard = Guard::digest("r".parse().unwrap(), [1; 32], 60_000);
        let login = Authentication::new(guard, Arc::new(Open), None, None, Hashing::new());
        let (login, clock) = (Arc::new(login), Arc::new(Clock::new()));
        for (method, is_extended_connect, computed_for, is_let_in) in [
            ("CONNECT", true, "CONNECT", true),
            ("CONNECT", true, "GET", true),
            ("CONNECT", true, "POST", false),
            ("CONNECT", false, "GET", false),
            ("POST", false, "GET", false),
        ] {
            let challenge = login.challenge(false, &clock);
            let fields = challenge.headers().get_all(WWW_AUTHENTICATE);
            let challenge = Challenge::strongest(fields.iter().map(HeaderValue::as_bytes), "ada");
            let answer = challenge
                .unwrap()
                .answer("ada", "secret", computed_for, "/", [2; 16]);
            let answer = HeaderValue::from_str(&answer.unwrap()).unwrap();
            let asking = Asking {
                headers: &[(AUTHORIZATION, answer)].into_iter().collect(),
                method,
                is_extended_connect,
                target: "/",
                authority: "h",
                remote: ([127, 0, 0, 1], 1).into(),
                clock: &clock,
            };
            let principal = login.identify(asking).await;
            assert_eq!(principal.is_ok(), is_let_in, "{method} for {computed_for}");
        }
    }
}
