//! Opening handshakes over HTTP/2 (RFC 8441), and plain requests: the status of each.

use h2::ext::Protocol;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use wasket_net::{Hosts, Origins};
use wasket_session::{BodyFault, HttpBody, HttpRequest, Limits};

use crate::h2_client::{H2, opening, request, whole};
use crate::plain::{BODY_BYTES_MAX, Plain, whole as whole_body};
use crate::support::{Peer, Running, soon};

async fn status(client: &mut H2, request: Request<()>) -> u16 {
    let (answer, _stream) = client.send(request, false).await;
    whole(answer.unwrap()).await.status
}

// hardening H15 H16 H18 H25, parity S9
#[tokio::test]
async fn every_odd_opening_has_its_status_and_ends_its_stream_only() {
    let server = Running::echo(Limits::default());
    let mut client = H2::connect(server.address).await;
    let mut session = client.open("/echo").await;
    type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], u16);
    let cases: [Case<'_>; 16] = [
        ("/echo", &[], 200),
        ("/echo?a=b", &[("sec-websocket-protocol", "b")], 200),
        ("/echo", &[("host", "localhost")], 200),
        ("/echo", &[("host", "other")], 400),
        ("/echo", &[("sec-websocket-version", "12")], 400),
        ("/echo", &[("sec-websocket-version", "")], 400),
        ("/echo", &[("sec-websocket-protocol", "a,,b,a")], 400),
        ("/echo", &[("sec-websocket-extensions", "a; =")], 400),
        // Of the other version, and without a meaning here.
        ("/echo", &[("sec-websocket-key", "x")], 200),
        ("/echo", &[("content-length", "1")], 400),
        ("/echo", &[("origin", "http://evil.example")], 403),
        ("/echo", &[("origin", "null")], 403),
        ("/echo", &[("origin", "http://localhost")], 200),
        ("/nowhere", &[], 404),
        ("/broken", &[], 503),
        ("/echo/more", &[], 404),
    ];
    for (path, fields, expected) in cases {
        let (answer, mut stream) = client.send(opening(path, fields), false).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), expected, "{path} {fields:?}");
        let headers = answer.headers();
        assert!(headers.contains_key("date"), "{headers:?}");
        for of_http1 in ["connection", "upgrade", "sec-websocket-accept"] {
            assert!(!headers.contains_key(of_http1), "{headers:?}");
        }
        let version = headers.contains_key("sec-websocket-version");
        assert_eq!(
            version,
            fields.iter().any(|(name, _)| name.ends_with("version"))
        );
        stream.send_reset(h2::Reason::CANCEL);
    }
    // What the path and the fields do not say.
    let mut other = opening("/echo", &[]);
    other
        .extensions_mut()
        .insert(Protocol::from_static("connect-udp"));
    assert_eq!(status(&mut client, other).await, 501);
    let proxied = Request::connect("localhost:80").body(()).unwrap();
    assert_eq!(status(&mut client, proxied).await, 405);
    // A plain request where only sessions are.
    assert_eq!(client.get("/echo").await.status, 426);
    assert_eq!(
        client.ask(request("POST", "/echo", &[]), b"x").await.status,
        405
    );
    // None of them has touched the session beside.
    session.echo("still here").await;
}

// hardening H15, parity B5
#[tokio::test]
async fn a_host_of_somebody_else_is_misdirected() {
    let own = |place: &mut wasket_net::Place| {
        place.hosts = Hosts::parse(&["example.com"]).unwrap();
        place.origins = Origins::default();
    };
    let server = Running::echo_at(|_| {}, own);
    let mut client = H2::connect(server.address).await;
    assert_eq!(status(&mut client, opening("/echo", &[])).await, 421);
    // Over HTTP/1.1 a client has come by no connection of somebody else.
    let mut peer = Peer::connect(server.address).await;
    let head = peer.ask(&crate::support::request("/echo", "")).await;
    assert!(head.starts_with("HTTP/1.1 400 "), "{head}");
}

// hardening H18
#[tokio::test]
async fn a_request_names_its_host() {
    let server = Plain::start(|_| {}, |_| {});
    let mut client = H2::connect(server.address).await;
    for (fields, expected) in [(&[][..], 400), (&[("host", "localhost")], 200)] {
        let mut asked = request("GET", "/read", fields);
        *asked.uri_mut() = "/read".parse().unwrap();
        assert_eq!(client.ask(asked, b"").await.status, expected, "{fields:?}");
    }
}

// parity H2 H3 S9
#[tokio::test]
async fn plain_requests_are_answered_as_over_http_1() {
    let server = Plain::start(|_| {}, |_| {});
    let mut client = H2::connect(server.address).await;
    let cases = [
        ("GET", "/read?a=b", "", 200, "GET read /read?a=b "),
        ("POST", "/read", "hello", 200, "POST read /read hello"),
        ("DELETE", "/read", "", 200, "DELETE read /read "),
        ("HEAD", "/read", "", 200, ""),
        ("GET", "/none", "ab", 200, "GET none /none "),
        ("POST", "/unread", "ab", 200, "POST unread /unread "),
        ("GET", "/gone", "", 503, "this service is not available\n"),
        (
            "GET",
            "/nowhere",
            "",
            404,
            "there is no service at this path\n",
        ),
        ("OPTIONS", "/read", "", 200, "OPTIONS read /read "),
    ];
    for (method, path, body, expected, said) in cases {
        let request = request(method, path, &[]);
        let answer = client.ask(request, body.as_bytes()).await;
        assert_eq!(
            (answer.status, &*answer.body),
            (expected, said),
            "{method} {path}"
        );
        for own in ["connection", "upgrade", "keep-alive"] {
            assert!(!answer.headers.contains_key(own), "{:?}", answer.headers);
        }
        assert!(answer.headers.contains_key("date"));
    }
    // A path that has both: which of the two is meant, the method says.
    assert_eq!(client.get("/both").await.body, "GET both /both ");
    client.open("/both").await.echo("a session").await;
    assert_eq!(status(&mut client, opening("/read", &[])).await, 404);
}

