//! hardening H28: what one event may queue for others, and what the operator is told.

use std::sync::Arc;
use std::time::Duration;

use wasket_runtime::Limits;
use wasket_session::Service;

use crate::harness::{Bench, Log, Setup, guest, runtime};

/// Sessions without instances that join as receivers; nobody reads for them.
fn crowd(bench: &Bench, count: usize) {
    for _ in 0..count {
        let session = bench.session("/m", &[]);
        session.open(None, None);
        bench.service.hub().join(session);
    }
}

/// Each event may make 100,000 deliveries and queue 2 MiB for others; each time anew.
#[tokio::test]
async fn a_flood_to_others_is_refused_at_the_defaults() {
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let cases = [
        // Receivers (the sender among them), the action, what is accepted, and the setting.
        (
            1_000,
            "broadcast-flood:1",
            100,
            "event_deliveries_max = 100000",
        ),
        (2, "broadcast-flood:65536", 32, "event_bytes_max = 2097152"),
        (1, "broadcast-flood:65537", 31, "event_bytes_max = 2097152"),
        (1, "publish-flood:65536", 32, "event_bytes_max = 2097152"),
    ];
    for (sessions, action, accepted, told) in cases {
        let setup = Setup {
            limits: Limits {
                event_time: Duration::from_secs(60),
                ..Limits::default()
            },
            ..Setup::default()
        };
        let bench = Bench::new(&runtime, &component, setup);
        crowd(&bench, sessions - 1);
        let mut client = bench.open("/m").await;
        let (log, _guard) = Log::record();
        for _ in 0..2 {
            assert_eq!(client.text(action).await, Ok(()), "{action}");
            let received = client.received();
            let (name, _) = action.split_once(':').expect("a number");
            let answer = format!("{name}={accepted} refused");
            assert_eq!(received.len(), accepted + 1, "{action}");
            assert_eq!(received[accepted], answer);
        }
        assert_eq!(log.lines(told).len(), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn what_is_refused_is_told_with_its_setting() {
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let cases = [
        (
            "timer-flood",
            "timer-flood=32 refused",
            "timers_per_session_max = 32",
        ),
        (
            "subscribe-flood",
            "subscribe-flood=128 refused",
            "topics_per_session_max = 128",
        ),
    ];
    for (action, answer, told) in cases {
        let bench = Bench::new(&runtime, &component, Setup::default());
        let (log, _guard) = Log::record();
        for _ in 0..2 {
            let mut client = bench.open("/m").await;
            assert_eq!(client.ask(action).await, [answer]);
        }
        assert_eq!(log.lines(told).len(), 1, "{}", log.text());
    }
}

/// A broadcast always goes once, however many sessions there are and however small the quota is.
#[tokio::test]
async fn the_first_broadcast_of_an_event_always_goes() {
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let setup = Setup {
        limits: Limits {
            event_deliveries_max: 1,
            event_bytes_max: 1,
            ..Limits::default()
        },
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    crowd(&bench, 9);
    let mut client = bench.open("/m").await;
    for _ in 0..2 {
        let received = client.ask("broadcast-flood:100").await;
        assert_eq!(received, ["100 bytes", "broadcast-flood=1 refused"]);
    }
    let hub = Arc::clone(bench.service.hub());
    for id in hub.ids(0, 10) {
        let queued = hub.session(id).map(|session| session.queued_bytes());
        assert!(
            id == client.session.id() || queued == Some(2 * 102),
            "{queued:?}"
        );
    }
}

/// Its own peer is not among the others: there the guest waits.
#[tokio::test]
async fn what_a_guest_sends_to_its_own_peer_is_not_counted() {
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let setup = Setup {
        limits: Limits {
            event_bytes_max: 1 << 10,
            event_time: Duration::from_secs(60),
            ..Limits::default()
        },
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let mut client = bench.open("/m").await;
    let waits = tokio::time::timeout(Duration::from_millis(300), client.text("send-flood")).await;
    assert!(waits.is_err(), "{waits:?}");
    assert!(client.session.queued_bytes() > 3 << 20);
}
