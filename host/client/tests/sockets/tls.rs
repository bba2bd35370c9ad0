//! `wss`: whom we trust, and who we are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::server::WebPkiClientVerifier;
use rustls::{
    CertificateError, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::TlsAcceptor;
use wasket_client::{
    CertificateFault, Connect, Deadlines, Error, Mistake, Phase, Step, Tls, TlsFault, TlsVersion,
};

use crate::proxies::{echoes, proxy};
use crate::server::{Server, accept, until_end};

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

/// A certificate and its key.
pub(crate) struct Issued {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) pem: String,
    pub(crate) key_pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            issuer: Issuer::new(params, key),
        }
    }

    pub(crate) fn issue(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            certificate: certificate.der().clone(),
            pem: certificate.pem(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            key_pem: key.serialize_pem(),
        }
    }
}

/// What a server of TLS saw of a client.
pub(crate) type Seen = Arc<Mutex<Vec<(Option<String>, bool)>>>;

/// A server that echoes, over TLS, with this certificate; with an authority it wants one of the client, too.
pub(crate) async fn serving(issued: &Issued, clients: Option<&Authority>) -> (Server, Seen) {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12, &rustls::version::TLS13])
        .unwrap();
    let builder = match clients {
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.clone()).unwrap();
            let provider = Arc::new(default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let chain = vec![issued.certificate.clone()];
    let config = builder
        .with_single_cert(chain, issued.key.clone_key())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let seen = Seen::default();
    let keep = Arc::clone(&seen);
    let server = Server::start(move |_, socket| {
        let (acceptor, keep) = (acceptor.clone(), Arc::clone(&keep));
        async move {
            // Some clients do not want this server.
            let Ok(mut stream) = acceptor.accept(socket).await else {
                return;
            };
            let (_, connection) = stream.get_ref();
            let name = connection.server_name().map(str::to_owned);
            let is_known = connection.peer_certificates().is_some();
            keep.lock().unwrap().push((name, is_known));
            accept(&mut stream).await.echo().await;
        }
    })
    .await;
    (server, seen)
}

pub(crate) fn secure(server: &Server, host: &str, tls: Tls) -> Connect {
    let url = format!("wss://{host}:{}/", server.address.port());
    Connect::to(&url)
        .unwrap()
        .tls(tls)
        .allow(|address| address.is_ipv4())
}

pub(crate) fn trusting(authority: &Authority) -> Tls {
    let tls = Tls::default().without_system_roots();
    tls.authorities(authority.pem.as_bytes()).unwrap()
}

pub(crate) fn fault(error: Error) -> TlsFault {
    let line = error.to_string();
    assert!(line.starts_with("TLS: ") && !line.contains('\n'), "{line}");
    match error {
        Error::Tls { fault, .. } => fault,
        other => panic!("{other:?}"),
    }
}

// parity W11
#[tokio::test]
async fn an_authority_may_be_added() {
    let authority = Authority::new("ours");
    let issued = authority.issue(&["localhost", "127.0.0.1"], |_| {});
    let (server, seen) = serving(&issued, None).await;
    for host in ["localhost", "127.0.0.1"] {
        echoes(&secure(&server, host, trusting(&authority))).await;
    }
    let names: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(names, [Some("localhost".to_owned()), None]);
    // Beside the system's, too.
    let beside = Tls::default()
        .authorities(authority.pem.as_bytes())
        .unwrap();
    echoes(&secure(&server, "localhost", beside)).await;
}

