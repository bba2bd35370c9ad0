//! Whole runs of the modes beside echo.

use std::sync::Mutex;

use super::super::{broadcast, churn, idle, measure_broadcast, measure_churn, measure_idle};
use super::*;

/// A room on threads: what one says is written to everyone who is in it, between a prefix and a suffix. `times` tells
/// how often, by the number of the message in the room and that of the connection.
fn serve_room(times: fn(u64, usize) -> usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let room: Arc<Mutex<(u64, Vec<TcpStream>)>> = Arc::default();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            room.lock().unwrap().1.push(stream.try_clone().unwrap());
            let room = Arc::clone(&room);
            let say = move |_: u64, message: &Message<'_>, _: &mut Vec<u8>| {
                let said = [b"anna: ", message.as_bytes(), b" Nyan!"].concat();
                let mut room = room.lock().unwrap();
                let number = room.0;
                room.0 += 1;
                for (index, stream) in room.1.iter_mut().enumerate() {
                    let mut out = Vec::new();
                    for _ in 0..times(number, index) {
                        frame::encode(&mut out, Opcode::Text, &said, None);
                    }
                    let _ = stream.write_all(&out);
                }
            };
            thread::spawn(move || serve_one(stream, &say));
        }
    });
    address
}

fn typed(address: SocketAddr, typed: &str) -> Options {
    options(&format!("ws://{address}/echo"), typed)
}

fn broadcast(address: SocketAddr, given: &str) -> broadcast::Report {
    measure_broadcast(&typed(address, given)).unwrap()
}

fn churn(address: SocketAddr, given: &str) -> churn::Report {
    measure_churn(&typed(address, given)).unwrap()
}

fn idle(address: SocketAddr, given: &str) -> idle::Report {
    measure_idle(&typed(address, given)).unwrap()
}

#[test]
fn a_message_to_everyone_is_counted_at_everyone() {
    for (given, messages, connections) in [
        ("--connections 5 --text --messages 20 --warmup 20ms", 20, 5),
        (
            "--connections 4 --senders 3 --pipeline 4 --messages 50 --size 3000 --warmup 0s",
            50,
            4,
        ),
        ("--connections 1 --messages 3 --warmup 0s", 3, 1),
    ] {
        let report = broadcast(serve_room(|_, _| 1), given);
        assert_eq!(report.errors, 0, "{given}: {:?}", report.error_texts);
        assert_eq!(report.messages, messages, "{given}");
        assert_eq!(report.deliveries, messages * connections, "{given}");
        assert_eq!((report.lost, report.other_messages), (0, 0), "{given}");
    }
    let report = broadcast(
        serve_room(|_, _| 1),
        "--connections 3 --duration 100ms --warmup 10ms",
    );
    assert_eq!((report.errors, report.lost), (0, 0));
    assert!(report.deliveries > 0);
}

#[test]
fn what_is_not_delivered_once_and_in_order_is_seen() {
    let given = "--connections 3 --pipeline 4 --messages 8 --warmup 0s";
    // The second message does not come to the third connection; those behind it do.
    let gap = broadcast(
        serve_room(|number, to| usize::from((number, to) != (1, 2))),
        given,
    );
    assert_eq!((gap.errors, gap.lost, gap.deliveries), (0, 1, 23));

    let twice = broadcast(serve_room(|_, to| 1 + usize::from(to == 2)), given);
    assert_eq!(twice.errors, 1, "{:?}", twice.error_texts);
    assert!(
        twice.error_texts[0].starts_with("message 1 of sender 1 came when number 2 was next"),
        "{:?}",
        twice.error_texts
    );
    // The sender is closed before it hears itself: what was owed to it is lost.
    let closes = serve(|_, _, out| frame::encode(out, Opcode::Close, &[], None));
    let closed = broadcast(closes, "--connections 1 --messages 1 --warmup 0s");
    assert_eq!(
        closed.error_texts,
        ["the server closed the connection without a code"]
    );
    assert_eq!((closed.errors, closed.lost, closed.deliveries), (1, 1, 0));
}

