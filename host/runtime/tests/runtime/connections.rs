//! Guests that connect to the outside, as far as no wire is needed.

use std::net::TcpListener;

use wasket_session::Inbox;
use wasket_session::ws::{Event, Message};

use crate::harness::{Bench, Log, Setup, guest, is_pending, runtime};

/// It takes connections, and answers nothing: what is sent there waits, in a queue that has room.
fn silent() -> (TcpListener, Setup) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("ws://{}", listener.local_addr().expect("an address"));
    let setup = Setup {
        connect: Some(url),
        ..Setup::default()
    };
    (listener, setup)
}

// hardening H28
#[tokio::test]
async fn a_flood_of_connections_is_stopped_by_a_limit() {
    let (log, _guard) = Log::record();
    let (_silent, setup) = silent();
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let bench = Bench::new(&runtime, &component, setup);
    for _ in 0..2 {
        let mut client = bench.open("/m").await;
        // The second time because they have their places until they have ended.
        for accepted in [4, 0] {
            let answer = format!("connect-flood={accepted} refused");
            assert_eq!(client.ask("connect-flood").await, [answer]);
        }
    }
    let told = log.lines("connections_per_session_max = 4");
    assert_eq!(told.len(), 1, "{told:?}");
}

// hardening H29
#[tokio::test]
async fn without_a_grant_there_is_no_connection() {
    let (log, _guard) = Log::record();
    let (_silent, setup) = silent();
    let url = setup.connect.clone().unwrap_or_default();
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/probe").await;
    for _ in 0..3 {
        let answer = client.ask(&format!("connect:{url}")).await;
        assert_eq!(answer, ["connect=refused"]);
    }
    assert_eq!(log.lines("which `connect` does not list").len(), 1);
}

// hardening H28: a read is one run of its guest, also where each message may have to wait for room.
#[tokio::test]
async fn many_short_calls_with_a_connection_leave_others_their_turns() {
    let (_silent, setup) = silent();
    let runtime = runtime();
    let component = guest(&runtime, "relay").await;
    let bench = Bench::new(&runtime, &component, setup);
    let mut client = bench.open("/relay").await;
    let events: Vec<_> = (0..50_000)
        .map(|_| Event::Message(Message::Text("".into())))
        .collect();
    let mut read = client.seat.receive(Inbox::new(&events), &mut client.outbox);
    assert!(
        is_pending(&mut read).await,
        "it kept its worker all the while"
    );
    read.await.expect("no fault");
}
