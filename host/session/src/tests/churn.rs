//! Sessions without number leave nothing behind.

use std::sync::Arc;

use futures_util::FutureExt as _;
use wasket_ws::{Event, Message};

use super::{closing, connecting};
use crate::echo::Echo;
use crate::{CloseEvent, Hub, Inbox, Limits, Outbox, Party, Service};

// hardening H12
#[test]
#[ignore = "slow: 5 s"]
fn a_million_sessions_leave_nothing_in_their_service() {
    let hub = Arc::new(Hub::new("test", Limits::default(), Vec::new()));
    let echo = Echo::new(Arc::clone(&hub));
    let mut after_a_tenth = 0;
    for id in 1..=1_000_000 {
        live(&echo, id);
        if id == 100_000 {
            after_a_tenth = resident_kb();
        }
    }
    assert_eq!(hub.count(), 0);
    // This test's own, the service's, and nobody else's.
    assert_eq!(Arc::strong_count(&hub), 2);
    let grown = resident_kb().saturating_sub(after_a_tenth);
    assert!(grown < 1 << 10, "{grown} KB");
}

/// Plays the connection of one session: opened, subscribed, spoken to, spoken to by others, and closed.
fn live(echo: &Echo, id: u64) {
    let hub = echo.hub();
    let reserved = hub.reserve().expect("no limit");
    let session = connecting(id, Limits::default());
    let admission = echo.admit(&session).now_or_never();
    let mut seat = admission.expect("no wait").expect("admitted").seat;
    session.open(None, None);
    hub.join(Arc::clone(&session));
    let mut outbox = Outbox::new(Arc::clone(&session));
    seat.open(&mut outbox)
        .now_or_never()
        .expect("no wait")
        .expect("no fault");
    hub.subscribe(session.id(), "all");
    let message = [Event::Message(Message::Text("hello".into()))];
    let call = seat
        .receive(Inbox::new(&message), &mut outbox)
        .now_or_never();
    call.expect("no wait").expect("no fault");
    hub.publish("all", &Message::Text("to everyone".into()), None);
    session.shut(closing(Party::Host, id.is_multiple_of(2)));
    let close = CloseEvent {
        code: 1000,
        reason: String::new(),
        clean: true,
        by: Party::Host,
    };
    session.finish();
    hub.leave(&session);
    let call = seat.close(close, &mut outbox).now_or_never();
    call.expect("no wait").expect("no fault");
    drop((seat, outbox, reserved));
    assert_eq!(
        Arc::strong_count(&session),
        1,
        "somebody keeps session {id}"
    );
}

/// The memory of this process: 0 where the system does not tell.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    number.unwrap_or(0)
}
