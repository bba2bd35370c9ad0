//! The TLS of listeners: made from the plan, and made again when its files change or on SIGHUP.

use crate::reload::Reloads;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::{Interval, MissedTickBehavior};
use tracing::{error, info, warn};
use wasket_config::plan::{self, Plan};
use wasket_config::{Objection, Problems};
use wasket_net::{
    ClientCertificates, Listener, Password, Tls, TlsCertificate, TlsSettings, TlsVersions, Unusable,
};

/// Reads a configuration, and the certificates that it names.
pub(crate) fn load_plan(file: &Path) -> Result<Plan, Problems> {
    wasket_config::load_and_examine(file, |plan| {
        let unusable = loaded(plan).filter_map(Result::err).flatten();
        unusable.map(|unusable| objection(&unusable)).collect()
    })
}

/// Reads what a listener shows to its clients.
///
/// # Errors
/// Every file that cannot be used.
pub(crate) fn tls(plan: &plan::Tls) -> Result<Arc<Tls>, Vec<Unusable>> {
    let tls = load(plan)?;
    warn_of(&tls);
    Ok(Arc::new(tls))
}

/// What is not wrong and should not be, for people: such as keys that others can read.
pub(crate) fn warnings(plan: &Plan) -> Vec<String> {
    let warnings = loaded(plan).filter_map(Result::ok);
    let warnings = warnings.flat_map(|tls| tls.warnings());
    warnings.map(|warning| warning.to_string()).collect()
}

fn loaded(plan: &Plan) -> impl Iterator<Item = Result<Tls, Vec<Unusable>>> {
    let listeners = plan.listeners.iter();
    listeners.filter_map(|listener| Some(load(listener.tls.as_ref()?)))
}

fn load(plan: &plan::Tls) -> Result<Tls, Vec<Unusable>> {
    Tls::load(settings(plan), SystemTime::now())
}

fn warn_of(tls: &Tls) {
    for warning in tls.warnings() {
        warn!(target: TARGET, "{warning}");
    }
}

/// All that is wrong, in one error.
pub(crate) fn error(unusable: &[Unusable]) -> anyhow::Error {
    let texts: Vec<String> = unusable.iter().map(ToString::to_string).collect();
    anyhow::Error::msg(texts.join("\n"))
}

/// Keeps the certificates of listeners up to date, for as long as it is polled.
pub(crate) struct Watch {
    watched: Vec<Watched>,
    interval: Interval,
}

/// The certificates of one listener.
struct Watched {
    tls: Arc<Tls>,
    /// Its files had changed when they were looked at last: whoever writes several of them is given time to finish.
    changed: bool,
}

impl Watch {
    pub(crate) fn new(listeners: &[Listener]) -> Self {
        let mut interval = tokio::time::interval(LOOK_EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watched = listeners.iter().filter_map(|listener| {
            Some(Watched {
                tls: listener.tls.clone()?,
                changed: false,
            })
        });
        Self {
            watched: watched.collect(),
            interval,
        }
    }

    /// Has SIGHUP read them at once.
    pub(crate) fn follow(&self, reloads: &mut Reloads) {
        let watched = self.watched.iter();
        let all: Vec<_> = watched.map(|watched| Arc::clone(&watched.tls)).collect();
        if all.is_empty() {
            return;
        }
        reloads.add("certificates", move |_| {
            let mut wrong = Vec::new();
            for tls in &all {
                match tls.reload(SystemTime::now()) {
                    Ok(()) => tell_of_new(tls),
                    Err(unusable) => wrong.extend(unusable),
                }
            }
            if wrong.is_empty() {
                return Ok(());
            }
            Err(error(&wrong))
        });
    }

    /// Does so for ever.
    pub(crate) async fn run(mut self) -> Infallible {
        if self.watched.is_empty() {
            return std::future::pending().await;
        }
        loop {
            self.interval.tick().await;
            let mut watched = std::mem::take(&mut self.watched);
            let looked = tokio::task::spawn_blocking(move || {
                watched.iter_mut().for_each(Watched::look);
                watched
            });
            match looked.await {
                Ok(watched) => self.watched = watched,
                Err(error) => {
                    error!(target: TARGET, %error, "certificates are not looked after any more");
                    return std::future::pending().await;
                }
            }
        }
    }
}

impl Watched {
    fn look(&mut self) {
        let changed = self.tls.take_change();
        let settled = self.changed && !changed;
        self.changed = changed;
        if settled {
            match self.tls.reload(SystemTime::now()) {
                Ok(()) => tell_of_new(&self.tls),
                Err(unusable) => unusable.iter().for_each(tell_of_old),
            }
        }
    }
}

fn tell_of_new(tls: &Tls) {
    info!(target: TARGET, "certificates were read again; new connections use them");
    warn_of(tls);
}

fn tell_of_old(unusable: &Unusable) {
    error!(target: TARGET, "the certificates in use stay: {unusable}");
}

fn objection(unusable: &Unusable) -> Objection {
    Objection {
        file: unusable.file.clone(),
        fault: unusable.fault.to_string(),
        help: unusable.fault.help().to_owned(),
    }
}

fn settings(plan: &plan::Tls) -> TlsSettings {
    TlsSettings {
        certificates: plan.certificates.iter().map(certificate).collect(),
        versions: match plan.versions {
            plan::TlsVersions::Both => TlsVersions::Both,
            plan::TlsVersions::Only12 => TlsVersions::Only12,
            plan::TlsVersions::Only13 => TlsVersions::Only13,
        },
        client_certificates: plan
            .client_certificates
            .as_ref()
            .map(|clients| ClientCertificates {
                ca: clients.ca.clone(),
                required: clients.required,
            }),
    }
}

fn certificate(plan: &plan::Certificate) -> TlsCertificate {
    match plan {
        plan::Certificate::Pem { chain, key } => TlsCertificate::Pem {
            chain: chain.clone(),
            key: key.clone(),
        },
        plan::Certificate::Pfx { file, password } => TlsCertificate::Pfx {
            file: file.clone(),
            password: match password {
                plan::Password::Empty => Password::Empty,
                plan::Password::File(file) => Password::File(file.clone()),
                plan::Password::Environment(name) => Password::Environment(name.clone()),
            },
        },
    }
}

/// Where the log says what became of certificates.
const TARGET: &str = "wasket::tls";

/// A change is noticed at one look, and taken at the next one that finds no further change.
const LOOK_EVERY: Duration = Duration::from_secs(2);
