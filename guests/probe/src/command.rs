//! The commands: `name`, or `name:argument`. An argument goes on to the end of the text.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::TcpStream;
use std::time::{Duration, Instant, SystemTime};
use std::{env, fs, io};

use crate::{granted, outward};
use wasket_guest::log::Level;
use wasket_guest::{
    Error, Session, broadcast, broadcast_except, config, log, sessions, timers, topics,
};

/// Runs a command for a session; `None` if there is none of that name, or its argument is missing.
pub(crate) fn run(session: Session, text: &str) -> Option<String> {
    let (name, argument) = text.split_once(':').unwrap_or((text, ""));
    let value = sending(session, name, argument)
        .or_else(|| asking(session, name, argument))
        .or_else(|| scheduling(session, name, argument))
        .or_else(|| outward::run(session, name, argument))
        .or_else(|| outside(name, argument))
        .or_else(|| granted::run(name, argument))?;
    Some(format!("{name}={value}"))
}

/// What sends something, and what closes.
fn sending(session: Session, name: &str, argument: &str) -> Option<String> {
    let result = match name {
        "echo" => return Some(argument.to_owned()),
        "send" => session.send(argument),
        "send-binary" => session.send(vec![b'x'; argument.parse().ok()?]),
        "send-to" => {
            let (id, text) = argument.split_once(':')?;
            Session::from_id(id.parse().ok()?).send(text)
        }
        "repeat" => {
            let (times, text) = argument.split_once(':')?;
            (0..times.parse::<u32>().ok()?)
                .try_for_each(|number| session.send(format!("{text}{number}")))
        }
        "broadcast" => broadcast(argument),
        "broadcast-except" => broadcast_except(session, argument),
        "subscribe" => session.subscribe(argument),
        "unsubscribe" => {
            session.unsubscribe(argument);
            Ok(())
        }
        "publish" | "publish-except" => {
            let (topic, text) = argument.split_once(':')?;
            if name == "publish" {
                topics::publish(topic, text)
            } else {
                topics::publish_except(topic, session, text)
            }
        }
        "ping" => session.ping(argument),
        "ping-bytes" => session.ping(vec![b'x'; argument.parse().ok()?]),
        "close" => close(session, argument)?,
        "close-other" => {
            let (id, argument) = argument.split_once(':')?;
            close(Session::from_id(id.parse().ok()?), argument)?
        }
        "close-then-send" => {
            let _ = session.send("before");
            let closed = outcome(session.close(1000, "done"));
            let sent = outcome(session.send("after"));
            return Some(format!(
                "close {closed}, send {sent}, state {}",
                session.state()
            ));
        }
        _ => return None,
    };
    Some(outcome(result).to_owned())
}

/// `CODE:REASON`, `CODE`, or nothing.
fn close(session: Session, argument: &str) -> Option<Result<(), Error>> {
    let (code, reason) = ending(argument)?;
    Some(session.close(code, reason))
}

pub(crate) fn ending(argument: &str) -> Option<(Option<u16>, &str)> {
    if argument.is_empty() {
        return Some((None, ""));
    }
    let (code, reason) = argument.split_once(':').unwrap_or((argument, ""));
    Some((Some(code.parse().ok()?), reason))
}

/// What the host knows about sessions, and keeps for them.
fn asking(session: Session, name: &str, argument: &str) -> Option<String> {
    Some(match name {
        "id" => session.to_string(),
        "count" => sessions::count().to_string(),
        "ids" => sessions::iter()
            .map(|it| it.to_string())
            .collect::<Vec<_>>()
            .join(","),
        "instance" => crate::OPENED.get().to_string(),
        "state" => named(session, argument)?.state().to_string(),
        "opened-at" => milliseconds(named(session, argument)?.opened_at()),
        "heard-at" => milliseconds(named(session, argument)?.heard_at()),
        "protocol" => session.protocol().unwrap_or_else(none),
        "queued" => named(session, argument)?.queued_bytes().to_string(),
        "header" => session.header(argument).unwrap_or_else(none),
        "request" => session
            .request()
            .map_or_else(none, |request| format!("{request:#?}")),
        "attach" => outcome(session.attach(argument)).to_owned(),
        "attach-bytes" => outcome(session.attach(vec![b'x'; argument.parse().ok()?])).to_owned(),
        "attachment" => {
            String::from_utf8_lossy(&named(session, argument)?.attachment()).into_owned()
        }
        _ => return None,
    })
}

