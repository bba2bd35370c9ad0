//! `wasket connect` as a child process.

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};

use crate::host::{collect, wait_for, wasket};

/// A run to be.
pub(super) struct Connect(Command);

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) code: Option<i32>,
    pub(super) out: Vec<u8>,
    pub(super) err: String,
}

/// A run that goes on, and the lines of what it writes.
pub(super) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Arc<Mutex<Vec<String>>>,
    err: Arc<Mutex<Vec<String>>>,
}

impl Connect {
    /// To a URL, with these words behind it, and nothing of this machine's proxies.
    pub(super) fn to(url: &str, words: &[&str]) -> Self {
        let mut command = Command::new(wasket());
        command
            .args(["connect", url])
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let variables = ["ws_proxy", "wss_proxy", "http_proxy", "https_proxy"];
        for name in variables.iter().chain(&["all_proxy", "no_proxy"]) {
            command.env_remove(name).env_remove(name.to_uppercase());
        }
        command.env_remove("WASKET_PASSWORD");
        Self(command)
    }

    pub(super) fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs to the end, with this on stdin.
    pub(super) fn end(mut self, stdin: impl Into<Vec<u8>>) -> Ended {
        let mut child = self.0.stdin(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let bytes = stdin.into();
        // A program that ends early does not read all of it.
        let writing = std::thread::spawn(move || drop(pipe.write_all(&bytes)));
        let output = child.wait_with_output().unwrap();
        writing.join().unwrap();
        Ended {
            code: output.status.code(),
            out: output.stdout,
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs to the end, with something else than a pipe as stdin.
    pub(super) fn end_on(mut self, stdin: impl Into<Stdio>) -> Ended {
        let output = self.0.stdin(stdin).output().unwrap();
        Ended {
            code: output.status.code(),
            out: output.stdout,
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Begins, with a stdin that stays open.
    pub(super) fn start(mut self) -> Running {
        let mut child = self.0.stdin(Stdio::piped()).spawn().unwrap();
        Running {
            stdin: child.stdin.take(),
            out: collect(child.stdout.take().unwrap()),
            err: collect(child.stderr.take().unwrap()),
            child,
        }
    }

    /// Begins, and nobody reads its stdout.
    pub(super) fn start_unread(mut self) -> Running {
        let mut child = self.0.stdin(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        Running {
            stdin: child.stdin.take(),
            out: Arc::default(),
            err: collect(child.stderr.take().unwrap()),
            child,
        }
    }
}

impl Ended {
    pub(super) fn out(&self) -> &str {
        str::from_utf8(&self.out).unwrap()
    }
}

impl Running {
    /// Types a line.
    pub(super) fn type_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for a line of stdout with this in it.
    pub(super) fn says(&self, part: &str) -> String {
        self.has(&self.out, part)
    }

    /// Waits for a line of stderr with this in it.
    pub(super) fn tells(&self, part: &str) -> String {
        self.has(&self.err, part)
    }

    fn has(&self, lines: &Mutex<Vec<String>>, part: &str) -> String {
        let found = || {
            let lines = lines.lock().unwrap();
            lines.iter().find(|line| line.contains(part)).cloned()
        };
        wait_for(found).unwrap_or_else(|| {
            panic!("no {part:?} in {:?} and {:?}", self.out, self.err);
        })
    }

    pub(super) fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Ends its stdin, and waits for its end: the code, and what is on stderr.
    pub(super) fn finish(mut self) -> (Option<i32>, String) {
        drop(self.stdin.take());
        self.wait()
    }

    /// Waits for its end with its stdin open.
    pub(super) fn wait(mut self) -> (Option<i32>, String) {
        let status = wait_for(|| self.child.try_wait().unwrap());
        let status = status.unwrap_or_else(|| panic!("it goes on: {:?}", self.err));
        // Who collects it holds it until there is no more.
        wait_for(|| (Arc::strong_count(&self.err) == 1).then_some(())).unwrap();
        let err = self.err.lock().unwrap().join("\n");
        (status.code(), err)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
