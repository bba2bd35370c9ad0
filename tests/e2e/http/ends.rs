//! Answers that are not whole, and guests that work on.

use bytes::Bytes;

use super::Served;

// hardening H28
#[test]
fn a_guest_that_fails_is_500_before_its_answer_and_breaks_it_off_after() {
    let served = Served::new("");
    for path in ["/trap-before", "/never-set", "/error"] {
        assert_eq!(served.text(path).0, 500, "{path}");
    }
    for path in ["/trap-mid?ms=50", "/unfinished?ms=50", "/abort?ms=50"] {
        let mut wire = served.ask(&format!("GET /http{path}"));
        assert_eq!(wire.head().status, 200);
        assert_eq!(wire.chunk().as_deref(), Some(&b"half"[..]), "{path}");
        assert_eq!(wire.chunk(), None, "{path} has no last chunk");
    }
    let mut wire = served.ask("GET /http/trap-mid?length=9&ms=50");
    let head = wire.head();
    assert_eq!(head.field("content-length"), Some("9"));
    assert_eq!(wire.rest(), "half");
    // The host goes on, and so does a connection that was not broken off.
    let mut wire = served.ask("GET /http/trap-before");
    let head = wire.head();
    assert!(wire.body(&head).is_some());
    wire.send("GET /http/count HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(wire.head().status, 200);
    served.is_over();
}

// hardening H28
#[test]
fn over_http2_it_is_a_reset() {
    let served = Served::new("");
    let address = served.host.authority();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.unwrap();
    let (first, second) = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let (client, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(async move {
            let _ = connection.await;
        });
        let mut client = client.ready().await.unwrap();
        let request = http::Request::get("http://localhost/http/trap-mid?ms=50").body(());
        let (answer, _) = client.send_request(request.unwrap(), true).unwrap();
        let mut body = answer.await.unwrap().into_body();
        let first = body.data().await.unwrap().unwrap();
        (first, body.data().await)
    });
    assert_eq!(first, Bytes::from("half"));
    let reset = second.expect("no end").expect_err("no data");
    assert!(reset.is_reset(), "{reset}");
    served.is_over();
}

// parity H2
#[test]
fn work_after_the_answer_is_done_also_where_nobody_reads_a_body() {
    let served = Served::new("");
    let mut session = served.host.connect("echo");
    for (line, status) in [
        ("GET /http/after?ms=50&text=one&bytes=200000", 200),
        ("HEAD /http/after?ms=50&text=two&bytes=200000", 200),
        ("GET /http/after?ms=50&text=three&status=204", 204),
        (
            "GET /http/after?ms=50&text=four&status=304&bytes=200000",
            304,
        ),
    ] {
        let mut wire = served.ask(line);
        let head = wire.head();
        assert_eq!(head.status, status, "{}", head.text);
        if line.starts_with("GET") && status == 200 {
            assert_eq!(wire.body(&head).unwrap().len(), 200_000);
        }
        assert!(line.contains(&format!("text={}", session.text())), "{line}");
    }
    served.is_over();
}

// hardening H28
#[test]
fn a_client_that_leaves_takes_its_guest_along() {
    let served = Served::new("request_wall_time = \"off\"");
    for path in ["slow?count=1000000&ms=10", "flood?bytes=1000000000"] {
        let mut wire = served.ask(&format!("GET /http/{path}"));
        assert_eq!(wire.head().status, 200);
        drop(wire);
        served.is_over();
    }
    // One that has answered already works on. The host does not wait for it.
    let mut wire = served.ask("GET /http/after?ms=100000000");
    let head = wire.head();
    assert!(wire.body(&head).is_some());
    assert_eq!(served.host.stop(), Some(0));
}

#[test]
fn a_stop_ends_answers_that_would_go_on_for_ever() {
    let served = Served::new("request_wall_time = \"off\"");
    let mut held = served.hold().unwrap();
    served.host.signal("-TERM");
    // It breaks off, and does not end as if it were whole.
    while let Some(chunk) = held.chunk() {
        assert!(!chunk.is_empty(), "not whole");
    }
    assert_eq!(served.host.wait().code(), Some(0));
}
