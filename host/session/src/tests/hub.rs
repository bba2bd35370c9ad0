//! A service's sessions: pages, places, topics.

use std::sync::Arc;

use proptest::prelude::*;

use super::{binary, closing, connecting, open, take_all};
use crate::{Hub, Limits, Outcome, Party, ReadyState, SessionId};

fn hub_of(ids: impl IntoIterator<Item = u64>) -> Hub {
    let hub = Hub::new("test", Limits::default(), vec!["a".into(), "b".into()]);
    for id in ids {
        hub.join(open(id, Limits::default()));
    }
    hub
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    // parity M1: however the ids fall on the shards, and whatever the size of a page.
    #[test]
    fn pages_give_every_id_once_and_in_order(
        ids in prop::collection::btree_set(prop_oneof![1_u64..100, 1_u64..1 << 53], 0..80),
        limit in 1_usize..100,
    ) {
        let hub = hub_of(ids.iter().copied());
        prop_assert_eq!(hub.count(), ids.len());
        let (mut seen, mut after) = (Vec::new(), 0);
        loop {
            let page = hub.ids(after, limit);
            prop_assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = last.get();
            seen.extend(page.into_iter().map(SessionId::get));
        }
        prop_assert_eq!(seen, ids.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn pages_end() {
    let hub = hub_of([1, 2, (1 << 53) - 1]);
    for (after, limit, expected) in [
        (0, 0, 0),
        (0, 9, 3),
        (1, 9, 2),
        ((1 << 53) - 2, 9, 1),
        ((1 << 53) - 1, 9, 0),
        // No id is larger, so nothing comes after.
        (1 << 53, 9, 0),
        (u64::MAX, 9, 0),
    ] {
        assert_eq!(hub.ids(after, limit).len(), expected, "after {after}");
    }
}

#[test]
fn places_are_limited_and_given_back() {
    for (max, places) in [(None, 100), (Some(0), 0), (Some(3), 3)] {
        let limits = Limits {
            sessions_max: max,
            ..Limits::default()
        };
        let hub = Arc::new(Hub::new("test", limits, Vec::new()));
        for _ in 0..2 {
            let taken: Vec<_> = (0..100).map_while(|_| hub.reserve()).collect();
            assert_eq!(taken.len(), places);
        }
    }
}

#[test]
fn the_service_chooses_the_protocol() {
    // The client offers b, a.
    let session = connecting(1, Limits::default());
    for (spoken, chosen) in [
        (&["a", "b"][..], Some("a")),
        (&["c", "b"], Some("b")),
        (&["c"], None),
        (&[], None),
    ] {
        let spoken = spoken.iter().map(|&p| p.into()).collect();
        let hub = Hub::new("test", Limits::default(), spoken);
        let protocol = hub.choose_protocol(session.opening());
        assert_eq!(protocol.as_deref(), chosen);
    }
}

// parity M2, M3, M5
#[test]
fn messages_reach_whom_they_are_for() {
    let hub = hub_of([1, 2, 3]);
    let id = |n| SessionId::new(n).unwrap();
    let got = || [1, 2, 3].map(|n| take_all(&hub.session(id(n)).unwrap()).0);
    assert_eq!(hub.send(id(2), &binary(b"x")), Outcome::Accepted);
    assert_eq!(got(), [0, 3, 0]);
    assert_eq!(hub.send(id(4), &binary(b"x")), Outcome::NotOpen);
    hub.broadcast(&binary(b"x"), None);
    assert_eq!(got(), [3, 3, 3]);
    hub.broadcast(&binary(b"x"), Some(id(3)));
    assert_eq!(got(), [3, 3, 0]);
    hub.subscribe(id(1), "t");
    hub.subscribe(id(3), "t");
    hub.publish("t", &binary(b"x"), None);
    assert_eq!(got(), [3, 0, 3]);
    hub.publish("t", &binary(b"x"), Some(id(1)));
    assert_eq!(got(), [0, 0, 3]);
    hub.unsubscribe(id(3), "t");
    hub.unsubscribe(id(3), "never");
    hub.publish("t", &binary(b"x"), None);
    assert_eq!(got(), [3, 0, 0]);
}

#[test]
fn a_session_that_left_is_held_by_nobody() {
    let hub = hub_of([]);
    let session = open(1, Limits::default());
    hub.join(Arc::clone(&session));
    for topic in ["a", "b", "c"] {
        assert_eq!(hub.subscribe(session.id(), topic), Outcome::Accepted);
    }
    assert!(Arc::strong_count(&session) > 1);
    session.finish();
    hub.leave(&session);
    assert_eq!(Arc::strong_count(&session), 1);
    assert_eq!(hub.count(), 0);
    assert_eq!(hub.subscribe(session.id(), "a"), Outcome::NotOpen);
}

#[test]
fn all_are_asked_to_close() {
    let hub = hub_of([1, 2]);
    hub.shut_all(&closing(Party::Host, true));
    for id in hub.ids(0, 9) {
        let session = hub.session(id).unwrap();
        assert_eq!(session.state(), ReadyState::Closing);
        assert!(session.is_asked_to_close());
    }
}
