//! What a connection's two queues hold, and what becomes of it at the end.

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::task::AtomicWaker;
use wasket_client::Message;
use wasket_session::ws::{self, CloseCode, CloseFrame};
use wasket_session::{
    CloseEvent, Headers, Hub, IdSource, Limits, Opening, Outcome, Party, ReadyState, Session,
};

use super::link::{Arrived, Link, Outgoing};

fn link(limits: Limits) -> (Link, Arc<Hub>) {
    let hub = Arc::new(Hub::new("test", limits, Vec::new()));
    let opening = Opening {
        service: Arc::clone(hub.service()),
        method: "GET",
        authority: "localhost".into(),
        target: "/".into(),
        path: "/".into(),
        parameters: Box::new([]),
        headers: Headers::new([]),
        protocols: Box::new([]),
        principal: None,
        remote_address: ([127, 0, 0, 1], 9).into(),
        secure: false,
        properties: Arc::new([]),
    };
    let ids = IdSource::new(0);
    let now = SystemTime::now();
    let session = Arc::new(Session::new(ids.next(now), &hub, opening, 0));
    session.open(None, None);
    let progress = Arc::new(AtomicWaker::new());
    (Link::new(ids.next(now), &session, &hub, &progress), hub)
}

fn open(limits: Limits) -> (Link, Arc<Hub>) {
    let (link, hub) = link(limits);
    assert!(link.opened(None));
    assert!(matches!(link.take(), Some(Arrived::Open)));
    (link, hub)
}

fn send(link: &Link, bytes: usize) -> Outcome {
    link.send(&ws::Message::Binary(vec![0; bytes].into()))
}

/// What its task does with a message of this size; false if it has to wait.
fn arrive(link: &Link, bytes: usize) -> bool {
    let room = link.may_tell(bytes);
    if room {
        link.arrived(Message::Binary(vec![0; bytes].into()));
    }
    room
}

fn bye() -> CloseFrame {
    CloseFrame::from(CloseCode::NORMAL)
}

fn lost() -> CloseEvent {
    CloseEvent {
        code: 1006,
        reason: String::new(),
        clean: false,
        by: Party::Peer,
    }
}

// hardening H24
#[test]
fn what_arrives_is_bounded_in_messages_and_in_bytes_and_counted() {
    let (link, hub) = open(Limits::default());
    let many = (0..1_000).take_while(|_| arrive(&link, 0)).count();
    assert_eq!(many, 64);
    let counted = hub.account().bytes();
    assert!(counted >= 64 * 64, "{counted}");
    while link.take().is_some() {}
    assert_eq!(hub.account().bytes(), 0);

    let large = (0..1_000).take_while(|_| arrive(&link, 8 << 10)).count();
    assert_eq!(large, 8, "64 KiB");
    while link.take().is_some() {}
    assert!(arrive(&link, 1 << 20), "one message always fits");
    assert!(!arrive(&link, 0));
    drop(link.take());
    assert_eq!(hub.account().bytes(), 0);
}

#[test]
fn a_full_account_holds_servers_back() {
    let (link, hub) = open(Limits {
        queued_bytes_max: 1_000,
        ..Limits::default()
    });
    assert!(arrive(&link, 2_000));
    assert!(hub.account().is_full());
    assert!(!arrive(&link, 0));
    drop(link.take());
    assert!(arrive(&link, 0));
}

// hardening H24
#[test]
fn what_is_to_be_sent_is_bounded_and_counted_with_what_it_costs() {
    let (link, hub) = open(Limits {
        outbox_bytes_max: 64 << 10,
        ..Limits::default()
    });
    let sent = (0..10_000)
        .take_while(|_| send(&link, 1) == Outcome::Accepted)
        .count();
    assert_eq!(sent, (64 << 10) / 65);
    assert_eq!(send(&link, 1), Outcome::Backlogged);
    assert!(hub.account().bytes() >= sent * 65);
    while let Some(Outgoing::Message { payload, .. }) = link.next_outgoing() {
        link.written(payload.len());
    }
    assert_eq!((link.queued_bytes(), hub.account().bytes()), (0, 0));
    assert_eq!(send(&link, 1 << 20), Outcome::Accepted, "one always fits");
    assert_eq!(send(&link, (1 << 20) + 1), Outcome::TooLarge);
}

