//! The opening handshake (RFC 6455 section 4).

use wasket_ws::handshake::{
    BadAnswer, BadProtocol, Offer, Refusal, Request, accept_key, examine, examine_extended,
    is_reserved,
};

/// The request of RFC 6455 section 1.2, without its subprotocols.
const REQUEST: [(&str, &str); 5] = [
    ("Host", "server.example.com"),
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("Sec-WebSocket-Version", "13"),
];
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

type Headers<'h> = Vec<(&'h str, &'h str)>;

/// These headers, with all of one name replaced by others.
fn with<'h>(headers: &[(&'h str, &'h str)], name: &'h str, values: &[&'h str]) -> Headers<'h> {
    let others = headers
        .iter()
        .copied()
        .filter(|(other, _)| !other.eq_ignore_ascii_case(name));
    others
        .chain(values.iter().map(|value| (name, *value)))
        .collect()
}

fn bytes<'h>(
    headers: &'h [(&'h str, &'h str)],
) -> impl Iterator<Item = (&'h str, &'h [u8])> + Clone {
    headers
        .iter()
        .map(|(name, value)| (*name, value.as_bytes()))
}

fn examined(headers: &[(&str, &str)]) -> Result<Offer, Refusal> {
    examine("GET", 1, bytes(headers))
}

#[test]
fn the_request_of_the_rfc() {
    let headers = with(&REQUEST, "Sec-WebSocket-Protocol", &["chat, superchat"]);
    let offer = examined(&headers).unwrap();
    assert_eq!(offer.accept.as_deref(), Some(ACCEPT));
    assert_eq!(offer.protocols, ["chat", "superchat"]);
    assert_eq!(offer.extensions, []);
}

