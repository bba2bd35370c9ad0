//! Clients that are not ours, against the demo on a host of its own, and our client against servers that are not:
//! tests/foreign.

mod components;
mod servers;
mod squid;

use crate::certificate::Certificate;
use crate::host::{self, Host};
use crate::step::{Step, Tally};
use crate::tree;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Runs every client for which the machine has what it needs, on a plain host and on one with TLS. Where `CI` is set,
/// a missing one is a failure.
pub(crate) fn run(host: &Path, tally: &mut Tally) -> Result<()> {
    let address = "127.0.0.1:0";
    let certificate = Certificate::for_address(address, &tree::cache("certificate")?)?;
    let more = tree::root().join("tests/foreign/services.toml");
    let more =
        std::fs::read_to_string(&more).with_context(|| format!("reading {}", more.display()))?;
    for (name, tls) in [("foreign", None), ("foreign-tls", Some(&certificate))] {
        let config = host::demo_config(name, address, tls, &more)?;
        let log = tree::cache(name)?.join("host.log");
        let running = Host::start(host, &config, &log, &PATHS)?;
        let before = tally.failed;
        clients(&running, tls, tally)?;
        if tally.failed > before {
            eprintln!("{}", running.last_words());
        }
        match running.stop() {
            Ok(()) => tally.passed += 1,
            Err(error) => {
                println!("FAILED  the host ends on SIGTERM: {error:#}");
                tally.failed += 1;
            }
        }
    }
    components::run(host, tally)?;
    servers::run(&certificate, tally)
}

fn clients(host: &Host, tls: Option<&Certificate>, tally: &mut Tally) -> Result<()> {
    let base = host.base();
    for (name, client) in [
        ("python websockets", python as Client),
        ("npm ws", npm_ws),
        ("node:http2", node_http2),
        ("java", java),
        ("chromium", chromium),
    ] {
        eprintln!("--- {name} on {base}");
        let before = host.log().len();
        match client(base) {
            Ok(step) => tally.run(match tls {
                None => step,
                Some(certificate) => step.env("WASKET_CA", &certificate.chain),
            })?,
            Err(error) => {
                missing(name, Err(error), tally);
                continue;
            }
        }
        if name == "chromium" {
            let log = host.log();
            let sessions = by_version(log.get(before..).unwrap_or_default());
            tally.check(
                "the browser opens sessions by HTTP/2 over TLS, and only there",
                match tls {
                    Some(_) => sessions.0 == 0 && sessions.1 > 0,
                    None => sessions.0 > 0 && sessions.1 == 0,
                },
            );
        }
    }
    Ok(())
}

/// How many sessions were opened by HTTP/1.1, and how many as streams of HTTP/2 (RFC 8441), as the log says.
fn by_version(log: &str) -> (usize, usize) {
    let opened = log
        .lines()
        .filter(|line| line.contains(" wasket::session: open "));
    let (second, first): (Vec<_>, Vec<_>) = opened.partition(|line| line.contains(" http=\"2\""));
    (first.len(), second.len())
}

/// Passes over what the machine lacks; but where `CI` is set that is a failure.
fn missing(name: &str, checked: Result<()>, tally: &mut Tally) {
    match checked {
        Ok(()) => {}
        Err(missing) if std::env::var_os("CI").is_none() => {
            println!("skipped {name}: {missing:#}");
        }
        Err(missing) => {
            println!("FAILED  {name}: {missing:#}");
            tally.failed += 1;
        }
    }
}

/// Prepares one client for a host and returns how it is run; an error says what the machine lacks.
type Client = fn(base: &str) -> Result<Step>;

fn python(base: &str) -> Result<Step> {
    let script = tree::root().join("tests/foreign/python/client.py");
    Ok(Step::new(
        python_environment()?,
        [script.as_os_str(), base.as_ref()],
    ))
}

