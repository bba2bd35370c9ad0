//! HAProxy as people put it in front: it makes streams of sessions and sessions of streams.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::pipe::{self, Parts};
use crate::host::{Client, Host, write_file};

/// One that runs until this is dropped.
struct HaProxy {
    child: Child,
    address: SocketAddr,
}

impl HaProxy {
    /// Passes on what comes to a port of its own. Both ends are said in its words.
    fn start(comes: &str, host: &Host, goes: &str) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let config = format!(
            "defaults\n  mode http\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\n\
             frontend comes\n  bind {address} {comes}\n  default_backend goes\n\
             backend goes\n  http-request set-header x-forwarded-for %[req.hdr(x-client)]\n  \
             server wasket {} {goes}\n",
            host.authority()
        );
        let child = Command::new("/usr/sbin/haproxy")
            .args(["-db", "-q", "-f"])
            .arg(write_file("haproxy.cfg", &config))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("HAProxy is needed: `apt install haproxy` on Debian");
        let haproxy = Self { child, address };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < until, "HAProxy does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        haproxy
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(listen: &str) -> Host {
    Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1\"]\n{listen}\n\
         [service.echo]\npath = \"/echo\"\ncomponent = \"GUESTS/echo.wasm\"\n"
    ))
}

fn connect(host: &Host, from: &str) -> Client {
    let headers = [("x-client", from)];
    // The first one may come before HAProxy has heard that sessions may be streams.
    let again = |_| host.connect_to("echo", "", &headers);
    let client = host.connect_to("echo", "", &headers).or_else(again);
    client.expect("the handshake succeeds")
}

/// Twenty sessions of as many clients, short messages and long ones, and an end of each that both sides know of.
fn talk(host: &Host, http: &str) {
    let long = "long".repeat(50_000);
    let mut clients: Vec<_> = (1..=20)
        .map(|number| connect(host, &format!("10.0.0.{number}")))
        .collect();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.ask(&number.to_string()), number.to_string());
        assert!(client.ask(&long) == long, "{number}");
    }
    for client in clients {
        assert_eq!(client.close(3001, "bye"), (3001, "bye".to_owned()));
    }
    for number in 1..=20 {
        let remote = format!("\"remote\":\"10.0.0.{number}:");
        let open = host.logged(&["\"open\"", &remote]);
        assert_eq!(open.contains("\"http\":\"2\""), http == "2", "{open}");
    }
    host.logged(&["\"closed\"", "\"code\":3001", "\"clean\":true"]);
}

// hardening H25, parity S1
#[test]
#[ignore = "foreign: needs haproxy"]
fn sessions_of_http_1_come_as_streams_each_from_its_own_client() {
    for (listen, goes) in [
        ("", "proto h2 ws h2"),
        ("proxy_protocol = true", "proto h2 ws h2 send-proxy-v2"),
    ] {
        let host = serve(listen);
        let haproxy = HaProxy::start("", &host, goes);
        talk(&host.behind(haproxy.address), "2");
    }
}

// hardening H25
#[test]
#[ignore = "foreign: needs haproxy"]
fn streams_come_as_sessions_of_http_1() {
    let host = serve("");
    let haproxy = HaProxy::start("proto h2", &host, "");
    let pipe = pipe::open(haproxy.address, Parts::AsTheyCome);
    talk(&host.behind(pipe), "1.1");
}

// hardening H25
#[test]
#[ignore = "foreign: needs haproxy"]
fn streams_stay_streams() {
    let host = serve("");
    let haproxy = HaProxy::start("proto h2", &host, "proto h2 ws h2");
    let pipe = pipe::open(haproxy.address, Parts::AsTheyCome);
    talk(&host.behind(pipe), "2");
}
