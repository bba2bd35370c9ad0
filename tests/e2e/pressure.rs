//! A peer that does not read: what waits, what goes on, and what it costs.

use std::io::Write;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::bare::{Held, cpu_ticks, frame};
use crate::host::{Client, Host, wait_for};

// hardening H11, H24: waiting for its own peer is not the guest's failure, however short its time is.
#[test]
fn a_guest_that_waits_for_its_peer_ends_by_the_slow_readers_rule() {
    let host = Host::probe("event_wall_time = \"200ms\"\nslow_reader_time = \"1s\"");
    let mut client = host.connect("probe");
    client.send(&format!("repeat:100000:{}", "x".repeat(64 << 10)));
    host.logged(&["event on-close", "code=1008", "by=host"]);
    let failed = |line: &&String| line.contains("\"level\":\"ERROR\"");
    assert_eq!(host.log().iter().find(failed), None);
}

// hardening H11
#[test]
fn an_outbox_has_4_mib() {
    let host = Host::probe("slow_reader_time = \"5m\"");
    let stalled = host.connect("probe");
    let mut other = host.connect("probe");
    let first = first_id(&mut other);
    let message = "x".repeat(512 << 10);
    let send = format!("send-to:{first}:{message}");
    let refused = loop {
        match other.ask(&send) {
            accepted if accepted == "send-to=accepted" => {}
            refused => break refused,
        }
    };
    assert_eq!(refused, "send-to=backlogged");
    // A message that was refused harms nobody, and a small one may still fit.
    assert_eq!(other.ask("count"), "count=2");
    let queued = queued(&mut other, &first);
    assert!(queued <= 4 << 20, "{queued}");
    assert!(queued > (4 << 20) - (1 << 20), "{queued}");
    // What a broadcast does to it is another rule.
    while other.ask("count") == "count=2" {
        other.ask(&format!("broadcast-except:{message}"));
    }
    // By the host's own line: what the guest logs has had its share of this second.
    host.logged(&["\"closed\"", "\"code\":1008"]);
    drop(stalled);
}

mod slow {
    use super::*;

    // hardening H24
    #[test]
    #[ignore = "slow: 15 s"]
    fn a_guest_that_waits_for_its_peer_costs_nothing() {
        // On a machine that is busy with other things the guest may need long until it waits.
        let host = Host::probe(
            "slow_reader_time = \"5m\"\nwrite_timeout = \"5m\"\nevent_time = \"5s\"\nevent_wall_time = \"5m\"",
        );
        let mut stalled = host.connect("probe");
        let mut other = host.connect("probe");
        let first = first_id(&mut other);
        let before = Held::by(&host).memory_kb;
        stalled.send(&format!("repeat:100000:{}", "x".repeat(64 << 10)));
        assert!(wait_for(|| (queued(&mut other, &first) > 3 << 20).then_some(())).is_some());

        // It waits, and so does everything.
        let ticks = cpu_ticks(&host);
        thread::sleep(Duration::from_secs(5));
        let used = cpu_ticks(&host) - ticks;
        assert!(used < 100, "{used} of 500 ticks");

        // The peer's control frames are heard.
        let stream = stalled.socket.get_mut();
        let heard = other.ask(&format!("heard-at:{first}"));
        stream.write_all(&frame(0x9, b"there?")).unwrap();
        let heard_again = || other.ask(&format!("heard-at:{first}")) != heard;
        let mut heard_again = heard_again;
        assert!(wait_for(|| heard_again().then_some(())).is_some());

        // Its messages stay with it: TCP takes no more of them, and the host keeps no more.
        let sent = send_until_stalled(stream);
        assert!(sent < 64 << 20, "{sent} bytes");
        let grown = Held::by(&host).memory_kb.saturating_sub(before);
        assert!(grown < 24 << 10, "{grown} KB");
        assert_eq!(other.ask("count"), "count=2");
    }
}

/// Messages of 64 KiB, until none goes for two seconds.
fn send_until_stalled(stream: &mut TcpStream) -> usize {
    let message = frame(0x2, &vec![0; 64 << 10]);
    stream
        .set_write_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    let mut sent = 0;
    while sent < 256 << 20 && stream.write_all(&message).is_ok() {
        sent += message.len();
    }
    sent
}

/// The id of the session that opened first, of two. Its client may have its answer before it has joined the service.
fn first_id(client: &mut Client) -> String {
    let ids = wait_for(|| {
        let ids = client.ask("ids");
        let (first, _) = ids.trim_start_matches("ids=").split_once(',')?;
        Some(first.to_owned())
    });
    ids.expect("both have joined")
}

fn queued(client: &mut Client, id: &str) -> usize {
    let queued = client.ask(&format!("queued:{id}"));
    queued.trim_start_matches("queued=").parse().unwrap()
}
