//! A server that runs: from its start until it is ended, by its own process id.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How a server is started.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    pub(super) folder: PathBuf,
    /// Where its standard error goes.
    pub(super) log: PathBuf,
}

/// A running server. It ends when this is dropped.
pub(super) struct Server {
    child: Child,
    port: u16,
}

impl Launch {
    /// Starts it on a core and waits until it says where it listens.
    pub(super) fn start(&self, core: Option<usize>) -> Result<Server> {
        let mut command = on_core(core);
        command.arg(&self.program).args(&self.arguments);
        self.start_as(command, START_TIME_MAX)
    }

    /// Starts it as this command, which ends in its program and its arguments.
    pub(super) fn start_as(&self, mut command: Command, within: Duration) -> Result<Server> {
        let log =
            File::create(&self.log).with_context(|| format!("writing {}", self.log.display()))?;
        let mut child = command
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", self.program.display()))?;
        let (sender, ports) = mpsc::channel();
        let stdout = child.stdout.take();
        // Reads to the end, so that the server never waits for room on its standard output.
        std::thread::spawn(move || {
            let lines = stdout
                .into_iter()
                .flat_map(|out| BufReader::new(out).lines());
            for line in lines.map_while(Result::ok) {
                if let Some(port) = announced(&line) {
                    let _ = sender.send(port);
                }
            }
        });
        // From here on it ends with us.
        let mut server = Server { child, port: 0 };
        match ports.recv_timeout(within) {
            Ok(port) => server.port = port,
            Err(_) => bail!(
                "{} did not say within {} s where it listens{}",
                self.program.display(),
                within.as_secs(),
                self.last_words()
            ),
        }
        Ok(server)
    }

    /// What it wrote to its standard error last.
    pub(super) fn last_words(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        match said.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("; it said last: {}", line.trim()),
            None => String::new(),
        }
    }
}

impl Server {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("ws://127.0.0.1:{}{path}", self.port)
    }

    /// Asks it to end, and waits until it has.
    pub(super) fn stop(mut self, within: Duration) -> Result<()> {
        // The shell's own `kill`: not every machine has a program of that name.
        let signal = format!("kill -TERM {}", self.pid());
        let asked = Command::new("sh").args(["-c", &signal]).status();
        asked.context("signalling the server")?;
        match wait(&mut self.child, within)? {
            true => Ok(()),
            false => bail!("the server did not end within {} s", within.as_secs()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the end of a process; `false` if it takes longer.
pub(super) fn wait(child: &mut Child, within: Duration) -> Result<bool> {
    let until = std::time::Instant::now() + within;
    while child.try_wait()?.is_none() {
        if std::time::Instant::now() >= until {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// A command whose further words are run on a core, with as many open files as the machine allows. The process id stays
/// the same all the way to the program.
pub(super) fn on_core(core: Option<usize>) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n "$(ulimit -Hn)"; exec "$@""#, "sh"]);
    if let Some(core) = core {
        command.args(["taskset", "-c", &core.to_string()]);
    }
    command
}

/// The port in `listening on ws://127.0.0.1:PORT/...`, or in the line that workerd writes: JSON with `"port":PORT`.
fn announced(line: &str) -> Option<u16> {
    let ours = line.strip_prefix("listening on ws://127.0.0.1:");
    let theirs = || line.split_once("\"port\":").map(|(_, rest)| rest);
    let rest = ours.or_else(theirs)?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

const START_TIME_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_says_where_it_listens() {
        for (line, port) in [
            (
                "listening on ws://127.0.0.1:40123/echo (service echo)",
                Some(40_123),
            ),
            ("listening on ws://127.0.0.1:1", Some(1)),
            (
                r#"{"event":"listen","socket":"http","port":34085}"#,
                Some(34_085),
            ),
            ("listening on ws://127.0.0.1:99999", None),
            ("warming up", None),
        ] {
            assert_eq!(announced(line), port, "{line}");
        }
    }

    #[test]
    fn a_server_that_ends_at_once_is_an_error_with_its_last_words() {
        let log = std::env::temp_dir().join(format!("xtask-server-{}.log", std::process::id()));
        let launch = Launch {
            program: "sh".into(),
            arguments: ["-c", "echo no port left >&2"].map(OsString::from).into(),
            folder: std::env::temp_dir(),
            log: log.clone(),
        };
        let error = launch.start(None).map(|server| server.port).unwrap_err();
        assert!(
            error.to_string().ends_with("it said last: no port left"),
            "{error}"
        );
        std::fs::remove_file(log).unwrap();
    }
}
