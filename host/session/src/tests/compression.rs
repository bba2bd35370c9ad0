//! What becomes of messages where compression was agreed on.

use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use wasket_ws::deflate::Terms;
use wasket_ws::handshake::ExtensionParams;
use wasket_ws::{Connection, Event, Limits as WsLimits, Message, Role, Timing};

use super::{binary, connecting_to};
use crate::{Account, Compression, Deflate, Frame, Hub, Item, Limits, Outbox, Outcome, Session};

const TAKEOVER: Terms = Terms {
    server_context_takeover: true,
    client_context_takeover: true,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

fn compression(terms: Terms, memory_bytes_max: usize) -> Compression {
    Compression {
        terms,
        level: 6,
        message_bytes_min: 16,
        memory: Account::new(memory_bytes_max),
    }
}

fn hub(compression: Option<Compression>) -> Hub {
    Hub::new("test", Limits::default(), Vec::new()).with_compression(compression)
}

/// An open session whose client offered permessage-deflate with this largest window.
fn session(hub: &Hub, id: u64, window_bits: &str) -> Arc<Session> {
    let deflate = hub
        .compression()
        .and_then(|c| c.negotiate(&offer(window_bits)));
    let session = Arc::into_inner(connecting_to(hub, id)).unwrap();
    let session = Arc::new(session.with_deflate(deflate));
    session.open(None, None);
    session
}

fn offer(window_bits: &str) -> [ExtensionParams; 1] {
    let bits = ("server_max_window_bits".into(), Some(window_bits.into()));
    [ExtensionParams {
        name: "permessage-deflate".into(),
        params: vec![bits],
    }]
}

/// What the connection would write, in its order.
fn drain(session: &Session) -> Vec<Frame> {
    let mut frames = Vec::new();
    session.drain(|item| {
        if let Item::Frame(frame) = item {
            frames.push(frame);
        }
        true
    });
    frames
        .into_iter()
        .map(|frame| session.prepare(frame))
        .collect()
}

/// What the client makes of it.
fn received(session: &Session, mut wire: Vec<u8>) -> Vec<Vec<u8>> {
    let now = Instant::now();
    let client = Connection::new(Role::Client, WsLimits::default(), Timing::default(), now);
    let mut client = match session.deflate() {
        Some(deflate) => client.with_inflate(deflate.parameters().inflate(Role::Client)),
        None => client,
    };
    let mut events = Vec::new();
    client.receive(now, &mut wire, &mut events).unwrap();
    let bytes = |event: Event<'_>| match event {
        Event::Message(message) => message.as_bytes().to_vec(),
        other => panic!("{other:?}"),
    };
    events.into_iter().map(bytes).collect()
}

// parity S10 M2
#[test]
fn a_broadcast_is_deflated_once_for_each_window_size() {
    let hub = hub(Some(compression(Terms::default(), 0)));
    let sessions = ["15", "15", "9", "9", "15"].map(|bits| session(&hub, 1, bits));
    let plain = super::open(2, Limits::default());
    let payload = b"the same for all ".repeat(100);
    // As the hub does it, without its registry.
    let frame = hub.shared(&binary(&payload));
    let prepared = sessions.each_ref().map(|s| s.prepare(frame.clone()));
    let addresses = prepared.each_ref().map(|f| f.bytes().as_ptr());
    assert_eq!(addresses[0], addresses[1]);
    assert_eq!(addresses[0], addresses[4]);
    assert_eq!(addresses[2], addresses[3]);
    assert_ne!(addresses[0], addresses[2]);
    assert!(prepared.iter().all(|frame| frame.len() < payload.len() / 4));
    assert_eq!(
        plain.prepare(frame.clone()).bytes().as_ptr(),
        frame.bytes().as_ptr()
    );
    for (session, prepared) in sessions.iter().zip(prepared) {
        assert_eq!(
            received(session, prepared.bytes().to_vec()),
            std::slice::from_ref(&payload)
        );
    }
}

#[test]
fn what_is_not_worth_it_goes_as_it_is() {
    let hub = hub(Some(compression(Terms::default(), 0)));
    let session = session(&hub, 1, "15");
    let mut outbox = Outbox::new(Arc::clone(&session));
    let random: Vec<u8> = (0..200_u32)
        .map(|n| n.wrapping_mul(0x9E37_79B1).to_be_bytes()[0])
        .collect();
    for payload in [&[7; 15][..], &random] {
        let frame = hub.shared(&binary(payload));
        let at = frame.bytes().as_ptr();
        assert_eq!(session.prepare(frame).bytes().as_ptr(), at);
        assert_eq!(outbox.send(&binary(payload)), Outcome::Accepted);
        let whole = Frame::new(&binary(payload));
        assert_eq!(outbox.take(), whole.bytes()[..]);
    }
    assert_eq!(outbox.send(&binary(&[7; 16])), Outcome::Accepted);
    assert!(outbox.take().starts_with(&[0xC2]));
}

