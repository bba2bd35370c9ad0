//! Autobahn|Testsuite against the echo component and the native echo: tests/conformance.

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
    arguments.finish()?;
    ensure!(
        PROFILES.contains(&profile.as_str()),
        "--profile takes one of {PROFILES:?}, not `{profile}`"
    );
    ensure!(
        jobs.parse::<u8>().is_ok_and(|n| n > 0),
        "--jobs takes a number from 1 to 255, not `{jobs}`"
    );

    let suite = tree::cache("autobahn")?;
    let scripts = tree::root().join("tests/conformance");
    Step::new(scripts.join("install.sh"), [&suite])
        .run()
        .context("installing Autobahn|Testsuite")?;
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
    let mut tally = Tally::default();
    for agent in agents {
        let step = Step::new("python3", [scripts.join("autobahn.py")])
            .arg("--wstest")
            .arg(suite.join("wstest"))
            .arg("--out")
            .arg(tree::cache("conformance")?.join(agent))
            .args([
                "--profile",
                &profile,
                "--jobs",
                &jobs,
                agent,
                &format!("{}/{agent}", running.base()),
            ]);
        tally.run(step)?;
    }
    if tally.failed > 0 {
        eprintln!("{}", running.last_words());
    }
    running.stop()?;
    tally.conclude()
}
