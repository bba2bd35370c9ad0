//! The order of a session's messages, and the count of its bytes, under any interleaving.

use std::sync::Arc;

use proptest::prelude::*;

use super::{binary, open};
use crate::{Frame, Hub, Item, Limits, Outbox, Outcome, Session};
use wasket_ws as ws;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The session's own guest sends.
    Send(usize),
    /// It sends a ping.
    Ping(usize),
    /// It broadcasts to all, itself included.
    Broadcast(usize),
    /// Another session sends.
    Push(usize),
    /// The guest is about to wait, and the connection takes this many items meanwhile.
    Wait(usize),
    /// The event is over: the connection takes what was sent, and writes it or holds it.
    End { stalled: bool },
    /// The socket takes this many of the bytes that the connection holds.
    Write(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let len = 0_usize..100;
    let step = prop_oneof![
        4 => len.clone().prop_map(Step::Send),
        1 => len.clone().prop_map(Step::Ping),
        1 => len.clone().prop_map(Step::Broadcast),
        3 => len.prop_map(Step::Push),
        1 => (0_usize..5).prop_map(Step::Wait),
        2 => any::<bool>().prop_map(|stalled| Step::End { stalled }),
        2 => (0_usize..300).prop_map(Step::Write),
    ];
    prop::collection::vec(step, 0..200)
}

/// A session, its guest, and its connection, with what is known of them.
struct World {
    hub: Arc<Hub>,
    session: Arc<Session>,
    outbox: Outbox,
    /// What the peer is to see in the end.
    accepted: Vec<u8>,
    /// What went to the socket, or waits at it.
    wire: Vec<u8>,
    /// How much of the wire the socket has taken.
    written: usize,
    /// Pings that wait in the queue.
    pings: usize,
}

impl World {
    fn new(outbox_bytes_max: usize) -> Self {
        let limits = Limits {
            outbox_bytes_max,
            slow_reader: crate::SlowReader::Drop,
            ..Limits::default()
        };
        let hub = Arc::new(Hub::new("test", limits.clone(), Vec::new()));
        let session = open(1, limits);
        hub.join(Arc::clone(&session));
        Self {
            outbox: Outbox::new(Arc::clone(&session)),
            hub,
            session,
            accepted: Vec::new(),
            wire: Vec::new(),
            written: 0,
            pings: 0,
        }
    }

    fn step(&mut self, number: usize, step: Step) {
        let payload = |len| vec![number.to_le_bytes()[0]; len];
        let before = self.outbox.queued_bytes();
        match step {
            Step::Send(len) => {
                let payload = payload(len);
                let outcome = self.outbox.send(&binary(&payload));
                self.expect(outcome, before, &frame(&payload));
            }
            Step::Ping(len) => {
                let payload = payload(len);
                let outcome = self.outbox.ping(&payload);
                if outcome == Outcome::Backlogged && self.pings == ws::PING_PAYLOADS_MAX {
                    return;
                }
                self.pings += usize::from(outcome == Outcome::Accepted);
                self.expect(outcome, before, &ping(&payload));
            }
            Step::Broadcast(len) => {
                let payload = payload(len);
                self.outbox
                    .broadcast(&self.hub, &binary(&payload), None, |_| true);
                let grown = self.outbox.queued_bytes() > before;
                let outcome = if grown {
                    Outcome::Accepted
                } else {
                    Outcome::Backlogged
                };
                self.expect(outcome, before, &frame(&payload));
            }
            Step::Push(len) => {
                let payload = payload(len);
                let queued = self.session.queued_bytes();
                let outcome = self.session.push(Frame::new(&binary(&payload)));
                self.expect(outcome, queued, &frame(&payload));
            }
            Step::Wait(items) => {
                self.outbox.publish();
                self.take(items);
            }
            Step::End { stalled } => {
                let output = self.outbox.take();
                if stalled || self.written < self.wire.len() {
                    self.session.held(output.len());
                    self.wire.extend_from_slice(&output);
                } else {
                    self.wire.extend_from_slice(&output);
                    self.written = self.wire.len();
                }
            }
            Step::Write(bytes) => self.write(bytes),
        }
    }

    fn expect(&mut self, outcome: Outcome, queued: usize, bytes: &[u8]) {
        match outcome {
            Outcome::Accepted => self.accepted.extend_from_slice(bytes),
            Outcome::Backlogged => {
                let max = self.session.limits().outbox_bytes_max;
                assert!(queued > 0 && queued + bytes.len() + 14 > max);
            }
            other => panic!("{other:?}"),
        }
    }

    fn take(&mut self, mut items: usize) {
        if items == 0 {
            return;
        }
        let (wire, pings) = (&mut self.wire, &mut self.pings);
        let closing = self.session.drain(|item| {
            match item {
                Item::Frame(frame) => wire.extend_from_slice(frame.bytes()),
                Item::Ping(payload) => {
                    wire.extend(ping(&payload));
                    *pings -= 1;
                }
            }
            items -= 1;
            items > 0
        });
        assert_eq!(closing, None);
    }

    fn write(&mut self, bytes: usize) {
        let bytes = bytes.min(self.wire.len() - self.written);
        self.written += bytes;
        self.session.written(bytes);
    }

    fn check(&self) {
        assert_eq!(
            self.outbox.queued_bytes(),
            self.accepted.len() - self.written,
            "accepted and not yet written"
        );
        assert!(!self.session.is_full() || self.session.queued_bytes() > 0);
    }

    fn finish(mut self) {
        self.outbox.publish();
        self.take(usize::MAX);
        self.write(usize::MAX);
        self.check();
        assert_eq!(self.wire, self.accepted);
        assert!(!self.session.has_mail() && !self.session.is_full());
    }
}

fn frame(payload: &[u8]) -> Vec<u8> {
    Frame::new(&binary(payload)).bytes().to_vec()
}

fn ping(payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).unwrap();
    [&[0x89, len], payload].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    // parity M2, M3: whoever queues a message, the peer gets all in the order in which they were
    // accepted, and every byte is counted until it is written.
    #[test]
    fn the_peer_sees_what_was_accepted_in_that_order(
        steps in steps(),
        outbox_bytes_max in prop_oneof![Just(1_usize), Just(300), Just(100_000)],
    ) {
        let mut world = World::new(outbox_bytes_max);
        for (number, step) in steps.into_iter().enumerate() {
            world.step(number, step);
            world.check();
        }
        world.finish();
    }
}

// What is held in the outbox was there first.
#[test]
fn what_was_sent_before_goes_before_what_others_queued_since() {
    let mut world = World::new(1000);
    for (number, step) in [
        Step::Send(1),
        Step::Push(2),
        Step::Send(3),
        Step::Push(4),
        Step::Broadcast(5),
        Step::Ping(6),
        Step::End { stalled: false },
    ]
    .into_iter()
    .enumerate()
    {
        world.step(number, step);
    }
    world.finish();
}
