//! The host: building it, and running one for tests on a port that the system chooses.

use crate::certificate::Certificate;
use crate::step::Step;
use crate::tree;
use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The address in guests/demo.toml.
pub(crate) const DEMO_ADDRESS: &str = "127.0.0.1:4649";

/// A host compiles its components before it listens; on a busy machine that takes a while: for an engine
/// of JavaScript more than a minute.
const START_TIME_MAX: Duration = Duration::from_secs(300);
const STOP_TIME_MAX: Duration = Duration::from_secs(20);

/// How the host is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// Cargo's `dev` profile: shared by demo, tests and conformance.
    Everyday,
    /// Cargo's `release` profile.
    Release,
    /// The `dist` profile of the workspace: what people install.
    Dist,
}

impl Build {
    /// The name of the profile.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Everyday => "dev",
            Self::Release => "release",
            Self::Dist => "dist",
        }
    }
}

/// Builds the host and returns where it is; or the host that `WASKET_BIN` names, unbuilt.
pub(crate) fn build(build: Build) -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("WASKET_BIN") {
        return std::path::absolute(given).context("reading WASKET_BIN");
    }
    let (arguments, folder) = match build {
        Build::Everyday => ("build --package wasket", "debug"),
        Build::Release => ("build --package wasket --release", "release"),
        Build::Dist => ("build --package wasket --profile dist", "dist"),
    };
    Step::cargo(arguments).run().context("building the host")?;
    Ok(tree::target()?
        .join(folder)
        .join("wasket")
        .with_extension(std::env::consts::EXE_EXTENSION))
}

/// Whether [`build`] builds the host, instead of taking one that it is given.
pub(crate) fn is_built_here() -> bool {
    std::env::var_os("WASKET_BIN").is_none()
}

