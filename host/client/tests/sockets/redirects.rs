//! Answers that lead elsewhere.

use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use tokio_rustls::TlsAcceptor;
use wasket_client::{Connect, Error, HandshakeFault, Mistake, REDIRECTS_MAX, Tls, TlsFault};

use crate::proxies::echoes;
use crate::server::{Request, Server, until_end};
use crate::tls::{Authority, fault, secure, serving, trusting};

/// A server that redirects each request to the next of these, and accepts what comes after the last; `{}` is its own
/// address.
async fn leading(locations: &[&str]) -> (Server, Arc<Mutex<Vec<Request>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let locations: Vec<String> = locations.iter().map(|&it| it.to_owned()).collect();
    let server = Server::answering(move |request| {
        let mut seen = keep.lock().unwrap();
        seen.push(request.clone());
        let own = request.header("host").unwrap_or_default();
        match locations.get(seen.len() - 1) {
            Some(location) => {
                let status = [301, 302, 303, 307, 308][seen.len() % 5];
                let location = location.replace("{}", &own);
                format!("HTTP/1.1 {status} x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
                    .into_bytes()
            }
            None => request.accepted("").into_bytes(),
        }
    })
    .await;
    (server, seen)
}

fn secretive(server: &Server) -> Connect {
    server
        .connect()
        .credentials("ada", "secret")
        .and_then(|it| it.cookie("session", "secret"))
        .and_then(|it| it.header("X-Other", "1"))
        .unwrap()
        .pre_auth()
}

// parity W5
#[tokio::test]
async fn redirects_are_followed_where_that_is_asked_for() {
    let (server, seen) = leading(&["/b?x", "c", "http://{}/d", "//{}/e", "ws://{}/f#g"]).await;
    let connect = secretive(&server).redirects(5).unwrap();
    let connection = connect.open().await.unwrap();
    assert_eq!(connection.response().url(), format!("{}f", server.url()));
    let seen = seen.lock().unwrap();
    let lines: Vec<_> = seen.iter().map(Request::line).collect();
    let paths = ["/", "/b?x", "/c", "/d", "/e", "/f"];
    let expected = paths.map(|path| format!("GET {path} HTTP/1.1"));
    assert_eq!(lines, expected);
    for request in seen.iter() {
        assert!(request.header("authorization").is_some(), "{request:?}");
        assert!(request.header("cookie").is_some(), "{request:?}");
    }
}

// parity W5
#[tokio::test]
async fn by_default_a_redirect_is_a_rejection() {
    let (server, seen) = leading(&["/b"]).await;
    let error = server.connect().open().await.unwrap_err();
    let rejection = error.rejection().unwrap();
    assert_eq!(rejection.headers["location"], "/b");
    assert_eq!(seen.lock().unwrap().len(), 1);
}

// parity W5
#[tokio::test]
async fn what_proves_who_we_are_stays_at_home() {
    let (other, at_other) = leading(&[]).await;
    let there = format!("ws://{}/x", other.address);
    let (home, at_home) = leading(&[&there]).await;
    let connect = secretive(&home)
        .header("Host", "home.example")
        .unwrap()
        .redirects(1)
        .unwrap();
    connect.open().await.unwrap();
    let with_header = home.connect().header("Authorization", "Bearer secret");
    assert_eq!(
        at_home.lock().unwrap()[0].header("host").unwrap(),
        "home.example"
    );
    let request = at_other.lock().unwrap()[0].clone();
    assert!(!request.0.contains("secret"), "{request:?}");
    assert!(request.header("authorization").is_none() && request.header("cookie").is_none());
    assert_eq!(request.header("host"), Some(other.address.to_string()));
    assert_eq!(request.header("x-other").unwrap(), "1");

    at_home.lock().unwrap().clear();
    with_header
        .unwrap()
        .redirects(1)
        .unwrap()
        .open()
        .await
        .unwrap();
    assert!(at_home.lock().unwrap()[0].header("authorization").is_some());
    assert!(
        at_other.lock().unwrap()[1]
            .header("authorization")
            .is_none()
    );
}

// parity W3 W5
#[tokio::test]
async fn another_port_is_another_origin_whatever_it_asks_for() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    let asking = Server::answering(move |request| {
        keep.lock().unwrap().push(request.header("authorization"));
        b"HTTP/1.1 401 x\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n\r\n"
            .to_vec()
    })
    .await;
    // Who is asked at home answers.
    let connect = secretive(&asking).redirects(1).unwrap();
    connect.open().await.unwrap_err();
    assert!(seen.lock().unwrap().drain(..).all(|it| it.is_some()));

    let (home, _) = leading(&[&asking.url()]).await;
    assert_eq!(home.address.ip(), asking.address.ip());
    let connect = home.connect().credentials("ada", "secret").unwrap();
    let error = connect.redirects(1).unwrap().open().await.unwrap_err();
    assert_eq!(error.rejection().unwrap().status, 401, "{error}");
    assert_eq!(*seen.lock().unwrap(), [None]);
}

