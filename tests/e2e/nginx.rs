//! nginx in front, as docs/operators.md has it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::host::{Host, repository, write_file};
use crate::tls::authority::{Authority, Issued};
use crate::tls::client::Dial;

/// One that runs until this is dropped.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// Stands before the host with the page's configuration: only addresses and files are others.
    fn start(host: &Host, own: &Issued) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let mut site = documented();
        for (said, meant) in [
            ("listen 443 ", format!("listen {address} ")),
            ("127.0.0.1:4649", host.authority()),
            ("/etc/nginx/site.pem", own.chain_file.display().to_string()),
            (
                "/etc/nginx/site-key.pem",
                own.key_file.display().to_string(),
            ),
        ] {
            assert_eq!(site.matches(said).count(), 1, "{said}");
            site = site.replace(said, &meant);
        }
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let folders = kinds.map(|kind| format!("{kind}_temp_path {kind};\n"));
        let config = format!(
            "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr;\nevents {{}}\n\
             http {{\naccess_log off;\n{}{site}}}\n",
            folders.concat()
        );
        let file = write_file("nginx.conf", &config);
        let child = Command::new("/usr/sbin/nginx")
            .args(["-e", "stderr", "-p"])
            .arg(file.parent().unwrap())
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .expect("nginx is needed: `apt install nginx` on Debian");
        let mut nginx = Self { child, address };
        nginx.listens(&file.with_file_name("nginx.pid"));
        nginx
    }

    /// Waits until it does, and not another who has the address by now: its own number is there behind that.
    fn listens(&mut self, pid_file: &Path) {
        let own = self.child.id().to_string();
        let until = Instant::now() + Duration::from_secs(20);
        while !fs::read_to_string(pid_file).is_ok_and(|id| id.trim() == own) {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("nginx has ended: {status}");
            }
            assert!(Instant::now() < until, "nginx does not listen");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The block for nginx of the page for operators.
fn documented() -> String {
    let page = fs::read_to_string(repository().join("docs/operators.md")).unwrap();
    let (_, rest) = page.split_once("```nginx\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// A host behind nginx, whose clients have to ask for `host.example`.
fn served() -> (Host, Nginx, Authority) {
    let host = Host::serve(
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1\"]\n\
         [service.echo]\npath = \"/echo\"\nnative = \"echo\"\nhosts = [\"host.example\"]\n\
         [http.probe]\npath = \"/http/*\"\ncomponent = \"GUESTS/httpprobe.wasm\"\n",
    );
    let authority = Authority::new();
    let own = authority.issue("host", &["host.example"]);
    let nginx = Nginx::start(&host, &own);
    let host = host.behind(nginx.address);
    (host, nginx, authority)
}

// parity S1, B5
#[test]
#[ignore = "foreign: needs nginx"]
fn nginx_passes_sessions_on_and_says_who_comes() {
    let (host, _nginx, authority) = served();
    let mut dial = Dial::new(&authority);
    // What clients say of themselves does not come through; a page of the own host is known by the scheme.
    for header in [
        ("x-forwarded-for", "10.9.9.9"),
        ("forwarded", "for=10.9.9.9;host=other.example;proto=http"),
        ("x-forwarded-host", "other.example"),
        ("x-forwarded-proto", "http"),
        ("origin", "https://host.example"),
    ] {
        dial.header = Some(header);
        let mut client = dial.open(&host, "echo");
        let long = "long".repeat(50_000);
        assert_eq!(client.ask("short"), "short", "{header:?}");
        assert!(client.ask(&long) == long, "{header:?}");
        assert_eq!(client.close(3001, "bye"), (3001, "bye".to_owned()));
    }
    dial.header = Some(("origin", "http://host.example"));
    let refused = dial.connect(&host, "echo").err().unwrap();
    assert!(refused.contains("403"), "{refused}");
    host.logged(&["\"closed\"", "\"code\":3001", "\"clean\":true"]);
    let log = host.log();
    let opened: Vec<_> = log
        .iter()
        .filter(|line| line.contains("\"open\""))
        .collect();
    assert_eq!(opened.len(), 5, "{opened:?}");
    for line in opened {
        assert!(line.contains("\"remote\":\"127.0.0.1:"), "{line}");
    }
}

// parity H2
#[test]
#[ignore = "foreign: needs nginx"]
fn nginx_passes_bodies_on_as_they_come() {
    let (host, _nginx, authority) = served();
    let dial = Dial::new(&authority);
    // By HTTP/1.0 the answer ends with its connection.
    let mut stream = dial.shake_hands(&host).unwrap();
    let body = "body".repeat(100_000);
    let length = body.len();
    let head = format!(
        "POST /http/echo HTTP/1.0\r\nHost: host.example\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    // nginx ends it without a word of TLS, or with one.
    let _ = stream.read_to_string(&mut answer);
    let (head, said) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(said == body, "{} of {length} bytes", said.len());

    // The first event is there long before the second.
    let mut stream = dial.shake_hands(&host).unwrap();
    let line = "GET /http/slow?count=2&ms=50000 HTTP/1.1";
    write!(stream, "{line}\r\nHost: host.example\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "data: 0"));
    drop(lines);
    // Its guest has ended with its client.
    assert_eq!(host.stop(), Some(0));
}
