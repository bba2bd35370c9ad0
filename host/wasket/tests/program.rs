//! The built program, as people and service managers use it: what it prints, what it answers, how it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

const ECHO: &str = "[[listen]]\naddress = \"127.0.0.1:0\"\ntry_page = true\n\n\
                    [service.echo]\npath = \"/echo\"\nnative = \"echo\"\n";

// parity S8
#[test]
fn it_serves_what_a_configuration_says_until_a_signal() {
    let mut host = Host::serve("serves", ECHO);
    let line = host.line();
    assert!(
        line.starts_with("listening on ws://127.0.0.1:") && line.ends_with("/echo (service echo)"),
        "{line}"
    );
    let address = address(&line);
    assert_ne!(address.port(), 0);
    assert_eq!(
        host.line(),
        format!("listening on http://{address}/ (a page to try the services)")
    );

    let mut client = upgrade(address, "/echo");
    client.write_all(b"\x81\x82\0\0\0\0hi").unwrap();
    assert_eq!(read(&mut client, 4), b"\x81\x02hi");

    host.signal(Signal::TERM);
    let farewell = read(&mut client, 4);
    assert_eq!(farewell[0], 0x88, "{farewell:?}");
    assert_eq!(u16::from_be_bytes([farewell[2], farewell[3]]), 1001);
    drop(client);
    assert_eq!(host.ended().status.code(), Some(0));
}

// parity H4
#[test]
fn the_page_lists_the_services() {
    let mut host = Host::serve("page", ECHO);
    let address = address(&host.line());
    let answer = get(address, "/");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains(r#"[{"name":"echo","path":"/echo"}]"#),
        "{answer}"
    );
    assert!(
        answer
            .to_lowercase()
            .contains("content-security-policy: default-src 'none'")
    );
}

#[test]
fn a_second_signal_ends_at_once() {
    for (second, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut host = Host::serve("second_signal", ECHO);
        let address = address(&host.line());
        // It never answers the close frame, so the first signal alone would wait for it.
        let mut client = upgrade(address, "/echo");
        host.signal(Signal::INT);
        assert_eq!(read(&mut client, 1), [0x88]);
        host.signal(second);
        assert_eq!(host.ended().status.code(), Some(code));
    }
}

#[test]
fn a_component_that_does_not_load_keeps_none_of_the_others_from_serving() {
    let broken = file("broken.wasm", "this is no component");
    let configuration =
        format!("{ECHO}[service.broken]\npath = \"/broken\"\ncomponent = {broken:?}\n");
    let mut host = Host::serve("one_broken", &configuration);
    let address = address(&host.line());
    let line = host.line();
    assert!(line.ends_with("/broken (service broken)"), "{line}");
    drop(upgrade(address, "/echo"));
    let answer = ask(address, &request("/broken"));
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    host.signal(Signal::TERM);
    let log = text(&host.ended().stderr);
    assert!(
        log.contains("ERROR") && log.contains("broken.wasm") && log.contains("not WebAssembly"),
        "{log}"
    );
}

