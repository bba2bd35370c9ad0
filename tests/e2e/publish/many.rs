//! Very many sessions, on which components of plain HTTP act. It takes a while, and runs with `cargo xtask test --all`.

use std::io::Write;

use super::sessions::{act, ids};
use super::{ECHO, PUBLISH, post};
use crate::bare::{self, Bare, frame};
use crate::host::{Host, wait_for};

mod slow {
    use super::*;

    // parity M1, M2, M3, M5
    #[test]
    #[ignore = "slow: 5 s"]
    fn ten_thousand_sessions_hear_what_is_for_them_once() {
        let _alone = bare::alone();
        let host = Host::serve(&config());
        let mut stranger = Bare::open(&host, "other").unwrap();
        let mut clients: Vec<_> = (0..SESSIONS)
            .map(|_| Bare::open(&host, "echo").unwrap())
            .collect();
        assert!(counted(&host, SESSIONS), "{} here", act(&host, "count"));
        let ids = ids(&host);
        assert_eq!(ids.len(), SESSIONS);
        assert!(ids.is_sorted_by(|one, next| one < next));

        let queued = (202, format!("queued for {SESSIONS} sessions\n"));
        assert_eq!(post(&host, "/publish", "first"), queued);
        // In the order of ids, which is the one in which they came.
        let subscribe = act(&host, "subscribe-all?topic=weather&every=2");
        assert_eq!(subscribe, (SESSIONS / 2).to_string());
        assert_eq!(post(&host, "/publish?topic=weather", "rain").0, 202);
        let chosen = SESSIONS / 2 + 1;
        let id = ids[chosen];
        assert_eq!(act(&host, &format!("send?id={id}&text=you")), "Ok(())");
        assert_eq!(post(&host, "/publish", "last"), queued);
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.receive(), (TEXT, "first".into()));
            if number % 2 == 0 {
                assert_eq!(client.receive(), (TEXT, "rain".into()), "{number}");
            }
            if number == chosen {
                assert_eq!(client.receive(), (TEXT, "you".into()));
            }
            assert_eq!(client.receive(), (TEXT, "last".into()), "{number}");
        }

        let mut gone = clients.swap_remove(chosen);
        let close = format!("close?id={id}&code=3001");
        assert_eq!(act(&host, &close), "Ok(())");
        let code = 3001_u16.to_be_bytes();
        assert_eq!(gone.receive(), (CLOSE, code.into()));
        gone.stream.write_all(&frame(0x8, &code)).unwrap();
        assert!(counted(&host, SESSIONS - 1), "{}", act(&host, "count"));
        // Nothing more came to any of them, and nothing at all to others.
        for client in clients.iter_mut().chain([&mut stranger]) {
            client.echo("and now");
        }
        clients.into_iter().for_each(Bare::close);
        assert!(counted(&host, 0), "{} here", act(&host, "count"));
    }
}

fn counted(host: &Host, sessions: usize) -> bool {
    wait_for(|| (act(host, "count") == sessions.to_string()).then_some(())).is_some()
}

/// To read all sessions takes a guest a moment. Nothing but what is published is sent.
fn config() -> String {
    format!(
        r#"
[log]
format = "json"
level = "info,wasket::session=warn"

{PUBLISH}publishes_to = "echo"

[http.probe]
path = "/probe/*"
component = "GUESTS/httpprobe.wasm"
publishes_to = "echo"
request_time = "1m"
request_wall_time = "5m"

{ECHO}ping_every = "off"

[service.other]
path = "/other"
native = "echo"
ping_every = "off"
"#
    )
}

/// The first bytes of frames.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;

const SESSIONS: usize = 10_000;
