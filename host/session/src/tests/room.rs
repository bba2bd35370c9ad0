//! Limits at their edges, and who is woken when there is room.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::{Woken, binary, closing, frame, open, take_all};
use crate::{ATTACHMENT_BYTES_MAX, Frame, Hub, Item, Limits, Outbox, Outcome, Party, SlowReader};

fn limits(outbox_bytes_max: usize) -> Limits {
    Limits {
        outbox_bytes_max,
        message_bytes_max: 100,
        ..Limits::default()
    }
}

#[test]
fn a_message_has_its_largest_size_everywhere() {
    for (len, expected) in [(100, Outcome::Accepted), (101, Outcome::TooLarge)] {
        let hub = Hub::new("test", limits(1000), Vec::new());
        let session = open(1, limits(1000));
        hub.join(Arc::clone(&session));
        let mut outbox = Outbox::new(Arc::clone(&session));
        let payload = vec![0; len];
        let message = binary(&payload);
        assert_eq!(outbox.send(&message), expected);
        assert_eq!(outbox.broadcast(&hub, &message, None, |_| true), expected);
        assert_eq!(
            outbox.publish_topic(&hub, "t", &message, None, |_| true),
            expected
        );
        assert_eq!(hub.send(session.id(), &message), expected);
    }
    let session = open(1, limits(1000));
    assert_eq!(session.ping(&[0; 125]), Outcome::Accepted);
    assert_eq!(session.ping(&[0; 126]), Outcome::Invalid);
}

#[test]
fn an_outbox_is_full_at_its_limit_and_one_message_always_fits() {
    // Two frames of these sizes into an outbox of 100 bytes.
    for (first, second, expected) in [
        (50, 50, Outcome::Accepted),
        (50, 51, Outcome::Backlogged),
        (100, 2, Outcome::Backlogged),
        (127, 2, Outcome::Backlogged),
    ] {
        let session = open(1, limits(100));
        assert_eq!(session.push(frame(first)), Outcome::Accepted);
        assert_eq!(session.push(frame(second)), expected);
        assert_eq!(session.is_full(), expected == Outcome::Backlogged);
    }
    // The guest's own path counts the longest header, 14 bytes, instead of the real one.
    let mut outbox = Outbox::new(open(1, limits(100)));
    for (payload, expected) in [
        (30, Outcome::Accepted),
        (100 - 32 - 14 + 1, Outcome::Backlogged),
        (100 - 32 - 14, Outcome::Accepted),
    ] {
        assert_eq!(outbox.send(&binary(&vec![0; payload])), expected);
    }
}

// hardening H24: tiny messages cost more than their bytes.
#[test]
fn items_are_limited_too_and_their_memory_is_given_back() {
    let session = open(1, limits(1 << 20));
    let tiny = frame(2);
    let accepted = (0..1 << 20)
        .take_while(|_| session.push(tiny.clone()) == Outcome::Accepted)
        .count();
    assert_eq!(accepted, (1 << 20) / 64);
    assert!(session.is_full());
    assert_eq!(take_all(&session), (2 * accepted, None));
    assert!(!session.is_full());
    assert_eq!(session.push(tiny), Outcome::Accepted);
}

// hardening H28: an allocation each is more than the bytes that the outbox counts.
#[test]
fn sixteen_pings_wait_at_most() {
    let session = open(1, Limits::default());
    let pings = |count: usize| -> Vec<_> { (0..count).map(|_| session.ping(b"?")).collect() };
    assert_eq!(pings(16), [Outcome::Accepted; 16]);
    assert_eq!(pings(1), [Outcome::Backlogged]);
    // That is no slow reader, and messages still go.
    assert!(!session.is_full());
    assert_eq!(session.push(frame(10)), Outcome::Accepted);
    let mut taken = 0;
    session.drain(|_| {
        taken += 1;
        taken < 3
    });
    assert_eq!(pings(4)[2..], [Outcome::Accepted, Outcome::Backlogged]);
    assert_eq!(take_all(&session).1, None);
    assert_eq!(pings(16), [Outcome::Accepted; 16]);
}

