//! The optional export `batch`: what arrived together goes in together.

use std::time::Duration;

use wasket_runtime::Limits;
use wasket_session::ws::{CloseCode, Event, Message};
use wasket_session::{Fault, Party};

use crate::harness::{Bench, Client, Log, Setup, guest, load, runtime};
use crate::wat::{BATCH, ECHO, service, service_with};

/// Answers a message with an empty binary, and a list with a text of as many bytes as it has messages.
const COUNT: &str = r#"
  (func (export "message") (param i64 i32 i32 i32)
    (drop (call $send (local.get 0) (i32.const 1) (i32.const 0) (i32.const 0))))
  (func (export "messages") (param i64 i32 i32)
    (drop (call $send (local.get 0) (i32.const 0) (i32.const 0) (local.get 2))))"#;

/// A component of this core that exports `batch`, with memory for whole batches: its allocator frees nothing.
fn batched(core: &str) -> String {
    let memory = r#"(memory (export "memory") 2)"#;
    let wat = service_with("", core, BATCH);
    assert!(wat.contains(memory));
    wat.replace(memory, r#"(memory (export "memory") 64)"#)
}

fn text(text: &str) -> Event<'_> {
    Event::Message(Message::Text(text.into()))
}

fn texts<const N: usize>(all: [&str; N]) -> [Event<'_>; N] {
    all.map(text)
}

/// How many messages [`COUNT`] got in each call; 0 for a call of `on-message`.
async fn calls(client: &mut Client, lengths: &[usize]) -> Vec<usize> {
    let events: Vec<Event<'_>> = lengths
        .iter()
        .map(|&length| Event::Message(Message::Binary(vec![b'x'; length].into())))
        .collect();
    client.events(&events).await.expect("its messages");
    let received = client.received();
    let count = |answer: &String| match answer.as_str() {
        "0 bytes" => 0,
        text => text.len(),
    };
    received.iter().map(count).collect()
}

#[tokio::test]
async fn a_call_has_at_most_64_messages_and_64_kib() {
    const KIB: usize = 1 << 10;
    let runtime = runtime();
    let component = load(&runtime, &batched(COUNT)).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/").await;
    let cases: [(&[usize], &[usize]); 9] = [
        (&[1], &[0]),
        (&[1, 1], &[2]),
        (&[1; 64], &[64]),
        (&[1; 65], &[64, 0]),
        (&[0; 130], &[64, 64, 2]),
        (&[32 * KIB, 32 * KIB], &[2]),
        (&[32 * KIB, 32 * KIB + 1, 1], &[0, 2]),
        (&[1, 1, 64 * KIB + 1, 1, 1], &[2, 0, 2]),
        (&[64 * KIB, 0, 1], &[2, 0]),
    ];
    for (lengths, expected) in cases {
        assert_eq!(calls(&mut client, lengths).await, expected, "{lengths:?}");
    }
}

#[tokio::test]
async fn without_the_export_every_message_is_a_call() {
    let runtime = runtime();
    let component = load(&runtime, &service(ECHO)).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/").await;
    client.events(&texts(["a", "b"])).await.expect("messages");
    assert_eq!(client.received(), ["a", "b"]);
}

#[tokio::test]
async fn the_sdk_takes_batches_in_order_and_in_kind() {
    let runtime = runtime();
    let echo = guest(&runtime, "echo").await;
    let bench = Bench::new(&runtime, &echo, Setup::default());
    let mut client = bench.open("/echo").await;
    let binary = |bytes| Event::Message(Message::Binary(vec![7; bytes].into()));
    let long = "\u{e9}".repeat(20_000);
    let events = [
        text("h\u{e9}llo"),
        binary(3),
        text(""),
        text(&long),
        binary(0),
        binary(70_000),
        text("last"),
    ];
    client.events(&events).await.expect("messages");
    let expected = [
        "h\u{e9}llo",
        "3 bytes",
        "",
        &long,
        "0 bytes",
        "70000 bytes",
        "last",
    ];
    assert_eq!(client.received(), expected);
}

/// The events that the probe logged, each with what it quoted first.
fn logged(log: &Log) -> Vec<String> {
    let lines = log.lines("event on-");
    let line = |line: &String| {
        let (_, event) = line.split_once("event on-").expect("an event");
        let (name, rest) = event.split_once(' ').unwrap_or((event, ""));
        let said = rest.split('"').nth(1).unwrap_or_default();
        format!("{name} {said}")
    };
    lines.iter().map(line).collect()
}

