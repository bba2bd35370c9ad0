use super::*;

use http::HeaderName;
use proptest::prelude::*;

use crate::network::Network;

const PEER: &str = "10.0.0.1:5000";

fn trusted() -> Networks {
    let networks = [("10.0.0.0", 8), ("fd00::", 8)];
    let networks = networks.map(|(address, bits)| Network::new(address.parse().unwrap(), bits));
    networks.into_iter().flatten().collect()
}

fn through(peer: &str, fields: &[(&str, &str)]) -> Result<Seen, ForwardedError> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    seen(peer.parse().unwrap(), &headers, &trusted())
}

/// Who is told to be behind the proxy.
fn address(fields: &[(&str, &str)]) -> String {
    match through(PEER, fields) {
        Ok(seen) => seen.address.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_untrusted_peer_says_nothing() {
    let spoofed = [
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil"),
        ("forwarded", "for=1.2.3.4;proto=https;\"broken"),
    ];
    let seen = through("192.0.2.1:7", &spoofed).unwrap();
    assert_eq!(seen.address.to_string(), "192.0.2.1:7");
    assert_eq!((seen.secure, seen.host), (None, None));
}

#[test]
fn x_forwarded_for_is_walked_from_the_right_to_the_first_untrusted() {
    for (list, expected) in [
        ("192.0.2.7", "192.0.2.7:0"),
        ("192.0.2.7:81", "192.0.2.7:81"),
        ("2001:db8::7", "[2001:db8::7]:0"),
        ("[2001:db8::7]", "[2001:db8::7]:0"),
        ("[2001:db8::7]:81", "[2001:db8::7]:81"),
        ("::ffff:192.0.2.7", "192.0.2.7:0"),
        ("1.1.1.1, 192.0.2.7", "192.0.2.7:0"),
        ("1.1.1.1, 192.0.2.7 ,10.0.0.2,\tfd00::2", "192.0.2.7:0"),
        // What is left of the first untrusted is not looked at.
        ("'; drop table, , unknown, 192.0.2.7", "192.0.2.7:0"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3:0"),
        ("192.0.2.7, unknown", "10.0.0.1:5000"),
        ("192.0.2.7, unknown, 10.0.0.9", "10.0.0.9:0"),
        ("192.0.2.7, _hidden", "10.0.0.1:5000"),
        ("", "`X-Forwarded-For` cannot be read"),
        ("192.0.2.7,", "`X-Forwarded-For` cannot be read"),
        ("192.0.2.7:", "`X-Forwarded-For` cannot be read"),
        ("192.0.2.7:65536", "`X-Forwarded-For` cannot be read"),
        ("192.0.2.7:+1", "`X-Forwarded-For` cannot be read"),
        ("192.0.2", "`X-Forwarded-For` cannot be read"),
        ("192.0.2.007", "`X-Forwarded-For` cannot be read"),
        ("localhost", "`X-Forwarded-For` cannot be read"),
        ("2001:db8::7]", "`X-Forwarded-For` cannot be read"),
    ] {
        assert_eq!(address(&[("x-forwarded-for", list)]), expected, "{list}");
    }
    let repeated = [
        ("x-forwarded-for", "192.0.2.7"),
        ("x-forwarded-for", "10.0.0.2"),
    ];
    assert_eq!(address(&repeated), "192.0.2.7:0");
    assert_eq!(address(&[]), PEER);
    assert_eq!(
        address(&[("x-forwarded-for", "caf\u{e9}")]),
        "`X-Forwarded-For` cannot be read"
    );
}

#[test]
fn forwarded_is_read_as_rfc_7239_says() {
    for (field, expected) in [
        ("for=192.0.2.43", "192.0.2.43:0"),
        ("For=\"192.0.2.43:47011\"", "192.0.2.43:47011"),
        (
            "For=\"[2001:db8:cafe::17]:4711\"",
            "[2001:db8:cafe::17]:4711",
        ),
        ("for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60:0"),
        ("for=192.0.2.43, for=198.51.100.17", "198.51.100.17:0"),
        ("for=192.0.2.43 , for=10.0.0.2", "192.0.2.43:0"),
        ("for=192.0.2.43;host=a, for=\"[fd00::1]\"", "192.0.2.43:0"),
        ("for=192.0.2.43, for=unknown", PEER),
        ("for=192.0.2.43, for=_SEVKISEK", PEER),
        ("for=\"192.0.2.4\\3\"", "192.0.2.43:0"),
        ("by=203.0.113.43;proto=https", PEER),
        // Empty pairs and elements are none (section 4; RFC 9110, section 5.6.1.2).
        ("for=192.0.2.43,", "192.0.2.43:0"),
        ("for=192.0.2.43;", "192.0.2.43:0"),
        (", ,for=192.0.2.43 , ;; ,", "192.0.2.43:0"),
        (";for=192.0.2.43;;proto=http ; ", "192.0.2.43:0"),
        ("for=192.0.2.7;, ;for=10.0.0.2", "192.0.2.7:0"),
        (" ;, ", PEER),
        ("", PEER),
        ("for=\"_gazonk:_x\";secret=1", PEER),
        // Strict: what is left open on the left would swallow what was appended.
        (
            "for=\"1.1.1.1, for=192.0.2.43",
            "`Forwarded` cannot be read",
        ),
        (
            "for=\"x, for=\"[2001:db8::1]\"",
            "`Forwarded` cannot be read",
        ),
        (
            "for=1.1.1.1\", for=192.0.2.43",
            "`Forwarded` cannot be read",
        ),
        ("for=[2001:db8::1]", "`Forwarded` cannot be read"),
        ("for=\"2001:db8::1\"", "`Forwarded` cannot be read"),
        ("for = 192.0.2.43", "`Forwarded` cannot be read"),
        (
            "for=192.0.2.43;for=192.0.2.44",
            "`Forwarded` cannot be read",
        ),
        ("for=192.0.2.43;proto=ftp", "`Forwarded` cannot be read"),
        ("for=192.0.2.43;host=\"a/b\"", "`Forwarded` cannot be read"),
        ("for=192.0.2.43 proto=http", "`Forwarded` cannot be read"),
        (";;=", "`Forwarded` cannot be read"),
        ("for=", "`Forwarded` cannot be read"),
        ("192.0.2.43", "`Forwarded` cannot be read"),
    ] {
        assert_eq!(address(&[("forwarded", field)]), expected, "{field}");
    }
    let many: String = (0..17).map(|n| format!("p{n}=v;")).collect();
    let many = [("forwarded", &*format!("{many}for=192.0.2.43"))];
    assert_eq!(address(&many), "`Forwarded` cannot be read");
}

#[test]
fn scheme_and_host_are_those_of_the_hop_that_saw_the_client() {
    type Case<'a> = (&'a [(&'a str, &'a str)], Option<bool>, Option<&'a str>);
    let cases: [Case<'_>; 9] = [
        (&[("x-forwarded-proto", "https")], Some(true), None),
        (
            &[("x-forwarded-proto", "wss"), ("x-forwarded-host", "a:81")],
            Some(true),
            Some("a:81"),
        ),
        // Each proxy appends; two were walked past.
        (
            &[
                ("x-forwarded-for", "192.0.2.7, 10.0.0.3, 10.0.0.2"),
                ("x-forwarded-proto", "http, https, http, http"),
                ("x-forwarded-host", "spoofed, a, b, c"),
            ],
            Some(true),
            Some("a"),
        ),
        // Each replaces.
        (
            &[
                ("x-forwarded-for", "192.0.2.7, 10.0.0.2"),
                ("x-forwarded-proto", "HTTPS"),
            ],
            Some(true),
            None,
        ),
        (
            &[(
                "forwarded",
                "for=1.1.1.1;proto=http;host=s, for=192.0.2.7;proto=https;host=a, for=10.0.0.2;proto=http;host=b",
            )],
            Some(true),
            Some("a"),
        ),
        (
            &[
                ("forwarded", "for=192.0.2.7;proto=http;host=a"),
                ("x-forwarded-for", "192.0.2.7"),
                ("x-forwarded-proto", "http"),
                ("x-forwarded-host", "a"),
            ],
            Some(false),
            Some("a"),
        ),
        // Each appends, and the client is one whom we trust: it has said nothing.
        (
            &[
                ("x-forwarded-for", "10.0.0.3, 10.0.0.2"),
                ("x-forwarded-proto", "https, http"),
            ],
            Some(true),
            None,
        ),
        // Nothing but what one family says, of which it cannot be known who wrote it.
        (
            &[
                ("forwarded", "for=192.0.2.7;host=evil"),
                ("x-forwarded-for", "192.0.2.7"),
                ("x-forwarded-proto", "https"),
            ],
            None,
            None,
        ),
        (&[("x-forwarded-for", "192.0.2.7")], None, None),
    ];
    for (fields, secure, host) in cases {
        let seen = through(PEER, fields).unwrap();
        assert_eq!(
            (seen.secure, seen.host.as_deref()),
            (secure, host),
            "{fields:?}"
        );
    }
    for field in ["x-forwarded-proto", "x-forwarded-host"] {
        for wrong in ["", "a b", "https,", "h\u{e9}"] {
            assert!(
                through(PEER, &[(field, wrong)]).is_err(),
                "{field}: {wrong}"
            );
        }
    }
}

// Not the leftmost: that may be the client's.
#[test]
fn a_list_that_some_proxies_have_not_added_to_is_refused() {
    let nodes = ("x-forwarded-for", "192.0.2.7, 10.0.0.3, 10.0.0.2");
    for name in ["x-forwarded-proto", "x-forwarded-host"] {
        for (list, expected) in [
            ("http", true),
            ("http, http", false),
            ("http, http, http", true),
        ] {
            let seen = through(PEER, &[nodes, (name, list)]);
            assert_eq!(seen.is_ok(), expected, "{name}: {list}");
        }
    }
}

// What a connection shows is the client's only while no proxy speaks for another.
#[test]
fn whoever_is_spoken_for_is_relayed() {
    for (peer, fields, relayed) in [
        (PEER, &[][..], false),
        ("192.0.2.1:7", &[("x-forwarded-for", "1.1.1.1")], false),
        (PEER, &[("x-forwarded-for", "1.1.1.1")], true),
        (PEER, &[("x-forwarded-for", "unknown")], true),
        (PEER, &[("x-forwarded-proto", "https")], true),
        (PEER, &[("forwarded", "by=_proxy")], true),
    ] {
        let seen = through(peer, fields).unwrap();
        assert_eq!(seen.relayed, relayed, "{fields:?}");
    }
}

// A proxy that sets one family passes the other through: a client could write it.
#[test]
fn two_families_have_to_say_the_same() {
    let both = |listed, told| address(&[("x-forwarded-for", listed), ("forwarded", told)]);
    let same = both("192.0.2.7:99", "for=\"192.0.2.7:99\"");
    assert_eq!(same, "192.0.2.7:99");
    assert_eq!(both("192.0.2.7", "for=\"192.0.2.7:99\""), "192.0.2.7:0");
    assert_eq!(both("192.0.2.7:98", "for=192.0.2.7"), "192.0.2.7:0");
    assert_eq!(both("unknown", "for=_hidden"), PEER);
    assert!(both("192.0.2.7", "for=1.1.1.1").contains("differ"));
    assert!(both("192.0.2.7", "proto=https").contains("differ"));
    // Lists that are not about the address do not speak against it.
    let other = [
        ("x-forwarded-proto", "http"),
        ("forwarded", "for=192.0.2.7"),
    ];
    assert_eq!(address(&other), "192.0.2.7:0");
    assert!(both("192.0.2.7", "for=unknown").contains("differ"));
    let proto = [("x-forwarded-proto", "http"), ("forwarded", "proto=https")];
    assert!(address(&proto).contains("X-Forwarded-Proto"));
    let host = [("x-forwarded-host", "a"), ("forwarded", "host=b")];
    assert!(address(&host).contains("X-Forwarded-Host"));
}

proptest! {
    /// Whatever a client writes, the address that our own proxy appended behind it is what is seen, or nothing.
    #[test]
    fn nothing_that_a_client_writes_hides_it(text in "[ -~]{0,40}", proto in "[ -~]{0,9}") {
        let listed = format!("{text}, 192.0.2.7");
        let seen = through(PEER, &[("x-forwarded-for", &listed)]).unwrap();
        prop_assert_eq!(seen.address.to_string(), "192.0.2.7:0");
        for told in [format!("{text}, for=192.0.2.7"), format!("{text}, for=\"192.0.2.7\";proto=http")] {
            if let Ok(seen) = through(PEER, &[("forwarded", &told)]) {
                prop_assert_eq!(seen.address.to_string(), "192.0.2.7:0");
            }
        }
        let _ = through(PEER, &[("x-forwarded-proto", &proto), ("x-forwarded-host", &text)]);
    }
}
