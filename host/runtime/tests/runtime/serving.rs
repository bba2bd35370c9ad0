//! A service as the connection sees it.

use std::sync::Arc;

use wasket_runtime::Limits;
use wasket_session::ws::{CloseCode, Event, Message};
use wasket_session::{Closing, Party, Service};

use crate::harness::{Bench, Log, Setup, guest, is_pending, load, runtime, runtime_of};
use crate::wat::{ECHO, service, service_with};

#[tokio::test]
async fn messages_go_in_and_come_out_as_they_are() {
    let runtime = runtime();
    let component = load(&runtime, &service(ECHO)).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/").await;
    assert!(!client.seat.wants_control());
    let long = "\u{e9}".repeat(10_000);
    let events = [
        Event::Message(Message::Text("one".into())),
        Event::Ping(b"p".as_slice().into()),
        Event::Message(Message::Text("".into())),
        Event::Message(Message::Binary(vec![7; 300].into())),
        Event::Message(Message::Text(long.as_str().into())),
    ];
    client.events(&events).await.expect("on-message");
    assert_eq!(client.received(), ["one", "", "300 bytes", &long]);
    client.on_close().await.expect("on-close");
    drop(client);
    assert_eq!(runtime.instances_free(), 8);
}

#[tokio::test]
async fn nothing_is_delivered_once_the_session_is_not_open() {
    let runtime = runtime();
    let component = load(&runtime, &service(ECHO)).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/").await;
    client.session.shut(Closing {
        frame: CloseCode::NORMAL.into(),
        by: Party::Host,
        drain: true,
    });
    assert_eq!(client.ask("late").await, Vec::<String>::new());
}

#[tokio::test]
async fn what_the_peer_sent_before_its_close_is_delivered() {
    let (log, _guard) = Log::record();
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/probe").await;
    let text = |text: &'static str| Event::Message(Message::Text(text.into()));
    let events = [
        text("sleep:50"),
        Event::Ping(b"p".as_slice().into()),
        text("state"),
    ];
    let session = Arc::clone(&client.session);
    let mut waiting = Box::pin(client.events(&events));
    assert!(is_pending(&mut waiting).await);
    // The close frame was read ahead, while the guest waits in the first of three events.
    session.stop_accepting();
    waiting.await.expect("three events");
    assert_eq!(log.lines("event on-message").len(), 2);
    assert_eq!(log.lines("event on-ping").len(), 1);
    assert_eq!(log.lines("state=closing").len(), 1);
}

#[tokio::test]
async fn a_full_host_refuses_and_has_room_again() {
    let runtime = runtime_of(2, None);
    let component = load(&runtime, &service(ECHO)).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let first = bench.open("/").await;
    let _second = bench.open("/").await;
    let refusal = bench.admit("/").await.err().expect("refused");
    assert_eq!(refusal.status, 503);
    assert!(
        refusal
            .headers
            .iter()
            .any(|(name, _)| name == "retry-after")
    );
    drop(first);
    bench.open("/").await;
    // What was admitted but never opened gives its room back too.
    let (session, admission) = bench.admit("/").await.expect("admitted");
    assert_eq!(runtime.instances_free(), 0);
    drop((session, admission));
    assert_eq!(runtime.instances_free(), 1);
}

#[tokio::test]
async fn a_component_with_many_memories_takes_as_many_places() {
    let runtime = runtime_of(3, None);
    let rest = "(core module $more (memory 1)) (core instance (instantiate $more))";
    let component = load(&runtime, &service_with("", ECHO, rest)).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let _one = bench.open("/").await;
    assert_eq!(runtime.instances_free(), 1);
    assert_eq!(bench.admit("/").await.err().expect("refused").status, 503);
}

#[tokio::test]
async fn without_a_handshake_the_settings_choose_the_protocol() {
    let runtime = runtime();
    let component = load(&runtime, &service(ECHO)).await;
    let setup = Setup {
        protocols: &["z", "b", "a"],
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let (_, admission) = bench.admit("/").await.expect("admitted");
    assert_eq!(admission.protocol.as_deref(), Some("b"));
}

#[tokio::test]
async fn a_message_at_the_limit_passes_and_one_past_it_does_not() {
    let runtime = runtime();
    let core = r#"
      (func (export "message") (param i64 i32 i32 i32)
        (i32.store8 (i32.const 8)
          (i32.add (i32.const 48)
            (call $send (local.get 0) (local.get 1) (local.get 2) (local.get 3))))
        (drop (call $send (local.get 0) (i32.const 0) (i32.const 8) (i32.const 1))))"#;
    let component = load(&runtime, &service(core)).await;
    let setup = Setup {
        sessions: wasket_session::Limits {
            message_bytes_max: 10,
            ..wasket_session::Limits::default()
        },
        limits: Limits::default(),
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let mut client = bench.open("/").await;
    assert_eq!(client.ask("0123456789").await, ["0123456789", "0"]);
    // `too-large` is the outcome with the number 3.
    assert_eq!(client.ask("0123456789x").await, ["3"]);
}

#[tokio::test]
async fn a_send_to_another_session_never_waits() {
    let runtime = runtime();
    // Sends to the session before its own, and then the outcome to itself.
    let core = r#"
      (func (export "message") (param i64 i32 i32 i32)
        (i32.store8 (i32.const 8)
          (i32.add (i32.const 48)
            (call $send (i64.sub (local.get 0) (i64.const 1)) (local.get 1) (local.get 2) (local.get 3))))
        (drop (call $send (local.get 0) (i32.const 0) (i32.const 8) (i32.const 1))))"#;
    let component = load(&runtime, &service(core)).await;
    let setup = Setup {
        sessions: wasket_session::Limits {
            outbox_bytes_max: 50,
            ..wasket_session::Limits::default()
        },
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let mut one = bench.open("/").await;
    // Ids that follow one another within a burst; a test that met the clock's next tick begins again.
    let mut two = bench.open("/").await;
    while two.session.id().get() != one.session.id().get() + 1 {
        one = two;
        two = bench.open("/").await;
    }
    assert_eq!(two.ask("hello").await, ["0"]);
    assert_eq!(one.received(), ["hello"]);
    // `backlogged` is 2, `not-open` is 1.
    one.session.held(100);
    assert_eq!(two.ask("hello").await, ["2"]);
    one.session.finish();
    bench.service.hub().leave(&Arc::clone(&one.session));
    assert_eq!(two.ask("hello").await, ["1"]);
}
