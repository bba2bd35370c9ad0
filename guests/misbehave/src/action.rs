use std::hint::black_box;
use std::time::{Duration, Instant};

use wasket_guest::{Error, Session, broadcast, config, log, topics};

/// What to do, from `name` or `name:number`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// `loop`: runs for ever.
    Loop,
    /// `recurse`: calls itself until the stack is full.
    Recurse,
    /// `allocate`: takes a mebibyte after another, and writes to each.
    Allocate,
    /// `grow`: grows the memory, page by page, without touching it, until it is refused; then answers.
    Grow,
    /// `memory:PAGES`: grows the memory to so many pages (of 64 KiB) in all; then answers.
    Memory(u64),
    /// `panic`.
    Panic,
    /// `exit`: ends the program as failed.
    Exit,
    /// `unreachable`: the bare instruction.
    Unreachable,
    /// `trap`: reads past the end of the memory.
    Trap,
    /// `log-flood`: log lines without end.
    LogFlood,
    /// `stderr-flood`.
    StderrFlood,
    /// `stdout-flood`.
    StdoutFlood,
    /// `send-flood`: 64 KiB messages to its own session, until one is not accepted.
    SendFlood,
    /// `broadcast-flood`, or `broadcast-flood:BYTES`: messages to everyone, of 64 KiB if nothing else is said,
    /// until one is not accepted.
    BroadcastFlood(u64),
    /// `publish-flood:BYTES`: messages to a topic that its own session subscribes to, until one is not accepted.
    PublishFlood(u64),
    /// `ping-flood`: pings until one is not accepted.
    PingFlood,
    /// `timer-flood`: timers of an hour, each with a token of its own, until one is not accepted.
    TimerFlood,
    /// `connect-flood`: connections to the configuration's `upstream` until one is not accepted.
    ConnectFlood,
    /// `subscribe-flood`: topics until one is not accepted.
    SubscribeFlood,
    /// `sleep:MS`: waits without running.
    Sleep(u64),
    /// `spin:MS`: runs, by the clock on the wall.
    Spin(u64),
    /// `send:BYTES`: one binary message.
    Send(u64),
    /// `broadcast:BYTES`: one binary message.
    Broadcast(u64),
    /// `log:BYTES`: one line.
    Log(u64),
    /// `timer:MS`: a timer, for `on-timer`.
    Timer(u64),
    /// `ping`: a ping, for `on-pong`.
    Ping,
}