/// Installs the packages of tests/foreign/python and returns the interpreter that has them.
fn python_environment() -> Result<PathBuf> {
    let folder = tree::root().join("tests/foreign/python");
    let environment = tree::cache("foreign")?.join("python");
    let python = environment.join("bin/python");
    let list = folder.join("requirements.txt");
    once_for(read(&list)?, &environment, || {
        Step::new("python3", ["-m", "venv", "--clear"])
            .arg(&environment)
            .run()
            .context("Python 3 with venv is needed: `apt install python3-venv` on Debian")?;
        let install = Step::new(
            &python,
            ["-m", "pip", "install", "--quiet", "--requirement"],
        )
        .arg(&list);
        install.run().context("installing the package websockets")
    })?;
    Ok(python)
}

fn npm_ws(base: &str) -> Result<Step> {
    let script = node_packages()?.join("ws.mjs");
    Ok(Step::new("node", [script.as_os_str(), base.as_ref()]))
}

/// Has no packages.
fn node_http2(base: &str) -> Result<Step> {
    let script = tree::root().join("tests/foreign/node/http2.mjs");
    Ok(Step::new("node", [script.as_os_str(), base.as_ref()]))
}

fn java(base: &str) -> Result<Step> {
    if tree::program("javac").is_none() {
        bail!(
            "a JDK of version 17 or later is needed: `apt install default-jdk-headless` on Debian"
        );
    }
    let script = tree::root().join("tests/foreign/java/Client.java");
    Ok(Step::new("java", [script.as_os_str(), base.as_ref()]))
}

fn chromium(base: &str) -> Result<Step> {
    let names = [
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ];
    let Some(browser) = names.into_iter().find_map(tree::program) else {
        bail!(
            "Chromium is needed: `apt install chromium` on Debian; one of {names:?} has to be on the path"
        );
    };
    let script = node_packages()?.join("chromium.mjs");
    Ok(Step::new(
        "node",
        [script.as_os_str(), base.as_ref(), browser.as_os_str()],
    )
    .arg(tree::cache("screenshots")?))
}

/// Installs the packages of tests/foreign/node and returns that folder.
fn node_packages() -> Result<PathBuf> {
    let folder = tree::root().join("tests/foreign/node");
    let list = read(&folder.join("package-lock.json"))?;
    once_for(list, &folder.join("node_modules"), || npm("ci", &folder))?;
    Ok(folder)
}

/// Installs the packages that the lock file in a folder names.
fn npm(command: &str, folder: &Path) -> Result<()> {
    let arguments = [command, "--no-audit", "--no-fund", "--loglevel=error"];
    let install = Step::new("npm", arguments).within(folder);
    install
        .run()
        .context("Node.js 20 or later with npm is needed")
}

fn read(file: &Path) -> Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("reading {}", file.display()))
}

/// Fills a folder, unless that was done for this very list.
fn once_for(wanted: Vec<u8>, folder: &Path, fill: impl FnOnce() -> Result<()>) -> Result<()> {
    let mark = folder.join(".installed");
    if std::fs::read(&mark).is_ok_and(|done| done == wanted) {
        return Ok(());
    }
    fill()?;
    std::fs::write(&mark, wanted).with_context(|| format!("writing {}", mark.display()))
}

/// Where the services of the demo and of tests/foreign are.
const PATHS: [&str; 7] = [
    "/echo",
    "/chat",
    "/chat-with-nyan",
    "/laputa",
    "/compressed",
    "/compressed-chat",
    "/takeover",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_counted_by_their_version_of_http() {
        let line = |what: &str| format!("2026-01-01T00:00:00Z  INFO wasket::session: {what}\n");
        let log = [
            line("open service=\"a\" session=1 remote=127.0.0.1:1"),
            line("open service=\"a\" session=2 remote=127.0.0.1:1 tls=\"1.3\" http=\"2\""),
            line("open service=\"a\" session=3 remote=127.0.0.1:1 http=\"2\" protocol=\"b\""),
            line("closed service=\"a\" session=3 http=\"2\""),
        ];
        assert_eq!(by_version(&log.concat()), (1, 2));
        assert_eq!(by_version(""), (0, 0));
    }
}
