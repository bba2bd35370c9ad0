//! The built binary as a child process, its log, and clients of another make.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::protocol::CloseFrame;
use tungstenite::{Message, WebSocket};

use crate::h2::pipe::{self, Parts};

/// A running `wasket serve`.
pub(crate) struct Host {
    child: Child,
    /// Service by service.
    urls: HashMap<String, String>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Host {
    /// Serves this configuration, with `GUESTS` in it standing for the folder of built components, on port
    /// 0 unless it says otherwise, logging JSON.
    pub(crate) fn serve(config: &str) -> Self {
        let services = config.matches("[service.").count();
        let listeners = config.matches("[[listen]]").count().max(1);
        let file = write_config(&whole(config));
        Self::start(&["serve", file.to_str().unwrap()], services * listeners)
    }

    /// Starts the binary, and waits until it has told this many URLs.
    pub(crate) fn start(arguments: &[&str], urls: usize) -> Self {
        let mut child = Command::new(wasket())
            .args(arguments)
            .env_remove("RUST_LOG")
            .env("XDG_CACHE_HOME", cache())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the host starts");
        let log = collect(child.stderr.take().unwrap());
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let told = lines
            .map_while(Result::ok)
            .filter_map(|line| announced(&line));
        let told: Vec<_> = told.take(urls).collect();
        let count = told.len();
        // Of several listeners the first counts.
        let host = Self {
            child,
            urls: told.into_iter().rev().collect(),
            log,
        };
        assert_eq!(count, urls, "{}", host.log().join("\n"));
        host
    }

    /// One service `probe` with these lines of settings.
    pub(crate) fn probe(settings: &str) -> Self {
        Self::serve(&format!(
            "[service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n{settings}"
        ))
    }

    pub(crate) fn url(&self, service: &str) -> String {
        self.urls[service].clone()
    }

    /// The same host, whose sessions are opened as streams of HTTP/2: its address is that of a pipe.
    pub(crate) fn piped(self, parts: Parts) -> Self {
        let pipe = pipe::open(self.authority().parse().unwrap(), parts);
        self.behind(pipe)
    }

    /// The same host, by way of another that listens there.
    pub(crate) fn behind(mut self, proxy: SocketAddr) -> Self {
        let own = self.authority();
        for url in self.urls.values_mut() {
            *url = url.replace(&own, &proxy.to_string());
        }
        self
    }

    /// `127.0.0.1:PORT`
    pub(crate) fn authority(&self) -> String {
        let url = self.urls.values().next().unwrap();
        url.split('/').nth(2).unwrap().to_owned()
    }

    pub(crate) fn connect(&self, service: &str) -> Client {
        self.connect_to(service, "", &[])
            .expect("the handshake succeeds")
    }

    /// Connects with something behind the path, and header fields.
    pub(crate) fn connect_to(
        &self,
        service: &str,
        behind: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, Box<Refused>> {
        self.connect_url(&format!("{}{behind}", self.url(service)), headers)
    }

    pub(crate) fn connect_url(
        &self,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Client, Box<Refused>> {
        let mut request = url.into_client_request().unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(self.authority()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        match tungstenite::client(request, stream) {
            Ok((socket, answer)) => Ok(Client {
                socket,
                answer: answer.into_parts().0,
            }),
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
                let (head, body) = answer.into_parts();
                let body = String::from_utf8(body.unwrap_or_default()).unwrap();
                Err(Box::new(Refused {
                    status: head.status.as_u16(),
                    head,
                    body,
                }))
            }
            Err(other) => panic!("{other}"),
        }
    }

    /// Every line of the log so far.
    pub(crate) fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits for a line of the log with all of these in it.
    pub(crate) fn logged(&self, parts: &[&str]) -> String {
        let found = || {
            let log = self.log();
            log.into_iter()
                .find(|line| parts.iter().all(|part| line.contains(part)))
        };
        wait_for(found).unwrap_or_else(|| panic!("no {parts:?} in\n{}", self.log().join("\n")))
    }

    /// What a guest has logged about its events, in order: the texts behind `event `.
    /// The log may be behind: see [`events_with`](Self::events_with).
    pub(crate) fn events(&self) -> Vec<String> {
        self.log().iter().filter_map(|line| event(line)).collect()
    }

    /// The same, once so many of them begin with this.
    pub(crate) fn events_with(&self, count: usize, start: &str) -> Vec<String> {
        let there = || {
            let events = self.events();
            let found = events.iter().filter(|event| event.starts_with(start));
            (found.count() >= count).then_some(events)
        };
        wait_for(there).unwrap_or_else(|| panic!("no {count} of {start} in {:?}", self.events()))
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let ended = wait_for(|| self.child.try_wait().unwrap());
        ended.unwrap_or_else(|| panic!("it goes on:\n{}", self.log().join("\n")))
    }

    /// SIGTERM, and its exit status.
    pub(crate) fn stop(self) -> Option<i32> {
        self.signal("-TERM");
        self.wait().code()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text of a guest's event: `... "event on-open session=7" ...`, without what differs from run to run.
fn event(line: &str) -> Option<String> {
    let (_, text) = line.split_once("\"event ")?;
    let text = text.replace("\\\"", "'");
    let text = text.split('"').next().unwrap_or_default();
    let words = text.split(' ').filter(|word| !word.starts_with("session="));
    Some(words.collect::<Vec<_>>().join(" "))
}

/// A foreign client.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) socket: WebSocket<S>,
    pub(crate) answer: http::response::Parts,
}

/// An answer other than 101.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) head: http::response::Parts,
    pub(crate) body: String,
}

impl<S: Read + Write> Client<S> {
    pub(crate) fn send(&mut self, text: &str) {
        self.socket.send(Message::text(text)).unwrap();
    }

    /// The next text message.
    pub(crate) fn text(&mut self) -> String {
        match self.message() {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("not a text: {other:?}"),
        }
    }

    /// Sends a command and reads its answer.
    pub(crate) fn ask(&mut self, command: &str) -> String {
        self.send(command);
        self.text()
    }

    /// The next message that is no ping.
    pub(crate) fn message(&mut self) -> Message {
        loop {
            match self.socket.read().expect("a message") {
                Message::Ping(_) => {}
                message => return message,
            }
        }
    }

    /// Reads to the close frame: its code and reason. Messages on the way are dropped.
    pub(crate) fn closed(&mut self) -> (u16, String) {
        loop {
            match self.socket.read() {
                Ok(Message::Close(frame)) => {
                    let end = frame.map_or((1005, String::new()), |CloseFrame { code, reason }| {
                        (code.into(), reason.as_str().to_owned())
                    });
                    while self.socket.read().is_ok() {}
                    return end;
                }
                Ok(_) => {}
                Err(error) => panic!("no close frame: {error}"),
            }
        }
    }

    /// Closes with a code, and reads to the end.
    pub(crate) fn close(mut self, code: u16, reason: &str) -> (u16, String) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        self.socket.close(Some(frame)).unwrap();
        self.closed()
    }
}

/// Runs the binary to its end.
pub(crate) fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(wasket())
        .args(arguments)
        .env_remove("RUST_LOG")
        .env("XDG_CACHE_HOME", cache())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

/// A configuration file of its own folder.
pub(crate) fn write_config(text: &str) -> PathBuf {
    write_file(
        "wasket.toml",
        &text.replace("GUESTS", guests().to_str().unwrap()),
    )
}

/// A file of its own folder.
pub(crate) fn write_file(name: &str, text: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    fs::write(&file, text).unwrap();
    file
}

fn whole(config: &str) -> String {
    let listen = "[[listen]]\naddress = \"127.0.0.1:0\"\n";
    let log = "[log]\nformat = \"json\"\nlevel = \"debug\"\n";
    let own = |table: &str, text: &'static str| if config.contains(table) { "" } else { text };
    // Each session of a test costs address space only when it lives.
    let host = own("[host]", "[host]\ninstances_max = 100\n");
    format!(
        "{host}{}{}{config}",
        own("[[listen]]", listen),
        own("[log]", log)
    )
}

/// The folder of built components.
pub(crate) fn guests() -> PathBuf {
    let default = || repository().join("guests/target/wasm32-wasip2/release");
    let folder = std::env::var_os("WASKET_GUESTS").map_or_else(default, PathBuf::from);
    assert!(
        folder.join("probe.wasm").exists(),
        "no components: run `cargo xtask guests`"
    );
    folder
}

/// The built binary.
pub(crate) fn wasket() -> PathBuf {
    let default = || repository().join("target/debug/wasket");
    let binary = std::env::var_os("WASKET_BIN").map_or_else(default, PathBuf::from);
    assert!(binary.exists(), "no host: run `cargo build -p wasket`");
    binary
}

/// Shared by all tests, so that each component is compiled once.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache")
}

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// `listening on ws://127.0.0.1:4649/echo (service echo)`
fn announced(line: &str) -> Option<(String, String)> {
    let (url, name) = line
        .strip_prefix("listening on ")?
        .split_once(" (service ")?;
    Some((name.strip_suffix(')')?.to_owned(), url.to_owned()))
}

/// Lines, as they come.
pub(crate) fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let log = Arc::<Mutex<Vec<String>>>::default();
    let lines = Arc::clone(&log);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
    log
}

/// Waits until there is something.
pub(crate) fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(found) = look() {
            return Some(found);
        }
        thread::sleep(Duration::from_millis(5));
    }
    None
}

/// Nothing here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);
