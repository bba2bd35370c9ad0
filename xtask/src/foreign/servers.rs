//! Servers that are not ours, for the client, and a Squid to reach them through.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::squid::Squid;
use super::{node_packages, python_environment};
use crate::certificate::Certificate;
use crate::step::{Step, Tally};
use crate::tree;
use anyhow::{Context, Result};

/// Runs the client's checks against every server for which the machine has what it needs, plain and over TLS, directly
/// and through proxies. Where `CI` is set, a missing one is a failure.
pub(super) fn run(certificate: &Certificate, tally: &mut Tally) -> Result<()> {
    Step::cargo("build --package wasket-client --example foreign")
        .run()
        .context("building the client")?;
    let client = tree::target()?
        .join("debug/examples/foreign")
        .with_extension(std::env::consts::EXE_EXTENSION);
    for (name, server) in [("python websockets", python as Serve), ("npm ws", npm_ws)] {
        let checked = check(name, server, &client, certificate, None, tally);
        super::missing(name, checked, tally);
    }
    for scheme in ["basic", "digest"] {
        let name = format!("squid with {scheme}");
        let checked = Squid::start(scheme)
            .and_then(|squid| check(&name, python, &client, certificate, Some(&squid), tally));
        super::missing(&name, checked, tally);
    }
    Ok(())
}

/// How a server is run; an error says what the machine lacks.
type Serve = fn() -> Result<Command>;

fn python() -> Result<Command> {
    let mut command = Command::new(python_environment()?);
    command.arg(tree::root().join("tests/foreign/python/server.py"));
    Ok(command)
}

fn npm_ws() -> Result<Command> {
    let mut command = Command::new("node");
    command.arg(node_packages()?.join("server.mjs"));
    Ok(command)
}

/// Plain, and over TLS.
fn check(
    name: &str,
    serve: Serve,
    client: &Path,
    certificate: &Certificate,
    squid: Option<&Squid>,
    tally: &mut Tally,
) -> Result<()> {
    for tls in [false, true] {
        let mut command = serve()?;
        if tls {
            command.args([&certificate.chain, &certificate.key]);
        }
        let server = Server::start(command)?;
        let url = match tls {
            true => format!("wss://127.0.0.1:{}/", server.port),
            false => format!("ws://127.0.0.1:{}/", server.port),
        };
        eprintln!("--- the client to {name} at {url}");
        let step = || {
            let step = Step::new(client, [url.clone()]);
            match tls {
                true => step.env("WASKET_CA", &certificate.chain),
                false => step,
            }
        };
        let Some(squid) = squid else {
            tally.run(step())?;
            continue;
        };
        tally.run(step().env("WASKET_PROXY", squid.url("ada:pass@")))?;
        for strangers in ["ada:wrong@", "eve:pass@", ""] {
            let step = step().env("WASKET_PROXY", squid.url(strangers));
            tally.run(step.env("WASKET_REFUSED", "yes"))?;
        }
    }
    Ok(())
}

/// A server that runs until this is dropped.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    /// Starts it and reads its port from its first line.
    fn start(mut command: Command) -> Result<Self> {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| {
                format!("running {}", PathBuf::from(command.get_program()).display())
            })?;
        // From here on it ends whatever goes wrong.
        let mut server = Self { child, port: 0 };
        let stdout = server.child.stdout.take();
        let line = first_line(stdout.context("the server has no output")?)?;
        server.port = line.trim().parse().context("the server said no port")?;
        Ok(server)
    }
}

/// What a server says first, if it says something soon.
fn first_line(from: ChildStdout) -> Result<String> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(from.take(LINE_BYTES_MAX)).read_line(&mut line);
        // Who does not wait any more need not know.
        let _ = tell.send(read.map(|_| line));
    });
    let line = told
        .recv_timeout(START_TIME_MAX)
        .context("the server did not say its port in time")?;
    line.context("reading the server's port")
}

/// A port and the end of its line have fewer.
const LINE_BYTES_MAX: u64 = 64;

const START_TIME_MAX: Duration = Duration::from_secs(20);

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which the client has noticed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