#[test]
fn cycles_are_counted_and_end_cleanly() {
    let address = serve(echo);
    for (given, cycles) in [
        ("--mode churn --connections 3 --messages 20 --warmup 0s", 20),
        (
            "--mode churn --connections 1 --messages 2 --text --size 5000 --warmup 5ms",
            2,
        ),
        (
            "--mode churn --connections 4 --messages 1 --size 0 --warmup 0s",
            1,
        ),
    ] {
        let report = churn(address, given);
        assert_eq!(report.errors, 0, "{given}: {:?}", report.error_texts);
        assert_eq!(report.cycles, cycles, "{given}");
    }
    let report = churn(
        address,
        "--mode churn --connections 2 --duration 100ms --warmup 0s",
    );
    assert!(report.cycles > 0 && report.errors == 0);
}

#[test]
fn a_cycle_that_fails_is_counted_at_its_step() {
    // The first cycle, which goes ahead, has the first message.
    let messages = std::sync::atomic::AtomicU64::new(0);
    let address = serve(move |_, message, out| {
        let number = messages.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        echo(1, message, out);
        match number {
            1 => out[2] ^= 1,
            2 => echo(1, message, out),
            3 => frame::encode(out, Opcode::Close, &[], None),
            _ => {}
        }
    });
    let report = churn(address, "--connections 1 --messages 5 --warmup 0s");
    assert_eq!(
        (report.cycles, report.errors),
        (2, 3),
        "{:?}",
        report.error_texts
    );
    let kinds = report.errors_by_kind;
    assert_eq!((kinds.connect, kinds.handshake), (0, 0));
    assert_eq!(kinds.echo + kinds.close, 3);
    assert!(report.error_texts[0].starts_with("message 1 came back wrong"));
}

#[test]
fn idle_connections_are_alive_at_the_end() {
    let own = std::process::id();
    let given = format!("--mode idle --connections 9 --duration 50ms --touch --server-pid {own}");
    let report = idle(serve(echo), &given);
    assert_eq!(
        (report.alive, report.errors),
        (9, 0),
        "{:?}",
        report.error_texts
    );
    assert!(report.touched && report.seconds >= 0.05);
    assert_eq!(report.memory_kb.is_some(), cfg!(target_os = "linux"));

    let closes = serve(|_, _, out| frame::encode(out, Opcode::Close, &[], None));
    let report = idle(
        closes,
        "--mode idle --connections 2 --duration 10ms --touch",
    );
    assert_eq!((report.alive, report.errors), (0, 2));
}

#[test]
fn every_field_is_documented() {
    let documented = include_str!("../../../../../docs/benchmarking.md");
    let room = broadcast(
        serve_room(|_, _| 1),
        "--connections 2 --messages 2 --warmup 0s",
    );
    let own = std::process::id();
    let given = format!("--connections 2 --messages 2 --warmup 0s --server-pid {own}");
    let cycles = churn(serve(echo), &given);
    let given = format!("--connections 2 --duration 10ms --touch --server-pid {own}");
    let rest = idle(serve(echo), &given);
    for (value, table) in [
        (serde_json::to_value(&room).unwrap(), room.to_string()),
        (serde_json::to_value(&cycles).unwrap(), cycles.to_string()),
        (serde_json::to_value(&rest).unwrap(), rest.to_string()),
    ] {
        for (field, inner) in value.as_object().unwrap() {
            assert!(documented.contains(&format!("`{field}`")), "{field}");
            for field in inner
                .as_object()
                .into_iter()
                .flat_map(|object| object.keys())
            {
                assert!(documented.contains(&format!("`{field}`")), "{field}");
            }
        }
        assert!(table.ends_with("errors        0\n"), "{table}");
    }
}
