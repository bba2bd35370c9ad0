//! The defaults, each at its edge. // parity C4 S12

use std::io::Write;
use std::time::{Duration, Instant};

use tungstenite::Message;

use crate::host::{Client, Host, wait_for};

#[test]
fn a_message_may_have_1_mib() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    client
        .socket
        .send(Message::binary(vec![0; 1 << 20]))
        .unwrap();
    assert_eq!(client.text(), "binary=1048576 bytes");
    let _ = client.socket.send(Message::binary(vec![0; (1 << 20) + 1]));
    assert_eq!(client.closed().0, 1009);
    host.logged(&["event on-error", "limit"]);
    let mut client = host.connect("probe");
    client.send("send-binary:1048576");
    assert_eq!(client.message().len(), 1 << 20);
    assert_eq!(client.text(), "send-binary=accepted");
    assert_eq!(client.ask("send-binary:1048577"), "send-binary=too-large");
}

// hardening H2
#[test]
fn a_message_may_have_131072_fragments() {
    for (fragments, code) in [(131_072, None), (131_073, Some(1008))] {
        let host = Host::probe("");
        let mut client = host.connect("probe");
        let mut bytes = vec![0x02, 0x80, 0, 0, 0, 0];
        for n in 2..=fragments {
            let first = if n == fragments { 0x80 } else { 0x00 };
            bytes.extend([first, 0x80, 0, 0, 0, 0]);
        }
        client.socket.get_mut().write_all(&bytes).unwrap();
        match code {
            None => assert_eq!(client.text(), "binary=0 bytes"),
            Some(code) => assert_eq!(client.closed().0, code),
        }
    }
}

// However far past the limit, an outcome is no failure; and a larger limit is one for the guest too.
#[test]
fn messages_as_large_as_a_guest_can_make_have_their_outcome() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    assert_eq!(client.ask("send-binary:16777216"), "send-binary=too-large");
    let host = Host::probe("message_bytes_max = \"8MiB\"\noutbox_bytes_max = \"16MiB\"");
    let mut client = host.connect("probe");
    client
        .socket
        .send(Message::binary(vec![0; 8 << 20]))
        .unwrap();
    assert_eq!(client.text(), "binary=8388608 bytes");
    client.send("send-binary:8388608");
    assert_eq!(client.message().len(), 8 << 20);
    assert_eq!(client.text(), "send-binary=accepted");
}

#[test]
fn a_guest_may_have_32_mib() {
    let host =
        Host::serve("[service.bad]\npath = \"/bad\"\ncomponent = \"GUESTS/misbehave.wasm\"\n");
    // 512 pages of 64 KiB.
    let mut client = host.connect("bad");
    assert_eq!(client.ask("memory:512"), "memory=512 pages");
    for action in ["memory:513", "allocate"] {
        let mut client = host.connect("bad");
        client.send(action);
        assert_eq!(client.closed().0, 1011, "{action}");
    }
    host.logged(&["wasket::guest", "\"level\":\"ERROR\"", "memory"]);
}

#[test]
fn a_guest_may_run_for_100_ms() {
    let host =
        Host::serve("[service.bad]\npath = \"/bad\"\ncomponent = \"GUESTS/misbehave.wasm\"\n");
    let mut client = host.connect("bad");
    // However late it is scheduled: what it waits for a core is not counted.
    assert_eq!(client.ask("spin:60"), "spin=60 ms");
    let began = Instant::now();
    client.send("loop");
    assert_eq!(client.closed().0, 1011);
    assert!(began.elapsed() >= Duration::from_millis(100));
    host.logged(&["wasket::guest", "\"level\":\"ERROR\"", "event_time"]);
}