// hardening H16, parity S12
#[tokio::test]
async fn bodies_have_their_limits() {
    let server = Plain::start(|_| {}, |_| {});
    let mut client = H2::connect(server.address).await;
    let most = vec![b'a'; usize::try_from(BODY_BYTES_MAX).unwrap()];
    let answer = client.ask(request("POST", "/read", &[]), &most).await;
    assert_eq!((answer.status, answer.body.len()), (200, most.len() + 16));
    let more = [&most[..], b"a"].concat();
    for length in [None, Some(more.len().to_string())] {
        let fields: Vec<_> = length.iter().map(|n| ("content-length", &**n)).collect();
        let answer = client.ask(request("POST", "/read", &fields), &more).await;
        assert_eq!(answer.status, 413);
    }
    assert_eq!(client.get("/read").await.status, 200);
}

// hardening H14
#[tokio::test]
async fn a_request_ends_with_its_answer() {
    let (kept, mut keeps) = tokio::sync::mpsc::unbounded_channel();
    let server = Plain::own(
        move |request| {
            kept.send(request.message.into_body()).unwrap();
            Response::new(whole_body("kept".to_owned()))
        },
        |_| {},
    );
    let mut client = H2::connect(server.address).await;
    let (answer, _up) = client.send(request("POST", "/own", &[]), false).await;
    assert_eq!(whole(answer.unwrap()).await.body, "kept");
    // The service has it still, and would wait for it as long as the client likes.
    let kept = soon(keeps.recv()).await.unwrap();
    let read = soon(kept.collect()).await;
    assert!(matches!(read, Err(BodyFault::Broken(_))), "{read:?}");
}

/// A service of the test's own, and a client of it.
async fn own(
    answer: impl Fn(HttpRequest) -> Response<HttpBody> + Send + Sync + 'static,
) -> (Plain, H2) {
    let server = Plain::own(answer, |_| {});
    let client = H2::connect(server.address).await;
    (server, client)
}

// hardening H16
#[tokio::test]
async fn what_is_of_connections_or_has_no_body_is_not_told() {
    let (_server, mut client) = own(|request| {
        if request.message.method() == "GET" {
            let mut last = http::HeaderMap::new();
            last.insert("connection", "close".parse().unwrap());
            last.insert("x-last", "1".parse().unwrap());
            let last = std::future::ready(Some(Ok(last)));
            return Response::new(whole_body("a".into()).with_trailers(last).boxed_unsync());
        }
        let mut answer = Response::new(whole_body(String::new()));
        *answer.status_mut() = http::StatusCode::NO_CONTENT;
        let length = "10".parse().unwrap();
        answer.headers_mut().insert("content-length", length);
        answer
    })
    .await;
    let bare = client.ask(request("HEAD", "/own", &[]), b"").await;
    assert_eq!(bare.status, 204);
    assert!(!bare.headers.contains_key("content-length"));
    let (answer, _up) = client.send(request("GET", "/own", &[]), true).await;
    let mut body = answer.unwrap().into_body();
    while let Some(part) = soon(body.data()).await {
        part.unwrap();
    }
    let last = soon(body.trailers()).await.unwrap().unwrap();
    assert_eq!((last.len(), last["x-last"].as_bytes()), (1, &b"1"[..]));
}

// parity H2
#[tokio::test]
async fn a_request_without_a_body_is_known_to_have_none() {
    let (_server, mut client) = own(|request| {
        let body = request.message.body();
        let none = body.is_end_stream() && body.size_hint().exact() == Some(0);
        Response::new(whole_body(none.to_string()))
    })
    .await;
    for _ in 0..20 {
        assert_eq!(client.get("/own").await.body, "true");
    }
    let empty = request("POST", "/own", &[("content-length", "1")]);
    assert_eq!(client.ask(empty, b"a").await.body, "false");
}

// parity H2
#[tokio::test]
async fn who_waits_to_send_its_body_is_asked_for_it_by_who_reads() {
    let server = Plain::start(|_| {}, |_| {});
    let mut client = H2::connect(server.address).await;
    for (path, asks, said) in [
        ("/read", true, "POST read /read hello"),
        ("/unread", false, "POST unread /unread "),
    ] {
        let asked = request("POST", path, &[("expect", "100-continue")]);
        let (mut answer, mut up) = client.requests.send_request(asked, false).unwrap();
        let told = soon(std::future::poll_fn(|cx| answer.poll_informational(cx))).await;
        let told = told.map(|told| told.unwrap().status().as_u16());
        assert_eq!(told, asks.then_some(100), "{path}");
        if asks {
            up.send_data("hello".into(), true).unwrap();
        }
        assert_eq!(whole(soon(answer).await.unwrap()).await.body, said);
    }
}

// parity H1
#[tokio::test]
async fn an_answer_ends_when_its_client_wants_no_more() {
    let server = Plain::start(|_| {}, |_| {});
    let mut client = H2::connect(server.address).await;
    let (answer, mut stream) = client.send(request("GET", "/endless", &[]), true).await;
    let mut body = answer.unwrap().into_body();
    for _ in 0..20 {
        let part = body.data().await.unwrap().unwrap();
        body.flow_control().release_capacity(part.len()).unwrap();
    }
    stream.send_reset(h2::Reason::CANCEL);
    let dropped = || server.dropped.load(std::sync::atomic::Ordering::Relaxed);
    crate::support::until("its body is dropped", dropped).await;
    assert_eq!(client.get("/read").await.status, 200);
}
