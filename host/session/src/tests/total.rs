//! What all queues of a service and of the host may hold together, and that it holds.

use std::sync::Arc;

use super::{binary, take_all};
use crate::tests::connecting_to;
use crate::{Account, Hub, Limits, OUTBOX_BYTES_ASSURED, Outbox, Outcome, Session, SlowReader};

const KIB: usize = 1 << 10;

fn service(host: &Arc<Account>, queued_bytes_max: usize) -> Hub {
    let limits = Limits {
        queued_bytes_max,
        ..Limits::default()
    };
    Hub::new("test", limits, Vec::new()).within(host)
}

fn join(hub: &Hub, id: u64) -> Arc<Session> {
    let session = connecting_to(hub, id);
    session.open(None, None);
    hub.join(Arc::clone(&session));
    session
}

/// Has guests send to their own peers, none of which reads, until nothing more is accepted.
fn flood(sessions: &[Arc<Session>], bytes: usize) {
    let payload = vec![7; bytes];
    for session in sessions {
        let mut outbox = Outbox::new(Arc::clone(session));
        while outbox.send(&binary(&payload)) == Outcome::Accepted {
            outbox.publish();
        }
    }
}

// hardening H28
#[test]
fn guests_whose_peers_do_not_read_meet_the_total() {
    let host = Account::new(usize::MAX);
    let hub = service(&host, 1024 * KIB);
    let sessions: Vec<_> = (1..=40).map(|id| join(&hub, id)).collect();
    flood(&sessions, 10 * KIB);
    let held = hub.account().bytes();
    let most = 1024 * KIB + sessions.len() * OUTBOX_BYTES_ASSURED;
    assert!((1024 * KIB..=most).contains(&held), "{held}");
    // The first took all there was before anybody was in want; the last has what is assured.
    assert!(sessions[0].queued_bytes() > 1000 * KIB);
    let last = sessions[39].queued_bytes();
    assert!((48 * KIB..=OUTBOX_BYTES_ASSURED).contains(&last), "{last}");
    assert!(hub.account().take_was_full());
    // Everything is given back, whether it was written or the session ended.
    let (written, ended) = sessions.split_at(20);
    written.iter().for_each(|session| drop(take_all(session)));
    ended.iter().for_each(|session| session.finish());
    assert_eq!((hub.account().bytes(), host.bytes()), (0, 0));
}

// hardening H28
#[test]
fn a_service_in_excess_leaves_others_what_is_assured() {
    let host = Account::new(1024 * KIB);
    let (greedy, modest) = (service(&host, usize::MAX), service(&host, usize::MAX));
    let sessions: Vec<_> = (1..=4).map(|id| join(&greedy, id)).collect();
    flood(&sessions, 10 * KIB);
    assert!(host.is_full());
    let other = join(&modest, 9);
    flood(std::slice::from_ref(&other), 10 * KIB);
    assert!(other.queued_bytes() >= 48 * KIB);
    // Whoever reads is never in want.
    for _ in 0..100 {
        take_all(&other);
        let message = binary(&[7; 50 * KIB]);
        assert_eq!(modest.send(other.id(), &message), Outcome::Accepted);
    }
}

// hardening H11
#[test]
fn beyond_the_total_a_broadcast_closes_slow_readers_only() {
    for (slow_reader, accepts) in [(SlowReader::Close, false), (SlowReader::Drop, true)] {
        let limits = Limits {
            queued_bytes_max: 512 * KIB,
            slow_reader,
            ..Limits::default()
        };
        let hub = Hub::new("test", limits, Vec::new());
        let (slow, quick) = (join(&hub, 1), join(&hub, 2));
        flood(std::slice::from_ref(&slow), 100 * KIB);
        assert!(!hub.account().is_full());
        // Its own bytes are what is too much.
        assert_eq!(
            hub.broadcast(&binary(&[7; 100 * KIB]), None),
            Outcome::Accepted
        );
        assert_eq!(slow.state() == crate::ReadyState::Open, accepts);
        assert!(take_all(&quick).0 > 100 * KIB);
    }
}

// hardening H28: what is tiny takes more than its bytes, and a broadcast is shared.
#[test]
fn items_count_and_shared_bytes_count_once() {
    let host = Account::new(usize::MAX);
    let hub = service(&host, 1024 * KIB);
    let sessions: Vec<_> = (1..=100).map(|id| join(&hub, id)).collect();
    assert_eq!(
        hub.broadcast(&binary(&[7; 100 * KIB]), None),
        Outcome::Accepted
    );
    let shared = hub.account().bytes();
    assert!((100 * KIB..101 * KIB).contains(&shared), "{shared}");
    sessions.iter().for_each(|session| drop(take_all(session)));
    assert_eq!(hub.account().bytes(), 0);
    for _ in 0..10_000 {
        hub.broadcast(&binary(b"x"), None);
    }
    // It was full; sessions that would have gone past it were closed, and gave back what they had.
    assert!(hub.account().take_was_full());
    let held = hub.account().bytes();
    assert!((512 * KIB..2 * 1024 * KIB).contains(&held), "{held}");
    sessions.iter().for_each(|session| session.finish());
    assert_eq!(hub.account().bytes(), 0);
}
