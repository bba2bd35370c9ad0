//! `cargo xtask soak --isolation`: sessions that behave, measured alone and then beside sessions that do not.

mod client;
mod hostile;
mod process;
mod steady;
mod verdict;

use crate::arguments::Arguments;
use crate::host::{self, Build, Host};
use crate::{guests, tree};
use anyhow::{Context, Result, ensure};
use hostile::Crowd;
use process::Usage;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use steady::Steady;
use verdict::Verdict;

/// `cargo xtask soak`.
pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let isolation = arguments.flag("--isolation");
    let seconds = arguments.option("--seconds")?;
    let only = arguments.option("--only")?;
    arguments.finish()?;
    ensure!(isolation, "there is one soak so far: --isolation");
    let seconds = seconds.map_or(Ok(SECONDS), |text| text.parse());
    let seconds: u64 = seconds.context("--seconds takes a number")?;
    ensure!(
        (6..=86_400).contains(&seconds),
        "--seconds takes 6 to 86400"
    );
    let actions: Vec<&str> = hostile::ACTIONS
        .into_iter()
        .filter(|action| {
            only.as_deref()
                .is_none_or(|only| hostile::service(action) == only)
        })
        .collect();
    ensure!(
        !actions.is_empty(),
        "--only takes one of {:?}",
        hostile::ACTIONS.map(hostile::service)
    );
    guests::build()?;
    let program = host::build(Build::Release)?;
    isolate(&program, Duration::from_secs(seconds), &actions)
}

/// A third of the time undisturbed, then disturbed, then a look at what is left.
fn isolate(program: &Path, time: Duration, actions: &[&str]) -> Result<()> {
    let (config, log) = configuration()?;
    let paths: Vec<String> = hostile::ACTIONS
        .iter()
        .map(|action| format!("/{}", hostile::service(action)))
        .chain(["/echo".to_owned()])
        .collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let host = Host::start(program, &config, &log, &paths)?;
    let authority = host.base().trim_start_matches("ws://").to_owned();

    let steady = Steady::start(&authority)?;
    std::thread::sleep(WARM_UP);
    let before = Usage::of(host.id())?;
    steady.take();
    std::thread::sleep(time / 3);
    let alone = steady.take();

    let crowd = Crowd::start(&authority, actions);
    std::thread::sleep(time * 2 / 3);
    let beside = steady.take();
    let during = Usage::of(host.id())?;
    let cycles = crowd.stop();

    let after = settled(host.id(), &before)?;
    let ended = steady.stop();
    let free = hostile::connections_until_full(&authority)?;
    host.stop()?;

    let mut text = String::new();
    writeln!(text, "alone:   {alone}\nbeside:  {beside}")?;
    writeln!(
        text,
        "before:  {before}\nduring:  {during}\nafter:   {after}"
    )?;
    for (action, cycles) in cycles {
        writeln!(text, "  {cycles:>6} x {action}")?;
    }
    print!("{text}");
    Verdict::default()
        .lossless(&alone, &beside, ended)
        .prompt(&alone, &beside)
        .tidy(&before, &after)
        .pool(free)
        .conclude()
}

/// Waits until what the crowd had is given back, for as long as that may take.
fn settled(host: u32, before: &Usage) -> Result<Usage> {
    let until = Instant::now() + SETTLE_TIME_MAX;
    loop {
        let now = Usage::of(host)?;
        if now.has_shrunk_to(before) || Instant::now() > until {
            return Ok(now);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A service for each misbehavior, and one that behaves: the file, and where the host logs to.
fn configuration() -> Result<(PathBuf, PathBuf)> {
    let components = tree::guests_built();
    let component = |name: &str| components.join(name).with_extension("wasm");
    let mut text = format!(
        "[host]\ninstances_max = {INSTANCES_MAX}\n[log]\nlevel = \"warn\"\n\
         [[listen]]\naddress = \"127.0.0.1:0\"\n\
         [service.echo]\npath = \"/echo\"\ncomponent = {:?}\n",
        component("echo")
    );
    for action in hostile::ACTIONS {
        let name = hostile::service(action);
        writeln!(
            text,
            "[service.{name}]\npath = \"/{name}\"\ncomponent = {:?}",
            component("misbehave")
        )?;
    }
    let folder = tree::cache("soak")?;
    let file = folder.join("wasket.toml");
    std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    Ok((file, folder.join("host.log")))
}

/// The default of `epoch_tick`.
const EPOCH_TICK: Duration = Duration::from_millis(5);

/// As many as live at once here, and some that are being made or dropped.
const INSTANCES_MAX: usize = 2_000;

const SECONDS: u64 = 60;
const WARM_UP: Duration = Duration::from_secs(1);
/// Longer than `event_wall_time`, at which the last call of the crowd ends.
const SETTLE_TIME_MAX: Duration = Duration::from_secs(20);
