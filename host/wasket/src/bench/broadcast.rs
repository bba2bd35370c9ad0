//! `--mode broadcast`: some connections send, and the service sends every message to all of them.
//!
//! A closed loop: a sender sends a round of messages, waits until all of them have arrived at every connection, and
//! sends the next. Each connection has to receive the messages of a sender in order and each once; a gap is a loss.

use std::time::{Duration, Instant};

use rand::Rng;
use wasket_ws::Message;

use super::connect;
use super::failure::{Failure, Failures, Seen};
use super::histogram::Histogram;
use super::link::ANSWER_WITHIN;
use super::load::{Extent, LOOK_EVERY, Observer, Window};
use super::marker::{Mark, Marker};
use super::pool::Pool;
use super::target::Target;

mod report;

pub(super) use report::Report;

/// What to do to the service.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) connections: u32,
    /// The first of the connections send.
    pub(super) senders: u32,
    /// Messages a sender sends before it waits for their deliveries.
    pub(super) pipeline: u64,
    pub(super) size: usize,
    pub(super) is_text: bool,
    pub(super) warmup: Duration,
    pub(super) extent: Extent,
}

/// What a run brought.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Messages sent in the measured time.
    pub(super) sent: u64,
    /// Messages that arrived somewhere in the measured time.
    pub(super) deliveries: u64,
    pub(super) latencies: Histogram,
    /// Deliveries that were owed and did not come, at any time.
    pub(super) lost: u64,
    /// Messages of the service's own, at any time after the opening.
    pub(super) others: u64,
    pub(super) failures: Failures,
    pub(super) elapsed: Duration,
}

/// Opens the connections, puts the load on the service until it is over, and closes them.
pub(super) fn run(
    target: &Target,
    plan: &Plan,
    observer: &mut impl Observer,
) -> anyhow::Result<Outcome> {
    let addresses = connect::resolve(target)?;
    let mut pool = Pool::new()?;
    pool.open(
        target,
        &addresses,
        plan.connections,
        plan.size + ADDED_BYTES_MAX,
    )?;
    let mut room = Room::new(plan);
    for index in pool.take_failed() {
        room.leave(index);
    }
    room.converse(&mut pool, observer)?;
    pool.close()?;
    Ok(Outcome {
        elapsed: room.window.lasted(match plan.extent {
            Extent::Time(_) => room.ended_at,
            Extent::Messages(_) => room.last_at,
        }),
        sent: room.sent,
        deliveries: room.deliveries,
        latencies: room.latencies,
        lost: room.lost,
        others: room.others,
        failures: pool.failures,
    })
}

/// Who has said and heard what.
struct Room<'a> {
    plan: &'a Plan,
    marker: Marker,
    began_at: Instant,
    window: Window,
    /// Messages that are still to be sent in the measured time; `None` is as many as go.
    quota: Option<u64>,
    senders: Vec<Sender>,
    /// By connection, then by sender: the number that has to come next; `None` once the connection has failed.
    next: Vec<Option<Vec<u64>>>,
    sent: u64,
    deliveries: u64,
    latencies: Histogram,
    lost: u64,
    others: u64,
    /// When the last measured delivery arrived.
    last_at: Instant,
    /// When nothing more was sent.
    ended_at: Instant,
}

/// One that sends.
#[derive(Clone, Debug)]
struct Sender {
    sent: u64,
    /// Deliveries of its messages that are still to come.
    owed: u64,
    /// When it last sent, or something of it last arrived.
    moved_at: Instant,
}

impl<'a> Room<'a> {
    fn new(plan: &'a Plan) -> Self {
        let now = Instant::now();
        let sender = Sender {
            sent: 0,
            owed: 0,
            moved_at: now,
        };
        let senders: Vec<_> = (0..plan.senders).map(|_| sender.clone()).collect();
        Self {
            plan,
            marker: Marker::new(rand::rng().next_u32()),
            began_at: now,
            window: Window::new(now, plan.warmup, plan.extent),
            quota: match plan.extent {
                Extent::Time(_) => None,
                Extent::Messages(count) => Some(count),
            },
            next: (0..plan.connections)
                .map(|_| Some(vec![0; senders.len()]))
                .collect(),
            senders,
            sent: 0,
            deliveries: 0,
            latencies: Histogram::new(),
            lost: 0,
            others: 0,
            last_at: now,
            ended_at: now,
        }
    }

