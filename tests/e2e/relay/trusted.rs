//! Credentials, certificates and proxies of an entry of `connect`: another host of ours is the upstream.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

use crate::host::{Host, run, write_config};
use crate::login::digest::htdigest;
use crate::tls::authority::Authority;

/// A probe that may connect as this entry says, after it did.
fn serves(entry: &str, url: &str) -> Host {
    let host = Host::probe(&format!("connect = [{entry}]"));
    let mut client = host.connect("probe");
    assert_eq!(client.ask(&format!("connect:{url}")), "connect=1");
    assert_eq!(client.ask("out-send:1:hello"), "out-send=accepted");
    host.events_with(1, "out-message out=1 text='hello'");
    host
}

/// One that does not come about, with this in the log.
fn fails(entry: &str, url: &str, told: &[&str]) -> Host {
    let host = Host::probe(&format!("connect = [{entry}]"));
    let mut client = host.connect("probe");
    assert_eq!(client.ask(&format!("connect:{url}")), "connect=1");
    let events = host.events_with(1, "out-close");
    let end = events.iter().find(|event| event.starts_with("out-close"));
    let expected = "out-close out=1 code=1006 by=peer clean=false reason='not connected'";
    assert_eq!(
        end.map(String::as_str),
        Some(expected),
        "the guest learns little"
    );
    host.logged(told);
    host
}

fn file(text: &str) -> PathBuf {
    let file = write_config("").with_file_name("password");
    std::fs::write(&file, text).unwrap();
    file
}

/// An echo that asks for ada's password, which is `secret`.
fn asking(scheme: &str) -> Host {
    let users = match scheme {
        "basic" => file("ada:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n"),
        _ => file(&htdigest()),
    };
    Host::serve(&format!(
        "[auth.staff]\nscheme = \"{scheme}\"\nrealm = \"staff\"\nusers = {users:?}\n\
         failures_per_minute_max = \"off\"\n\
         [service.echo]\npath = \"/echo\"\nnative = \"echo\"\nauth = \"staff\"\n"
    ))
}

// parity W3
#[test]
fn an_entry_logs_in_by_what_the_upstream_asks_for() {
    let (password, wrong) = (file("secret\nnot this\n"), file("wrong\n"));
    for scheme in ["basic", "digest"] {
        let upstream = asking(scheme);
        let url = upstream.url("echo");
        let entry = |file: &Path| {
            format!("{{ url = \"{url}\", user = \"ada\", password_file = {file:?} }}")
        };
        let (right, nobody) = (entry(&password), format!("\"{url}\""));
        let host = serves(&right, &url);
        assert!(!host.log().iter().any(|line| line.contains("secret")));
        let told = ["\"phase\":\"handshake\"", "401"];
        fails(&entry(&wrong), &url, &told);
        fails(&nobody, &url, &told);
        // The first entry that covers it counts.
        serves(&format!("{right}, {nobody}"), &url);
        fails(&format!("{nobody}, {right}"), &url, &told);
    }
}

// parity W11
#[test]
fn an_entry_has_an_authority_and_a_certificate_of_its_own() {
    let authority = Authority::new();
    let upstream = authority.issue("upstream", &["localhost", "127.0.0.1"]);
    let tls = upstream.setting();
    let server = Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = {{ {tls} }}\n\
         [service.echo]\npath = \"/echo\"\nnative = \"echo\"\n"
    ));
    let url = server.url("echo");
    assert!(url.starts_with("wss://"), "{url}");
    let ca = &authority.file;
    serves(&format!("{{ url = \"{url}\", ca = {ca:?} }}"), &url);
    let stranger = Authority::new();
    let other = &stranger.file;
    let entry = format!("{{ url = \"{url}\", ca = {other:?} }}");
    fails(&entry, &url, &["\"phase\":\"TLS\""]);
    fails(&format!("\"{url}\""), &url, &["\"phase\":\"TLS\""]);

    // One that asks who we are.
    let server = Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n\
         tls = {{ {tls}, client_certificates = \"required\", client_ca = {ca:?} }}\n\
         [service.echo]\npath = \"/echo\"\nnative = \"echo\"\n"
    ));
    let url = server.url("echo");
    let ours = authority.issue("ours", &["ours.example"]);
    let (chain, key) = (&ours.chain_file, &ours.key_file);
    let entry = format!("{{ url = \"{url}\", ca = {ca:?}, chain = {chain:?}, key = {key:?} }}");
    serves(&entry, &url);
    let entry = format!("{{ url = \"{url}\", ca = {ca:?} }}");
    let host = Host::probe(&format!("connect = [{entry}]"));
    let mut client = host.connect("probe");
    assert_eq!(client.ask(&format!("connect:{url}")), "connect=1");
    host.events_with(1, "out-close out=1 code=1006");
}

