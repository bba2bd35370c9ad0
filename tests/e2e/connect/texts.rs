//! What is said when it fails: one line that names the phase, what happened, and what to do.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use socket2::{Domain, Socket, Type};

use super::bare::bare_always;
use super::field;
use super::host;
use super::program::Connect;
use super::secure;
use crate::tls::authority::Authority;

/// What is typed behind the URL, the code, and the line: `...` is anything.
struct Case {
    url: String,
    words: Vec<String>,
    code: i32,
    line: String,
}

fn case(url: &str, words: &[&str], code: i32, line: &str) -> Case {
    Case {
        url: url.to_owned(),
        words: words.iter().map(|word| (*word).to_owned()).collect(),
        code,
        line: line.to_owned(),
    }
}

impl Case {
    /// Runs it for people and for programs: both are told the same.
    fn check(&self) {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        let ended = Connect::to(&self.url, &words).end("");
        let line = ended.err.lines().next().unwrap_or_default();
        assert_eq!(ended.code, Some(self.code), "{:?}: {line}", self.line);
        let expected = format!("error: {}", self.line);
        let (start, end) = expected.split_once("...").unwrap_or((&expected, ""));
        let rest = line.strip_prefix(start);
        let is_as_expected = rest.is_some_and(|rest| match end {
            "" => rest.is_empty(),
            end => rest.ends_with(end),
        });
        assert!(is_as_expected, "{line}\n{expected}");
        assert_eq!(ended.out(), "");
        if self.code != 2 {
            self.check_json(&words);
        }
    }

    fn check_json(&self, words: &[&str]) {
        let ended = Connect::to(&self.url, &[words, &["--json"]].concat()).end("");
        assert_eq!(ended.code, Some(self.code), "{}", ended.err);
        let last = ended.out().lines().last().unwrap();
        match self.line.strip_prefix("closed ") {
            Some(_) => assert_eq!(field(last, "event"), "closed", "{last}"),
            None => {
                let (phase, _) = self.line.split_once(':').unwrap();
                assert_eq!(field(last, "event"), "error", "{last}");
                assert_eq!(field(last, "phase"), phase.to_lowercase(), "{last}");
            }
        }
    }
}

/// A port that nobody listens at, and nobody else gets while this lives.
fn nobody() -> (Socket, String) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    socket.bind(&any.into()).unwrap();
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address.to_string())
}

/// Answers every request with this, and hangs up.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            read_head(&mut stream);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn read_head(stream: &mut TcpStream) {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.extend(byte);
    }
}

// parity W1
#[test]
fn no_way_to_the_server() {
    let (_held, nobody) = nobody();
    // Too long to be a name, so that nobody is asked for its address.
    let name = "a".repeat(64);
    for case in [
        case(
            &format!("ws://{name}/"),
            &[],
            3,
            &format!("resolve: {name} has no address: ...; check the name"),
        ),
        case(
            &format!("ws://{nobody}/"),
            &[],
            3,
            &format!(
                "connect: {nobody} refused the connection; is the server running, and is this its port?"
            ),
        ),
    ] {
        case.check();
    }
}