#[test]
fn as_many_pings_wait_as_for_a_session() {
    let (link, _hub) = open(Limits::default());
    let pings = (0..100).take_while(|_| link.ping(b"x") == Outcome::Accepted);
    assert_eq!(pings.count(), 16);
    assert!(matches!(link.next_outgoing(), Some(Outgoing::Ping(_))));
    assert_eq!(link.ping(b"x"), Outcome::Accepted);
}

// parity W15
#[test]
fn a_close_goes_behind_what_was_sent_and_before_it_is_open_calls_off() {
    let (waiting, _hub) = link(Limits::default());
    assert_eq!(waiting.ping(b""), Outcome::NotOpen);
    assert_eq!(send(&waiting, 1), Outcome::Accepted);
    assert_eq!(waiting.shut(bye(), Party::Guest), Outcome::Accepted);
    assert!(
        !waiting.called_off.is_cancelled(),
        "it has something to say"
    );
    assert!(waiting.closing.is_cancelled());
    assert!(waiting.opened(None));
    let next = || waiting.next_outgoing();
    assert!(matches!(next(), Some(Outgoing::Message { .. })));
    assert!(matches!(next(), Some(Outgoing::Close(_))));
    assert!(waiting.take().is_none(), "only the end is told");

    let (silent, _hub) = link(Limits::default());
    assert_eq!(silent.shut(bye(), Party::Guest), Outcome::Accepted);
    assert!(silent.called_off.is_cancelled());
    assert_eq!(silent.shut(bye(), Party::Host), Outcome::NotOpen);
    assert_eq!(silent.closer(), Party::Guest);
    assert_eq!(send(&silent, 1), Outcome::NotOpen);
    silent.finish(lost());
    assert!(matches!(silent.take(), Some(Arrived::Close(_))));
}

// Its server is gone, what came of it waits for the guest, and then the session ends, too.
#[test]
fn what_can_send_nothing_any_more_is_let_go_with_its_session() {
    let (link, hub) = open(Limits::default());
    while arrive(&link, 1) {}
    link.stop();
    assert!(!arrive(&link, 1), "its guest is still to hear of it");
    link.abandon(bye());
    assert!(link.closing.is_cancelled());
    assert!(link.may_tell(1) && link.take().is_none());
    assert_eq!(hub.account().bytes(), 0);
    assert_eq!(link.closer(), Party::Host);

    let (closing, _hub) = open(Limits::default());
    assert_eq!(closing.shut(bye(), Party::Guest), Outcome::Accepted);
    closing.abandon(bye());
    assert!(matches!(closing.next_outgoing(), Some(Outgoing::Close(_))));
    assert!(closing.next_outgoing().is_none());
    assert_eq!(closing.closer(), Party::Guest);
}

// A guest that waits for room, while what arrived waits for the guest, is not to wait for ever.
#[test]
fn nobody_waits_for_room_where_nothing_goes_out_any_more() {
    let (link, hub) = open(Limits::default());
    assert!(arrive(&link, 1));
    assert_eq!(send(&link, 1 << 20), Outcome::Accepted);
    let limit = hub.limits().outbox_bytes_max;
    assert!(!link.has_room(limit));
    link.stop();
    assert!(link.has_room(limit));
    assert_eq!(send(&link, 1), Outcome::NotOpen);
    assert_eq!(link.state(), ReadyState::Closing);
    assert!(matches!(link.take(), Some(Arrived::Message(..))));
    link.finish(lost());
    assert!(matches!(link.take(), Some(Arrived::Close(_))));
}
