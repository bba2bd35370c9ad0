//! Logins: from the plan to what the listeners and services of `net` ask.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rand::Rng;
use tokio::time::MissedTickBehavior;
use tracing::{error, warn};
use wasket_config::AuthName;
use wasket_config::plan::{self, Auth, Listener, Plan, UserComponent};
use wasket_net::{Access, Authentication, Hashing, Login};
use wasket_runtime::{Digest, GuestUsers};
use wasket_session::auth::{Algorithm, Guard, Realm, Scheme};
use wasket_session::{Lookup, Unavailable, Users};

use crate::build::{Components, guest_limits};
use crate::exit::Usage;
use crate::reload::Reloads;
use crate::users::{self, UserFiles};

/// Every login of a plan.
#[derive(Default)]
pub(crate) struct Logins {
    made: HashMap<AuthName, Arc<Authentication>>,
    files: Vec<Arc<UserFiles>>,
    /// Those whose component does not load: whoever needs them is answered 503.
    pub(crate) problems: Vec<(AuthName, wasket_runtime::Error)>,
}

impl Logins {
    /// Makes them. A component that does not load keeps its clients out, and nobody else.
    ///
    /// # Errors
    /// When a file of users has a mistake, or the engine that runs components does not start.
    pub(crate) async fn new(plan: &Plan, components: &mut Components<'_>) -> anyhow::Result<Self> {
        let mut logins = Self::default();
        let hashing = Hashing::new();
        for auth in &plan.auths {
            let users = logins.users(auth, components).await?;
            let algorithms = auth.algorithms.as_deref();
            let authentication = Authentication::new(
                guard(auth)?,
                users,
                algorithms.map(|all| all.iter().copied().map(algorithm).collect()),
                auth.failures_per_minute_max,
                hashing.clone(),
            );
            let authentication = Arc::new(authentication);
            logins.made.insert(auth.name.clone(), authentication);
        }
        Ok(logins)
    }

    async fn users(
        &mut self,
        auth: &Auth,
        components: &mut Components<'_>,
    ) -> anyhow::Result<Arc<dyn Users>> {
        match &auth.users {
            plan::Users::Files { users, roles } => {
                let scheme = scheme(auth.scheme);
                let files = UserFiles::open(scheme, realm(auth)?, users, roles.as_deref());
                let files = Arc::new(files.map_err(|mistake| Usage(mistake.to_string()))?);
                self.files.push(Arc::clone(&files));
                Ok(files)
            }
            plan::Users::Component(of) => match component(auth, of, components).await {
                Ok(users) => Ok(Arc::new(users)),
                Err(error @ wasket_runtime::Error::Engine { .. }) => Err(error.into()),
                Err(error) => {
                    self.problems.push((auth.name.clone(), error));
                    Ok(Arc::new(Unloaded))
                }
            },
        }
    }

    /// Who may come to a listener.
    ///
    /// # Errors
    /// When it names a login that was not made, which no plan does.
    pub(crate) fn of_listener(
        &self,
        listener: &Listener,
    ) -> anyhow::Result<Option<Arc<Authentication>>> {
        let auth = listener.auth.as_ref();
        auth.map(|name| self.named(name)).transpose()
    }

    fn named(&self, name: &AuthName) -> anyhow::Result<Arc<Authentication>> {
        let made = self.made.get(name).cloned();
        made.with_context(|| format!("there is no login {name}"))
    }

    /// Who may come to a service.
    ///
    /// # Errors
    /// As [`of_listener`](Self::of_listener).
    pub(crate) fn of_service(&self, service: &plan::Service) -> anyhow::Result<Access> {
        self.access(&service.login, &service.require_roles)
    }

    /// Who may have files.
    ///
    /// # Errors
    /// As [`of_listener`](Self::of_listener).
    pub(crate) fn of_files(&self, files: &plan::Files) -> anyhow::Result<Access> {
        self.access(&files.login, &files.require_roles)
    }

    /// Who may send requests to a component.
    ///
    /// # Errors
    /// As [`of_listener`](Self::of_listener).
    pub(crate) fn of_http(&self, http: &plan::Http) -> anyhow::Result<Access> {
        self.access(&http.login, &http.require_roles)
    }

    fn access(&self, login: &plan::Login, roles: &[String]) -> anyhow::Result<Access> {
        let login = match login {
            plan::Login::AsListener => Login::AsListener,
            plan::Login::Off => Login::Off,
            plan::Login::By(name) => Login::By(self.named(name)?),
        };
        Ok(Access {
            login,
            roles: roles.to_vec(),
        })
    }

    /// Tells the operator what is amiss with them, though they work.
    pub(crate) fn warn(&self, plan: &Plan) {
        for (name, error) in &self.problems {
            error!(
                auth = name.as_str(),
                "does not load, logins are answered 503: {error}"
            );
        }
        for listener in &plan.listeners {
            for auth in basic_on(plan, listener) {
                warn!(
                    address = %listener.address,
                    auth = auth.as_str(),
                    "passwords cross the network in the clear: scheme = \"basic\" on a listener without TLS"
                );
            }
        }
    }

