//! How much of it there may be, and what others notice.

use std::thread;
use std::time::{Duration, Instant};

use super::{REQUESTS_MAX, Served};

// hardening H28
#[test]
fn a_request_has_its_time_its_wall_time_and_its_memory() {
    for (path, setting, why) in [
        (
            "/loop",
            "request_time = \"50ms\"",
            "ran longer than request_time",
        ),
        ("/eat", "memory_bytes_max = \"8MiB\"", "memory_bytes_max is"),
        (
            "/after?ms=1000000",
            "request_wall_time = \"300ms\"",
            "took longer than request_wall_time",
        ),
    ] {
        let served = Served::new(setting);
        let mut wire = served.ask(&format!("GET /http{path}"));
        let answered = wire.head().status;
        assert_eq!(answered, if path.starts_with("/after") { 200 } else { 500 });
        let line = served.host.logged(&[why]);
        assert!(line.contains("\"service\":\"probe\""), "{line}");
        if !setting.contains("wall_time") {
            served.is_over();
        }
    }
}

// hardening H28
#[test]
fn one_request_too_many_is_asked_to_come_back() {
    let served = Served::new("");
    let held: Vec<_> = (0..REQUESTS_MAX).map(|_| served.hold().unwrap()).collect();
    let head = served.ask("GET /http/count").head();
    assert_eq!(head.status, 503);
    assert_eq!(head.field("retry-after"), Some("1"));
    served.host.logged(&["\"setting\":\"requests_max\""]);
    // Sessions have their room beside.
    assert_eq!(served.host.connect("echo").ask("hello"), "hello");
    drop(held);
    served.is_over();
}

// hardening H28
#[test]
#[ignore = "slow: 30 s"]
fn a_crowd_of_requests_leaves_sessions_their_turns() {
    let served = Served::new("");
    let mut session = served.host.connect("echo");
    let (mut answered, mut refused) = (0, 0);
    let mut longest = Duration::ZERO;
    thread::scope(|scope| {
        let crowd: Vec<_> = (0..10)
            .map(|_| {
                scope.spawn(|| {
                    let statuses = (0..1_000).map(|_| served.ask("GET /http/count").head().status);
                    statuses.fold((0, 0), |(answered, refused), status| match status {
                        200 => (answered + 1, refused),
                        503 => (answered, refused + 1),
                        other => panic!("{other}"),
                    })
                })
            })
            .collect();
        while !crowd.iter().all(thread::ScopedJoinHandle::is_finished) {
            let asked = Instant::now();
            assert_eq!(session.ask("hello"), "hello");
            longest = longest.max(asked.elapsed());
        }
        for one in crowd {
            let (more, others) = one.join().unwrap();
            answered += more;
            refused += others;
        }
    });
    assert_eq!(answered + refused, 10_000);
    assert!(answered > 1_000, "{answered}");
    assert!(longest < Duration::from_millis(500), "{longest:?}");
    served.is_over();
}
