//! Guests that connect to the outside, as far as no wire is needed.

use std::net::TcpListener;

use wasket_session::Inbox;
use wasket_session::ws::{Event, Message};

use crate::harness::{Bench, Setup, guest, is_pending, runtime};

// hardening H28: a read is one run of its guest, also where each message may have to wait for room.
#[tokio::test]
async fn many_short_calls_with_a_connection_leave_others_their_turns() {
    // It takes connections, and answers nothing: what is sent waits, in a queue that has room.
    let silent = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("ws://{}", silent.local_addr().expect("an address"));
    let runtime = runtime();
    let component = guest(&runtime, "relay").await;
    let setup = Setup {
        connect: Some(url),
        ..Setup::default()
    };
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
