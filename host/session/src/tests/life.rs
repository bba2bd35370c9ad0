//! States, and the first who asks to close.

use std::sync::Arc;
use std::task::{Context, Waker};

use super::{Woken, binary, closing, connecting, frame, open, take_all};
use crate::{Limits, Outbox, Outcome, Party, Principal, ReadyState, Session};

type Act = fn(&Session);

#[test]
fn states_only_go_forward() {
    let shut: Act = |session| {
        session.shut(closing(Party::Host, true));
    };
    let cases: [(&[Act], ReadyState); 8] = [
        (&[], ReadyState::Connecting),
        (&[shut], ReadyState::Connecting),
        (&[Session::stop_accepting], ReadyState::Connecting),
        (&[|s| s.open(None, None)], ReadyState::Open),
        (&[|s| s.open(None, None), shut], ReadyState::Closing),
        (
            &[|s| s.open(None, None), Session::stop_accepting, shut],
            ReadyState::Closing,
        ),
        (&[Session::finish, shut], ReadyState::Closed),
        (
            &[
                |s| s.open(None, None),
                shut,
                Session::finish,
                Session::stop_accepting,
            ],
            ReadyState::Closed,
        ),
    ];
    for (n, (acts, state)) in cases.into_iter().enumerate() {
        let session = connecting(1, Limits::default());
        acts.iter().for_each(|act| act(&session));
        assert_eq!(session.state(), state, "case {n}");
        let sends = if state == ReadyState::Open {
            Outcome::Accepted
        } else {
            Outcome::NotOpen
        };
        assert_eq!(session.push(frame(2)), sends, "case {n}");
        assert_eq!(session.ping(b""), sends, "case {n}");
        let mut outbox = Outbox::new(Arc::clone(&session));
        assert_eq!(outbox.send(&binary(b"")), sends, "case {n}");
    }
}

#[test]
fn what_was_agreed_is_known_from_the_opening_on() {
    let session = connecting(1, Limits::default());
    let name = |session: &Session| session.principal().map(|p| p.name.clone());
    assert_eq!(session.protocol(), None);
    assert_eq!(name(&session).as_deref(), Some("from the host"));
    let guests = Principal {
        name: "from the guest".into(),
        ..Principal::default()
    };
    session.open(Some("a".into()), Some(guests));
    assert_eq!(session.protocol(), Some("a"));
    assert_eq!(name(&session).as_deref(), Some("from the guest"));
    assert_eq!(session.opened_at_ms(), 1_000);
    assert_eq!(session.heard_at_ms(), 1_000);
    session.heard(2_000);
    assert_eq!(session.heard_at_ms(), 2_000);
}

// hardening H21: one closing, whoever else asks, and nothing behind it.
#[test]
fn the_first_who_asks_to_close_decides() {
    for drain in [true, false] {
        let session = open(1, Limits::default());
        session.push(frame(10));
        session.push(frame(20));
        let first = closing(Party::Guest, drain);
        assert_eq!(session.shut(first.clone()), Outcome::Accepted);
        assert!(session.is_asked_to_close());
        assert!(session.take_signals().closing());
        assert_eq!(session.shut(closing(Party::Host, !drain)), Outcome::NotOpen);
        assert_eq!(session.push(frame(30)), Outcome::NotOpen);
        let kept = if drain { 30 } else { 0 };
        assert_eq!(session.queued_bytes(), kept);
        assert_eq!(take_all(&session), (kept, Some(first)));
        assert_eq!(session.queued_bytes(), 0);
        assert!(!session.is_asked_to_close() && !session.has_mail());
        assert_eq!(session.drain(|_| true), None);
        assert_eq!(session.shut(closing(Party::Host, true)), Outcome::NotOpen);
    }
}

#[test]
fn a_closing_comes_after_all_that_was_queued() {
    let session = open(1, Limits::default());
    let mut outbox = Outbox::new(Arc::clone(&session));
    outbox.send(&binary(b"last words"));
    let frame = closing(Party::Guest, true).frame;
    assert_eq!(outbox.close(frame), Outcome::Accepted);
    assert_eq!(outbox.send(&binary(b"too late")), Outcome::NotOpen);
    session.drain(|_| false);
    assert_eq!(session.queued_bytes(), 12);
    assert_eq!(outbox.take(), b"");
}

// A connection that stops in the middle is asked again, and gets the closing with the last item.
#[test]
fn a_queue_may_be_taken_in_parts() {
    let session = open(1, Limits::default());
    for _ in 0..3 {
        session.push(frame(10));
    }
    session.shut(closing(Party::Host, true));
    for expected in [false, false, true] {
        assert!(session.has_mail());
        assert_eq!(session.drain(|_| false).is_some(), expected);
    }
    assert!(!session.has_mail());
}

#[test]
fn an_end_leaves_nothing_behind() {
    let session = open(1, Limits::default());
    session.push(frame(10));
    session.held(5);
    let mut outbox = Outbox::new(Arc::clone(&session));
    session.finish();
    assert_eq!(session.queued_bytes(), 0);
    assert!(!session.has_mail());
    outbox.publish();
    outbox.lend(vec![1]);
    outbox.publish();
    assert!(!session.has_mail());
    assert_eq!(session.queued_bytes(), 0);
}

#[test]
fn a_connection_is_woken_for_mail_signals_and_deadlines() {
    let acts: [Act; 6] = [
        |session| assert_eq!(session.push(frame(2)), Outcome::Accepted),
        |session| assert_eq!(session.ping(b""), Outcome::Accepted),
        |session| assert_eq!(session.shut(closing(Party::Host, true)), Outcome::Accepted),
        |session| {
            session.set_timer(std::time::Instant::now(), 1);
        },
        |session| session.sweep(10),
        |session| session.publish(vec![0], 1),
    ];
    for (n, act) in acts.into_iter().enumerate() {
        let session = open(1, Limits::default());
        session.set_deadline(10);
        session.sweep(9);
        let woken = Arc::new(Woken::default());
        session.register(&Context::from_waker(&Waker::from(Arc::clone(&woken))));
        assert!(!session.has_mail() && session.take_signals().is_empty());
        act(&session);
        assert_eq!(woken.count(), 1, "case {n}");
        assert!(session.has_mail() || !session.take_signals().is_empty());
        // A deadline is told once.
        session.sweep(100);
        session.sweep(101);
        let again = session.take_signals();
        assert_eq!(again.deadline(), n != 4, "case {n}");
        session.sweep(102);
        assert!(session.take_signals().is_empty());
    }
}
