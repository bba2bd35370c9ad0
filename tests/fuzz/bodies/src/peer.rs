use std::time::Instant;

use wasket_ws::{
    CloseCode, CloseFrame, Connection, Event, Limits, Message, OWED_BYTES_MAX, Role, State, Timing,
    Violation,
};

/// Small, so that an input of a few bytes reaches them.
pub(crate) const LIMITS: Limits = Limits {
    message_bytes_max: 300,
    fragments_max: 4,
};

/// Pings that the connection under test has sent before anything arrives: some pongs answer them.
pub(crate) const PINGS: [&[u8]; 3] = [b"", b"a", b"ping"];

/// Everything that some bytes meant.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Event<'static>>,
    pub(crate) ended: Result<(), Violation>,
}

/// Gives a connection these pieces and checks what holds whatever they are. What the connection itself writes has to
/// be right in the eyes of its other side.
pub(crate) fn receive<'p>(role: Role, pieces: impl IntoIterator<Item = &'p [u8]>) -> Outcome {
    let now = Instant::now();
    let mut connection = open(role, now);
    let mut written = Vec::new();
    for payload in PINGS {
        let pinged = connection.ping(payload, &mut written);
        assert_eq!(pinged, Ok(()), "an open connection may ping");
    }
    let mut outcome = Outcome {
        events: Vec::new(),
        ended: Ok(()),
    };
    for piece in pieces {
        let mut bytes = piece.to_vec();
        let mut events = Vec::new();
        let received = connection.receive(now, &mut bytes, &mut events);
        check_received(&outcome, &events, received);
        outcome
            .events
            .extend(events.into_iter().map(Event::into_owned));
        if outcome.ended.is_ok() {
            outcome.ended = received;
        }
        let before = written.len();
        connection.write_owed(&mut written);
        let owed = written.len() - before;
        assert!(owed <= OWED_BYTES_MAX, "{owed} bytes were owed");
        assert!(!connection.owes(), "what is owed is written at once");
    }
    check_end(&connection, &outcome);
    let answer = match outcome.ended {
        Ok(()) => CloseFrame::from(CloseCode::NORMAL),
        Err(violation) => violation.close_frame(),
    };
    connection.close(now, &answer, &mut written);
    connection.write_owed(&mut written);
    check_written(role, now, &mut written);
    outcome
}

fn open(role: Role, now: Instant) -> Connection {
    Connection::new(role, LIMITS, Timing::default(), now)
        .with_mask_keys(Box::new(|| [0x37, 0xFA, 0x21, 0x3D]))
}

/// Nothing follows an end, and no event is beyond a limit.
fn check_received(before: &Outcome, events: &[Event<'_>], received: Result<(), Violation>) {
    let closed = matches!(before.events.last(), Some(Event::Close(_)));
    if closed || before.ended.is_err() {
        assert!(
            events.is_empty() && received.is_ok(),
            "after the end: {events:?}, {received:?}"
        );
    }
    for (at, event) in events.iter().enumerate() {
        match event {
            Event::Message(message) => check_message(message),
            Event::Ping(payload) | Event::Pong(payload) => {
                assert!(
                    payload.len() <= 125,
                    "a control frame with {} bytes",
                    payload.len()
                );
            }
            Event::Close(frame) => {
                assert!(
                    frame.reason.len() <= 123,
                    "a reason with {} bytes",
                    frame.reason.len()
                );
                assert_eq!(at + 1, events.len(), "something follows the close frame");
                assert!(received.is_ok(), "{received:?} follows the close frame");
            }
        }
    }
}

fn check_message(message: &Message<'_>) {
    assert!(
        message.len() <= LIMITS.message_bytes_max,
        "a message of {} bytes",
        message.len()
    );
    assert_eq!(
        message.is_text(),
        matches!(message, Message::Text(text) if str::from_utf8(text.as_bytes()).is_ok())
    );
}

fn check_end(connection: &Connection, outcome: &Outcome) {
    let close = outcome.events.iter().find_map(|event| match event {
        Event::Close(frame) => Some(frame),
        _ => None,
    });
    assert_eq!(connection.peer_close(), close);
    let expected = match (outcome.ended, close) {
        (Err(_), _) => State::Failed,
        (Ok(()), Some(_)) => State::CloseReceived,
        (Ok(()), None) => State::Open,
    };
    assert_eq!(connection.state(), expected);
    if let Err(violation) = outcome.ended {
        let code = violation.close_code().get();
        assert!(
            matches!(code, 1002 | 1007..=1009),
            "{violation} closes with {code}"
        );
    }
}

/// What was written are whole frames, and the last of them closes.
fn check_written(by: Role, now: Instant, written: &mut [u8]) {
    let other = match by {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    };
    let mut events = Vec::new();
    let received = open(other, now).receive(now, written, &mut events);
    assert_eq!(received, Ok(()), "what a {by:?} wrote is refused");
    assert!(
        matches!(events.last(), Some(Event::Close(_))),
        "no close frame: {events:?}"
    );
    let pings = events
        .iter()
        .filter(|event| matches!(event, Event::Ping(_)));
    assert_eq!(pings.count(), PINGS.len());
}