/// hardening H6 H16 H18, parity S9
#[test]
fn every_header_missing_doubled_or_odd() {
    type Case<'c> = (&'c str, &'c [&'c str], Result<(), Refusal>);
    const KEY: &str = "Sec-WebSocket-Key";
    const VERSION: &str = "Sec-WebSocket-Version";
    let cases: [Case<'_>; 56] = [
        ("Host", &[], Err(Refusal::Host)),
        ("Host", &["a", "b"], Err(Refusal::Host)),
        ("host", &["a"], Ok(())),
        ("Host", &["a_b.example:4649"], Ok(())),
        ("Host", &["[::1]:80"], Ok(())),
        ("Host", &[""], Err(Refusal::Host)),
        ("Host", &["a b"], Err(Refusal::Host)),
        ("Host", &["user@a"], Err(Refusal::Host)),
        ("Host", &["a/b"], Err(Refusal::Host)),
        ("Host", &["a?b"], Err(Refusal::Host)),
        ("Host", &["a#b"], Err(Refusal::Host)),
        ("Host", &["a\\b"], Err(Refusal::Host)),
        ("Host", &["\u{e9}"], Err(Refusal::Host)),
        ("Content-Length", &["0"], Ok(())),
        ("Content-Length", &["1"], Err(Refusal::Body)),
        ("content-length", &["0", "1"], Err(Refusal::Body)),
        ("Content-Length", &["-0"], Err(Refusal::Body)),
        ("Transfer-Encoding", &["chunked"], Err(Refusal::Body)),
        ("transfer-encoding", &[""], Err(Refusal::Body)),
        ("Upgrade", &[], Err(Refusal::NotUpgrade)),
        ("Upgrade", &["h2c"], Err(Refusal::NotUpgrade)),
        ("Upgrade", &["websockets"], Err(Refusal::NotUpgrade)),
        ("Upgrade", &["WebSocket"], Ok(())),
        ("Upgrade", &["h2c, websocket"], Ok(())),
        ("UPGRADE", &["h2c", "websocket"], Ok(())),
        ("Connection", &[], Err(Refusal::NotUpgrade)),
        ("Connection", &["keep-alive"], Err(Refusal::NotUpgrade)),
        ("Connection", &["close, upgraded"], Err(Refusal::NotUpgrade)),
        ("Connection", &["keep-alive, Upgrade"], Ok(())),
        ("Connection", &["keep-alive ,\tuPGRADE ,"], Ok(())),
        ("Connection", &["keep-alive", "upgrade"], Ok(())),
        (VERSION, &[], Err(Refusal::Version)),
        (VERSION, &[""], Err(Refusal::Version)),
        (VERSION, &["8"], Err(Refusal::Version)),
        (VERSION, &["013"], Err(Refusal::Version)),
        (VERSION, &["13, 8"], Err(Refusal::Version)),
        (VERSION, &["13", "13"], Err(Refusal::Version)),
        (VERSION, &[" 13\t"], Ok(())),
        (KEY, &[], Err(Refusal::Key)),
        (KEY, &[""], Err(Refusal::Key)),
        (KEY, &["dGhlIHNhbXBsZSBub25jZQ"], Err(Refusal::Key)),
        (KEY, &["dGhlIHNhbXBsZSBub25jZ==="], Err(Refusal::Key)),
        (KEY, &["dGhlIHNhbXBsZSBub25jZWE="], Err(Refusal::Key)),
        (KEY, &["dGhlIHNhbXBsZSBub25jZWFi"], Err(Refusal::Key)),
        (KEY, &["dGhlIHNhbXBsZSBub25j!!=="], Err(Refusal::Key)),
        (KEY, &["dGhlIHNhbXBsZSBub25jZW\u{e9}="], Err(Refusal::Key)),
        (
            KEY,
            &["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="],
            Err(Refusal::Key),
        ),
        (KEY, &["  dGhlIHNhbXBsZSBub25jZR==  "], Ok(())),
        ("Sec-WebSocket-Protocol", &["a", "b, c"], Ok(())),
        ("Sec-WebSocket-Protocol", &[""], Err(Refusal::Protocols)),
        ("Sec-WebSocket-Protocol", &["a, a"], Err(Refusal::Protocols)),
        (
            "Sec-WebSocket-Protocol",
            &["a", "a"],
            Err(Refusal::Protocols),
        ),
        ("Sec-WebSocket-Protocol", &["a b"], Err(Refusal::Protocols)),
        ("Sec-WebSocket-Protocol", &["a/b"], Err(Refusal::Protocols)),
        (
            "Sec-WebSocket-Extensions",
            &["x;"],
            Err(Refusal::Extensions),
        ),
        ("Sec-WebSocket-Extensions", &["x; y=1, z"], Ok(())),
    ];
    for (name, values, expected) in cases {
        let headers = with(&REQUEST, name, values);
        assert_eq!(
            examined(&headers).map(|_| ()),
            expected,
            "{name}: {values:?}"
        );
        // RFC 8441, section 5: what is of the key and of the upgrade says nothing there, all else holds.
        let expected = match expected {
            Err(Refusal::NotUpgrade | Refusal::Key) => Ok(()),
            other => other,
        };
        let extended = examine_extended(bytes(&headers));
        assert_eq!(
            extended.map(|offer| assert_eq!(offer.accept, None)),
            expected,
            "extended: {name}: {values:?}"
        );
    }
    assert_eq!(examined(&[]), Err(Refusal::Host));
    assert_eq!(examine_extended(bytes(&[])), Err(Refusal::Host));
}

/// parity S9
#[test]
fn refusals_have_their_status_and_headers() {
    assert_eq!(examine("POST", 1, bytes(&REQUEST)), Err(Refusal::Method));
    assert_eq!(examine("get", 1, bytes(&REQUEST)), Err(Refusal::Method));
    // hardening H16
    assert_eq!(
        examine("GET", 0, bytes(&REQUEST)),
        Err(Refusal::HttpVersion)
    );

    let version = ("sec-websocket-version", "13");
    type Case<'c> = (Refusal, u16, &'c [(&'c str, &'c str)]);
    let cases: [Case<'_>; 9] = [
        (Refusal::Body, 400, &[]),
        (Refusal::HttpVersion, 400, &[]),
        (Refusal::Method, 405, &[("allow", "GET")]),
        (Refusal::Host, 400, &[]),
        (
            Refusal::NotUpgrade,
            426,
            &[("upgrade", "websocket"), version],
        ),
        (Refusal::Version, 400, &[version]),
        (Refusal::Key, 400, &[]),
        (Refusal::Protocols, 400, &[]),
        (Refusal::Extensions, 400, &[]),
    ];
    for (refusal, status, headers) in cases {
        assert_eq!(
            (refusal.status(), refusal.headers()),
            (status, headers),
            "{refusal}"
        );
    }
}

