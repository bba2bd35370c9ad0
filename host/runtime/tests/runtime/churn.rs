//! Instances without number leave nothing behind.

use std::sync::Arc;

use wasket_session::Service;

use crate::harness::{Bench, Setup, guest, runtime_of};

// hardening H12: of the guests that come and go, every tenth traps.
#[tokio::test]
#[ignore = "slow: 60 s"]
async fn a_hundred_thousand_instances_leave_nothing_in_the_host() {
    let runtime = runtime_of(8, None);
    let component = guest(&runtime, "misbehave").await;
    let bench = Bench::new(&runtime, &component, Setup::default());
    let mut after_a_tenth = (0, 0);
    for number in 1..=100_000 {
        live(&bench, number % 10 == 0).await;
        if number == 10_000 {
            after_a_tenth = (resident_kb(), mappings());
        }
    }
    let hub = bench.service.hub();
    assert_eq!((hub.count(), runtime.instances_free()), (0, 8));
    let grown = resident_kb().saturating_sub(after_a_tenth.0);
    assert!(grown < 2 << 10, "{grown} KB");
    let more = mappings().saturating_sub(after_a_tenth.1);
    assert!(more < 50, "{more} mappings");
}

/// One session from its handshake to its end.
async fn live(bench: &Bench, traps: bool) {
    let mut client = bench.open("/").await;
    assert_eq!(client.ask("hello").await, ["hello"]);
    if traps {
        assert!(client.text("trap").await.is_err());
    } else {
        client.on_close().await.expect("on-close");
    }
    client.session.finish();
    bench.service.hub().leave(&client.session);
    let session = Arc::clone(&client.session);
    drop(client);
    assert_eq!(Arc::strong_count(&session), 1);
}

/// The memory of this process: 0 where the system does not tell.
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    number.unwrap_or(0)
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").map_or(0, |maps| maps.lines().count())
}