/// The session of that id, or the caller's own.
fn named(session: Session, id: &str) -> Option<Session> {
    if id.is_empty() {
        Some(session)
    } else {
        id.parse().ok().map(Session::from_id)
    }
}

/// `MS:TOKEN`, or `TOKEN` to cancel.
fn scheduling(session: Session, name: &str, argument: &str) -> Option<String> {
    match name {
        "cancel-timer" => session.cancel_timer(argument.parse().ok()?),
        "cancel-instance-timer" => timers::cancel(argument.parse().ok()?),
        "timer" | "instance-timer" => {
            let (ms, token) = argument.split_once(':')?;
            let (after, token) = (Duration::from_millis(ms.parse().ok()?), token.parse().ok()?);
            return Some(
                outcome(if name == "timer" {
                    session.set_timer(after, token)
                } else {
                    timers::set(after, token)
                })
                .to_owned(),
            );
        }
        _ => return None,
    }
    Some("accepted".to_owned())
}

/// Configuration, log, and what WASI gives.
fn outside(name: &str, argument: &str) -> Option<String> {
    Some(match name {
        "config" if argument.is_empty() => format!("{:?}", config::all()),
        "config" => config::get(argument).unwrap_or_else(none),
        "log" => {
            let (level, text) = argument.split_once(':')?;
            log::log(level_of(level)?, "probe", format_args!("{text}"));
            "written".to_owned()
        }
        "stdout" => {
            println!("{argument}");
            "written".to_owned()
        }
        "stderr" => {
            eprintln!("{argument}");
            "written".to_owned()
        }
        "stdin" => {
            let mut line = String::new();
            io::stdin()
                .read_line(&mut line)
                .map_or_else(failed, |bytes| format!("{bytes} bytes"))
        }
        "env" => format!("{:?}", env::vars().collect::<Vec<_>>()),
        "args" => format!("{:?}", env::args().collect::<Vec<_>>()),
        "fs" => {
            let path = if argument.is_empty() {
                "/etc/passwd"
            } else {
                argument
            };
            fs::read(path).map_or_else(failed, |bytes| format!("{} bytes", bytes.len()))
        }
        "net" => TcpStream::connect(argument).map_or_else(failed, |_| "connected".to_owned()),
        "random" => RandomState::new().build_hasher().finish().to_string(),
        "clock" => milliseconds(Some(SystemTime::now())),
        "sleep" => {
            let start = Instant::now();
            std::thread::sleep(Duration::from_millis(argument.parse().ok()?));
            format!("{} ms", start.elapsed().as_millis())
        }
        "panic" => panic!("{argument}"),
        _ => return None,
    })
}

fn level_of(name: &str) -> Option<Level> {
    Some(match name {
        "trace" => Level::Trace,
        "debug" => Level::Debug,
        "info" => Level::Info,
        "warn" => Level::Warn,
        "error" => Level::Error,
        "critical" => Level::Critical,
        _ => return None,
    })
}

pub(crate) fn outcome(result: Result<(), Error>) -> &'static str {
    result.map_or_else(Error::name, |()| "accepted")
}

fn milliseconds(time: Option<SystemTime>) -> String {
    let since = time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.map_or_else(none, |since| since.as_millis().to_string())
}

pub(crate) fn none() -> String {
    "none".to_owned()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_or_else")]
pub(crate) fn failed(error: io::Error) -> String {
    format!("failed: {error}")
}
