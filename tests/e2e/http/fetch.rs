//! Requests of guests to the outside: to another host of ours.

use super::Served;
use crate::tls::authority::Authority;

// hardening H29
#[test]
fn a_guest_reaches_what_is_granted_and_nothing_else() {
    let upstream = Served::new("");
    let authority = upstream.host.authority();
    let port = authority.rsplit(':').next().unwrap();
    let settings = format!(
        "connect = [\"http://{authority}/http\", \"http://localhost:{port}\"]\nconnections_per_session_max = 2"
    );
    let served = Served::new(&settings);
    let fetch = |url: &str| {
        served
            .text(&format!("/fetch?url={}", url.replace('&', "%26")))
            .1
    };
    let said = fetch(&format!("http://{authority}/http/x/../seen?a=1&b"));
    assert!(said.starts_with("status=200\n"), "{said}");
    assert!(said.contains("target=/http/seen?a=1&b\n"), "{said}");
    assert!(said.contains(&format!("authority={authority}\n")), "{said}");
    // A body of a known length, in chunks, and one that breaks off.
    assert!(fetch(&format!("http://{authority}/http/flood?bytes=9")).ends_with("body=xxxxxxxxx\n"));
    let broken = fetch(&format!("http://{authority}/http/trap-mid"));
    assert!(
        broken.contains("broken=") && broken.ends_with("body=half\n"),
        "{broken}"
    );
    for (url, error) in [
        (format!("http://{authority}/echo"), "HttpRequestDenied"),
        (
            format!("http://{authority}/http/../echo"),
            "HttpRequestDenied",
        ),
        (format!("https://{authority}/http"), "HttpRequestDenied"),
        (
            format!("http://localhost:{port}/http/count"),
            "DestinationIpProhibited",
        ),
    ] {
        assert_eq!(fetch(&url), format!("error=ErrorCode::{error}"), "{url}");
    }
    let log = served.host.log();
    let told = log
        .iter()
        .filter(|line| line.contains("`connect` does not list"));
    assert_eq!(told.count(), 1);
    let url = format!("http://{authority}/http/slow?count=3%26ms=100");
    let (_, said) = served.text(&format!("/fetches?count=3&url={url}"));
    assert_eq!(said.matches("status=200").count(), 2, "{said}");
    assert_eq!(said.matches("ConnectionLimitReached").count(), 1, "{said}");
    served.is_over();
    upstream.is_over();
}

// hardening H29
#[test]
fn what_a_guest_leaves_unread_ends_with_it() {
    let upstream = Served::new("");
    let authority = upstream.host.authority();
    let served = Served::new(&format!("connect = [\"http://{authority}\"]"));
    let url = format!("http://{authority}/http/flood?bytes=1073741824");
    let (_, said) = served.text(&format!("/fetch?limit=1&url={url}"));
    assert!(said.ends_with("body=x\n"), "{said}");
    // And what it waits for.
    let url = format!("http://{authority}/http/slow?count=1000000%26ms=20");
    let wire = served.ask(&format!("GET /http/hold?ms=100000&url={url}"));
    served.host.logged(&["holding true"]);
    drop(wire);
    served.is_over();
    upstream.is_over();
}

// parity W11, hardening H29
#[test]
fn over_tls_it_is_to_whom_the_entry_trusts() {
    let authority = Authority::new();
    let tls = authority
        .issue("upstream", &["localhost", "127.0.0.1"])
        .setting();
    let listen = format!("[[listen]]\naddress = \"127.0.0.1:0\"\ntls = {{ {tls} }}\n");
    let upstream = Served::with("", &listen);
    let url = format!("https://{}/http", upstream.host.authority());
    let (ours, others) = (authority.file.clone(), Authority::new().file.clone());
    for (ca, said) in [
        (ours, "status=200"),
        (others, "error=ErrorCode::TlsCertificateError"),
    ] {
        let served = Served::new(&format!("connect = [{{ url = \"{url}\", ca = {ca:?} }}]"));
        let (_, answer) = served.text(&format!("/fetch?url={url}/seen"));
        assert!(answer.starts_with(said), "{answer}");
        let is_let_in = said.starts_with("status");
        assert_eq!(
            answer.contains("scheme=Some(Scheme::Https)"),
            is_let_in,
            "{answer}"
        );
        served.is_over();
    }
}