#[test]
fn a_waiter_goes_on_when_half_is_free_or_the_session_ends() {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let cx = Context::from_waker(&waker);
    let session = open(1, limits(100));
    assert_eq!(session.poll_room(&cx), Poll::Ready(()));
    assert_eq!(session.push(frame(100)), Outcome::Accepted);
    assert_eq!(session.push(frame(2)), Outcome::Backlogged);
    assert_eq!(session.poll_room(&cx), Poll::Pending);
    assert!(session.take_signals().full());
    assert!(!session.written(49));
    assert_eq!(session.poll_room(&cx), Poll::Pending);
    assert_eq!(woken.count(), 0);
    assert!(session.written(1));
    assert_eq!(woken.count(), 1);
    assert_eq!(session.poll_room(&cx), Poll::Ready(()));
    assert!(!session.written(50));

    type End = fn(&crate::Session);
    let ends: [End; 4] = [
        |session| assert_eq!(session.shut(closing(Party::Host, true)), Outcome::Accepted),
        |session| assert_eq!(session.shut(closing(Party::Host, false)), Outcome::Accepted),
        crate::Session::stop_accepting,
        crate::Session::finish,
    ];
    for end in ends {
        let session = open(1, limits(100));
        session.push(frame(100));
        session.push(frame(100));
        assert_eq!(session.poll_room(&cx), Poll::Pending);
        let before = woken.count();
        end(&session);
        assert!(woken.count() > before);
        assert_eq!(session.poll_room(&cx), Poll::Ready(()));
    }
}

// Room for a message of more than half the outbox: each progress wakes, and none is spun for.
#[test]
fn a_large_message_waits_although_half_is_free() {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let cx = Context::from_waker(&waker);
    let session = open(1, limits(100));
    let mut outbox = Outbox::new(Arc::clone(&session));
    session.push(frame(40));
    let large = binary(&[0; 90]);
    for taken in [10, 10, 20] {
        assert_eq!(outbox.send(&large), Outcome::Backlogged);
        assert_eq!(outbox.poll_room(&cx), Poll::Pending);
        assert!(session.written(taken));
    }
    assert_eq!(woken.count(), 3);
    session.drain(|_| true);
    assert_eq!(outbox.send(&large), Outcome::Accepted);
}

// hardening H11: a guest that fills its outbox within one event, all of which the socket then takes, has
// no slow reader.
#[test]
fn nobody_is_slow_when_all_is_written() {
    let session = open(1, limits(100));
    let mut outbox = Outbox::new(Arc::clone(&session));
    while outbox.send(&binary(&[0; 40])) == Outcome::Accepted {}
    let written = outbox.take();
    assert!(!written.is_empty());
    assert_eq!(session.queued_bytes(), 0);
    assert!(!session.is_full());
    assert!(!session.take_signals().full());
}

// hardening H11
#[test]
fn a_broadcast_closes_or_passes_over_whoever_has_no_room() {
    for (slow_reader, closes) in [(SlowReader::Close, true), (SlowReader::Drop, false)] {
        let limits = Limits {
            slow_reader,
            ..limits(100)
        };
        let hub = Hub::new("test", limits.clone(), Vec::new());
        let (slow, quick) = (open(1, limits.clone()), open(2, limits));
        hub.join(Arc::clone(&slow));
        hub.join(Arc::clone(&quick));
        slow.push(frame(100));
        assert_eq!(hub.broadcast(&binary(b"x"), None), Outcome::Accepted);
        assert_eq!(take_all(&quick), (3, None));
        assert_eq!(slow.take_signals().closing(), closes);
        let (bytes, closing) = take_all(&slow);
        // Nothing of what it was too slow for is kept.
        assert_eq!(bytes, if closes { 0 } else { 100 });
        assert_eq!(closing.is_some_and(|c| c.by == Party::Host), closes);
    }
}

#[test]
fn attachments_have_their_largest_size() {
    let session = open(1, Limits::default());
    assert!(session.attachment().is_empty());
    let largest = vec![1; ATTACHMENT_BYTES_MAX];
    assert_eq!(session.attach(largest.clone().into()), Outcome::Accepted);
    let larger = vec![2; ATTACHMENT_BYTES_MAX + 1];
    assert_eq!(session.attach(larger.into()), Outcome::TooLarge);
    assert_eq!(session.attachment(), largest);
    session.stop_accepting();
    assert_eq!(session.attach(vec![3].into()), Outcome::Accepted);
    session.finish();
    assert_eq!(session.attach(vec![4].into()), Outcome::NotOpen);
    assert_eq!(session.attachment(), vec![3]);
}

