//! Garbage, resets and mass disconnects: everything returns to where it was.

use super::{MIB, Memory, Raw, descriptors, masked, upgrade};
use crate::host::{Client, Host, wait_for};

/// Connects, sends what is not what it should be, and resets. Three of four are sessions first.
fn annoy(host: &Host, n: usize) {
    let mut raw = Raw::connect(host);
    let garbage = [u8::try_from(n % 251).unwrap(); 64];
    match n % 4 {
        // Among them are the beginnings of requests.
        0 => raw.send(&garbage),
        1 => raw.send(&[upgrade("/probe", "").as_bytes(), &garbage].concat()),
        2 => raw.send(
            &[
                upgrade("/probe", "").as_bytes(),
                &masked(0x82, &[0; 300])[..200],
            ]
            .concat(),
        ),
        _ => raw.send(
            &[
                upgrade("/probe", "").as_bytes(),
                &masked(0x81, b"repeat:50:x"),
            ]
            .concat(),
        ),
    }
    if n % 8 > 4 {
        // Half of the sessions are open by now, the others are in the middle of it.
        raw.head();
    }
    raw.reset();
}

fn cycle(host: &Host, watcher: &mut Client, cycles: usize) {
    for n in 0..cycles {
        annoy(host, n);
    }
    let alone = || (watcher.ask("count") == "count=1").then_some(());
    wait_for(alone).expect("the sessions end");
}

fn leaves_nothing_behind(cycles: usize) {
    let host = Host::probe("");
    let mut watcher = host.connect("probe");
    watcher.ask("count");
    let open = descriptors(&host);
    cycle(&host, &mut watcher, cycles / 10);
    let before = Memory::of(&host);
    cycle(&host, &mut watcher, cycles);
    let closed = || (descriptors(&host) <= open).then_some(());
    wait_for(closed).unwrap_or_else(|| panic!("{} descriptors, {open} before", descriptors(&host)));
    let grown = Memory::of(&host).resident.saturating_sub(before.resident);
    assert!(grown < 8 * MIB, "{} MiB more", grown / MIB);
}

// hardening H12
#[test]
fn garbage_and_resets_leave_nothing_behind() {
    leaves_nothing_behind(300);
}

// hardening H12
#[test]
#[ignore = "slow: 5 s"]
fn ten_thousand_resets_leave_nothing_behind() {
    leaves_nothing_behind(10_000);
}
