//! On the way: logins, proxies, redirects, and what `-v` shows of them.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::host;
use super::program::Connect;
use crate::host::{Host, write_config};

/// A proxy that lets one client through to wherever it wants.
fn proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let head = head(&mut client);
        let target = head.split(' ').nth(1).unwrap();
        let mut server = TcpStream::connect(target).unwrap();
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut from, &mut to));
        let _ = std::io::copy(&mut server, &mut client);
    });
    address.to_string()
}

/// Redirects one client.
fn redirect(to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/old", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        head(&mut client);
        let answer = format!("HTTP/1.1 307 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        client.write_all(answer.as_bytes()).unwrap();
    });
    url
}

fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

// parity W3
#[test]
fn a_password_comes_from_the_environment() {
    let users = write_config("ada:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
    let host = Host::serve(&format!(
        "[auth.staff]\nscheme = \"basic\"\nusers = {users:?}\nfailures_per_minute_max = \"off\"\n\
         [service.echo]\npath = \"/echo\"\nnative = \"echo\"\nauth = \"staff\"\n"
    ));
    let url = host.url("echo");
    let asks = |words: &[&str], password| {
        let words = [words, &["-v", "--exit-after", "1"]].concat();
        Connect::to(&url, &words)
            .env("WASKET_PASSWORD", password)
            .end("hi\n")
    };
    let ended = asks(&["--user", "ada"], "secret");
    assert_eq!(
        (ended.code, ended.out()),
        (Some(0), "hi\n"),
        "{}",
        ended.err
    );
    assert!(ended.err.contains("< HTTP/1.1 401 Unauthorized"));
    assert!(ended.err.contains("> authorization: Basic (hidden)"));
    assert!(!ended.err.contains("YWRhOnNlY3JldA=="), "{}", ended.err);
    let ended = asks(&["--user", "ada:secret", "--pre-auth"], "wrong");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(!ended.err.contains("401"), "{}", ended.err);
    let ended = asks(&["--user", "ada"], "wrong");
    assert_eq!(ended.code, Some(6), "{}", ended.err);
    let ended = Connect::to(&url, &[]).end("");
    assert_eq!(ended.code, Some(6));
    assert!(ended.err.contains("(--user NAME)"), "{}", ended.err);
}

// parity W8, W10
#[test]
fn headers_of_a_file_are_sent_and_secrets_are_not_shown() {
    let host = Host::probe("");
    let run = |lines: &str| {
        let file = format!("@{}", write_config(lines).display());
        let words = ["-v", "--header", &file, "--exit-after", "2"];
        Connect::to(&host.url("probe"), &words).end("header:x-api-key\nheader:cookie\n")
    };
    let ended = run("X-Api-Key: geheim\r\n\nCookie: a=geheim");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert_eq!(ended.out(), "header=geheim\nheader=a=geheim\n");
    assert!(ended.err.contains("> x-api-key: (hidden)"), "{}", ended.err);
    assert!(!ended.err.contains("geheim"), "{}", ended.err);
    for (lines, why) in [
        (
            "A: b\nBearer geheim\n",
            "line 2: expected a name and a value",
        ),
        (
            "A: b\n\nUpgrade: geheim\n",
            "line 3: the header \"Upgrade\"",
        ),
    ] {
        let ended = run(lines);
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains(why), "{}", ended.err);
        assert!(!ended.err.contains("geheim"), "{}", ended.err);
    }
}

// parity W12
#[test]
fn the_environment_says_which_proxy() {
    let host = host();
    let url = host.url("echo");
    let words = ["-v", "--exit-after", "1"];
    for variable in ["http_proxy", "HTTP_PROXY", "ALL_PROXY"] {
        let ended = Connect::to(&url, &words)
            .env(variable, &proxy())
            .end("hi\n");
        assert_eq!(
            (ended.code, ended.out()),
            (Some(0), "hi\n"),
            "{}",
            ended.err
        );
        assert!(ended.err.contains("> CONNECT 127.0.0.1:"), "{}", ended.err);
    }
    let option = ["-v", "--exit-after", "1", "--proxy", &proxy()];
    let ended = Connect::to(&url, &option)
        .env("ALL_PROXY", "nowhere:1")
        .end("hi\n");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("> CONNECT"), "{}", ended.err);

    let direct = |connect: Connect| {
        let ended = connect.env("ALL_PROXY", "nowhere:1").end("hi\n");
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(!ended.err.contains("CONNECT"), "{}", ended.err);
    };
    direct(Connect::to(&url, &words).env("NO_PROXY", "example.com,127.0.0.0/8"));
    direct(Connect::to(&url, &["--exit-after", "1", "--proxy", ""]));
    let words = ["-v", "--exit-after", "1", "--proxy", "nowhere:1"];
    direct(Connect::to(&url, &words).env("no_proxy", "127.0.0.1"));
    let port = url.split([':', '/']).nth(4).unwrap();
    let typed = format!("127.0.0.1:{port}");
    direct(Connect::to(
        &url,
        &[&words[..], &["--noproxy", &typed]].concat(),
    ));
    let proxy = proxy();
    let words = ["-v", "--exit-after", "1", "-x", &proxy, "--noproxy", ""];
    let ended = Connect::to(&url, &words)
        .env("no_proxy", "127.0.0.1")
        .end("hi\n");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.err.contains("> CONNECT"), "{}", ended.err);
}

// parity W5
#[test]
fn redirects_are_followed_when_asked_for() {
    let host = host();
    let ended = Connect::to(&redirect(host.url("echo")), &[]).end("");
    assert_eq!(ended.code, Some(6));
    assert!(ended.err.contains("(--location)"), "{}", ended.err);
    for option in ["--location", "-L"] {
        let words = [option, "-vv", "--exit-after", "1"];
        let ended = Connect::to(&redirect(host.url("echo")), &words).end("hi\n");
        assert_eq!(
            (ended.code, ended.out()),
            (Some(0), "hi\n"),
            "{}",
            ended.err
        );
        assert!(ended.err.contains("* redirected to ws://"), "{}", ended.err);
    }
}
