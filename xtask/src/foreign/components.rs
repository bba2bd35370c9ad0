//! A component of plain HTTP that is not ours: the example server of the crate `wstd`, as it is published.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::host::Host;
use crate::step::{Step, Tally};
use crate::{guests, tree};
use anyhow::{Context, Result, ensure};

/// Serves it, and asks for every path of it that tells something of its host.
pub(super) fn run(host: &Path, tally: &mut Tally) -> Result<()> {
    let component = component()?;
    let folder = tree::cache("foreign-component")?;
    let config = folder.join("wasket.toml");
    // A service beside it, by which the host is known to listen.
    let text = format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\n\
         [service.echo]\npath = \"/session\"\nnative = \"echo\"\n\
         [http.wstd]\npath = \"/*\"\ncomponent = {component:?}\n"
    );
    std::fs::write(&config, text).context("writing the configuration of a foreign component")?;
    let host = Host::start(host, &config, &folder.join("host.log"), &["/session"])?;
    let address = host.base().trim_start_matches("ws://").to_owned();
    for (path, body, status, said) in ASKED {
        let answer = ask(&address, path, body).unwrap_or_default();
        let holds = answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(said);
        tally.check(&format!("wstd: {path} is {status}"), holds);
        if !holds {
            eprintln!("{answer}");
        }
    }
    match host.stop() {
        Ok(()) => tally.passed += 1,
        Err(error) => {
            println!("FAILED  the host ends on SIGTERM: {error:#}");
            tally.failed += 1;
        }
    }
    Ok(())
}

/// Paths, what is sent there, the status, and how the answer ends. A body that fails has no end: the last chunk is missing.
const ASKED: [(&str, &str, u16, &str); 6] = [
    (
        "/",
        "",
        200,
        "\r\nHello, wasi:http/proxy world!\n\r\n0\r\n\r\n",
    ),
    (
        "/echo",
        "what is sent",
        200,
        "\r\nwhat is sent\r\n0\r\n\r\n",
    ),
    ("/wait-response", "", 200, " millis\n\r\n0\r\n\r\n"),
    ("/stream-body", "", 200, " millis ago\n\r\n0\r\n\r\n"),
    ("/response-fail", "", 500, ""),
    ("/nothing", "", 404, ""),
];

/// Built once: cargo takes a minute for it.
fn component() -> Result<PathBuf> {
    let root = tree::cache("foreign")?.join(format!("wstd-{VERSION}"));
    let component = root.join("bin/http_server.wasm");
    if !component.is_file() {
        guests::add_target()?;
        let line = format!(
            "install wstd --version {VERSION} --example http_server --target {} --locked --no-track",
            guests::TARGET
        );
        let install = Step::cargo(&line).arg("--root").arg(&root);
        install.run().context("building the example of wstd")?;
        ensure!(component.is_file(), "cargo left no {}", component.display());
    }
    Ok(component)
}

const VERSION: &str = "0.6.8";

/// The whole answer, as it came.
fn ask(address: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let method = if body.is_empty() { "GET" } else { "POST" };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
