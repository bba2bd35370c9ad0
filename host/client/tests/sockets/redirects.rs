//! Answers that lead elsewhere.

use std::sync::{Arc, Mutex};

use wasket_client::{Connect, Error, HandshakeFault, Mistake, REDIRECTS_MAX};

use crate::server::{Request, Server};

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