#[test]
fn timers_fire_in_order_and_are_replaced_limited_and_taken_back() {
    let limits = Limits {
        timers_max: 3,
        ..Limits::default()
    };
    let session = open(1, limits);
    let base = Instant::now();
    let at = |n| base + Duration::from_secs(n);
    assert_eq!(session.next_timer(), None);
    assert_eq!(session.due_timer(at(9)), None);
    for (seconds, token, expected) in [
        (5, 1, Outcome::Accepted),
        (2, 2, Outcome::Accepted),
        (2, 3, Outcome::Accepted),
        (1, 4, Outcome::Refused),
        // Replaced, so within the limit.
        (3, 1, Outcome::Accepted),
    ] {
        assert_eq!(session.set_timer(at(seconds), token), expected);
        assert!(session.take_signals().timers());
    }
    assert_eq!(session.next_timer(), Some(at(2)));
    assert_eq!(session.due_timer(at(1)), None);
    // Those of one moment in the order they were set.
    let due = [session.due_timer(at(2)), session.due_timer(at(2))];
    assert_eq!(due, [Some(2), Some(3)]);
    assert_eq!(session.due_timer(at(2)), None);
    session.cancel_timer(9);
    session.cancel_timer(1);
    assert_eq!(session.next_timer(), None);
    session.set_timer(at(1), 5);
    session.finish();
    assert_eq!(session.next_timer(), None);
    assert_eq!(session.set_timer(at(1), 5), Outcome::NotOpen);
}

#[test]
fn a_frame_is_encoded_once_and_shared() {
    let (one, other) = (open(1, limits(100)), open(2, limits(100)));
    let frame: Frame = frame(60);
    let address = frame.bytes().as_ptr();
    for session in [one, other] {
        session.push(frame.clone());
        session.drain(|item| {
            assert!(matches!(&item, Item::Frame(f) if f.bytes().as_ptr() == address));
            true
        });
    }
}

// parity S13: what is counted as sent is what the connection takes, not what waited in vain.
#[test]
fn messages_are_counted_where_they_leave() {
    let session = open(1, Limits::default());
    let mut outbox = Outbox::new(Arc::clone(&session));
    let send = |outbox: &mut Outbox, times: usize| {
        for _ in 0..times {
            assert_eq!(outbox.send(&binary(b"x")), Outcome::Accepted);
        }
    };
    send(&mut outbox, 3);
    let _ = outbox.take();
    assert_eq!((outbox.take_messages(), outbox.take_messages()), (3, 0));
    send(&mut outbox, 2);
    outbox.publish();
    assert_eq!(session.push(frame(10)), Outcome::Accepted);
    assert_eq!(outbox.take_messages(), 0);
    let mut drained = Vec::new();
    session.drain(|item| {
        if let Item::Frame(frame) = item {
            drained.push(frame.messages());
        }
        true
    });
    assert_eq!(drained, [2, 1]);
}

// What a seat asks before it takes in more than its outbox has room for: nothing is lost, and it is told when there is.
#[test]
fn an_outbox_without_room_has_its_seat_woken_once_half_of_it_is_free() {
    let session = open(1, limits(100));
    let mut outbox = Outbox::new(Arc::clone(&session));
    assert!(outbox.has_room(86));
    assert_eq!(outbox.send(&binary(&[0; 60])), Outcome::Accepted);
    assert!(!session.is_full());
    assert!(!outbox.has_room(60));
    // It was published, so that its writing ends the wait. Nothing was refused: the peer is no slow reader.
    assert!(session.has_mail() && !session.is_full());
    assert!(session.take_signals().is_empty());
    assert!(!session.written(62));
    assert!(session.take_signals().seat() && outbox.has_room(60));
    // Told once.
    assert!(!session.written(0) && session.take_signals().is_empty());
}

#[test]
fn a_seat_is_woken_by_name() {
    let session = open(1, limits(100));
    session.wake_seat();
    let signals = session.take_signals();
    assert!(signals.seat() && !signals.timers() && !signals.closing());
    assert!(session.take_signals().is_empty());
}
