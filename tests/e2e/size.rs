//! Many sessions at once, and one after another. They take minutes, and run with `cargo xtask test --all`.

use std::thread;

use crate::bare::{self, Bare, Held};
use crate::host::{Host, wait_for};

mod slow {
    use super::*;

    #[test]
    #[ignore = "slow: 60 s"]
    fn ten_thousand_guests_live_at_once() {
        let _alone = bare::alone();
        let host = Host::serve(&config(INSTANCES));
        let before = Held::by(&host);
        let mut clients: Vec<_> = (0..INSTANCES)
            .map(|_| Bare::open(&host, "echo").unwrap())
            .collect();
        assert_eq!(Bare::open(&host, "echo").err(), Some(503));
        for (number, client) in clients.iter_mut().enumerate() {
            client.send(&number.to_string());
        }
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.receive(), (0x81, number.to_string().into()));
        }
        let held = Held::by(&host);
        let each = (held.memory_kb - before.memory_kb) / INSTANCES as u64;
        assert!(each < 48, "{each} KB a session");
        // A native session costs no instance.
        Bare::open(&host, "native").unwrap().echo("no instance");
        clients.pop().unwrap().close();
        let mut back = wait_for(|| Bare::open(&host, "echo").ok()).unwrap();
        back.echo("in the place of another");
        clients.push(back);
        clients.into_iter().for_each(Bare::close);
        let descriptors = || Held::by(&host).descriptors;
        let gone = wait_for(|| (descriptors() <= before.descriptors).then_some(()));
        assert!(gone.is_some(), "{} descriptors", descriptors());
        assert_eq!(host.stop(), Some(0));
    }

    // hardening H12
    #[test]
    #[ignore = "slow: 120 s"]
    fn fifty_thousand_sessions_leave_nothing_behind() {
        let host = Host::serve(&config(100));
        churn(&host, CYCLES / 10);
        let after_a_tenth = settled(&host, usize::MAX);
        churn(&host, CYCLES - CYCLES / 10);
        let held = settled(&host, after_a_tenth.descriptors);
        assert!(
            held.descriptors <= after_a_tenth.descriptors
                && held.mappings <= after_a_tenth.mappings + 20
                && held.memory_kb <= after_a_tenth.memory_kb + (2 << 10),
            "{held:?} after {after_a_tenth:?}"
        );
        // No task is left that would have to be waited for.
        host.signal("-TERM");
        host.logged(&["\"stopped\""]);
        assert_eq!(host.wait().code(), Some(0));
    }
}

/// Connects, echoes and closes, to a guest and natively in turns.
fn churn(host: &Host, cycles: usize) {
    thread::scope(|scope| {
        for task in 0..TASKS {
            scope.spawn(move || {
                for number in (task..cycles).step_by(TASKS) {
                    let service = if number % 8 < 4 { "echo" } else { "native" };
                    let mut client = Bare::open(host, service).unwrap();
                    client.echo("hello");
                    client.close();
                }
            });
        }
    });
}

/// What it holds once so few descriptors are open: its end of a connection is there a moment longer.
fn settled(host: &Host, descriptors: usize) -> Held {
    let held = || Some(Held::by(host)).filter(|held| held.descriptors <= descriptors);
    wait_for(held).unwrap_or_else(|| Held::by(host))
}

fn config(instances_max: usize) -> String {
    format!(
        r#"
[host]
instances_max = {instances_max}

[log]
format = "json"
level = "info,wasket::session=warn"

[service.echo]
path = "/echo"
component = "GUESTS/echo.wasm"

[service.native]
path = "/native"
native = "echo"
"#
    )
}

const INSTANCES: usize = 10_000;
const CYCLES: usize = 50_000;
const TASKS: usize = 4;
