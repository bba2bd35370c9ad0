//! Turns of a seat that its peer did not bring about.

use std::time::Instant;

use wasket_session::ws::CloseFrame;
use wasket_session::{Closing, Limits, Party};

use crate::gated::Host;
use crate::support::{Peer, masked, until};

#[tokio::test]
async fn a_seat_that_is_woken_has_its_turn() {
    let host = Host::new(Limits::default(), false);
    let _peer = host.server.open().await;
    host.logged("open").await;
    for turns in 1..=3 {
        host.session().wake_seat();
        until("it was woken", || host.lines() == 1 + turns).await;
    }
    assert_eq!(host.log(), ["open", "woken", "woken", "woken"]);
}

// A guest that always waits always finds something that was read ahead: neither keeps the other from its turn.
#[tokio::test]
async fn what_was_read_ahead_alternates_with_timers_and_wakes() {
    let host = Host::new(Limits::default(), false);
    let mut peer = host.waiting().await;
    read_ahead(&mut peer, b"wait").await;
    let session = host.session();
    session.wake_seat();
    session.set_timer(Instant::now(), 7);
    host.go_on();
    until("it waits again", || host.lines() == 4).await;
    read_ahead(&mut peer, b"last").await;
    host.go_on();
    host.logged("last").await;
    let mut log = host.log();
    // Which of the two comes first depends on the clock.
    let others = [log.remove(4), log.remove(2)];
    assert_eq!(log, ["open", "wait", "wait", "last"]);
    assert!(others.contains(&"timer 7".into()) && others.contains(&"woken".into()));
}

/// Sends a message, which is held for the guest when this returns.
async fn read_ahead(peer: &mut Peer, message: &[u8]) {
    let mut bytes = masked(0x89, b"before it");
    bytes.extend(masked(0x81, message));
    peer.send(&bytes).await;
    assert_eq!(peer.read().await, Some((0x8A, b"before it".to_vec())));
}

#[tokio::test]
async fn a_seat_that_was_asked_to_close_is_not_woken() {
    let host = Host::new(Limits::default(), false);
    let mut peer = host.waiting().await;
    host.session().shut(Closing {
        frame: CloseFrame::default(),
        by: Party::Host,
        drain: true,
    });
    host.session().wake_seat();
    host.go_on();
    assert_eq!(peer.read().await, Some((0x88, Vec::new())));
    peer.frame(0x88, b"").await;
    host.logged("close 1005 clean=true by=Host").await;
    assert_eq!(
        host.log(),
        ["open", "wait", "close 1005 clean=true by=Host"]
    );
}
