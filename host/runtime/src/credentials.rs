//! A component that knows users, behind the port.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use wasket_session::auth::{Algorithm, HashLimits, Secret, SecretError};
use wasket_session::{
    Found, Headers, Hub, Lookup, Opening, Session, SessionId, Unavailable, Users,
};

use crate::error::{Digest, Error};
use crate::export::{CredentialsExports, Find, FindResult, Started};
use crate::handshake::{self, check_principal};
use crate::instance::{Instance, NoInstance};
use crate::load::Parts;
use crate::log::{LogBudget, NO_SESSION, TARGET};
use crate::refusal::Refusals;
use crate::store::Shared;
use crate::text::escaped;
use crate::{Limits, Runtime, wire};

/// A component that exports `credentials`. Cloning it shares the compiled code.
#[derive(Clone, Debug)]
pub struct Credentials {
    parts: Arc<Parts<CredentialsExports>>,
}

impl Runtime {
    /// Loads a component for its `credentials`, whatever else it exports. As [`load`](Self::load) otherwise.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_credentials(
        &self,
        path: &Path,
        pin: Option<Digest>,
    ) -> Result<Credentials, Error> {
        let parts = self.load_parts(path, pin, CredentialsExports::find).await?;
        Ok(Credentials {
            parts: Arc::new(parts),
        })
    }
}

/// Looks users up in a component: an instance for each lookup, within the budgets of one event.
pub struct GuestUsers {
    runtime: Runtime,
    credentials: Credentials,
    shared: Arc<Shared>,
    /// What Digest offers; empty for Basic.
    algorithms: Vec<Algorithm>,
    /// What was found last: what others are compared with who are nobody.
    decoy: Mutex<Option<Secret>>,
    full_told: Mutex<Option<Instant>>,
}

impl GuestUsers {
    /// Users of this component. `name` is what the log calls it; `config` is what the guest reads through
    /// `wasi:config/store`; `algorithms` what Digest offers, none for Basic.
    ///
    /// # Errors
    /// When an instance has no room within the limits.
    pub fn new(
        runtime: &Runtime,
        credentials: &Credentials,
        name: &str,
        config: BTreeMap<String, String>,
        limits: Limits,
        algorithms: Vec<Algorithm>,
    ) -> Result<Self, Error> {
        credentials.parts.fits(&limits)?;
        let hub = Arc::new(Hub::new(
            name,
            wasket_session::Limits::default(),
            Vec::new(),
        ));
        let log = LogBudget::new(Arc::clone(hub.service()), limits.log_bytes_per_second_max);
        Ok(Self {
            runtime: runtime.clone(),
            credentials: credentials.clone(),
            shared: Arc::new(Shared {
                hub,
                config,
                limits,
                log: Arc::new(log),
                refusals: Refusals::default(),
                granted: None,
            }),
            decoy: Mutex::new(first_decoy(&algorithms)),
            algorithms,
            full_told: Mutex::default(),
        })
    }

    async fn look_up(&self, realm: &str, name: &str) -> Result<Found, Unavailable> {
        let mut instance = self.instance().await?;
        let find = &self.credentials.parts.exports.find;
        let params: Find<'_> = (realm, name);
        let found = instance
            .call_rare::<_, FindResult>("find", find, params)
            .await;
        // What failed has been logged.
        let (found,) = found.map_err(|_| Unavailable::Name)?;
        let nobody = || Found::Nobody(self.decoy.lock().clone());
        let Some((secret, principal)) = found else {
            return Ok(nobody());
        };
        let found = self.check(secret, principal.into());
        // To strangers it is a name that nobody has: no other answer shall tell them that it is known.
        Ok(found.unwrap_or_else(|why| {
            tracing::error!(
                target: TARGET,
                service = &**self.shared.hub.service(),
                event = "find",
                "what the guest found for \"{}\" cannot be used: {why}",
                escaped(name)
            );
            nobody()
        }))
    }

