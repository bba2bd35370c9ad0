//! Requests of guests to the outside.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use wasket_runtime::{Grant, Outbound};
use wasket_session::IdSource;

use super::upstream::Upstream;
use super::*;
use crate::harness::Log;

impl Bench {
    /// One that grants this, with room for so many at once: in an instance, and in all.
    async fn granting(urls: &[&str], each: usize, all: usize) -> Self {
        let grants = urls.iter().map(|url| Grant::new(url).expect("an entry"));
        let grants = grants.collect();
        Self::new().await.with_grants(grants, each, all)
    }

    fn with_grants(self, grants: Vec<Grant>, each: usize, all: usize) -> Self {
        let outbound = Outbound::new(Arc::new(IdSource::new(1)), all);
        Self {
            service: self.service.with_connections(&outbound, grants, each),
            ..self
        }
    }

    /// What a guest says that sends a request there.
    async fn fetch(&self, url: &str, more: &str) -> String {
        let url = url.replace('&', "%26").replace('#', "%23");
        let (status, said) = self.text(&format!("/fetch?url={url}{more}")).await;
        assert_eq!(status, 200, "{said}");
        said
    }
}

const OK: &str = "HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 5\r\n\r\nhello";

// hardening H29
#[tokio::test]
async fn what_was_judged_is_what_is_sent() {
    let upstream = Upstream::answering(OK);
    let bench = Bench::granting(&[&upstream.url("/in")], 4, 4).await;
    let said = bench.fetch(&upstream.url("/in/x/../y?q=1"), "").await;
    assert!(said.starts_with("status=200\n"), "{said}");
    assert!(
        said.contains("x-a=b\n") && said.contains("body=hello\n"),
        "{said}"
    );
    let asked = upstream.heard();
    assert!(asked.starts_with("GET /in/y?q=1 HTTP/1.1\r\n"), "{asked}");
    let host = format!("\r\nhost: {}\r\n", upstream.address);
    assert_eq!(asked.matches("host:").count(), 1, "{asked}");
    assert!(asked.contains(&host), "{asked}");
    let more = "&method=POST&body=abcdef&header=x-own:1";
    bench.fetch(&upstream.url("/in"), more).await;
    let asked = upstream.heard();
    assert!(asked.starts_with("POST /in HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains("\r\nx-own: 1\r\n"), "{asked}");
    assert!(asked.ends_with("6\r\nabcdef\r\n0\r\n\r\n"), "{asked}");
    bench.over().await;
}

// hardening H29
#[tokio::test]
async fn what_is_not_granted_is_not_asked_and_told_once() {
    let (log, _recording) = Log::record();
    let upstream = Upstream::answering(OK);
    let granted = upstream.url("/in");
    let sessions = granted.replace("http://", "ws://");
    for urls in [&[granted.as_str()][..], &[&sessions], &[]] {
        let bench = Bench::granting(urls, 4, 4).await;
        for url in [
            upstream.url("/"),
            upstream.url("/in/../out"),
            upstream.url("/inn"),
            upstream.url("/in/%2e%2e/out"),
            upstream.url("/in").replace("http:", "https:"),
            upstream.url("/in").replace("127.0.0.1", "localhost"),
            "http://169.254.169.254/in".into(),
        ] {
            let said = bench.fetch(&url, "").await;
            assert_eq!(said, "error=ErrorCode::HttpRequestDenied", "{url}");
        }
        bench.over().await;
    }
    // Of each service.
    assert_eq!(
        log.lines("`connect` does not list").len(),
        3,
        "{}",
        log.text()
    );
    let bench = Bench::granting(&[&granted], 4, 4).await;
    for (url, more, error) in [
        (
            granted.replace("://", "://ada:secret@"),
            "",
            "HttpRequestUriInvalid",
        ),
        (granted.replace("http:", "ws:"), "", "HttpProtocolError"),
        (
            granted.clone(),
            "&method=CONNECT",
            "HttpRequestMethodInvalid",
        ),
        (granted.clone(), "&method=TRACE", "HttpRequestMethodInvalid"),
        (
            granted.clone(),
            "&header=host:evil.example",
            "the header is refused",
        ),
        (
            granted.clone(),
            "&header=connection:upgrade",
            "the header is refused",
        ),
        (
            granted.clone(),
            "&header=transfer-encoding:chunked",
            "the header is refused",
        ),
    ] {
        let said = bench.fetch(&url, more).await;
        assert!(
            said.starts_with("error=") && said.contains(error),
            "{url} {said}"
        );
    }
    assert_eq!(upstream.asked(), [""; 0]);
    assert!(!log.text().contains("secret"), "{}", log.text());
    bench.over().await;
}

// hardening H29
#[tokio::test]
async fn a_name_leads_to_no_private_address() {
    let upstream = Upstream::answering(OK);
    let url = format!("http://localhost:{}", upstream.address.port());
    let bench = Bench::granting(&[&url], 4, 4).await;
    let said = bench.fetch(&url, "").await;
    assert_eq!(said, "error=ErrorCode::DestinationIpProhibited");
    assert_eq!(upstream.asked(), [""; 0]);
    bench.over().await;
    let private = Grant::new(&url).expect("an entry").private(true);
    let bench = Bench::new().await.with_grants(vec![private], 4, 4);
    let said = bench.fetch(&url, "").await;
    assert!(said.starts_with("status=200"), "{said}");
    bench.over().await;
}

// hardening H29
#[tokio::test]
async fn a_redirect_is_an_answer_like_others() {
    let answer = "HTTP/1.1 302 x\r\nLocation: /in/other\r\nContent-Length: 0\r\n\r\n";
    let upstream = Upstream::answering(answer);
    let bench = Bench::granting(&[&upstream.url("/in")], 4, 4).await;
    let said = bench.fetch(&upstream.url("/in"), "").await;
    assert!(said.starts_with("status=302\n"), "{said}");
    assert!(said.contains("location=/in/other\n"), "{said}");
    assert_eq!(upstream.asked().len(), 1);
    bench.over().await;
}

// hardening H29
#[tokio::test]
async fn there_are_as_many_at_once_as_the_settings_say() {
    let (log, _recording) = Log::record();
    let upstream = Upstream::answering(OK);
    for (each, all, setting) in [
        (2, 9, "connections_per_session_max = 2"),
        (9, 1, "outbound_connections_max = 1"),
    ] {
        let bench = Bench::granting(&[&upstream.url("/")], each, all).await;
        let url = upstream.url("/");
        for _ in 0..3 {
            let (_, said) = bench.text(&format!("/fetches?url={url}&count=3")).await;
            let most = each.min(all);
            assert_eq!(said.matches("status=200").count(), most, "{said}");
            let refused = said.matches("ConnectionLimitReached").count();
            assert_eq!(refused, 3 - most, "{said}");
            bench.over().await;
        }
        assert_eq!(log.lines(setting).len(), 1, "{}", log.text());
    }
}

// hardening H29
#[tokio::test]
async fn answers_that_do_not_come_or_are_none_are_errors() {
    let (log, _recording) = Log::record();
    let many: String = (0..101).map(|n| format!("x-{n}: 1\r\n")).collect();
    let long = format!("x: {}\r\n", "y".repeat(200_000));
    let of = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n");
    for (answer, error) in [
        (String::new(), "HttpResponseIncomplete"),
        ("HTTP/1.1 200 OK\r\n".into(), "HttpResponseIncomplete"),
        ("nothing of HTTP\r\n\r\n".into(), "HttpProtocolError"),
        (of(&many), "HttpResponseHeaderSectionSize"),
        (of(&long), "HttpResponseHeaderSectionSize"),
        (
            "HTTP/1.1 101 x\r\nupgrade: y\r\nconnection: upgrade\r\n\r\n".into(),
            "HttpProtocolError",
        ),
    ] {
        let upstream = Upstream::answering(answer);
        let bench = Bench::granting(&[&upstream.url("/")], 4, 4).await;
        let said = bench.fetch(&upstream.url("/"), "").await;
        assert!(
            said.starts_with("error=") && said.contains(error),
            "{error}: {said}"
        );
        bench.over().await;
    }
    // Where nothing listens, and where nobody answers.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = gone.local_addr().expect("an address");
    let bench = Bench::granting(&[&format!("http://{silent}")], 4, 4).await;
    let url = format!("http://{silent}");
    let said = bench.fetch(&url, "&first-ms=50").await;
    assert_eq!(said, "error=ErrorCode::ConnectionReadTimeout");
    drop(gone);
    let said = bench.fetch(&url, "").await;
    assert_eq!(said, "error=ErrorCode::ConnectionRefused");
    let lines = log.lines("does not go out");
    assert!(
        lines.len() == 1 && lines[0].contains("refused"),
        "{lines:?}"
    );
    bench.over().await;
}

#[tokio::test]
async fn an_answer_that_stalls_or_breaks_off_is_told_from_a_whole_one() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello";
    let broken = Upstream::answering(head);
    let stalled = Upstream::serving(move |mut stream| {
        let _ = stream.write_all(head.as_bytes());
        thread::sleep(PATIENCE);
    });
    for (upstream, more) in [(broken, ""), (stalled, "&between-ms=50")] {
        let bench = Bench::granting(&[&upstream.url("/")], 4, 4).await;
        let said = bench.fetch(&upstream.url("/"), more).await;
        assert!(
            said.contains("broken=") && said.contains("body=hello"),
            "{said}"
        );
        bench.over().await;
    }
}

// hardening H29
#[tokio::test]
async fn what_a_guest_does_not_read_is_not_taken() {
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let upstream = Upstream::serving(move |mut stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        while stream.write_all(&[b'x'; 65_536]).is_ok() {
            count.fetch_add(65_536, Ordering::Relaxed);
        }
    });
    let bench = Bench::granting(&[&upstream.url("/")], 4, 4).await;
    let said = bench.fetch(&upstream.url("/"), "&limit=1").await;
    assert!(said.ends_with("body=x\n"), "{said}");
    bench.over().await;
    // What the system takes on both sides, and the host's one buffer.
    assert!(written.load(Ordering::Relaxed) < 64 << 20);
}

// hardening H29
#[tokio::test]
async fn a_request_whose_guest_is_gone_does_not_end_as_if_it_were_whole() {
    let upstream = Upstream::answering(OK);
    let bench = Bench::granting(&[&upstream.url("/")], 4, 4).await;
    let url = upstream.url("/");
    for ms in [0, 20] {
        let target = format!("/leave?method=POST&ms={ms}&url={url}");
        assert_eq!(bench.get(&target).await.status(), 500);
        bench.over().await;
        if ms > 0 {
            let asked = upstream.heard();
            assert!(
                asked.contains("POST /") && !asked.ends_with("0\r\n\r\n"),
                "{asked}"
            );
        }
    }
}
