use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::clock::FAR;
use crate::{Connect, Connection, Error, Event, Receiver, Response, Sender};

/// A connection that is opened again when it is lost or cannot be opened.
///
/// It ends when a [`Sender`] of the connection was asked to close, whoever closed first; when an answer says that the same
/// will not do another time (4xx but 408, 425 and 429, from the server or a proxy; a certificate that is not acceptable);
/// or after too many failures in a row. What was being sent when a connection was lost is not sent again: whether the
/// server has it nobody knows.
///
/// ```no_run
/// use wasket_client::{Backoff, Connect, Event, Progress, Reconnect};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let connect = Connect::to("wss://feed.example.com")?;
/// let mut feed = Reconnect::new(connect, Backoff::default());
/// while let Some(progress) = feed.next().await {
///     match progress {
///         Progress::Open(_, sender) => {
///             // Where it fails the connection was lost, which is an event to come.
///             let _ = sender.text("subscribe").await;
///         }
///         Progress::Event(Event::Message(message)) => println!("{message:?}"),
///         Progress::Failed(error) => eprintln!("{error}"),
///         Progress::Waiting(time) => eprintln!("trying again in {time:?}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct Reconnect {
    connect: Connect,
    backoff: Backoff,
    failures: u32,
    state: State,
}

/// How long to wait between attempts, and how many to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// About how long to wait after the first failure; each further one doubles it. Between half of it and all of it, by
    /// chance, so that the clients of a server that comes back do not come all at once. Default 500 ms.
    pub first: Duration,
    /// What it does not grow beyond. Default 30 s.
    pub max: Duration,
    /// How many failures in a row there may be: one more is the end. A connection that was lost before it brought
    /// anything, or lasted for `max`, is one of them. Default 10.
    pub failures_max: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            max: Duration::from_secs(30),
            failures_max: 10,
        }
    }
}

/// What happens with a [`Reconnect`].
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress {
    /// A connection is open: this is how to send on it.
    Open(Response, Sender),
    /// Something happened on it.
    Event(Event),
    /// It could not be opened.
    Failed(Error),
    /// The next attempt is so far away.
    Waiting(Duration),
}

enum State {
    Opening(Pin<Box<dyn Future<Output = Result<Connection, Error>> + Send>>),
    Open(Open),
    /// There was a failure, and nobody was told yet how long the wait is.
    Failed,
    Waiting(Instant),
    Over,
}

struct Open {
    receiver: Receiver,
    since: Instant,
}

impl Reconnect {
    /// Opens nothing yet: [`next`](Self::next) does.
    #[must_use]
    pub fn new(connect: Connect, backoff: Backoff) -> Self {
        let state = opening(&connect);
        Self {
            connect,
            backoff,
            failures: 0,
            state,
        }
    }

    /// What happens next; `None` when nothing more will. The last thing was then [`Event::Close`] or
    /// [`Progress::Failed`].
    ///
    /// Cancel-safe: what was not returned happens in the next call.
    pub async fn next(&mut self) -> Option<Progress> {
        loop {
            match &mut self.state {
                State::Opening(opening) => {
                    let opened = opening.as_mut().await;
                    return Some(self.opened(opened));
                }
                State::Open(open) => {
                    let event = open.receiver.next().await;
                    return event.map(|event| self.happened(event));
                }
                State::Failed => {
                    let wait = self.wait()?;
                    self.state = State::Waiting(Instant::now() + wait);
                    return Some(Progress::Waiting(wait));
                }
                State::Waiting(until) => {
                    sleep_until(*until).await;
                    self.state = opening(&self.connect);
                }
                State::Over => return None,
            }
        }
    }

    fn opened(&mut self, opened: Result<Connection, Error>) -> Progress {
        match opened {
            Ok(connection) => {
                let (response, sender, receiver) = connection.into_parts();
                self.state = State::Open(Open {
                    receiver,
                    since: Instant::now(),
                });
                Progress::Open(response, sender)
            }
            Err(error) => {
                match error.is_final() {
                    true => self.state = State::Over,
                    false => self.failed(),
                }
                Progress::Failed(error)
            }
        }
    }

    fn happened(&mut self, event: Event) -> Progress {
        match &event {
            Event::Close(_) => self.closed(),
            Event::Message(_) | Event::Ping(_) | Event::Pong(_) => self.failures = 0,
        }
        Progress::Event(event)
    }

    fn closed(&mut self) {
        let State::Open(open) = &self.state else {
            return;
        };
        let is_wished = open.receiver.is_closing();
        if open.since.elapsed() >= self.backoff.max {
            self.failures = 0;
        }
        match is_wished {
            true => self.state = State::Over,
            false => self.failed(),
        }
    }

    fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.state = match self.failures > self.backoff.failures_max {
            true => State::Over,
            false => State::Failed,
        };
    }

    /// How long to wait after so many failures. `None` without random numbers, which nothing works without.
    fn wait(&self) -> Option<Duration> {
        let mut random = [0; 4];
        getrandom::fill(&mut random).ok()?;
        let share = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
        Some(self.backoff.wait(self.failures, share))
    }
}

impl Backoff {
    /// `share`, of 0 to 1, is chance.
    fn wait(&self, failures: u32, share: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.first.saturating_mul(1 << doublings);
        let whole = whole.min(self.max).min(FAR);
        whole.mul_f64(0.5 + share / 2.0)
    }
}

fn opening(connect: &Connect) -> State {
    let connect = connect.clone();
    State::Opening(Box::pin(async move { connect.open().await }))
}

impl fmt::Debug for Reconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reconnect")
            .field("connect", &self.connect)
            .field("backoff", &self.backoff)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity W18
    #[test]
    fn waits_double_up_to_a_maximum() {
        let backoff = Backoff::default();
        for (failures, share, wait_ms) in [
            (1, 0.0, 250),
            (1, 1.0, 500),
            (2, 1.0, 1000),
            (3, 0.5, 1500),
            (7, 1.0, 30_000),
            (u32::MAX, 0.0, 15_000),
        ] {
            let wait = Duration::from_millis(wait_ms);
            assert_eq!(backoff.wait(failures, share), wait, "{failures}");
        }
        let patient = Backoff {
            first: Duration::MAX,
            max: Duration::MAX,
            failures_max: 1,
        };
        assert_eq!(patient.wait(u32::MAX, 1.0), FAR);
    }
}
