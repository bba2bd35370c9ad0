//! The workspace's example components, without sockets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use wasket_runtime::Limits;
use wasket_session::ws::{CloseCode, Event};
use wasket_session::{Fault, Party, SessionError};

use crate::harness::{Bench, Log, Setup, guest, is_pending, runtime};

#[tokio::test]
async fn echo_answers_in_kind() {
    let runtime = runtime();
    let echo = guest(&runtime, "echo").await;
    let bench = Bench::new(&runtime, &echo, Setup::default());
    let mut client = bench.open("/echo").await;
    assert_eq!(client.ask("h\u{e9}llo").await, ["h\u{e9}llo"]);
}

// parity B8
#[tokio::test]
async fn one_component_serves_several_paths_with_settings_of_their_own() {
    let runtime = runtime();
    let chat = guest(&runtime, "chat").await;
    let plain = Bench::new(&runtime, &chat, Setup::default());
    let setup = Setup {
        config: &[("suffix", " Nyan!")],
        ..Setup::default()
    };
    let nyan = Bench::new(&runtime, &chat, setup);
    let mut anna = plain.open("/chat?name=Anna").await;
    let mut ben = plain.open("/chat?name=Ben").await;
    let mut cat = nyan.open("/chat-with-nyan?name=Cat").await;
    assert_eq!(anna.received(), ["Welcome, Anna!", "Ben joined."]);
    assert_eq!(ben.received(), ["Welcome, Ben!"]);
    assert_eq!(anna.ask("hi").await, ["Anna: hi"]);
    assert_eq!(ben.received(), ["Anna: hi"]);
    assert_eq!(cat.ask("hi").await, ["Welcome, Cat!", "Cat: hi Nyan!"]);
}

async fn probe(setup: Setup, query: &str, commands: &[&str]) -> Vec<String> {
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, setup);
    let mut client = bench.open(&format!("/probe{query}")).await;
    let mut answers = client.received();
    for command in commands {
        answers.extend(client.ask(command).await);
    }
    answers
}