#[test]
fn an_outbox_may_hold_4_mib() {
    let host = Host::probe("");
    let mut first = host.connect("probe");
    let id = first.ask("id").trim_start_matches("id=").to_owned();
    let mut other = host.connect("probe");
    let queued = |other: &mut Client| -> usize {
        let queued = other.ask(&format!("queued:{id}"));
        queued.trim_start_matches("queued=").parse().unwrap()
    };
    let send = |other: &mut Client, bytes: usize| {
        let answer = other.ask(&format!("send-to:{id}:{}", "x".repeat(bytes)));
        answer.trim_start_matches("send-to=").to_owned()
    };
    // Full to the byte, at a moment when the kernel takes nothing more for the peer.
    let full = wait_for(|| {
        while send(&mut other, 1 << 18) == "accepted" {}
        let room = (4 << 20) - queued(&mut other);
        let most = room - header(room);
        let answers = [send(&mut other, most + 1), send(&mut other, most)];
        (queued(&mut other) == 4 << 20).then_some(answers)
    });
    assert_eq!(full.unwrap(), ["backlogged", "accepted"]);
    assert_eq!(send(&mut other, 0), "backlogged");
    drop(first);
}

/// What the header takes of a frame of so many bytes.
fn header(frame: usize) -> usize {
    match frame {
        0..128 => 2,
        128..65_540 => 4,
        _ => 10,
    }
}

#[test]
fn an_attachment_may_have_16_kib() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    assert_eq!(client.ask("attach-bytes:16384"), "attach-bytes=accepted");
    assert_eq!(client.ask("attach-bytes:16385"), "attach-bytes=too-large");
}

#[test]
fn topics_and_timers_of_a_session_are_limited() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    for (command, max) in [("subscribe:", 128), ("timer:3600000:", 32)] {
        for n in 0..max {
            assert!(
                client.ask(&format!("{command}{n}")).ends_with("=accepted"),
                "{command}{n}"
            );
        }
        assert!(
            client.ask(&format!("{command}{max}")).ends_with("=refused"),
            "{command}"
        );
        assert!(
            client.ask(&format!("{command}0")).ends_with("=accepted"),
            "{command}"
        );
    }
}

#[test]
fn a_ping_may_have_125_bytes_and_a_reason_123() {
    let host = Host::probe("");
    let mut client = host.connect("probe");
    assert_eq!(client.ask("ping-bytes:125"), "ping-bytes=accepted");
    assert_eq!(client.ask("ping-bytes:126"), "ping-bytes=invalid");
    assert_eq!(
        client.ask(&format!("close:1000:{}", "r".repeat(124))),
        "close=invalid"
    );
    for code in [1005, 1006, 1010, 1015, 2999, 5000] {
        assert_eq!(
            client.ask(&format!("close:{code}:x")),
            "close=invalid",
            "{code}"
        );
    }
    client.send(&format!("close:1000:{}", "r".repeat(123)));
    assert_eq!(client.closed(), (1000, "r".repeat(123)));
}

// The instances are reserved before the 101: the one too many gets a clean 503, whichever service it is for.
#[test]
fn the_instance_too_many_gets_503() {
    let host = Host::serve(
        r#"
[host]
instances_max = 3
[service.echo]
path = "/echo"
component = "GUESTS/echo.wasm"
[service.probe]
path = "/probe"
component = "GUESTS/probe.wasm"
[service.native]
path = "/native"
native = "echo"
"#,
    );
    let mut clients: Vec<_> = (0..3).map(|_| host.connect("echo")).collect();
    for service in ["echo", "probe"] {
        let refused = host.connect_to(service, "", &[]).err().unwrap();
        assert_eq!(refused.status, 503, "{service}");
        assert!(refused.head.headers.contains_key("retry-after"));
    }
    host.logged(&["instances_max"]);
    assert_eq!(host.connect("native").ask("no instance"), "no instance");
    clients.pop().unwrap().close(1000, "");
    let mut back = wait_for(|| host.connect_to("probe", "", &[]).ok()).unwrap();
    assert_eq!(back.ask("count"), "count=1");
    assert_eq!(host.connect_to("echo", "", &[]).err().unwrap().status, 503);
    assert_eq!(clients[0].ask("hi"), "hi");
}

#[test]
fn a_request_head_may_have_16_kib() {
    let host = Host::probe("");
    let filler = "y".repeat(15_000);
    assert!(
        host.connect_to("probe", "", &[("x-filler", &filler)])
            .is_ok()
    );
    let filler = "y".repeat(17_000);
    assert_eq!(
        host.connect_to("probe", "", &[("x-filler", &filler)])
            .err()
            .unwrap()
            .status,
        431
    );
}