#[tokio::test]
async fn control_frames_that_the_guest_wants_keep_their_place() {
    let (log, _guard) = Log::record();
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/probe").await;
    let before = logged(&log).len();
    let ping = |payload: &'static [u8]| Event::Ping(payload.into());
    let pong = |payload: &'static [u8]| Event::Pong(payload.into());
    let events = [
        ping(b"a"),
        text("b"),
        text("c"),
        ping(b"d"),
        pong(b"e"),
        text("f"),
        pong(b"g"),
    ];
    client.events(&events).await.expect("seven events");
    assert_eq!(
        logged(&log)[before..],
        [
            "ping a",
            "message b",
            "message c",
            "ping d",
            "pong e",
            "message f",
            "pong g"
        ]
    );
}

#[tokio::test]
async fn control_frames_that_no_guest_wants_part_no_batch() {
    let runtime = runtime();
    let component = load(&runtime, &batched(COUNT)).await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/").await;
    assert!(!client.seat.wants_control());
    let events = [
        text("a"),
        Event::Ping(b"p".as_slice().into()),
        text("b"),
        Event::Pong(b"p".as_slice().into()),
    ];
    client.events(&events).await.expect("two messages");
    assert_eq!(client.received(), ["\0\0"]);
}

#[tokio::test]
async fn after_the_guest_closed_neither_the_list_nor_the_next_has_an_effect() {
    let (log, _guard) = Log::record();
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/probe").await;
    let mut events = vec![text("send:first"), text("close:4000:done")];
    events.extend((0..100).map(|_| text("log:warn:late")));
    events.insert(3, Event::Ping(b"late".as_slice().into()));
    client.events(&events).await.expect("two messages");
    assert_eq!(client.received(), ["first", "send=accepted"]);
    let closing = client.closing.as_ref().expect("a close frame");
    assert_eq!(closing.frame.code, CloseCode::new(4000));
    assert_eq!(closing.by, Party::Guest);
    assert_eq!(log.lines("late"), Vec::<String>::new());
    assert_eq!(log.lines("event on-message").len(), 2);
    client.on_close().await.expect("on-close");
}

#[tokio::test]
async fn a_close_that_was_refused_ends_no_batch() {
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/probe").await;
    let events = texts(["close:1005:no", "state"]);
    client.events(&events).await.expect("two messages");
    assert_eq!(client.received(), ["close=invalid", "state=open"]);
}

// hardening H28
#[tokio::test]
async fn a_trap_within_a_batch_ends_the_guest_and_keeps_what_was_sent() {
    let (log, _guard) = Log::record();
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/m").await;
    let mut innocent = bench.open("/m").await;
    let events = texts(["first", "panic", "second"]);
    assert_eq!(client.events(&events).await, Err(Fault::Trap));
    assert_eq!(client.received(), ["first"]);
    let lines = log.lines("the guest failed");
    assert_eq!(lines.len(), 1, "{}", log.text());
    assert!(lines[0].contains("event=\"on-messages\""), "{}", lines[0]);
    // The store is dead; the seat knows.
    assert!(client.events(&texts(["a", "b"])).await.is_err());
    assert_eq!(innocent.ask("well").await, ["well"]);
}

// hardening H28
#[tokio::test]
async fn a_batch_has_the_time_of_its_messages_and_no_more() {
    let runtime = runtime();
    let core = r#"
      (func (export "messages") (param i64 i32 i32) (loop $l (br $l)))"#;
    let component = load(&runtime, &batched(core)).await;
    let limits = |event_time, event_wall_time| Setup {
        limits: Limits {
            event_time,
            event_wall_time,
            ..Limits::default()
        },
        ..Setup::default()
    };
    let setup = limits(Duration::from_millis(1), Duration::from_secs(60));
    let mut client = Bench::new(&runtime, &component, setup).open("/").await;
    assert_eq!(client.events(&texts(["a", "b"])).await, Err(Fault::Time));
    // Together the two wait longer than one message may.
    let waiting = guest(&runtime, "misbehave").await;
    let setup = limits(Duration::from_secs(60), Duration::from_millis(300));
    let mut client = Bench::new(&runtime, &waiting, setup).open("/m").await;
    let mut events = vec![text("sleep:160"), text("sleep:160")];
    events.extend((0..40).map(|_| text("well")));
    client.events(&events).await.expect("they only wait");
    assert_eq!(client.text("sleep:60000").await, Err(Fault::WallTime));
}
