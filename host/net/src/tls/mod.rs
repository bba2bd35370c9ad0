//! TLS on listeners, with rustls on ring: certificates read and checked, chosen by name, replaced while running.
//!
//! Reading order: [`TlsSettings`] name files; [`Tls`] is what is made of them; `accept` does a handshake; `stream` is
//! the socket afterwards.
//!
//! Deliberately absent: early data (a replayed opening handshake would open sessions), renegotiation, and getting
//! certificates from an authority.

mod accept;
mod certificate;
mod client;
mod established;
mod fault;
mod file;
mod pem;
#[cfg(feature = "pfx")]
mod pfx;
#[cfg(not(feature = "pfx"))]
#[path = "without_pfx.rs"]
mod pfx;
mod resolver;
mod settings;
mod stream;
mod warning;
mod x509;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, MutexGuard, RwLock};
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, WantsServerCert};
use rustls::version::{TLS12, TLS13};
use rustls::{ConfigBuilder, ServerConfig, SupportedProtocolVersion};

use crate::stamp::Stamp;
pub(crate) use established::Established;
pub use fault::{Fault, Unusable};
pub use settings::{ClientCertificates, Password, TlsCertificate, TlsSettings, TlsVersions};
pub(crate) use stream::Secured;
pub use warning::Warning;

use certificate::Loaded;

/// The TLS of a listener: what new handshakes use. Sessions keep what they have begun with.
pub struct Tls {
    settings: TlsSettings,
    current: RwLock<Current>,
    /// Held from reading the files to using them: of two who do so the later one has read them later.
    renewing: Mutex<()>,
}

struct Current {
    /// Without HTTP/2, and with it.
    configs: [Arc<ServerConfig>; 2],
    /// Authorities that were left out.
    left_out: Vec<Warning>,
    /// Of the files when they were last looked at.
    stamps: Vec<Stamp>,
}

/// What the files of a [`Tls`] say now, and is right. Dropping it changes nothing; until then nobody else prepares.
pub struct Prepared<'t> {
    tls: &'t Tls,
    next: Current,
    _renewing: MutexGuard<'t, ()>,
}

impl Tls {
    /// Reads the files. `now` is what certificates have to be valid at.
    ///
    /// # Errors
    /// Every file that cannot be used.
    pub fn load(settings: TlsSettings, now: SystemTime) -> Result<Self, Vec<Unusable>> {
        Ok(Self {
            current: RwLock::new(read(&settings, now)?),
            settings,
            renewing: Mutex::new(()),
        })
    }

    /// Reads the files anew, and changes nothing yet.
    ///
    /// # Errors
    /// Every file that cannot be used.
    pub fn prepare(&self, now: SystemTime) -> Result<Prepared<'_>, Vec<Unusable>> {
        let renewing = self.renewing.lock();
        Ok(Prepared {
            tls: self,
            next: read(&self.settings, now)?,
            _renewing: renewing,
        })
    }

    /// Whether a file has changed since this was last asked, or since the files were read: by its length, and by when
    /// it was written.
    #[must_use]
    pub fn take_change(&self) -> bool {
        let found = stamps(&self.settings);
        let mut current = self.current.write();
        let changed = current.stamps != found;
        current.stamps = found;
        changed
    }

    /// What should not be as it is.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let exposed = |path: &&Path| file::is_readable_by_others(path);
        let certificates = || self.settings.certificates.iter();
        let keys = certificates().map(TlsCertificate::key).filter(exposed);
        let keys = keys.map(|key| Warning::ExposedKey(key.to_owned()));
        let passwords = certificates().filter_map(TlsCertificate::password);
        let passwords = passwords.filter(exposed);
        let passwords = passwords.map(|file| Warning::ExposedPassword(file.to_owned()));
        let left_out = self.current.read().left_out.clone();
        keys.chain(passwords).chain(left_out).collect()
    }

    fn config(&self, http2: bool) -> Arc<ServerConfig> {
        let [without, with] = &self.current.read().configs;
        Arc::clone(if http2 { with } else { without })
    }
}

impl Prepared<'_> {
    /// New handshakes use it from now on.
    pub fn commit(self) {
        *self.tls.current.write() = self.next;
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.settings).finish()
    }
}

fn stamps(settings: &TlsSettings) -> Vec<Stamp> {
    settings.files().map(Stamp::of).collect()
}

fn read(settings: &TlsSettings, now: SystemTime) -> Result<Current, Vec<Unusable>> {
    // Stamped first: what changes meanwhile has another stamp.
    let stamps = stamps(settings);
    let mut unusable = Vec::new();
    let mut loaded = Vec::new();
    for certificate in &settings.certificates {
        match certificate::load(certificate, now) {
            Ok(certificate) => loaded.push(certificate),
            Err(error) => unusable.push(error),
        }
    }
    match builder(settings, now) {
        Ok((builder, left_out)) if unusable.is_empty() => Ok(Current {
            configs: finish(builder, &loaded),
            left_out,
            stamps,
        }),
        Ok(_) => Err(unusable),
        Err(error) => {
            unusable.push(error);
            Err(unusable)
        }
    }
}

type Builder = ConfigBuilder<ServerConfig, WantsServerCert>;

fn builder(settings: &TlsSettings, now: SystemTime) -> Result<(Builder, Vec<Warning>), Unusable> {
    let provider = Arc::new(ring::default_provider());
    let versions: &[&SupportedProtocolVersion] = match settings.versions {
        TlsVersions::Both => &[&TLS13, &TLS12],
        TlsVersions::Only12 => &[&TLS12],
        TlsVersions::Only13 => &[&TLS13],
    };
    let clients = settings.client_certificates.as_ref();
    let verifier = clients.map(|clients| client::verifier(clients, &provider, now));
    let builder = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("ring has ciphers for each version");
    Ok(match verifier.transpose()? {
        Some((verifier, left_out)) => (builder.with_client_cert_verifier(verifier), left_out),
        None => (builder.with_no_client_auth(), Vec::new()),
    })
}

fn finish(builder: Builder, loaded: &[Loaded]) -> [Arc<ServerConfig>; 2] {
    let mut config = builder.with_cert_resolver(Arc::new(resolver::ByName::new(loaded)));
    config.alpn_protocols = vec![HTTP1.to_vec()];
    // Tickets are worth what the clients' certificates were at their time: each reading of the files has its own keys.
    // Without randomness for them clients shake hands whole, as do those that take none: nothing is kept of them.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if let Ok(ticketer) = ring::Ticketer::new() {
        config.ticketer = ticketer;
    }
    let mut with_http2 = config.clone();
    with_http2.alpn_protocols = vec![HTTP2.to_vec(), HTTP1.to_vec()];
    [config, with_http2].map(Arc::new)
}

/// The protocols that a client may choose from (RFC 7301). One that names none speaks HTTP/1.1.
const HTTP1: &[u8] = b"http/1.1";
const HTTP2: &[u8] = b"h2";
