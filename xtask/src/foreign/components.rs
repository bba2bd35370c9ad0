//! Components of plain HTTP that are not ours: the example server of the crate `wstd`, as it is published, and a service worker
//! in JavaScript, which jco made a component.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{missing, npm, once_for};
use crate::host::Host;
use crate::step::{Step, Tally};
use crate::{guests, tree};
use anyhow::{Context, Result, ensure};

/// Serves each for which the machine has what it needs, and asks for every path of it that tells something of its host.
pub(super) fn run(host: &Path, tally: &mut Tally) -> Result<()> {
    let built: [(_, fn() -> _, &[_]); 2] = [("wstd", wstd, &WSTD), ("jco", jco, &JCO)];
    for (name, build, asked) in built {
        eprintln!("--- a component of {name}");
        match build() {
            Ok(component) => {
                let served = serve(host, name, &component, "")?;
                for &(path, body, status, said) in asked {
                    served.check((path, body, status, said), tally);
                }
                if name == "jco" {
                    fetch(host, &component, &served, tally)?;
                }
                served.stop(tally);
            }
            Err(error) => missing(&format!("a component of {name}"), Err(error), tally),
        }
    }
    Ok(())
}

/// One request has the other host asked so often that what JavaScript does not give back adds up.
fn fetch(host: &Path, component: &Path, other: &Served, tally: &mut Tally) -> Result<()> {
    let address = &other.address;
    let settings = format!("connect = [\"http://{address}\"]\nrequest_time = \"10s\"\n");
    let served = serve(host, "jco-fetch", component, &settings)?;
    let path = format!("/fetch?count=200&url=http://{address}/hello");
    served.check((&path, "", 200, "200 of 200 are whole"), tally);
    served.stop(tally);
    Ok(())
}

/// A host that serves a component.
struct Served {
    name: &'static str,
    host: Host,
    address: String,
}

fn serve(host: &Path, name: &'static str, component: &Path, settings: &str) -> Result<Served> {
    let folder = tree::cache("foreign-component")?;
    let config = folder.join(format!("{name}.toml"));
    // What was compiled is kept: an engine of JavaScript takes a minute. A service is beside it, by which the host is known to
    // listen.
    let compiled = folder.join("compiled");
    let text = format!(
        "[host]\ncache_directory = {compiled:?}\n[[listen]]\naddress = \"127.0.0.1:0\"\n\
         [service.echo]\npath = \"/session\"\nnative = \"echo\"\n\
         [http.{name}]\npath = \"/*\"\ncomponent = {component:?}\n{settings}"
    );
    std::fs::write(&config, text).context("writing the configuration of a foreign component")?;
    let log = folder.join(format!("{name}.log"));
    let host = Host::start(host, &config, &log, &["/session"])?;
    let address = host.base().trim_start_matches("ws://").to_owned();
    Ok(Served {
        name,
        host,
        address,
    })
}

impl Served {
    fn check(&self, (path, body, status, said): Asked<'_>, tally: &mut Tally) {
        let answer = ask(&self.address, path, body).unwrap_or_default();
        let holds = answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.ends_with(said);
        tally.check(&format!("{}: {path} is {status}", self.name), holds);
        if !holds {
            eprintln!("{answer}\n{}", self.host.last_words());
        }
    }

    fn stop(self, tally: &mut Tally) {
        match self.host.stop() {
            Ok(()) => tally.passed += 1,
            Err(error) => {
                println!("FAILED  the host ends on SIGTERM: {error:#}");
                tally.failed += 1;
            }
        }
    }
}

/// Path, what is sent there, the status, and how the answer ends.
type Asked<'a> = (&'a str, &'a str, u16, &'a str);

/// A body that fails has no end: the last chunk is missing.
const WSTD: [Asked<'_>; 6] = [
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

/// An answer with a `content-length` ends with its body.
const JCO: [Asked<'_>; 5] = [
    ("/hello", "", 200, "\r\n\r\nHello, world"),
    ("/hello?name=R%C3%A9my", "", 200, "\r\n\r\nHello, R\u{e9}my"),
    (
        "/echo",
        "what is sent",
        201,
        "\r\n\r\ntext/x-wasket: what is sent",
    ),
    (
        "/echo",
        "\u{1f37f}",
        201,
        "\r\n\r\ntext/x-wasket: \u{1f37f}",
    ),
    ("/nothing", "", 404, "\r\n\r\nnothing is here"),
];

/// Built once: cargo takes a minute for it.
fn wstd() -> Result<PathBuf> {
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

/// Built once for what is in tests/foreign/jco: npm and jco take a minute or two for it. The packages, 350 MB, do not stay.
fn jco() -> Result<PathBuf> {
    let sources = tree::root().join("tests/foreign/jco");
    let folder = tree::cache("foreign")?.join("jco");
    let component = folder.join("component.wasm");
    let mut texts = Vec::new();
    for name in JCO_SOURCES {
        let file = sources.join(name);
        let text = std::fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
        texts.push((folder.join(name), text));
    }
    let wanted = texts.iter().flat_map(|(_, text)| text).copied();
    once_for(wanted.collect(), &folder, || {
        std::fs::create_dir_all(folder.join("wit"))?;
        for (file, text) in &texts {
            std::fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
        }
        // Not `ci`: that wants packages of every platform in the lock file, also those that no registry has.
        npm("install", &folder)?;
        let build = Step::new("node", ["build.mjs"]).within(&folder);
        build.run().context("building the component of jco")?;
        ensure!(component.is_file(), "jco left no {}", component.display());
        std::fs::remove_dir_all(folder.join("node_modules")).context("removing the packages")
    })?;
    Ok(component)
}

const JCO_SOURCES: [&str; 5] = [
    "package.json",
    "package-lock.json",
    "build.mjs",
    "component.js",
    "wit/component.wit",
];

/// The whole answer, as it came.
fn ask(address: &str, path: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let method = if body.is_empty() { "GET" } else { "POST" };
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: text/x-wasket\r\nContent-Length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