// parity W11
#[tokio::test]
async fn certificates_that_prove_nothing_are_refused() {
    let authority = Authority::new("ours");
    let expired =
        |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let good = authority.issue(&["localhost"], |_| {});
    let old = authority.issue(&["localhost"], expired);
    let other = authority.issue(&["a.example", "b.example"], |_| {});
    let unknown = trusting(&Authority::new("theirs"));
    type Expected = fn(&CertificateFault) -> bool;
    let cases: [(&Issued, Tls, Expected); 4] = [
        (&good, unknown, |it| *it == CertificateFault::UnknownIssuer),
        (&old, trusting(&authority), |it| {
            *it == CertificateFault::Time
        }),
        (
            &other,
            trusting(&authority),
            |it| matches!(it, CertificateFault::Name(names) if names.contains("a.example")),
        ),
        (&good, Tls::default(), |it| {
            *it == CertificateFault::UnknownIssuer
        }),
    ];
    for (number, (issued, tls, expected)) in cases.into_iter().enumerate() {
        let (server, _) = serving(issued, None).await;
        let error = secure(&server, "localhost", tls).open().await.unwrap_err();
        match fault(error) {
            TlsFault::Certificate(fault) => assert!(expected(&fault), "{number}: {fault:?}"),
            // A machine without any authorities is told so.
            TlsFault::NoRoots if number == 3 => {}
            other => panic!("{number}: {other:?}"),
        }
    }
    let (server, _) = serving(&good, None).await;
    let nobody = Tls::default().without_system_roots();
    let error = secure(&server, "localhost", nobody)
        .open()
        .await
        .unwrap_err();
    assert!(matches!(fault(error), TlsFault::NoRoots));
}

// parity W11
#[tokio::test]
async fn anything_goes_for_who_says_so() {
    let authority = Authority::new("ours");
    let issued = authority.issue(&["elsewhere.example"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let (server, _) = serving(&issued, None).await;
    for (version, expected) in [
        (TlsVersion::Tls12, "TLSv1_2"),
        (TlsVersion::Tls13, "TLSv1_3"),
    ] {
        let tls = Tls::default().insecure().versions(&[version]);
        let steps = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&steps);
        let connect = secure(&server, "localhost", tls).observe(move |step| {
            if let Step::Secured { version, .. } = step {
                keep.lock().unwrap().push((*version).to_owned());
            }
        });
        echoes(&connect).await;
        assert_eq!(steps.lock().unwrap()[..], [expected]);
    }
}

// parity W11
#[tokio::test]
async fn another_name_may_be_asked_for() {
    let authority = Authority::new("ours");
    let issued = authority.issue(&["inside.example"], |_| {});
    let (server, seen) = serving(&issued, None).await;
    let tls = trusting(&authority).server_name("inside.example").unwrap();
    echoes(&secure(&server, "localhost", tls)).await;
    let name = seen.lock().unwrap()[0].0.clone();
    assert_eq!(name.as_deref(), Some("inside.example"));
    assert!(Tls::default().server_name("not a name").is_err());
}

// parity W11
#[tokio::test]
async fn sessions_are_resumed() {
    use rustls::HandshakeKind::{Full, Resumed};
    let authority = Authority::new("ours");
    let issued = authority.issue(&["localhost"], |_| {});
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.certificate.clone()], issued.key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let kinds = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&kinds);
    let server = Server::start(move |_, socket| {
        let (acceptor, keep) = (acceptor.clone(), Arc::clone(&keep));
        async move {
            let mut stream = acceptor.accept(socket).await.unwrap();
            keep.lock()
                .unwrap()
                .push(stream.get_ref().1.handshake_kind().unwrap());
            accept(&mut stream).await.echo().await;
        }
    })
    .await;
    let tls = trusting(&authority);
    echoes(&secure(&server, "localhost", tls.clone())).await;
    echoes(&secure(&server, "localhost", tls.clone())).await;
    // What is changed is another's.
    let changed = tls.versions(&[TlsVersion::Tls13]);
    echoes(&secure(&server, "localhost", changed)).await;
    // A verifier of the caller's is asked each time.
    let pinned = Tls::default().verifier(Arc::new(Pinned(issued.certificate.clone())));
    echoes(&secure(&server, "localhost", pinned.clone())).await;
    echoes(&secure(&server, "localhost", pinned)).await;
    assert_eq!(kinds.lock().unwrap()[..], [Full, Resumed, Full, Full, Full]);
}