    /// Has SIGHUP read files of users at once.
    pub(crate) fn follow(&self, reloads: &mut Reloads) {
        for files in &self.files {
            let files = Arc::clone(files);
            reloads.add("users", move |_| files.reload().map_err(anyhow::Error::msg));
        }
    }

    /// Reads files of users anew when they change.
    pub(crate) async fn watch(self) -> Infallible {
        if self.files.is_empty() {
            return std::future::pending().await;
        }
        let files: Arc<[_]> = self.files.into();
        let mut interval = tokio::time::interval(LOOK_EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let files = Arc::clone(&files);
            let look = move || files.iter().for_each(|files| files.look());
            if let Err(error) = tokio::task::spawn_blocking(look).await {
                error!(%error, "users were not read anew");
            }
        }
    }
}

/// What is not wrong and should not be, for people: users that others can read.
pub(crate) fn warnings(plan: &Plan) -> Vec<String> {
    let files = plan.auths.iter().filter_map(|auth| match &auth.users {
        plan::Users::Files { users, .. } => users::exposed(users),
        plan::Users::Component(_) => None,
    });
    files.collect()
}

/// The logins that would have passwords sent in the clear through this listener.
fn basic_on<'p>(plan: &'p Plan, listener: &'p Listener) -> Vec<&'p AuthName> {
    if listener.tls.is_some() || listener.address.ip().is_loopback() {
        return Vec::new();
    }
    let is_basic = |auth: &&Auth| auth.scheme == plan::Scheme::Basic;
    let is_used = |auth: &&Auth| {
        let services = plan.services.iter().map(|service| &service.login);
        let http = plan.http.iter().map(|http| &http.login);
        let files = plan.files.iter().map(|files| &files.login);
        let mut logins = services.chain(http).chain(files);
        logins.any(|login| *login == plan::Login::By(auth.name.clone()))
            || listener.auth.as_ref() == Some(&auth.name)
    };
    let auths = plan.auths.iter().filter(is_basic).filter(is_used);
    auths.map(|auth| &auth.name).collect()
}

async fn component(
    auth: &Auth,
    of: &UserComponent,
    components: &mut Components<'_>,
) -> Result<GuestUsers, wasket_runtime::Error> {
    let runtime = components.runtime()?;
    let pin = of.sha256.map(|digest| Digest(*digest.as_bytes()));
    let credentials = runtime.load_credentials(&of.file, pin).await?;
    let algorithms = match (auth.scheme, &auth.algorithms) {
        (plan::Scheme::Basic, _) => Vec::new(),
        (plan::Scheme::Digest, None) => vec![Algorithm::Sha256, Algorithm::Md5],
        (plan::Scheme::Digest, Some(all)) => all.iter().copied().map(algorithm).collect(),
    };
    GuestUsers::new(
        &runtime,
        &credentials,
        &format!("auth.{}", auth.name),
        of.config.iter().cloned().collect(),
        guest_limits(&of.limits),
        algorithms,
    )
}

fn guard(auth: &Auth) -> anyhow::Result<Guard> {
    let realm = realm(auth)?;
    Ok(match auth.scheme {
        plan::Scheme::Basic => Guard::basic(realm),
        plan::Scheme::Digest => {
            let mut key = [0; 32];
            rand::rng().fill_bytes(&mut key);
            let lifetime_ms = u64::try_from(auth.nonce_lifetime.as_millis())?;
            Guard::digest(realm, key, lifetime_ms)
        }
    })
}

fn realm(auth: &Auth) -> anyhow::Result<Realm> {
    Ok(auth.realm.parse()?)
}

fn scheme(scheme: plan::Scheme) -> Scheme {
    match scheme {
        plan::Scheme::Basic => Scheme::Basic,
        plan::Scheme::Digest => Scheme::Digest,
    }
}

fn algorithm(algorithm: plan::Algorithm) -> Algorithm {
    match algorithm {
        plan::Algorithm::Md5 => Algorithm::Md5,
        plan::Algorithm::Sha256 => Algorithm::Sha256,
    }
}

/// Stands for a component that did not load.
struct Unloaded;

impl Users for Unloaded {
    fn find<'a>(&'a self, _: &'a str, _: &'a str) -> Lookup<'a> {
        Box::pin(std::future::ready(Err(Unavailable::Users)))
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        vec![Algorithm::Sha256, Algorithm::Md5]
    }
}

/// How soon a changed file is seen; it is read at the next look that finds no further change.
const LOOK_EVERY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H26
    #[test]
    fn a_login_that_is_not_there_opens_nothing() {
        let text = "[[listen]]\nauth = \"a\"\n[auth.a]\nscheme = \"basic\"\ncomponent = \"a.wasm\"\n\
                    [service.s]\npath = \"/\"\nnative = \"echo\"\nauth = \"a\"";
        let plan = wasket_config::parse(text, "wasket.toml", std::path::Path::new("")).unwrap();
        let logins = Logins::default();
        assert!(logins.of_listener(&plan.listeners[0]).is_err());
        assert!(logins.of_service(&plan.services[0]).is_err());
    }
}
