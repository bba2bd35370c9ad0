//! The TLS of listeners: made from the plan, and made again when its files change or on SIGHUP.

use crate::granted;
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
    ClientCertificates, Listener, Password, Prepared, Tls, TlsCertificate, TlsSettings,
    TlsVersions, Unusable,
};

/// Reads a configuration, the certificates that it names, and where the directories are that it grants.
pub(crate) fn load_plan(file: &Path) -> Result<Plan, Problems> {
    wasket_config::load_and_examine(file, |plan| {
        let unusable = loaded(plan).filter_map(Result::err).flatten();
        let certificates = unusable.map(|unusable| objection(&unusable));
        certificates.chain(granted::objections(plan)).collect()
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
    /// Its files have changed, and what is in them is not in use yet.
    pending: bool,
    /// What was wrong with them when they were read last, as the log has it.
    complaint: String,
}

impl Watch {
    pub(crate) fn new(listeners: &[Listener]) -> Self {
        let mut interval = tokio::time::interval(LOOK_EVERY);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watched = listeners.iter().filter_map(|listener| {
            Some(Watched {
                tls: listener.tls.clone()?,
                pending: false,
                complaint: String::new(),
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
        reloads.add("certificates", move |_| renew(&all, SystemTime::now()));
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
                let now = SystemTime::now();
                watched.iter_mut().for_each(|watched| watched.look(now));
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
    /// Takes a change at the next look that finds no further one: whoever writes several files is given time to finish.
    /// One that cannot be taken is tried again at each look, as not only the files may be to blame.
    fn look(&mut self, now: SystemTime) {
        if self.tls.take_change() {
            self.pending = true;
            return;
        }
        if !self.pending {
            return;
        }
        let renewed = self.tls.prepare(now).map(Prepared::commit);
        match renewed {
            Ok(()) => {
                self.pending = false;
                self.complaint.clear();
                tell_of_new(&self.tls);
            }
            Err(unusable) => self.complain(&unusable),
        }
    }

    /// Tells the log, unless it has been told already.
    fn complain(&mut self, unusable: &[Unusable]) {
        let complaint = error(unusable).to_string();
        if complaint != self.complaint {
            error!(target: TARGET, "the certificates in use stay: {complaint}");
            self.complaint = complaint;
        }
    }
}

/// Reads the certificates of all listeners anew, and takes all or none.
fn renew(all: &[Arc<Tls>], now: SystemTime) -> anyhow::Result<()> {
    let mut prepared = Vec::new();
    let mut wrong = Vec::new();
    for tls in all {
        match tls.prepare(now) {
            Ok(next) => prepared.push(next),
            Err(unusable) => wrong.extend(unusable),
        }
    }
    if !wrong.is_empty() {
        return Err(error(&wrong));
    }
    prepared.into_iter().for_each(Prepared::commit);
    all.iter().for_each(|tls| tell_of_new(tls));
    Ok(())
}

fn tell_of_new(tls: &Tls) {
    info!(target: TARGET, "certificates were read again; new connections use them");
    warn_of(tls);
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    /// Certificates that are valid from 2026 on.
    const FILES: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../net/tests/certificates/files/"
    );

    /// A certificate and its key in a folder of their own.
    struct Pair(PathBuf);

    impl Pair {
        fn new(name: &str) -> Self {
            let name = format!("wasket-certificates-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(&folder).unwrap();
            let pair = Self(folder);
            pair.put("ec.pem", "ec-pkcs8.pem");
            pair
        }

        fn put(&self, chain: &str, key: &str) {
            for (from, to) in [(chain, "chain.pem"), (key, "key.pem")] {
                fs::copy(format!("{FILES}{from}"), self.0.join(to)).unwrap();
            }
        }

        fn tls(&self) -> Arc<Tls> {
            let plan = plan::Tls {
                certificates: vec![plan::Certificate::Pem {
                    chain: self.0.join("chain.pem"),
                    key: self.0.join("key.pem"),
                }],
                versions: plan::TlsVersions::Both,
                client_certificates: None,
            };
            Arc::new(Tls::load(settings(&plan), at(2030)).unwrap())
        }
    }

    impl Drop for Pair {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn at(year: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_556_952)
    }

    // hardening H30
    #[test]
    fn certificates_of_all_listeners_are_taken_or_of_none() {
        let (one, other) = (Pair::new("one"), Pair::new("other"));
        let all = [one.tls(), other.tls()];
        one.put("rsa.pem", "rsa-pkcs8.pem");
        other.put("rsa.pem", "ec-pkcs8.pem");
        let why = renew(&all, at(2030)).unwrap_err().to_string();
        assert!(why.contains("key of another certificate"), "{why}");
        // What has been taken is no change any more.
        assert!(all.iter().all(|tls| tls.take_change()));
        other.put("rsa.pem", "rsa-pkcs8.pem");
        renew(&all, at(2030)).unwrap();
        assert!(!all.iter().any(|tls| tls.take_change()));
    }

    // parity S6
    #[test]
    fn what_cannot_be_taken_yet_is_tried_again() {
        let pair = Pair::new("again");
        let mut watched = Watched {
            tls: pair.tls(),
            pending: false,
            complaint: String::new(),
        };
        pair.put("rsa.pem", "rsa-pkcs8.pem");
        watched.look(at(2030));
        assert!(watched.pending);
        // By a clock that is wrong for a while: the files do not change again.
        for _ in 0..2 {
            watched.look(at(2000));
            assert!(watched.pending);
            assert!(watched.complaint.contains("is not valid yet"));
        }
        watched.look(at(2030));
        assert!(!watched.pending && watched.complaint.is_empty());
    }

    #[test]
    fn a_password_is_where_the_plan_says() {
        let file = PathBuf::from("host.pfx");
        for (planned, expected) in [
            (plan::Password::Empty, Password::Empty),
            (
                plan::Password::File("p.txt".into()),
                Password::File("p.txt".into()),
            ),
            (
                plan::Password::Environment("PFX".to_owned()),
                Password::Environment("PFX".to_owned()),
            ),
        ] {
            let planned = plan::Certificate::Pfx {
                file: file.clone(),
                password: planned,
            };
            let expected = TlsCertificate::Pfx {
                file: file.clone(),
                password: expected,
            };
            assert_eq!(certificate(&planned), expected);
        }
    }
}
