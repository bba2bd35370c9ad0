//! A component that knows users, behind the port.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use wasket_session::auth::{Algorithm, HashLimits, Secret, SecretError};
use wasket_session::{Found, Hub, Lookup, Unavailable, Users};

use crate::budget::Budget;
use crate::error::{Digest, Error};
use crate::export::{CredentialsExports, Find, FindResult};
use crate::handshake::{self, check_principal};
use crate::instance::{Instance, NoInstance};
use crate::load::Parts;
use crate::log::TARGET;
use crate::refusal::Seldom;
use crate::store::Shared;
use crate::text::escaped;
use crate::{Limits, Runtime, session, wire};

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
    full_told: Seldom,
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
        let name = Arc::clone(hub.service());
        let shared = Shared::new(name, hub, config, limits, Budget::EVENT);
        Ok(Self {
            runtime: runtime.clone(),
            credentials: credentials.clone(),
            shared: Arc::new(shared),
            decoy: Mutex::new(first_decoy(&algorithms)),
            algorithms,
            full_told: Seldom::default(),
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
                service = &*self.shared.name,
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
        let session = session::nobody(&self.shared.hub).ok_or(Unavailable::Users)?;
        let made = Instance::new(&self.runtime, &self.shared, &session, &parts.pre, permit).await;
        let mut instance = made.map_err(|why| match why {
            NoInstance::Failed => Unavailable::Users,
            NoInstance::Full | NoInstance::Unmapped => self.full(),
        })?;
        match instance.start(parts.exports.lifecycle.as_ref()).await {
            true => Ok(instance),
            false => Err(Unavailable::Users),
        }
    }

    #[cold]
    fn full(&self) -> Unavailable {
        if self.full_told.is_news() {
            tracing::warn!(
                service = &*self.shared.name,
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
