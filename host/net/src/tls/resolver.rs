//! Which certificate a client gets.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::Loaded;

/// Certificates by the names in them (RFC 6066, section 3; RFC 6125, section 6.4).
#[derive(Debug)]
pub(super) struct ByName {
    /// Certificates with this very name, in the order of the settings; those of `*.a.example` below `.a.example`.
    named: HashMap<String, Vec<Arc<CertifiedKey>>>,
    all: Vec<Arc<CertifiedKey>>,
}

impl ByName {
    pub(super) fn new(loaded: &[Loaded]) -> Self {
        let mut named: HashMap<String, Vec<Arc<CertifiedKey>>> = HashMap::new();
        for certificate in loaded {
            for name in &certificate.names {
                let name = name.strip_prefix('*').unwrap_or(name).to_owned();
                named
                    .entry(name)
                    .or_default()
                    .push(Arc::clone(&certificate.certified));
            }
        }
        let all = loaded
            .iter()
            .map(|certificate| Arc::clone(&certificate.certified));
        Self {
            named,
            all: all.collect(),
        }
    }

    /// Those for a name: with it, else with a wildcard in place of its first label, else the first of all.
    fn for_name(&self, name: Option<&str>) -> &[Arc<CertifiedKey>] {
        let name = name.map(str::to_ascii_lowercase).unwrap_or_default();
        let exact = self.named.get(&name).filter(|_| !name.starts_with('.'));
        let wild = || self.named.get(name.get(name.find('.')?..)?);
        match exact.or_else(wild) {
            Some(found) => found,
            None => self.all.get(..1).unwrap_or_default(),
        }
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let suitable = self.for_name(hello.server_name());
        pick(suitable, hello.signature_schemes())
    }
}

/// Of an ECDSA and an RSA certificate for the same name, the first that the client can verify.
fn pick(from: &[Arc<CertifiedKey>], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
    let verifiable = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(schemes).is_some();
    from.iter().find(verifiable).or(from.first()).cloned()
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject;

    use super::*;

    fn certificate(names: &[&str], key: &str) -> Loaded {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/files/");
        let key = PrivateKeyDer::from_pem_file(format!("{folder}{key}")).unwrap();
        let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
        Loaded {
            certified: Arc::new(CertifiedKey::new(Vec::new(), key)),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    // parity S6
    #[test]
    fn exact_names_go_before_wildcards_and_those_before_the_first() {
        let ec = "ec-pkcs8.pem";
        let loaded = [
            certificate(&["first.example"], ec),
            certificate(&["*.a.example"], ec),
            certificate(&["x.a.example", "a.example"], ec),
        ];
        let by_name = ByName::new(&loaded);
        for (name, expected) in [
            (Some("first.example"), 0),
            (Some("x.a.example"), 2),
            (Some("X.A.Example"), 2),
            (Some("y.a.example"), 1),
            (Some("a.example"), 2),
            (Some("z.y.a.example"), 0),
            (Some(".a.example"), 1),
            (Some("example"), 0),
            (Some(""), 0),
            (None, 0),
        ] {
            let found = &by_name.for_name(name)[0];
            assert!(Arc::ptr_eq(found, &loaded[expected].certified), "{name:?}");
        }
    }

    #[test]
    fn of_several_kinds_of_keys_the_client_gets_one_that_it_can_verify() {
        let loaded = [
            certificate(&["a.example"], "ec-pkcs8.pem"),
            certificate(&["a.example"], "rsa-pkcs8.pem"),
        ];
        let by_name = ByName::new(&loaded);
        let both = by_name.for_name(Some("a.example"));
        let (ecdsa, rsa) = (
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::RSA_PSS_SHA256,
        );
        for (schemes, expected) in [
            (&[ecdsa, rsa][..], 0),
            (&[rsa, ecdsa], 0),
            (&[rsa], 1),
            (&[], 0),
        ] {
            let picked = pick(both, schemes).unwrap();
            assert!(
                Arc::ptr_eq(&picked, &loaded[expected].certified),
                "{schemes:?}"
            );
        }
    }
}