// hardening H9: what is sent, published and pushed is deflated in the order of the wire.
#[derive(Clone, Debug)]
enum Step {
    Send(usize),
    Push(usize),
    Broadcast(usize),
    Publish,
    Write,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..400_usize).prop_map(Step::Send),
        2 => (0..400_usize).prop_map(Step::Push),
        1 => (0..400_usize).prop_map(Step::Broadcast),
        1 => Just(Step::Publish),
        2 => Just(Step::Write),
    ];
    prop::collection::vec(step, 1..40)
}

fn payload(n: usize, len: usize) -> Vec<u8> {
    format!("message {n} ")
        .into_bytes()
        .into_iter()
        .cycle()
        .take(len)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_client_gets_everything_in_order(steps in steps(), takeover in any::<bool>(), bits in 9..=15_u8) {
        let terms = if takeover { TAKEOVER } else { Terms::default() };
        let hub = hub(Some(compression(terms, 1 << 20)));
        let session = session(&hub, 1, &bits.to_string());
        prop_assert_eq!(session.deflate().map(Deflate::takes_over), Some(takeover));
        let mut outbox = Outbox::new(Arc::clone(&session));
        let (mut wire, mut sent) = (Vec::new(), Vec::new());
        let write = |outbox: &mut Outbox, wire: &mut Vec<u8>| {
            wire.extend(outbox.take());
            drain(&session).iter().for_each(|frame| wire.extend_from_slice(frame.bytes()));
        };
        for (n, step) in steps.into_iter().enumerate() {
            match step {
                Step::Send(len) => {
                    let payload = payload(n, len);
                    prop_assert_eq!(outbox.send(&binary(&payload)), Outcome::Accepted);
                    sent.push(payload);
                }
                // As another's send or broadcast within an event of this session: what is held here went before.
                Step::Push(len) => {
                    outbox.publish();
                    let payload = payload(n, len);
                    prop_assert_eq!(session.push(Frame::new(&binary(&payload))), Outcome::Accepted);
                    sent.push(payload);
                }
                Step::Broadcast(len) => {
                    outbox.publish();
                    let payload = payload(n, len);
                    session.push_broadcast(hub.shared(&Message::Binary(payload.as_slice().into())));
                    sent.push(payload);
                }
                Step::Publish => outbox.publish(),
                Step::Write => write(&mut outbox, &mut wire),
            }
        }
        write(&mut outbox, &mut wire);
        prop_assert_eq!(received(&session, wire), sent);
    }
}

// hardening H1: memory for context takeover is bounded for the whole host.
#[test]
fn past_the_maximum_new_sessions_do_without_takeover() {
    let one = (256 << 10) + (4 << 15) + (48 << 10);
    let memory = Account::new(2 * one);
    let of = |terms| {
        let mut compression = compression(terms, 0);
        compression.memory = Arc::clone(&memory);
        hub(Some(compression))
    };
    let hubs = [of(TAKEOVER), of(TAKEOVER)];
    let first = session(&hubs[0], 1, "15");
    let second = session(&hubs[1], 2, "15");
    let third = session(&hubs[0], 3, "15");
    let takes_over = |session: &Session| session.deflate().map(Deflate::takes_over);
    let all = [&first, &second, &third].map(|session| takes_over(session));
    assert_eq!(all, [Some(true), Some(true), Some(false)]);
    let answer = third.deflate().map(Deflate::answer);
    let expected = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                    server_max_window_bits=15";
    assert_eq!(answer, Some(expected));
    assert_eq!(memory.bytes(), 2 * one);
    drop(first);
    assert_eq!(takes_over(&session(&hubs[1], 4, "9")), Some(true));
    drop(second);
    assert_eq!(memory.bytes(), 0);
}

// parity S11
#[test]
fn without_compression_nothing_is_agreed_on() {
    let hub = hub(None);
    let session = session(&hub, 1, "15");
    assert!(session.deflate().is_none());
    let frame = hub.shared(&binary(&[7; 1_000]));
    let at = frame.bytes().as_ptr();
    assert_eq!(session.prepare(frame).bytes().as_ptr(), at);
}