    fn check(
        &self,
        secret: wire::Secret,
        principal: wasket_session::Principal,
    ) -> Result<Found, Wrong> {
        let secret = match secret {
            wire::Secret::Plain(password) => Secret::plain(&password),
            wire::Secret::Hashed(hash) => Secret::hash(&hash, HashLimits::GUEST)?,
            wire::Secret::DigestMd5(digits) => key(&digits, Algorithm::Md5)?,
            wire::Secret::DigestSha256(digits) => key(&digits, Algorithm::Sha256)?,
        };
        let mut offered = self.algorithms.iter();
        if !self.algorithms.is_empty() && !offered.any(|&algorithm| secret.serves(algorithm)) {
            return Err(Wrong::Unusable);
        }
        check_principal(&principal).map_err(Wrong::Principal)?;
        *self.decoy.lock() = Some(secret.clone());
        Ok(Found::User(secret, principal))
    }

    async fn instance(&self) -> Result<Instance, Unavailable> {
        let parts = &self.credentials.parts;
        let permit = self.runtime.reserve(parts.weight);
        let permit = permit.ok_or_else(|| self.full())?;
        let session = Arc::new(self.session()?);
        let made = Instance::new(&self.runtime, &self.shared, &session, &parts.pre, permit).await;
        let mut instance = made.map_err(|why| match why {
            NoInstance::Failed => Unavailable::Users,
            NoInstance::Full | NoInstance::Unmapped => self.full(),
        })?;
        let Some(lifecycle) = &parts.exports.lifecycle else {
            return Ok(instance);
        };
        let started = instance
            .call_rare::<(), Started>("on-start", &lifecycle.on_start, ())
            .await;
        match started {
            Ok((Ok(()),)) => Ok(instance),
            Ok((Err(reason),)) => {
                tracing::error!(
                    target: TARGET,
                    service = &**self.shared.hub.service(),
                    event = "on-start",
                    "the guest does not start: {}",
                    escaped(&reason)
                );
                Err(Unavailable::Users)
            }
            Err(_) => Err(Unavailable::Users),
        }
    }

    /// An instance belongs to a session. This one connects for ever: nothing can be sent to it, and nobody sees it.
    fn session(&self) -> Result<Session, Unavailable> {
        let hub = &self.shared.hub;
        let opening = Opening {
            service: Arc::clone(hub.service()),
            method: "GET",
            authority: "".into(),
            target: "/".into(),
            path: "/".into(),
            parameters: Box::default(),
            headers: Headers::default(),
            protocols: Box::default(),
            principal: None,
            remote_address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            secure: false,
            properties: Arc::default(),
        };
        let id = SessionId::new(NO_SESSION).ok_or(Unavailable::Users)?;
        Ok(Session::new(id, hub, opening, 0))
    }

    #[cold]
    fn full(&self) -> Unavailable {
        let now = Instant::now();
        let mut told = self.full_told.lock();
        if told.is_none_or(|at| now.saturating_duration_since(at) >= Duration::from_secs(1)) {
            *told = Some(now);
            tracing::warn!(
                service = &**self.shared.hub.service(),
                "no room for another instance: logins are refused with 503 (instances_max = {}; raise it, and \
                 vm.max_map_count with it)",
                self.runtime.instances_max()
            );
        }
        Unavailable::Users
    }
}

impl Users for GuestUsers {
    fn find<'a>(&'a self, realm: &'a str, name: &'a str) -> Lookup<'a> {
        Box::pin(self.look_up(realm, name))
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        self.algorithms.clone()
    }
}

fn key(digits: &str, expected: Algorithm) -> Result<Secret, Wrong> {
    match Secret::key(digits)? {
        (secret, algorithm) if algorithm == expected => Ok(secret),
        _ => Err(Wrong::Secret(SecretError::Key)),
    }
}

/// Why what a guest found proves nobody.
#[derive(Debug, thiserror::Error)]
enum Wrong {
    #[error("{0}")]
    Secret(#[from] SecretError),
    #[error("a secret that the scheme of the login, or its algorithms, cannot be computed with")]
    Unusable,
    #[error("{0}")]
    Principal(handshake::Wrong),
}

/// What nobody is compared with before anybody was found. For Digest it takes no time to speak of, and needs none.
fn first_decoy(algorithms: &[Algorithm]) -> Option<Secret> {
    let is_basic = algorithms.is_empty();
    is_basic
        .then(|| Secret::hash(DECOY, HashLimits::GUEST).ok())
        .flatten()
}

/// Of a password that nobody has kept, with the cost that `htpasswd` and most others take.
const DECOY: &str = "$2b$10$ZlCxyH2RFfcGOp5eqVt86.kD1Nwn5KeKLrs2vzX5BoutkXiAsdA6O";