// parity W5
#[tokio::test]
async fn redirects_come_to_an_end() {
    let (server, seen) = leading(&["/again"; 100]).await;
    let connect = server.connect().redirects(REDIRECTS_MAX).unwrap();
    let error = connect.open().await.unwrap_err();
    assert!(
        matches!(error, Error::Handshake(HandshakeFault::Redirect { .. })),
        "{error:?}"
    );
    assert_eq!(seen.lock().unwrap().len(), REDIRECTS_MAX + 1);
    let mistake = server.connect().redirects(REDIRECTS_MAX + 1).unwrap_err();
    assert!(matches!(mistake, Mistake::Redirects { .. }));
}

// hardening H17, parity W5
#[tokio::test]
async fn a_redirect_to_nowhere_is_refused() {
    for location in [
        "ftp://{}/",
        "http://",
        "ws://a b/",
        "ws://{}/a\tb",
        "\u{e9}://x",
        "javascript:alert(1)",
    ] {
        let (server, seen) = leading(&[location]).await;
        let error = server
            .connect()
            .redirects(3)
            .unwrap()
            .open()
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::Handshake(_)),
            "{location}: {error:?}"
        );
        assert!(!error.to_string().contains(['\n', '\t']), "{error}");
        assert_eq!(seen.lock().unwrap().len(), 1, "{location}");
    }
}

// parity W5
#[tokio::test]
async fn what_was_said_of_one_server_is_not_said_of_another() {
    let (authority, clients) = (Authority::new("ours"), Authority::new("clients"));
    let client = clients.issue(&["ada"], |_| {});
    let (server, seen) = serving(&authority.issue(&["localhost"], |_| {}), Some(&clients)).await;
    let location = format!("https://localhost:{}/", server.address.port());
    let home = Server::answering(move |_| {
        format!("HTTP/1.1 307 x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    })
    .await;
    let leading = |tls: Tls| {
        let connect = home.connect().tls(tls).redirects(1).unwrap();
        connect.allow(|address| address.is_ipv4())
    };
    let known = trusting(&authority)
        .client_certificate(client.pem.as_bytes(), client.key_pem.as_bytes())
        .unwrap();
    let error = leading(known).open().await.unwrap_err();
    assert!(matches!(fault(error), TlsFault::Declined(_)));

    let anybody = Tls::default().without_system_roots().insecure();
    let error = leading(anybody).open().await.unwrap_err();
    assert!(matches!(fault(error), TlsFault::NoRoots));
    assert!(seen.lock().unwrap().is_empty());
}

// parity W5
#[tokio::test]
async fn a_redirect_gives_tls_and_never_takes_it() {
    use tokio::io::AsyncWriteExt as _;
    let authority = Authority::new("ours");
    let (server, _) = serving(&authority.issue(&["localhost"], |_| {}), None).await;
    let location = format!("https://localhost:{}/", server.address.port());
    let plain = Server::answering(move |_| {
        format!("HTTP/1.1 307 x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    })
    .await;
    let connect = plain
        .connect()
        .tls(trusting(&authority))
        .redirects(1)
        .unwrap();
    echoes(&connect.allow(|address| address.is_ipv4())).await;

    let issued = authority.issue(&["localhost"], |_| {});
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.certificate.clone()], issued.key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let down = Server::start(move |_, socket| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(socket).await.unwrap();
            Request::read(&mut stream).await;
            let answer =
                b"HTTP/1.1 307 x\r\nLocation: ws://localhost/\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            until_end(&mut stream).await;
        }
    })
    .await;
    let connect = secure(&down, "localhost", trusting(&authority))
        .redirects(1)
        .unwrap();
    let error = connect.open().await.unwrap_err();
    assert!(error.to_string().contains("give up TLS"), "{error}");
}