impl Action {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some((name, number)) = text.split_once(':') {
            let number = number.parse().ok()?;
            return Some(match name {
                "memory" => Self::Memory(number),
                "sleep" => Self::Sleep(number),
                "spin" => Self::Spin(number),
                "send" => Self::Send(number),
                "broadcast" => Self::Broadcast(number),
                "broadcast-flood" => Self::BroadcastFlood(number),
                "publish-flood" => Self::PublishFlood(number),
                "log" => Self::Log(number),
                "timer" => Self::Timer(number),
                _ => return None,
            });
        }
        Some(match text {
            "loop" => Self::Loop,
            "recurse" => Self::Recurse,
            "allocate" => Self::Allocate,
            "grow" => Self::Grow,
            "panic" => Self::Panic,
            "exit" => Self::Exit,
            "unreachable" => Self::Unreachable,
            "trap" => Self::Trap,
            "log-flood" => Self::LogFlood,
            "stderr-flood" => Self::StderrFlood,
            "stdout-flood" => Self::StdoutFlood,
            "send-flood" => Self::SendFlood,
            "broadcast-flood" => Self::BroadcastFlood(1 << 16),
            "ping-flood" => Self::PingFlood,
            "timer-flood" => Self::TimerFlood,
            "connect-flood" => Self::ConnectFlood,
            "subscribe-flood" => Self::SubscribeFlood,
            "ping" => Self::Ping,
            _ => return None,
        })
    }

    /// Returns, if it does, what it did. Without a session (`on-start`, `on-stop`) what needs one does
    /// nothing.
    pub(crate) fn perform(self, session: Option<Session>) -> String {
        let session = session.unwrap_or(Session::from_id(0));
        match self {
            Self::Loop => loop {
                black_box(0);
            },
            Self::Recurse => format!("recurse={}", recurse(0)),
            Self::Allocate => loop {
                black_box(vec![1_u8; 1 << 20].leak());
            },
            Self::Grow => format!("grow={} pages", grow()),
            Self::Memory(pages) => format!("memory={} pages", grow_to(pages)),
            Self::Panic => panic!("misbehave panics"),
            Self::Exit => std::process::exit(1),
            Self::Unreachable => unreachable(),
            Self::Trap => format!("trap={}", read_past_the_end()),
            Self::LogFlood => loop {
                log::info!("flood");
            },
            Self::StderrFlood => loop {
                eprintln!("flood");
            },
            Self::StdoutFlood => loop {
                println!("flood");
            },
            Self::SendFlood => {
                let message = [0; 1 << 16];
                flood("send-flood", |_| session.send(message))
            }
            Self::BroadcastFlood(bytes) => {
                let message = payload(bytes);
                flood("broadcast-flood", |_| broadcast(&*message))
            }
            Self::PublishFlood(bytes) => {
                let message = payload(bytes);
                if let Err(error) = session.subscribe("flood") {
                    return format!("publish-flood: {}", error.name());
                }
                flood("publish-flood", |_| topics::publish("flood", &*message))
            }
            Self::PingFlood => flood("ping-flood", |_| session.ping([0; 125])),
            Self::TimerFlood => flood("timer-flood", |token| {
                session.set_timer(Duration::from_secs(3600), token)
            }),
            Self::ConnectFlood => {
                let url = config::get("upstream").unwrap_or_default();
                flood("connect-flood", |_| session.connect(url.as_str()).map(drop))
            }
            Self::SubscribeFlood => flood("subscribe-flood", |number| {
                session.subscribe(&number.to_string())
            }),
            Self::Sleep(ms) => {
                std::thread::sleep(Duration::from_millis(ms));
                format!("sleep={ms} ms")
            }
            Self::Spin(ms) => spin(ms),
            Self::Send(bytes) => format!(
                "send={bytes} bytes {}",
                outcome(session.send(payload(bytes)))
            ),
            Self::Broadcast(bytes) => {
                format!(
                    "broadcast={bytes} bytes {}",
                    outcome(broadcast(payload(bytes)))
                )
            }
            Self::Log(bytes) => {
                log::info!("{}", String::from_utf8_lossy(&payload(bytes)));
                format!("log={bytes} bytes")
            }
            Self::Timer(ms) => {
                format!(
                    "timer={}",
                    outcome(session.set_timer(Duration::from_millis(ms), ms))
                )
            }
            Self::Ping => format!("ping={}", outcome(session.ping("misbehave"))),
        }
    }
}

fn flood(name: &str, mut once: impl FnMut(u64) -> Result<(), Error>) -> String {
    let mut accepted = 0;
    loop {
        match once(accepted) {
            Ok(()) => accepted += 1,
            Err(error) => return format!("{name}={accepted} {}", error.name()),
        }
    }
}

fn outcome(result: Result<(), Error>) -> &'static str {
    result.map_or_else(Error::name, |()| "accepted")
}

fn payload(bytes: u64) -> Vec<u8> {
    vec![b'x'; usize::try_from(bytes).unwrap_or(usize::MAX)]
}

fn spin(ms: u64) -> String {
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(ms) {
        black_box(0);
    }
    format!("spin={ms} ms")
}

#[expect(unconditional_recursion, reason = "it is the point")]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(black_box(depth + 1)))
}

#[cfg(target_family = "wasm")]
fn grow() -> usize {
    let mut pages = 0;
    while core::arch::wasm32::memory_grow::<0>(1) != usize::MAX {
        pages += 1;
    }
    pages
}

/// The size afterwards.
#[cfg(target_family = "wasm")]
fn grow_to(pages: u64) -> usize {
    let more = usize::try_from(pages)
        .unwrap_or(usize::MAX)
        .saturating_sub(core::arch::wasm32::memory_size::<0>());
    core::arch::wasm32::memory_grow::<0>(more);
    core::arch::wasm32::memory_size::<0>()
}

#[cfg(target_family = "wasm")]
fn unreachable() -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the sandbox is there to stop it")]
fn read_past_the_end() -> u8 {
    // SAFETY: there is none. No memory of this component reaches that far, so the read traps.
    unsafe { core::ptr::read_volatile(core::ptr::without_provenance(usize::MAX)) }
}

#[cfg(not(target_family = "wasm"))]
fn grow() -> usize {
    0
}

#[cfg(not(target_family = "wasm"))]
fn grow_to(_: u64) -> usize {
    0
}

#[cfg(not(target_family = "wasm"))]
fn unreachable() -> ! {
    std::unreachable!()
}

#[cfg(not(target_family = "wasm"))]
fn read_past_the_end() -> u8 {
    0
}