#[test]
fn a_request_is_accepted_by_our_own_server() {
    let request = Request::new(*b"the sample nonce", &["chat", "superchat"]).unwrap();
    let request = request.with_extensions("permessage-deflate; client_max_window_bits");
    let headers = request.headers();
    let mut headers: Headers<'_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    headers.push(("host", "example.com"));
    let offer = examined(&headers).unwrap();
    assert_eq!(offer.accept.as_deref(), Some(ACCEPT));
    assert_eq!(offer.protocols, ["chat", "superchat"]);
    assert_eq!(offer.extensions[0].name, "permessage-deflate");
    assert_eq!(
        offer.extensions[0].params,
        [("client_max_window_bits".to_owned(), None)]
    );
}

#[test]
fn every_answer() {
    type Case<'c> = (&'c str, &'c [&'c str], Result<(), BadAnswer>);
    const PROTOCOL: &str = "Sec-WebSocket-Protocol";
    const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
    let answer = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", ACCEPT),
    ];
    let other = accept_key("AAAAAAAAAAAAAAAAAAAAAA==");
    let cases: [Case<'_>; 17] = [
        ("Upgrade", &[], Err(BadAnswer::Upgrade)),
        ("Upgrade", &["h2c"], Err(BadAnswer::Upgrade)),
        ("Upgrade", &["WebSocket"], Ok(())),
        ("Connection", &[], Err(BadAnswer::Connection)),
        ("Connection", &["close"], Err(BadAnswer::Connection)),
        ("Connection", &["keep-alive, upgrade"], Ok(())),
        ("Sec-WebSocket-Accept", &[], Err(BadAnswer::Accept)),
        ("Sec-WebSocket-Accept", &[&other], Err(BadAnswer::Accept)),
        (
            "Sec-WebSocket-Accept",
            &[ACCEPT, ACCEPT],
            Err(BadAnswer::Accept),
        ),
        (PROTOCOL, &["chat"], Ok(())),
        (PROTOCOL, &["CHAT"], Err(BadAnswer::Protocol)),
        (PROTOCOL, &[""], Err(BadAnswer::Protocol)),
        (PROTOCOL, &["chat, superchat"], Err(BadAnswer::Protocol)),
        (PROTOCOL, &["chat", "chat"], Err(BadAnswer::Protocol)),
        (EXTENSIONS, &["x; answer=1"], Ok(())),
        (EXTENSIONS, &["y"], Err(BadAnswer::Extensions)),
        (EXTENSIONS, &["x;;"], Err(BadAnswer::Extensions)),
    ];
    let request = Request::new(*b"the sample nonce", &["chat", "superchat"]).unwrap();
    let request = request.with_extensions("x; offer");
    for (name, values, expected) in cases {
        let headers = with(&answer, name, values);
        let verified = request.verify(101, bytes(&headers));
        assert_eq!(verified.map(|_| ()), expected, "{name}: {values:?}");
    }
    let status = request.verify(302, bytes(&answer));
    assert_eq!(status, Err(BadAnswer::Status(302)));

    let headers = with(&answer, PROTOCOL, &["superchat"]);
    let agreed = request.verify(101, bytes(&headers)).unwrap();
    assert_eq!(
        (agreed.protocol.as_deref(), agreed.extensions),
        (Some("superchat"), vec![])
    );
    let plain = Request::new(*b"the sample nonce", &[]).unwrap();
    assert_eq!(plain.verify(101, bytes(&headers)), Err(BadAnswer::Protocol));
}

/// hardening H17
#[test]
fn only_distinct_tokens_can_be_offered() {
    for bad in ["", "a b", "a,b", "a\r\nX: y", "a\0", "é"] {
        let request = Request::new([0; 16], &["ok", bad]);
        assert_eq!(request.err(), Some(BadProtocol(bad.to_owned())));
    }
    let doubled = Request::new([0; 16], &["ok", "ok"]);
    assert_eq!(doubled.err(), Some(BadProtocol("ok".to_owned())));
}

/// parity B6, hardening H17: in whatever case, and nothing that only looks alike.
#[test]
fn fields_that_services_do_not_set() {
    for name in [
        "connection",
        "Upgrade",
        "CONTENT-LENGTH",
        "Transfer-Encoding",
        "keep-alive",
        "te",
        "trailer",
        "Proxy-Connection",
        "Sec-WebSocket-Accept",
        "sec-websocket-",
    ] {
        assert!(is_reserved(name), "{name}");
    }
    for name in [
        "",
        "t",
        "set-cookie",
        "sec-websocket",
        "x-upgrade",
        "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}x",
    ] {
        assert!(!is_reserved(name), "{name}");
    }
}