// parity B1
#[tokio::test]
async fn every_event_reaches_the_guest_in_order() {
    let (log, _guard) = Log::record();
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/probe").await;
    assert!(client.seat.wants_control());
    let events = [
        Event::Ping(b"a".as_slice().into()),
        Event::Message(wasket_session::ws::Message::Text("id".into())),
        Event::Pong(b"b".as_slice().into()),
    ];
    client.events(&events).await.expect("three events");
    client
        .seat
        .timer(5, &mut client.outbox)
        .await
        .expect("on-timer");
    let error = SessionError::Protocol("odd".into());
    client
        .seat
        .error(error, &mut client.outbox)
        .await
        .expect("on-error");
    client.on_close().await.expect("on-close");
    let names: Vec<String> = log
        .lines("event on-")
        .iter()
        .filter_map(|line| {
            Some(
                line.split_once("event ")?
                    .1
                    .split_whitespace()
                    .next()?
                    .to_owned(),
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            "on-start",
            "on-handshake",
            "on-open",
            "on-ping",
            "on-message",
            "on-pong",
            "on-timer",
            "on-error",
            "on-close",
            "on-stop"
        ]
    );
}

#[tokio::test]
async fn a_guest_sees_and_acts_on_its_session() {
    let commands = [
        "state",
        "count",
        "header:x-TEST",
        "header:none",
        "attach:kept",
        "attachment",
        "attach-bytes:16384",
        "attach-bytes:16385",
        "opened-at",
        "state:1",
        "close:1010:no",
        "close:1005:no",
        "ping-bytes:126",
        "timer:60000:7",
        "instance-timer:60000:7",
        "subscribe:news",
        "publish:news:extra",
        "send-to:5:lost",
        "config:greeting",
        "send-binary:1048577",
    ];
    let setup = Setup {
        config: &[("greeting", "hi")],
        ..Setup::default()
    };
    let answers = probe(setup, "", &commands).await;
    let expected = [
        "state=open",
        "count=1",
        "header=yes",
        "header=none",
        "attach=accepted",
        "attachment=kept",
        "attach-bytes=accepted",
        "attach-bytes=too-large",
        "opened-at=1000",
        "state=closed",
        "close=invalid",
        "close=invalid",
        "ping-bytes=invalid",
        "timer=accepted",
        "instance-timer=refused",
        "subscribe=accepted",
        "extra",
        "publish=accepted",
        "send-to=not-open",
        "config=hi",
        "send-binary=too-large",
    ];
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn a_guest_closes_and_hears_no_more() {
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut client = bench.open("/probe").await;
    let events = ["send:first", "close:4000:done", "send:late"]
        .map(|text| Event::Message(wasket_session::ws::Message::Text(text.into())));
    client.events(&events).await.expect("on-message");
    assert_eq!(client.received(), ["first", "send=accepted"]);
    let closing = client.closing.as_ref().expect("a close frame");
    assert_eq!(closing.frame.code, CloseCode::new(4000));
    assert_eq!(&*closing.frame.reason, "done");
    assert_eq!(closing.by, Party::Guest);
}

// hardening H29
#[tokio::test]
async fn a_guest_reaches_nothing_outside() {
    let (log, _guard) = Log::record();
    let answers = probe(
        Setup::default(),
        "",
        &["env", "args", "stdin", "fs:/etc/passwd", "net:127.0.0.1:9"],
    )
    .await;
    assert_eq!(answers[..3], ["env=[]", "args=[]", "stdin=0 bytes"]);
    for answer in &answers[3..] {
        assert!(
            !answer.contains("bytes") && !answer.contains("connected"),
            "{answer}"
        );
    }
    assert_eq!(answers.len(), 5);
    for told in [
        "the guest asks for its environment",
        "the guest asks for its directories",
        "`sockets` lists no address",
    ] {
        assert_eq!(log.lines(told).len(), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn the_handshake_export_decides() {
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let (_, admission) = bench
        .admit("/p?protocol=b&header=x-a:1&header=set-cookie:c=d&principal=Ada")
        .await
        .expect("admitted");
    assert_eq!(admission.protocol.as_deref(), Some("b"));
    assert_eq!(admission.headers.len(), 2);
    assert_eq!(admission.principal.expect("a principal").name, "Ada");
    drop(admission.seat);
    // The guest decides, so none is chosen for it.
    let (_, admission) = bench.admit("/p").await.expect("admitted");
    assert_eq!(admission.protocol, None);
    drop(admission);

    let cases = [
        ("/p?reject=418&body=tea&header=x-a:1", 418),
        ("/p?reject=200", 500),
        ("/p?reject=600", 500),
        ("/p?protocol=z", 500),
        // hardening H17
        ("/p?header=x-a:1%0D%0Aset-cookie:evil=1", 500),
        ("/p?header=x%0Aa:1", 500),
        ("/p?reject=403&header=x-a:1%00", 500),
        ("/p?header=Connection:close", 500),
        ("/p?reject=401&header=sec-websocket-accept:x", 500),
        ("/p?principal=", 500),
        ("/p?handshake=panic:no", 500),
    ];
    for (target, status) in cases {
        let refusal = bench.admit(target).await.err().expect(target);
        assert_eq!(refusal.status, status, "{target}");
        assert_eq!(refusal.body == b"tea", status == 418, "{target}");
    }
    assert_eq!(runtime.instances_free(), 8);
}

#[tokio::test]
async fn a_start_that_fails_refuses_and_says_why() {
    let (log, _guard) = Log::record();
    let runtime = runtime();
    let component = guest(&runtime, "probe").await;
    let setup = Setup {
        config: &[("start-error", "no\nluck")],
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    assert_eq!(bench.admit("/p").await.err().expect("refused").status, 503);
    assert_eq!(log.lines("the guest does not start: no\\nluck").len(), 1);
}

// hardening H28
#[tokio::test]
async fn misbehavior_ends_the_guest_alone_and_says_why() {
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let setup = || Setup {
        limits: Limits {
            event_time: Duration::from_millis(30),
            log_bytes_per_second_max: 4_096,
            ..Limits::default()
        },
        ..Setup::default()
    };
    let cases = [
        ("loop", Fault::Time, "kind=\"time\""),
        ("recurse", Fault::Trap, "kind=\"trap\""),
        ("allocate", Fault::Memory, "memory_bytes_max"),
        ("grow", Fault::Memory, "memory_bytes_max"),
        ("panic", Fault::Trap, "misbehave panics"),
        ("exit", Fault::Trap, "kind=\"exit\""),
        ("unreachable", Fault::Trap, "unreachable"),
        ("trap", Fault::Trap, "out of bounds"),
        ("log-flood", Fault::Time, "kind=\"time\""),
        ("stderr-flood", Fault::Time, "kind=\"time\""),
        ("stdout-flood", Fault::Time, "kind=\"time\""),
    ];
    for (action, expected, said) in cases {
        let bench = Bench::new(&runtime, &component, setup());
        let mut innocent = bench.open("/m").await;
        let mut client = bench.open("/m").await;
        let (log, _guard) = Log::record();
        assert_eq!(client.text(action).await, Err(expected), "{action}");
        let lines = log.lines("the guest failed");
        assert_eq!(lines.len(), 1, "{action}");
        assert!(lines[0].contains(said), "{action}: {}", lines[0]);
        assert!(
            log.text().len() < 16_384,
            "{action}: {} bytes",
            log.text().len()
        );
        assert_eq!(innocent.ask("well").await, ["well"], "{action}");
    }
}

// hardening H28
#[tokio::test]
async fn a_loop_in_one_guest_leaves_others_their_turns() {
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let setup = Setup {
        limits: Limits {
            event_time: Duration::from_secs(60),
            ..Limits::default()
        },
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let mut looping = bench.open("/m").await;
    let mut other = bench.open("/m").await;
    // On one thread: if the loop kept it, this would never end.
    tokio::select! {
        biased;
        _ = looping.text("loop") => panic!("the loop ended"),
        answer = other.ask("well") => assert_eq!(answer, ["well"]),
    }
}

// hardening H28
#[tokio::test]
async fn a_flood_of_messages_is_stopped_by_a_limit() {
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    for action in ["send-flood", "timer-flood", "subscribe-flood"] {
        let setup = Setup {
            limits: Limits {
                event_time: Duration::from_secs(10),
                event_wall_time: Duration::from_millis(100),
                ..Limits::default()
            },
            ..Setup::default()
        };
        let bench = Bench::new(&runtime, &component, setup);
        let mut client = bench.open("/m").await;
        let session = Arc::clone(&client.session);
        let mut flood = Box::pin(client.text(action));
        if action == "send-flood" {
            // Nobody reads: it waits for room, until the session ends.
            let max = session.limits().outbox_bytes_max;
            while session.queued_bytes() < max - (128 << 10) {
                assert!(is_pending(&mut flood).await);
                tokio::task::yield_now().await;
            }
            assert!(is_pending(&mut flood).await);
            assert!(session.queued_bytes() <= max);
            session.stop_accepting();
        }
        // What is counted against the session is refused there.
        assert_eq!(flood.await, Ok(()), "{action}");
    }
}

// hardening H28
#[tokio::test]
async fn waiting_is_not_running() {
    let runtime = runtime();
    let component = guest(&runtime, "misbehave").await;
    let setup = Setup {
        limits: Limits {
            event_time: Duration::from_millis(2),
            event_wall_time: Duration::from_millis(300),
            ..Limits::default()
        },
        ..Setup::default()
    };
    let bench = Bench::new(&runtime, &component, setup);
    let mut client = bench.open("/m").await;
    client.text("sleep:50").await.expect("it only waits");
    assert_eq!(client.text("sleep:60000").await, Err(Fault::WallTime));
}

#[tokio::test]
async fn guest_output_is_logged_by_line_and_escaped() {
    let (log, _guard) = Log::record();
    probe(
        Setup::default(),
        "",
        &["stdout:out\u{1b}[31m", "stderr:err", "log:warn:a\nERROR b"],
    )
    .await;
    assert_eq!(log.lines("INFO wasket::guest: out\\u{1b}[31m").len(), 1);
    assert_eq!(log.lines("WARN wasket::guest: err").len(), 1);
    // hardening H31
    assert_eq!(log.lines("WARN wasket::guest: a\\nERROR b").len(), 1);
}

#[tokio::test]
async fn everything_the_example_components_import_is_offered() {
    let runtime = runtime();
    for name in ["echo", "chat", "laputa", "probe", "misbehave"] {
        let component = guest(&runtime, name).await;
        let found = runtime
            .inspect(component.path())
            .await
            .expect("it is there");
        assert!(found.loads(), "{name}: {:?}", found.problems);
        assert!(
            found
                .optional
                .iter()
                .all(|export| !export.interface.is_empty())
        );
    }
}

/// Prints what an instance costs: `cargo test -p wasket-runtime -- --ignored --nocapture measure`.
#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn measure() {
    const SESSIONS: u32 = 1_000;
    let (_, maps_before) = resident();
    let start = Instant::now();
    let runtime = crate::harness::runtime_of(10_000, None);
    println!(
        "a pool for 10,000 in {:?}, {} mappings",
        start.elapsed(),
        resident().1 - maps_before
    );
    let component = guest(&runtime, "echo").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    for round in ["cold", "warm"] {
        let (before, maps) = resident();
        let start = Instant::now();
        let mut clients = Vec::new();
        for _ in 0..SESSIONS {
            clients.push(bench.connect("/").await);
        }
        let admitted = start.elapsed() / SESSIONS;
        let admitted_kb = resident().0 - before;
        let start = Instant::now();
        for client in &mut clients {
            client.on_open().await.expect("on-open");
        }
        let opened = start.elapsed() / SESSIONS;
        let (open, maps_open) = resident();
        for client in &mut clients {
            assert_eq!(client.ask("0123456789abcdef").await.len(), 1);
        }
        let (used, _) = resident();
        let start = Instant::now();
        drop(clients);
        println!(
            "{round}: admit {admitted:?}, on-open {opened:?}, drop {:?}; a session: {} KB admitted, {} KB \
             open, {} KB used, {:.1} mappings",
            start.elapsed() / SESSIONS,
            admitted_kb / u64::from(SESSIONS),
            (open - before) / u64::from(SESSIONS),
            (used - before) / u64::from(SESSIONS),
            (maps_open - maps) as f64 / f64::from(SESSIONS)
        );
    }
    let mut client = bench.open("/").await;
    let message = || Event::Message(wasket_session::ws::Message::Text("0123456789abcdef".into()));
    let events: Vec<Event<'_>> = (0..16).map(|_| message()).collect();
    let start = Instant::now();
    for _ in 0..1_000 {
        client.events(&events).await.expect("on-message");
        client.received();
    }
    println!("a call {:?}", start.elapsed() / 16_000);
    assert_eq!(runtime.instances_free(), 9_999);
}

/// KB resident, and memory mappings.
fn resident() -> (u64, usize) {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("VmRSS");
    let kb = line.split_whitespace().nth(1).expect("a number");
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux");
    (kb.parse().expect("a number"), maps.lines().count())
}