    fn converse(&mut self, pool: &mut Pool, observer: &mut impl Observer) -> anyhow::Result<()> {
        let mut stage = Stage::Warmup;
        let mut look_at = Instant::now() + LOOK_EVERY;
        loop {
            let now = Instant::now();
            if stage == Stage::Warmup && self.window.has_begun(now) {
                stage = Stage::Measured;
                observer.begin();
            }
            let may_send = self.may_send(pool);
            if stage == Stage::Measured && (self.window.is_over(now) || !may_send && !self.waits())
            {
                stage = Stage::Over;
                self.ended_at = now;
                observer.end();
            }
            if may_send {
                self.send_rounds(pool);
            } else if !self.waits() && stage == Stage::Over {
                return Ok(());
            } else if !self.waits() && pool.open_count() == 0 {
                // Nobody is left to measure; what the observer saw is none of the service's work.
                return Ok(());
            }
            let edge = match stage {
                Stage::Warmup => Some(self.window.from),
                Stage::Measured => self.window.until,
                Stage::Over => None,
            };
            let wake_at = edge.map_or(look_at, |edge| edge.min(look_at));
            let within = wake_at.saturating_duration_since(Instant::now());
            pool.turn(within, &mut |index, message, now| {
                self.hear(index, message, now)
            })?;
            if Instant::now() >= look_at {
                look_at = Instant::now() + LOOK_EVERY;
                self.fail_overdue(pool);
            }
            for index in pool.take_failed() {
                self.leave(index);
            }
        }
    }

    fn waits(&self) -> bool {
        self.senders.iter().any(|sender| sender.owed > 0)
    }

    /// Whether there is something to send, and somebody to send it.
    fn may_send(&self, pool: &Pool) -> bool {
        let is_over = self.window.is_over(Instant::now()) || self.quota == Some(0);
        !is_over && (0..self.senders.len()).any(|index| pool.is_open(index))
    }

    /// Every sender whose messages have all arrived sends the next ones.
    fn send_rounds(&mut self, pool: &mut Pool) {
        let listeners = self.next.iter().flatten().count() as u64;
        for index in 0..self.senders.len() {
            let now = Instant::now();
            if self.senders[index].owed > 0 || !pool.is_open(index) || self.window.is_over(now) {
                continue;
            }
            let is_measured = self.window.has_begun(now);
            let count = match &mut self.quota {
                Some(quota) if is_measured => {
                    let count = self.plan.pipeline.min(*quota);
                    *quota -= count;
                    count
                }
                _ => self.plan.pipeline,
            };
            if is_measured {
                self.sent += count;
            }
            for _ in 0..count {
                let sender = &mut self.senders[index];
                let mark = Mark {
                    sender: index,
                    number: sender.sent,
                    sent_at: now.saturating_duration_since(self.began_at),
                };
                sender.sent += 1;
                sender.owed += listeners;
                sender.moved_at = now;
                let payload = self.marker.payload(mark, self.plan.size);
                pool.send(index, self.plan.is_text, &payload);
            }
        }
    }

    /// Checks what a connection received, and counts it.
    fn hear(&mut self, index: usize, message: &Message<'_>, now: Instant) -> Result<(), Failure> {
        let Some(mark) = self.marker.find(message.as_bytes()) else {
            self.others += 1;
            return Ok(());
        };
        let next = self.next.get_mut(index).and_then(Option::as_mut);
        let next = next.and_then(|next| next.get_mut(mark.sender));
        let (Some(next), Some(sender)) = (next, self.senders.get_mut(mark.sender)) else {
            return Err(Failure::Unasked(Seen::of(message)));
        };
        if mark.number >= sender.sent {
            return Err(Failure::Unasked(Seen::of(message)));
        }
        let Some(gap) = mark.number.checked_sub(*next) else {
            return Err(Failure::OutOfOrder {
                sender: mark.sender + 1,
                number: mark.number + 1,
                expected: *next + 1,
            });
        };
        *next = mark.number + 1;
        sender.owed = sender.owed.saturating_sub(gap + 1);
        sender.moved_at = now;
        self.lost += gap;
        let sent_at = self.began_at + mark.sent_at;
        let counts = match self.plan.extent {
            Extent::Time(_) => self.window.contains(now),
            Extent::Messages(_) => self.window.has_begun(sent_at),
        };
        if counts {
            self.deliveries += 1;
            self.latencies
                .record(now.saturating_duration_since(sent_at), 1);
            self.last_at = now;
        }
        Ok(())
    }

    /// Gives up the connections at which a message has been due for too long.
    fn fail_overdue(&mut self, pool: &mut Pool) {
        let now = Instant::now();
        for (sender, state) in self.senders.iter().enumerate() {
            let still = now.saturating_duration_since(state.moved_at);
            if state.owed == 0 || still < ANSWER_WITHIN {
                continue;
            }
            for (index, next) in self.next.iter().enumerate() {
                let next = next.as_ref().and_then(|next| next.get(sender));
                if let Some(number) = next.filter(|number| **number < state.sent) {
                    let failure = Failure::NotDelivered {
                        sender: sender + 1,
                        number: number + 1,
                    };
                    pool.fail(index, failure);
                }
            }
        }
    }

    /// A connection has failed: what was owed to it is lost.
    fn leave(&mut self, index: usize) {
        let Some(next) = self.next.get_mut(index).and_then(Option::take) else {
            return;
        };
        for (sender, next) in self.senders.iter_mut().zip(next) {
            let missing = sender.sent.saturating_sub(next);
            sender.owed = sender.owed.saturating_sub(missing);
            self.lost += missing;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Warmup,
    Measured,
    /// Nothing more is sent; what was sent is still awaited.
    Over,
}

/// What a service may add to a message.
const ADDED_BYTES_MAX: usize = 64 * 1024;
