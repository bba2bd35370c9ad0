//! TLS: whom to trust, and who we are.

use std::fmt;
use std::sync::{Arc, OnceLock};

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};

mod fault;
mod handshake;
mod insecure;
mod roots;

pub(crate) use fault::fault_of;
pub(crate) use handshake::{name_of, secure};
use insecure::AcceptAny;

use crate::Mistake;
use crate::error::TlsFault;

/// How `wss` is secured. By default: TLS 1.2 or 1.3, and the authorities that the operating system trusts
/// (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others).
///
/// ```
/// use wasket_client::{Tls, TlsVersion};
///
/// let tls = Tls::default().versions(&[TlsVersion::Tls13]);
/// ```
#[derive(Clone, Default)]
pub struct Tls {
    without_system_roots: bool,
    authorities: Vec<CertificateDer<'static>>,
    client: Option<Arc<CertifiedKey>>,
    verifier: Option<Arc<dyn ServerCertVerifier>>,
    server_name: Option<ServerName<'static>>,
    insecure: bool,
    versions: Vec<TlsVersion>,
    /// What rustls made of it, for all connections that are opened with it: so sessions are resumed, too.
    made: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Tls {
    /// Trusts the authorities of this PEM text, beside those it trusts already.
    ///
    /// # Errors
    /// When it has no certificate, or one that is damaged.
    pub fn authorities(mut self, pem: &[u8]) -> Result<Self, Mistake> {
        let certificates = certificates("the authority", pem)?;
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots
                .add(certificate.clone())
                .map_err(|error| mistake("the authority", error))?;
        }
        self.authorities.extend(certificates);
        self.made = Arc::default();
        Ok(self)
    }

    /// Trusts no authority but those of [`authorities`](Self::authorities).
    #[must_use]
    pub fn without_system_roots(mut self) -> Self {
        self.without_system_roots = true;
        self.made = Arc::default();
        self
    }

    /// Shows this certificate to servers that ask for one: the chain and its key in PEM.
    ///
    /// # Errors
    /// When either is missing or damaged, or they do not belong together.
    pub fn client_certificate(mut self, chain: &[u8], key: &[u8]) -> Result<Self, Mistake> {
        let chain = certificates("the client certificate", chain)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| mistake("the key", error))?;
        let client = CertifiedKey::from_der(chain, key, &provider())
            .map_err(|error| mistake("the client certificate", error))?;
        self.client = Some(Arc::new(client));
        self.made = Arc::default();
        Ok(self)
    }

    /// Has this verifier decide on certificates, and no authority. It is asked for each connection: no session is resumed,
    /// for that shows no certificate.
    #[must_use]
    pub fn verifier(mut self, verifier: Arc<dyn ServerCertVerifier>) -> Self {
        self.verifier = Some(verifier);
        self.made = Arc::default();
        self
    }

    /// Asks for, and verifies, this name or address instead of the URL's host (Server Name Indication, RFC 6066).
    ///
    /// # Errors
    /// When it is neither.
    pub fn server_name(mut self, name: &str) -> Result<Self, Mistake> {
        let name = ServerName::try_from(name.to_owned());
        self.server_name = Some(name.map_err(|error| mistake("the server name", error))?);
        Ok(self)
    }

    /// Accepts whatever certificate. Anybody on the way can then read and write what is sent: for tests only.
    #[must_use]
    pub fn insecure(mut self) -> Self {
        self.insecure = true;
        self.made = Arc::default();
        self
    }

    /// Speaks only these versions; both, if none is named.
    #[must_use]
    pub fn versions(mut self, versions: &[TlsVersion]) -> Self {
        self.versions = versions.to_vec();
        self.made = Arc::default();
        self
    }

    /// The same for another origin than the one it was made for: who we are there, what it is called and that it may be
    /// anybody was not said of this one.
    pub(crate) fn abroad(&self) -> Self {
        Self {
            client: None,
            server_name: None,
            insecure: false,
            made: Arc::default(),
            ..self.clone()
        }
    }

    /// What rustls makes of it, once.
    fn config(&self) -> Result<Arc<ClientConfig>, TlsFault> {
        if let Some(made) = self.made.get() {
            return Ok(Arc::clone(made));
        }
        let config = Arc::new(self.make()?);
        Ok(Arc::clone(self.made.get_or_init(|| config)))
    }

    /// Reads the system's certificates, the first time in this process.
    fn make(&self) -> Result<ClientConfig, TlsFault> {
        let failed = |error| TlsFault::Failed(std::io::Error::other(error));
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&self.protocol_versions())
            .map_err(failed)?;
        let builder = match self.own_verifier() {
            Some(verifier) => builder
                .dangerous()
                .with_custom_certificate_verifier(verifier),
            None => builder.with_root_certificates(self.roots()?),
        };
        let mut config = match &self.client {
            Some(client) => {
                let client = SingleCertAndKey::from(Arc::clone(client));
                builder.with_client_cert_resolver(Arc::new(client))
            }
            None => builder.with_no_client_auth(),
        };
        if self.verifier.is_some() {
            // Whoever is resumed is taken for verified.
            config.resumption = Resumption::disabled();
        }
        // A server that speaks HTTP/2 too has to know that this is not what follows.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    fn own_verifier(&self) -> Option<Arc<dyn ServerCertVerifier>> {
        match (&self.verifier, self.insecure) {
            (_, true) => Some(Arc::new(AcceptAny::new(&provider()))),
            (verifier, false) => verifier.clone(),
        }
    }

    fn roots(&self) -> Result<RootCertStore, TlsFault> {
        let mut roots = match self.without_system_roots {
            true => RootCertStore::empty(),
            false => roots::of_the_system().clone(),
        };
        roots.add_parsable_certificates(self.authorities.iter().cloned());
        match roots.is_empty() {
            true => Err(TlsFault::NoRoots),
            false => Ok(roots),
        }
    }

    fn protocol_versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let wanted = |version| self.versions.is_empty() || self.versions.contains(&version);
        [
            (TlsVersion::Tls13, &rustls::version::TLS13),
            (TlsVersion::Tls12, &rustls::version::TLS12),
        ]
        .into_iter()
        .filter(|(version, _)| wanted(*version))
        .map(|(_, version)| version)
        .collect()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("insecure", &self.insecure)
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn certificates(what: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Mistake> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| mistake(what, error))?;
    match certificates.is_empty() {
        true => Err(mistake(what, "there is no certificate in this PEM text")),
        false => Ok(certificates),
    }
}

fn mistake(what: &'static str, why: impl fmt::Display) -> Mistake {
    Mistake::Tls {
        what,
        why: why.to_string(),
    }
}
