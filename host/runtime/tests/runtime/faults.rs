//! hardening H28: what a guest does to itself, and what is said of it.

use std::time::Duration;

use wasket_runtime::Limits;
use wasket_session::{Fault, Service};

use crate::harness::{Bench, Log, Setup, is_pending, load, runtime};
use crate::wat::{ECHO, service};

/// Short, and unlikely to be met by a guest that does nothing.
fn setup() -> Setup {
    Setup {
        limits: Limits {
            event_time: Duration::from_millis(20),
            ..Limits::default()
        },
        ..Setup::default()
    }
}

const LOOP: &str = "(loop $l (br $l))";

#[tokio::test]
async fn each_fault_is_told_apart() {
    let cases = [
        ("unreachable", Fault::Trap),
        ("(drop (i32.load (i32.const -1)))", Fault::Trap),
        ("(call $recurse)", Fault::Trap),
        (LOOP, Fault::Time),
        (
            "(loop $l (drop (memory.grow (i32.const 16))) (br $l))",
            Fault::Memory,
        ),
        ("(drop (memory.grow (i32.const 65535)))", Fault::Memory),
        (
            "(loop $l (drop (table.grow $t (ref.null func) (i32.const 1000))) (br $l))",
            Fault::Memory,
        ),
        (
            "(drop (table.grow $t (ref.null func) (i32.const 100000000)))",
            Fault::Memory,
        ),
        // Text that is not UTF-8: the first bytes of `\ff`.
        (
            "(i32.store8 (i32.const 8) (i32.const 255))
             (drop (call $send (local.get 0) (i32.const 0) (i32.const 8) (i32.const 1)))",
            Fault::Trap,
        ),
        // A list that ends past the memory.
        (
            "(drop (call $send (local.get 0) (i32.const 1) (i32.const 8) (i32.const -1)))",
            Fault::Trap,
        ),
    ];
    let runtime = runtime();
    for (code, expected) in cases {
        let core = format!(
            r#"(table $t 1 funcref)
               (func $recurse (call $recurse))
               (func (export "message") (param i64 i32 i32 i32) {code})"#
        );
        let component = load(&runtime, &service(&core)).await;
        let bench = Bench::new(&runtime, &component, setup());
        let mut client = bench.open("/").await;
        assert_eq!(client.text("go").await, Err(expected), "{code}");
        // The store is dead; the seat knows.
        assert!(client.text("again").await.is_err(), "{code}");
        drop(client);
        assert_eq!(runtime.instances_free(), 8, "{code}");
    }
}

#[tokio::test]
async fn every_callback_has_a_budget() {
    let runtime = runtime();
    for name in ["open", "message", "error", "close"] {
        let params = match name {
            "open" => "i64",
            "close" => "i64 i32 i32 i32 i32 i32",
            _ => "i64 i32 i32 i32",
        };
        let core = format!(r#"(func (export "{name}") (param {params}) {LOOP})"#);
        let component = load(&runtime, &service(&core)).await;
        let bench = Bench::new(&runtime, &component, setup());
        let mut client = bench.connect("/").await;
        let failed = match name {
            "open" => client.on_open().await,
            "message" => client.text("go").await,
            "error" => {
                let error = wasket_session::SessionError::Protocol("x".into());
                client.seat.error(error, &mut client.outbox).await
            }
            _ => client.on_close().await,
        };
        assert_eq!(failed, Err(Fault::Time), "{name}");
    }
}

#[tokio::test]
async fn code_that_runs_while_an_instance_is_made_has_a_budget() {
    let runtime = runtime();
    let core = format!("(start $s) (func $s {LOOP})");
    let component = load(&runtime, &service(&core)).await;
    let bench = Bench::new(&runtime, &component, setup());
    let refusal = bench.admit("/").await.err().expect("refused");
    assert_eq!(refusal.status, 503);
    assert_eq!(runtime.instances_free(), 8);
}

// How slow its peer may be is the session's rule, which the connection keeps.
#[tokio::test]
async fn a_guest_that_waits_for_its_peer_uses_none_of_its_time() {
    let runtime = runtime();
    let component = load(&runtime, &service(ECHO)).await;
    let setup = Setup {
        limits: Limits {
            event_wall_time: Duration::from_millis(1),
            ..Limits::default()
        },
        sessions: wasket_session::Limits {
            outbox_bytes_max: 100,
            ..wasket_session::Limits::default()
        },
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let mut client = bench.open("/").await;
    client
        .text(&"x".repeat(200))
        .await
        .expect("the first always fits");
    {
        let mut waiting = Box::pin(client.text("y"));
        let longer = tokio::time::timeout(Duration::from_millis(50), &mut waiting).await;
        assert!(longer.is_err(), "nobody reads: it waits for room");
        let session = bench.service.hub().session(id(&bench));
        session.expect("it lives").stop_accepting();
        waiting.await.expect("it goes on");
    }
    assert_eq!(client.received(), ["x".repeat(200)]);
}

#[tokio::test]
async fn a_slow_reader_makes_only_its_own_guest_wait() {
    let runtime = runtime();
    let component = load(&runtime, &service(ECHO)).await;
    let setup = Setup {
        sessions: wasket_session::Limits {
            outbox_bytes_max: 100,
            ..wasket_session::Limits::default()
        },
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let (mut slow, mut other) = (bench.open("/").await, bench.open("/").await);
    let (first, second) = ("a".repeat(90), "b".repeat(90));
    slow.text(&first).await.expect("there is room");
    // What the connection keeps unwritten counts.
    let kept = slow.outbox.take();
    slow.session.held(kept.len());
    {
        let mut waiting = Box::pin(slow.text(&second));
        assert!(is_pending(&mut waiting).await);
        assert_eq!(other.ask("hello").await, ["hello"]);
        bench
            .service
            .hub()
            .session(id(&bench))
            .expect("it lives")
            .written(kept.len());
        waiting.await.expect("it goes on");
    }
    assert_eq!(slow.received(), [second]);
}

fn id(bench: &Bench) -> wasket_session::SessionId {
    bench.service.hub().ids(0, 1)[0]
}

#[tokio::test]
async fn a_guest_that_waits_hears_that_its_session_ended() {
    let runtime = runtime();
    let component = load(&runtime, &service(ECHO)).await;
    let setup = Setup {
        sessions: wasket_session::Limits {
            outbox_bytes_max: 100,
            ..wasket_session::Limits::default()
        },
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let mut client = bench.open("/").await;
    client.session.held(200);
    let session = std::sync::Arc::clone(&client.session);
    let mut waiting = Box::pin(client.text("x"));
    assert!(is_pending(&mut waiting).await);
    session.stop_accepting();
    assert_eq!(waiting.await, Ok(()));
}

#[tokio::test]
async fn a_fault_is_logged_once_with_its_place() {
    let runtime = runtime();
    let core = r#"
      (func $innermost unreachable)
      (func $middle (call $innermost))
      (func $outermost (export "message") (param i64 i32 i32 i32) (call $middle))"#;
    let component = load(&runtime, &service(core)).await;
    let bench = Bench::new(&runtime, &component, setup());
    let mut client = bench.open("/").await;
    let (log, _guard) = Log::record();
    assert_eq!(client.text("go").await, Err(Fault::Trap));
    let lines = log.lines("the guest failed");
    let [line] = lines.as_slice() else {
        panic!("{}", log.text());
    };
    for part in [
        "ERROR wasket::guest: ",
        "service=\"test\"",
        &format!("session={}", client.session.id()),
        "event=\"on-message\"",
        "kind=\"trap\"",
        "innermost < middle < outermost",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}
