//! Sessions that behave: each sends a numbered message at a steady rate and checks what comes back.

use super::client::{Client, Got};
use anyhow::{Context, Result, bail, ensure};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// All of them, while they run.
pub(crate) struct Steady {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<()>>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    sent: AtomicU64,
    answers: Mutex<Vec<Duration>>,
}

impl Steady {
    /// Opens every session; then each is a thread.
    pub(crate) fn start(authority: &str) -> Result<Self> {
        let shared = Arc::<Shared>::default();
        let mut threads = Vec::new();
        let clients: Result<Vec<Client>> = (0..SESSIONS).map(|n| open(authority, n)).collect();
        let start = Instant::now();
        for (n, client) in (0..).zip(clients?) {
            let shared = Arc::clone(&shared);
            // Spread over the period, so that they do not come all at once.
            let first = start + PERIOD * n / u32::try_from(SESSIONS)?;
            let thread = thread::Builder::new().stack_size(STACK_BYTES);
            threads.push(thread.spawn(move || shared.converse(client, first))?);
        }
        Ok(Self { shared, threads })
    }

    /// What was measured since the last call.
    pub(crate) fn take(&self) -> Measured {
        let answers = self.shared.answers.lock();
        let mut answers = std::mem::take(&mut *answers.unwrap_or_else(PoisonError::into_inner));
        answers.sort_unstable();
        Measured {
            sent: self.shared.sent.swap(0, Ordering::Relaxed),
            answers,
        }
    }

    /// Ends them after their last answers; the error is that of a session that lost something.
    pub(crate) fn stop(self) -> Result<()> {
        self.shared.stopping.store(true, Ordering::Relaxed);
        let mut ended = Ok(());
        for thread in self.threads {
            let result = thread.join().unwrap_or_else(|_| bail!("a thread panicked"));
            ended = ended.and(result);
        }
        ended
    }
}

/// Most speak with a service of their own, some are neighbors of sessions that loop.
fn open(authority: &str, n: usize) -> Result<Client> {
    let path = if n.is_multiple_of(5) {
        "/loop"
    } else {
        "/echo"
    };
    let client = Client::connect(authority, path)?;
    client
        .map_err(|status| anyhow::anyhow!("{status}"))
        .with_context(|| format!("opening {path}"))
}

impl Shared {
    fn converse(&self, mut client: Client, first: Instant) -> Result<()> {
        let mut due = first;
        let mut answered_at = first;
        for number in 0_u64.. {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if self.stopping.load(Ordering::Relaxed) {
                break;
            }
            // Behind a late answer the next message waits too; that a thread wakes late is no fault of the host.
            let began = if answered_at > due {
                due
            } else {
                Instant::now()
            };
            let text = format!("message {number}");
            client.send(&text)?;
            self.sent.fetch_add(1, Ordering::Relaxed);
            answer(&mut client, &text)?;
            answered_at = Instant::now();
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            answers.push(answered_at - began);
            drop(answers);
            due += PERIOD;
        }
        client.cut();
        Ok(())
    }
}

fn answer(client: &mut Client, expected: &str) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        match client.read(until)? {
            Got::Frame {
                is_text: true,
                payload,
            } => {
                let text = String::from_utf8_lossy(&payload);
                ensure!(text == expected, "\"{text}\" instead of \"{expected}\"");
                return Ok(());
            }
            Got::Frame { .. } => {}
            Got::End => bail!("the session ended before \"{expected}\" came back"),
            Got::Silence => bail!("\"{expected}\" never came back"),
        }
    }
}

/// The messages of a phase.
pub(crate) struct Measured {
    pub(crate) sent: u64,
    /// Sorted.
    answers: Vec<Duration>,
}

impl Measured {
    pub(crate) fn answered(&self) -> usize {
        self.answers.len()
    }

    /// The time within which this share of the answers came.
    pub(crate) fn within(&self, per_mille: usize) -> Duration {
        let last = self.answers.len().saturating_sub(1);
        let at = (self.answers.len() * per_mille / 1000).min(last);
        self.answers.get(at).copied().unwrap_or_default()
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |per_mille| self.within(per_mille).as_secs_f64() * 1e3;
        write!(
            f,
            "{} sent, {} answered; p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, max {:.2} ms",
            self.sent,
            self.answered(),
            ms(500),
            ms(990),
            ms(999),
            ms(1000)
        )
    }
}

pub(crate) const SESSIONS: usize = 200;

/// Between two messages of a session.
const PERIOD: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(30);
const STACK_BYTES: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_the_answers_are_found() {
        let measured = Measured {
            sent: 100,
            answers: (1..=100).map(Duration::from_millis).collect(),
        };
        for (per_mille, ms) in [(0, 1), (500, 51), (990, 100), (1000, 100)] {
            assert_eq!(measured.within(per_mille), Duration::from_millis(ms));
        }
    }
}