// parity W11
#[tokio::test]
async fn a_client_may_have_a_certificate() {
    let (authority, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (issued, client) = (
        authority.issue(&["localhost"], |_| {}),
        clients.issue(&["ada"], |_| {}),
    );
    let (server, seen) = serving(&issued, Some(&clients)).await;
    let tls = trusting(&authority);
    let known = tls
        .clone()
        .client_certificate(client.pem.as_bytes(), client.key_pem.as_bytes());
    echoes(&secure(&server, "localhost", known.unwrap())).await;
    assert!(seen.lock().unwrap()[0].1);

    let error = secure(&server, "localhost", tls).open().await.unwrap_err();
    // In TLS 1.3 the server says no after the client is done.
    assert!(matches!(fault(error), TlsFault::Declined(_)));
}

// parity W11
#[test]
fn mistakes_in_certificates_are_named() {
    let authority = Authority::new("ours");
    let (a, b) = (
        authority.issue(&["a"], |_| {}),
        authority.issue(&["b"], |_| {}),
    );
    let tls = Tls::default;
    for (result, named) in [
        (tls().authorities(b"no pem"), "the authority"),
        (tls().authorities(a.key_pem.as_bytes()), "the authority"),
        (
            tls().authorities(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "the authority",
        ),
        (
            tls().client_certificate(b"", a.key_pem.as_bytes()),
            "the client certificate",
        ),
        (tls().client_certificate(a.pem.as_bytes(), b""), "the key"),
        (
            tls().client_certificate(a.pem.as_bytes(), b.key_pem.as_bytes()),
            "the client certificate",
        ),
    ] {
        match result {
            Err(Mistake::Tls { what, .. }) => assert_eq!(what, named),
            other => panic!("{named}: {other:?}"),
        }
    }
}

/// Knows one certificate, and takes nothing else.
#[derive(Debug)]
struct Pinned(CertificateDer<'static>);

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match *end_entity == self.0 {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

// parity W11
#[tokio::test]
async fn a_verifier_of_the_callers_decides() {
    let authority = Authority::new("ours");
    let (ours, other) = (
        authority.issue(&["x"], |_| {}),
        authority.issue(&["x"], |_| {}),
    );
    for (issued, is_taken) in [(&ours, true), (&other, false)] {
        let (server, _) = serving(issued, None).await;
        let tls = Tls::default().verifier(Arc::new(Pinned(ours.certificate.clone())));
        let opened = secure(&server, "localhost", tls).open().await;
        assert_eq!(opened.is_ok(), is_taken);
        if let Err(error) = opened {
            assert!(matches!(fault(error), TlsFault::Certificate(_)));
        }
    }
}

// parity W11 W17
#[tokio::test]
async fn a_port_without_tls_is_named_and_left() {
    let plain = Server::echo().await;
    // It waits for the end of a request's head, and the handshake of TLS has none.
    let deadlines = Deadlines {
        tls: Duration::from_millis(50),
        ..Deadlines::default()
    };
    let connect = secure(&plain, "localhost", Tls::default().insecure()).deadlines(deadlines);
    let error = connect.open().await.unwrap_err();
    assert!(matches!(fault(error), TlsFault::TimedOut(_)));

    let http = Server::start(|_, mut socket| async move {
        use tokio::io::AsyncWriteExt as _;
        socket
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .await
            .unwrap();
        until_end(&mut socket).await;
    })
    .await;
    let error = secure(&http, "localhost", Tls::default().insecure())
        .open()
        .await
        .unwrap_err();
    assert!(matches!(fault(error), TlsFault::Failed(_)));

    let authority = Authority::new("ours");
    let (server, _) = serving(&authority.issue(&["localhost"], |_| {}), None).await;
    let error = Connect::to(&format!("ws://{}", server.address))
        .unwrap()
        .open()
        .await
        .unwrap_err();
    assert_eq!(error.phase(), Phase::Handshake);
    assert!(error.to_string().contains("ws or wss"), "{error}");
}

// parity W12
#[tokio::test]
async fn tls_goes_through_a_proxy() {
    let authority = Authority::new("ours");
    let (server, _) = serving(&authority.issue(&["localhost"], |_| {}), None).await;
    let proxy = proxy(None).await;
    let connect = secure(&server, "localhost", trusting(&authority));
    echoes(&connect.proxy(&format!("http://{}", proxy.address)).unwrap()).await;
}
