//! Sessions that do not behave: each has its guest misbehave, and comes again when that has ended it.

use super::client::{Client, Got};
use anyhow::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// What guests/misbehave does on command. Each has a service of its own.
pub(crate) const ACTIONS: [&str; 20] = [
    "loop",
    "spin:90",
    "recurse",
    "allocate",
    "grow",
    "panic",
    "exit",
    "unreachable",
    "trap",
    "log-flood",
    "stderr-flood",
    "stdout-flood",
    "send-flood",
    "broadcast-flood",
    "publish-flood:65536",
    "ping-flood",
    "timer-flood",
    "subscribe-flood",
    "sleep:3600000",
    "timer:0",
];

/// The service of an action.
pub(crate) fn service(action: &str) -> &str {
    action.split_once(':').map_or(action, |(name, _)| name)
}

/// All of them, while they run.
pub(crate) struct Crowd {
    stopping: Arc<AtomicBool>,
    cycles: Vec<(String, Arc<AtomicU64>)>,
    threads: Vec<JoinHandle<()>>,
}

impl Crowd {
    pub(crate) fn start(authority: &str, actions: &[&str]) -> Self {
        let stopping = Arc::<AtomicBool>::default();
        let mut crowd = Self {
            stopping: Arc::clone(&stopping),
            cycles: Vec::new(),
            threads: Vec::new(),
        };
        for &action in actions {
            let cycles = Arc::<AtomicU64>::default();
            for n in 0..SESSIONS_EACH {
                let (stopping, cycles) = (Arc::clone(&stopping), Arc::clone(&cycles));
                let (authority, action) = (authority.to_owned(), action.to_owned());
                let thread = thread::Builder::new().stack_size(STACK_BYTES);
                let thread = thread.spawn(move || {
                    thread::sleep(PAUSE * n / SESSIONS_EACH);
                    while !stopping.load(Ordering::Relaxed) {
                        // Refused or cut off: it was hostile.
                        let _ = misbehave(&authority, &action);
                        cycles.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(PAUSE);
                    }
                });
                crowd.threads.extend(thread);
            }
            crowd.cycles.push((action.to_owned(), cycles));
        }
        crowd
    }

    /// Ends them, and says how often each action was done.
    pub(crate) fn stop(self) -> Vec<(String, u64)> {
        self.stopping.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
        let cycles = self.cycles.into_iter();
        cycles
            .map(|(action, n)| (action, n.load(Ordering::Relaxed)))
            .collect()
    }
}

/// Has a new session's guest misbehave, stays until that is over, and leaves without a word.
fn misbehave(authority: &str, action: &str) -> Result<()> {
    let path = format!("/{}", service(action));
    let Ok(mut client) = Client::connect(authority, &path)? else {
        return Ok(());
    };
    client.send(action)?;
    let until = Instant::now() + STAY;
    let mut bytes = 0;
    loop {
        match client.read(until)? {
            // Floods send binary messages; a text is the answer of a guest that survived.
            Got::Frame { is_text: true, .. } | Got::End | Got::Silence => break,
            Got::Frame { payload, .. } => bytes += payload.len(),
        }
        if bytes > READ_BYTES_MAX {
            // From here on it is a peer that does not read.
            thread::sleep(PAUSE);
            break;
        }
    }
    client.cut();
    Ok(())
}

/// Opens sessions until the host has no instance left for another one; how many there were.
pub(crate) fn connections_until_full(authority: &str) -> Result<usize> {
    let mut clients = Vec::new();
    while let Ok(client) = Client::connect(authority, "/echo")? {
        clients.push(client);
    }
    Ok(clients.len())
}

const SESSIONS_EACH: u32 = 50;

/// Between the end of a session and the next one.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a session waits for its guest's end: longer than `event_wall_time`.
const STAY: Duration = Duration::from_secs(12);
const READ_BYTES_MAX: usize = 256 << 10;
const STACK_BYTES: usize = 128 << 10;