/// Writes the demo's configuration for another address, maybe with TLS, and with more services behind it to
/// `.cache/NAME/wasket.toml`.
pub(crate) fn demo_config(
    name: &str,
    address: &str,
    tls: Option<&Certificate>,
    more: &str,
) -> Result<PathBuf> {
    let demo = std::fs::read_to_string(tree::guests().join("demo.toml"))
        .context("reading guests/demo.toml")?;
    let mut config = readdressed(&format!("{demo}\n{more}"), address, &tree::guests())?;
    if let Some(Certificate { chain, key }) = tls {
        let (chain, key) = (chain.display(), key.display());
        let tls = format!("[[listen]]\ntls = {{ chain = \"{chain}\", key = \"{key}\" }}");
        config = config.replacen("[[listen]]", &tls, 1);
    }
    let file = tree::cache(name)?.join("wasket.toml");
    std::fs::write(&file, config).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

/// The demo's configuration with another address, and with file names that hold in any folder.
fn readdressed(demo: &str, address: &str, guests: &Path) -> Result<String> {
    let listens = format!("address = \"{DEMO_ADDRESS}\"");
    ensure!(
        demo.matches(&listens).count() == 1,
        "guests/demo.toml does not have the one line {listens}"
    );
    let components = format!("component = \"{}/target/", guests.display());
    let assets = format!("directory = \"{}/assets\"", guests.display());
    Ok(demo
        .replace(&listens, &format!("address = \"{address}\""))
        .replace("component = \"target/", &components)
        .replace("directory = \"assets\"", &assets))
}

/// A running host. Dropped without [`Host::stop`], it is killed.
pub(crate) struct Host {
    child: Child,
    base: String,
    log: PathBuf,
}

impl Host {
    /// Starts a host on a configuration and waits until it listens for all of these paths. What it logs goes
    /// to a file.
    pub(crate) fn start(program: &Path, config: &Path, log: &Path, paths: &[&str]) -> Result<Self> {
        let stderr = File::create(log).with_context(|| format!("writing {}", log.display()))?;
        let mut child = Step::new(program, ["serve"])
            .arg(config)
            .into_command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let (sender, lines) = mpsc::channel();
        let stdout = child.stdout.take();
        // Reads to the end, so that the host never waits for room on its standard output.
        std::thread::spawn(move || {
            for line in stdout
                .into_iter()
                .flat_map(|out| BufReader::new(out).lines())
                .map_while(Result::ok)
            {
                let _ = sender.send(line);
            }
        });
        let mut host = Self {
            child,
            base: String::new(),
            log: log.to_owned(),
        };
        host.base = host.listening(&lines, paths)?;
        Ok(host)
    }

    /// `ws://ADDRESS:PORT`.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the host to end as an operator would (SIGTERM); an error unless it drains and exits with 0 in time.
    pub(crate) fn stop(mut self) -> Result<()> {
        // The shell's own `kill`: not every machine has a program of that name.
        let signal = format!("kill -TERM {}", self.child.id());
        Command::new("sh")
            .args(["-c", &signal])
            .status()
            .context("signalling the host")?;
        let until = Instant::now() + STOP_TIME_MAX;
        while Instant::now() < until {
            match self.child.try_wait()? {
                None => std::thread::sleep(Duration::from_millis(20)),
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the host ended with {status}\n{}", self.last_words()),
            }
        }
        bail!(
            "the host did not end within {} s of SIGTERM\n{}",
            STOP_TIME_MAX.as_secs(),
            self.last_words()
        )
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What the end of the log says.
    pub(crate) fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.iter().skip(lines.len().saturating_sub(30));
        last.fold(
            format!("the end of {}:", self.log.display()),
            |text, line| text + "\n  " + line,
        )
    }

    fn listening(&mut self, lines: &mpsc::Receiver<String>, paths: &[&str]) -> Result<String> {
        let until = Instant::now() + START_TIME_MAX;
        let mut wanted = paths.to_vec();
        let mut base = None;
        while !wanted.is_empty() {
            match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if let Some((at, path)) = announced(&line) {
                        wanted.retain(|wanted| *wanted != path);
                        base = Some(at.to_owned());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the host ended\n{}", self.last_words())
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("the host does not serve {wanted:?}\n{}", self.last_words())
                }
            }
        }
        base.context("no path was asked for")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // After `stop` both do nothing.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes `listening on ws://127.0.0.1:4649/echo (service echo)` apart into `ws://127.0.0.1:4649` and `/echo`.
fn announced(line: &str) -> Option<(&str, &str)> {
    let url = line.strip_prefix("listening on ")?.split(' ').next()?;
    let authority = url.find("://")? + "://".len();
    let path = authority + url.get(authority..)?.find('/')?;
    url.split_at_checked(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_taken_apart() {
        let line = "listening on ws://127.0.0.1:40123/echo (service echo)";
        assert_eq!(announced(line), Some(("ws://127.0.0.1:40123", "/echo")));
        assert_eq!(
            announced("listening on wss://[::1]:4649/a/b (service ab)"),
            Some(("wss://[::1]:4649", "/a/b"))
        );
        for other in ["", "listening on ", "listening on ws://nowhere", "draining"] {
            assert_eq!(announced(other), None, "{other}");
        }
    }

    #[test]
    fn the_demo_can_move_to_another_address() {
        let demo = std::fs::read_to_string(tree::guests().join("demo.toml")).unwrap();
        let moved = readdressed(&demo, "127.0.0.1:0", Path::new("/somewhere")).unwrap();
        assert!(
            moved.contains("address = \"127.0.0.1:0\"")
                && !moved.contains(&format!("\"{DEMO_ADDRESS}\""))
        );
        let components: Vec<_> = moved
            .lines()
            .filter(|line| line.starts_with("component"))
            .collect();
        assert!(components.len() >= 4, "{components:?}");
        for line in components {
            assert!(
                line.starts_with("component = \"/somewhere/target/wasm32-wasip2/release/"),
                "{line}"
            );
        }
        assert!(moved.contains("\ndirectory = \"/somewhere/assets\"\n"));
        assert!(readdressed("nothing", "127.0.0.1:0", Path::new("/")).is_err());
    }
}