// hardening H30
#[test]
fn a_wrong_configuration_starts_nothing() {
    let wrong = [
        ("[service.a]\npath = \"a\"\nnative = \"echo\"\n", "--> "),
        (
            "[service.a]\npath = \"/a\"\ncomponent = \"nowhere.wasm\"\n",
            "does not exist",
        ),
        ("", "there is no service"),
    ];
    for (text_of_file, expected) in wrong {
        let file = file("wrong.toml", text_of_file);
        for arguments in [["serve", &file], ["check", &file]] {
            let output = wasket(&arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
            assert!(
                text(&output.stderr).contains(expected),
                "{}",
                text(&output.stderr)
            );
            assert!(output.stdout.is_empty());
        }
    }
}

#[test]
fn what_is_typed_wrong_ends_with_2() {
    let component = file("typed.wasm", "no component");
    let wrong: [&[&str]; 6] = [
        &[],
        &["sevre"],
        &["serve", "nowhere.toml"],
        &["run", "nowhere.wasm"],
        &["run", &component, "--config", "a=1", "--config", "a=2"],
        &["check", "nowhere.wasm"],
    ];
    for arguments in wrong {
        let output = wasket(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_fails_while_it_runs_ends_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let configuration = ECHO.replace("127.0.0.1:0", &address.to_string());
    let in_use = file("in_use.toml", &configuration);
    let broken = file("broken_too.wasm", "this is no component");
    for (arguments, expected) in [
        (vec!["serve", &in_use], address.to_string()),
        (
            vec!["run", &broken, "--listen", "127.0.0.1:0"],
            "not WebAssembly".to_owned(),
        ),
        (vec!["check", &broken], "not WebAssembly".to_owned()),
    ] {
        let output = wasket(&arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(
            said.contains("error: ") && said.contains(&expected),
            "{said}"
        );
    }
}

#[test]
fn check_says_what_would_happen() {
    let right = file("right.toml", ECHO);
    let output = wasket(&["check", &right]);
    assert_eq!(output.status.code(), Some(0));
    let said = text(&output.stdout);
    assert!(
        said.contains("would load\n") && said.contains("echo on /echo (native echo): ok"),
        "{said}"
    );

    let json = |arguments: &[&str], code: i32| {
        let output = wasket(arguments);
        assert_eq!(output.status.code(), Some(code));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let right = json(&["check", &right, "--json"], 0);
    assert_eq!(
        (&right["loads"], &right["services"][0]["name"]),
        (&true.into(), &"echo".into())
    );
    let broken = file("broken_json.wasm", "this is no component");
    let broken = json(&["check", &broken, "--json"], 1);
    assert_eq!(broken["loads"], false);
    assert!(
        broken["problems"][0]
            .as_str()
            .is_some_and(|problem| problem.contains("not WebAssembly"))
    );
    let wrong = file("wrong_json.toml", "[host]\nnodee = 1\n");
    let wrong = json(&["check", &wrong, "--json"], 2);
    let mistake = &wrong["mistakes"][0];
    assert_eq!(
        (&mistake["line"], &mistake["column"]),
        (&2.into(), &1.into())
    );
    assert_eq!(mistake["help"], "did you mean `node`?");
}

#[test]
fn help_is_for_people() {
    for (arguments, expected) in [
        (vec!["--help"], "wasket run chat.wasm --path /chat"),
        (vec!["serve", "--help"], "wasket.toml"),
        (vec!["run", "--help"], "--config suffix="),
        (vec!["check", "--help"], "--json"),
        (vec!["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let output = wasket(&arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(
            text(&output.stdout).contains(expected),
            "{}",
            text(&output.stdout)
        );
    }
}

#[test]
fn the_log_is_json_where_asked_for() {
    let configuration = file("json_log.toml", ECHO);
    let mut host = Host::start(&[
        "serve",
        &configuration,
        "--log-format",
        "json",
        "--log-level",
        "info",
    ]);
    host.line();
    host.signal(Signal::INT);
    let output = host.ended();
    let log = text(&output.stderr);
    let events: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert!(
        events.iter().any(|event| event["message"] == "listening"),
        "{log}"
    );
    assert!(
        events
            .iter()
            .all(|event| event["level"].is_string() && event["timestamp"].is_string()),
        "{log}"
    );
}

#[test]
fn levels_that_are_none_are_refused_wherever_they_come_from() {
    let right = file("levels.toml", ECHO);
    let wrong = file(
        "wrong_levels.toml",
        &format!("[log]\nlevel = \"loud\"\n{ECHO}"),
    );
    let mut environment = command(&["serve", &right]);
    environment.env("RUST_LOG", "a=loud");
    let mut spans = command(&["serve", &right, "--log-level", "a[b=loud"]);
    for command in [
        &mut environment,
        &mut spans,
        &mut command(&["serve", &wrong]),
    ] {
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(
            text(&output.stderr).contains("is not a log level"),
            "{command:?}"
        );
    }
}

/// A running program; it ends with the test.
struct Host {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Host {
    fn serve(name: &str, configuration: &str) -> Self {
        let file = file(&format!("{name}.toml"), configuration);
        Self::start(&["serve", &file, "--log-level", "info"])
    }

    fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, lines }
    }

    /// The next line of its answer.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("it can be read");
        assert!(!line.is_empty(), "it ended");
        line.trim_end().to_owned()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    fn ended(mut self) -> Output {
        let mut stderr = Vec::new();
        let log = self.child.stderr.as_mut().expect("it is piped");
        log.read_to_end(&mut stderr).expect("it can be read");
        let status = self.child.wait().expect("it ends");
        Output {
            status,
            stdout: Vec::new(),
            stderr,
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wasket(arguments: &[&str]) -> Output {
    command(arguments).output().expect("it runs")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasket"));
    command
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
        .env_remove("RUST_LOG")
        .env("XDG_CACHE_HOME", env!("CARGO_TARGET_TMPDIR"));
    command
}

/// A file for one test, in the folder that cargo keeps for tests.
fn file(name: &str, text: &str) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("it can be written");
    path.display().to_string()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The address in a line `listening on ws://ADDRESS/...`.
fn address(line: &str) -> SocketAddr {
    let rest = line.strip_prefix("listening on ws://").expect(line);
    rest.split('/').next().expect(line).parse().expect(line)
}

fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// A connection behind its 101 answer.
fn upgrade(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = connect(address);
    stream
        .write_all(request(path).as_bytes())
        .expect("it can be written");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.extend(read(&mut stream, 1));
    }
    let answer = text(&answer);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    stream
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(
        address,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    )
}

fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream
        .write_all(request.as_bytes())
        .expect("it can be written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it can be read");
    text(&answer)
}

/// Nothing here takes long: the deadline only keeps a broken host from hanging the test.
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("it can be set");
    stream
}

fn read(stream: &mut TcpStream, bytes: usize) -> Vec<u8> {
    let mut read = vec![0; bytes];
    stream.read_exact(&mut read).expect("it can be read");
    read
}
