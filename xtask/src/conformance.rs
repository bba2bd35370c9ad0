//! Autobahn|Testsuite against the echo component and the native echo, or against the client: tests/conformance.

use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::host::{self, Build, Host};
use crate::step::{Step, Tally};
use crate::{guests, tree};
use anyhow::{Context, Result, ensure};

const PROFILES: [&str; 4] = ["core", "base", "ci", "full"];

/// `cargo xtask conformance`.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let profile = arguments
        .option("--profile")?
        .unwrap_or_else(|| "base".to_owned());
    let jobs = arguments
        .option("--jobs")?
        .unwrap_or_else(|| "1".to_owned());
    let native_only = arguments.flag("--native");
    let client = arguments.flag("--client");
    arguments.finish()?;
    ensure!(
        PROFILES.contains(&profile.as_str()),
        "--profile takes one of {PROFILES:?}, not `{profile}`"
    );
    ensure!(
        jobs.parse::<u8>().is_ok_and(|n| n > 0),
        "--jobs takes a number from 1 to 255, not `{jobs}`"
    );
    ensure!(
        !(native_only && client),
        "--native is about the server, --client about the other side"
    );

    let suite = tree::cache("autobahn")?;
    let scripts = tree::root().join("tests/conformance");
    Step::new(scripts.join("install.sh"), [&suite])
        .run()
        .context("installing Autobahn|Testsuite")?;
    let judge = |agent: &str| -> Result<Step> {
        let out = tree::cache("conformance")?.join(agent);
        Ok(Step::new("python3", [scripts.join("autobahn.py")])
            .arg("--wstest")
            .arg(suite.join("wstest"))
            .arg("--out")
            .arg(out)
            .args(["--profile", &profile, "--jobs", &jobs, agent]))
    };
    let mut tally = Tally::default();
    if client {
        tally.run(judge("client")?.arg("--client").arg(build_client()?))?;
    } else {
        servers(&scripts, native_only, judge, &mut tally)?;
    }
    tally.conclude()
}

/// Tests the server: behind a host that runs as long.
fn servers(
    scripts: &Path,
    native_only: bool,
    judge: impl Fn(&str) -> Result<Step>,
    tally: &mut Tally,
) -> Result<()> {
    guests::build()?;
    let host = host::build(Build::Everyday)?;

    // The configuration names its component relative to its own folder; the host's log goes to .cache.
    let log = tree::cache("conformance")?.join("host.log");
    let running = Host::start(
        &host,
        &scripts.join("wasket.toml"),
        &log,
        &["/echo", "/native-echo"],
    )?;
    let agents: &[&str] = if native_only {
        &["native-echo"]
    } else {
        &["echo", "native-echo"]
    };
    for agent in agents {
        tally.run(judge(agent)?.arg(format!("{}/{agent}", running.base())))?;
    }
    if tally.failed > 0 {
        eprintln!("{}", running.last_words());
    }
    running.stop()
}

/// Builds the client that runs the suite's cases; returns where it is.
fn build_client() -> Result<PathBuf> {
    Step::cargo("build --package wasket-client --example autobahn")
        .run()
        .context("building the client")?;
    Ok(tree::target()?
        .join("debug/examples/autobahn")
        .with_extension(std::env::consts::EXE_EXTENSION))
}