// parity W12
#[test]
fn no_way_through_the_proxy() {
    let (_held, nobody) = nobody();
    let direct = "(--proxy '' goes without one)";
    let asks = answering(
        "HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
    );
    let forbids = answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    let fails = answering("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    let garbles = answering("SSH-2.0-OpenSSH\r\n");
    for (proxy, line) in [
        (
            &nobody,
            format!(
                "is out of reach: connect: {nobody} refused the connection; is the server running, and is this its port? {direct}"
            ),
        ),
        (
            &asks,
            "wants to know who we are (407); give a name and a password (it asks for Basic) (--proxy http://NAME:PASSWORD@HOST:PORT)".to_owned(),
        ),
        (
            &forbids,
            format!(
                "answered 403 Forbidden; does it allow CONNECT to this host and port? {direct}"
            ),
        ),
        (
            &fails,
            "answered 502 Bad Gateway; ... (or it cannot reach the server: check the URL; --proxy '' goes without one)".to_owned(),
        ),
        (
            &garbles,
            format!("did not answer in HTTP: ...; is it an HTTP proxy? {direct}"),
        ),
    ] {
        let words = ["--proxy", &format!("http://{proxy}")];
        case("ws://a/", &words, 4, &format!("proxy: {proxy} {line}")).check();
        // It asks us although we said who we are.
        let line = line.replace(
            "give a name and a password",
            "check the name and the password, or what else was sent",
        );
        let words = ["--pre-auth", "--proxy", &format!("http://ada:x@{proxy}")];
        case("ws://a/", &words, 4, &format!("proxy: {proxy} {line}")).check();
    }
    let words = ["--proxy", "socks5://u:geheim@a"];
    let line = "--proxy: the scheme of the URL `socks5://u@a` is not `http`, ...; name another with --proxy URL, or none with --proxy ''";
    case("ws://a/", &words, 2, line).check();
}

// parity W11
#[test]
fn no_agreement_on_tls() {
    let plain = host();
    let authority = Authority::new();
    let secured = secure::host(&authority.issue("host", &["host.example"]).setting());
    let ca = authority.file.to_str().unwrap();
    for case in [
        case(
            &plain.url("echo").replace("ws://", "wss://"),
            &[],
            5,
            "TLS: 127.0.0.1 failed: ...; does this port speak TLS, in a version allowed here?",
        ),
        case(
            &secured.url("probe"),
            &[],
            5,
            "TLS: 127.0.0.1 has a certificate of an authority that is not known here; add its certificate to the authorities (--ca FILE)",
        ),
        case(
            &secured.url("probe"),
            &["--ca", ca],
            5,
            "TLS: 127.0.0.1 has a certificate for other names (host.example); connect by one of them (or --server-name NAME)",
        ),
        case(
            &secured.url("probe"),
            &["--ca", "/dev/null"],
            2,
            "--ca /dev/null: the authority: there is no certificate in this PEM text",
        ),
        case(
            &secured.url("probe"),
            &["--cert", ca],
            2,
            &format!("--cert {ca}: the key: ...; name the file of its key with --key FILE"),
        ),
    ] {
        case.check();
    }
}

// parity W1, W3, W5
#[test]
fn no_handshake() {
    let host = host();
    let at = |address: String| format!("ws://{address}/");
    let basic = answering(
        "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
    );
    let moved = answering("HTTP/1.1 307 Moved\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n");
    let page = answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    let garbles = answering("SSH-2.0-OpenSSH\r\n");
    let forges = answering(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
    );
    for (url, line) in [
        (
            format!("{}x", host.url("echo")),
            "the server answered 404 Not Found \"there is no service at this path\"; check the path",
        ),
        (
            at(basic),
            "the server answered 401 Unauthorized; give a name and a password (it asks for Basic) (--user NAME)",
        ),
        (
            format!("{}?reject=403", host.url("probe")),
            "the server answered 403 Forbidden; does it allow this origin and this user? (--origin ORIGIN, --user NAME)",
        ),
        (
            at(moved),
            "the server answered 307 Temporary Redirect; it redirects to \"/new\": allow redirects (--location)",
        ),
        (
            at(page),
            "the server answered 200 OK; is this a WebSocket server, and the right path?",
        ),
        (
            at(garbles),
            "the server did not answer in HTTP: ...; is this a WebSocket server, and is it ws or wss?",
        ),
        (at(forges), "...; is this a WebSocket server?"),
    ] {
        case(&url, &[], 6, &format!("handshake: {line}")).check();
    }
}

// parity W15, W16
#[test]
fn no_connection_any_more() {
    for (bytes, words, code, line) in [
        (
            &b""[..],
            &[][..],
            7,
            "closed with 1006: the server ended the connection without a close frame; connect again (--reconnect)",
        ),
        (
            b"\x83\x00",
            &[],
            7,
            "closed with 1002: the server broke a rule: ...; the server is to be mended",
        ),
        (
            b"\x82\x7e\x04\x01",
            &["--message-bytes-max", "1KiB"],
            7,
            "closed with 1009: the server broke a rule: ...; raise the limit if this is welcome (--message-bytes-max SIZE)",
        ),
        (
            b"\x88\x08\x03\xf3no way",
            &[],
            8,
            "closed by the server with 1011 \"no way\"; the fault is the server's, and its log may say more",
        ),
        (
            b"\x88\x02\x03\xf5",
            &[],
            8,
            "closed by the server with 1013; try again later (--reconnect)",
        ),
        (
            b"\x88\x02\x0f\xa0",
            &[],
            8,
            "closed by the server with 4000",
        ),
    ] {
        let words = [words, &["--linger", "forever"]].concat();
        case(&bare_always(bytes), &words, code, line).check();
    }
}