// parity W12
#[test]
fn an_entry_goes_through_its_proxy() {
    let server = Host::serve("[service.echo]\npath = \"/echo\"\nnative = \"echo\"\n");
    let port = server.authority().rsplit(':').next().unwrap().to_owned();
    let (proxy, asked) = proxy(server.authority());
    // A name that only the proxy knows.
    let url = format!("ws://inside.example:{port}/echo");
    let entry = format!("{{ url = \"{url}\", proxy = \"http://{proxy}\" }}");
    serves(&entry, &url);
    let asked = asked.join().unwrap();
    let expected = format!("CONNECT inside.example:{port} HTTP/1.1\r\n");
    assert!(asked.starts_with(&expected), "{asked}");
}

/// A proxy for one connection, which leads anywhere to one server: its address, and what it was asked.
fn proxy(server: String) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let proxied = thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let head = head(&mut client);
        let mut server = TcpStream::connect(server).unwrap();
        client
            .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
            .unwrap();
        let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || io::copy(&mut from, &mut to));
        thread::spawn(move || io::copy(&mut server, &mut client));
        head
    });
    (address, proxied)
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

/// A server that answers one request with this.
fn answers(answer: &'static str) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        head(&mut stream);
        stream.write_all(answer.as_bytes()).unwrap();
    });
    url
}

// parity W5, hardening H29
#[test]
fn no_redirect_is_followed() {
    let url = answers(
        "HTTP/1.1 302 Found\r\nlocation: ws://127.0.0.1:1/inside\r\ncontent-length: 0\r\n\r\n",
    );
    fails(&format!("\"{url}\""), &url, &["302"]);
}

// Keys of feeds stand in queries.
#[test]
fn no_query_is_in_the_log() {
    let url = answers("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    let asked = format!("{url}/feed?token=hidden");
    let host = fails(&format!("\"{url}\""), &asked, &["403", "/feed"]);
    let server = Host::serve("[service.echo]\npath = \"/echo\"\nnative = \"echo\"\n");
    let asked = format!("{}?token=hidden", server.url("echo"));
    let other = serves(&format!("\"{}\"", server.url("echo")), &asked);
    other.logged(&["connected to the outside", "/echo"]);
    for host in [host, other] {
        // But for the probe's own words.
        let log = host.log();
        let mut ours = log.iter().filter(|line| !line.contains("event on-message"));
        assert!(!ours.any(|line| line.contains("hidden")), "{log:#?}");
    }
}

// hardening H30
#[test]
fn what_an_entry_names_is_checked_at_the_start() {
    let (tab, nothing) = (file("tab\t\n"), PathBuf::from("/nonexistent"));
    let text = |entry: &str| {
        format!(
            "[service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\nconnect = [{entry}]\n"
        )
    };
    for (entry, told) in [
        (
            format!("{{ url = \"ws://a.example\", user = \"ada\", password_file = {tab:?} }}"),
            "control characters",
        ),
        (
            "{ url = \"ws://a.example\", user = \"ada\", password_env = \"WASKET_NOT_SET\" }"
                .into(),
            "WASKET_NOT_SET",
        ),
        (
            format!("{{ url = \"ws://a.example\", user = \"ada\", password_file = {nothing:?} }}"),
            "/nonexistent",
        ),
        (
            format!("{{ url = \"wss://a.example\", ca = {tab:?} }}"),
            "password",
        ),
    ] {
        let config = write_config(&text(&entry));
        let (code, out, err) = run(&["check", config.to_str().unwrap()]);
        assert_ne!(code, Some(0), "{entry}");
        assert!(format!("{out}{err}").contains(told), "{entry}: {out}{err}");
    }
}
