//! The imports, in the SDK's types. `testing::fake` has the same functions for native builds.

use super::imports::wasi::config::store;
use super::imports::wasi::logging::logging;
use super::imports::wasket::websocket::types::{MessageParam, Outcome};
use super::imports::wasket::websocket::{connections, sessions, timers, topics};
use crate::log::Level;
use crate::{Error, MessageRef, ReadyState, Request, Target};

pub(crate) fn send(to: u64, message: MessageRef<'_>) -> Result<(), Error> {
    result(sessions::send(to, lent(message)))
}

pub(crate) fn ping(to: u64, payload: &[u8]) -> Result<(), Error> {
    result(sessions::ping(to, payload))
}

pub(crate) fn close(session: u64, code: Option<u16>, reason: &str) -> Result<(), Error> {
    result(sessions::close(session, code, reason))
}

pub(crate) fn broadcast(message: MessageRef<'_>, except: Option<u64>) -> Result<(), Error> {
    result(sessions::broadcast(lent(message), except))
}

pub(crate) fn state(session: u64) -> ReadyState {
    match sessions::state(session) {
        sessions::ReadyState::Connecting => ReadyState::Connecting,
        sessions::ReadyState::Open => ReadyState::Open,
        sessions::ReadyState::Closing => ReadyState::Closing,
        sessions::ReadyState::Closed => ReadyState::Closed,
    }
}

pub(crate) fn opened_at(session: u64) -> Option<u64> {
    sessions::opened_at(session)
}

pub(crate) fn heard_at(session: u64) -> Option<u64> {
    sessions::heard_at(session)
}

pub(crate) fn protocol(session: u64) -> Option<String> {
    sessions::protocol(session)
}

pub(crate) fn queued_bytes(session: u64) -> u64 {
    sessions::queued_bytes(session)
}

pub(crate) fn request(session: u64) -> Option<Request> {
    sessions::opening_request(session).map(Request::from)
}

pub(crate) fn header(session: u64, name: &str) -> Option<String> {
    sessions::header(session, name)
}

pub(crate) fn count() -> u32 {
    sessions::count()
}

pub(crate) fn ids(after: u64, limit: u32) -> Vec<u64> {
    sessions::ids(after, limit)
}

pub(crate) fn attach(session: u64, state: &[u8]) -> Result<(), Error> {
    result(sessions::attach(session, state))
}

pub(crate) fn attachment(session: u64) -> Vec<u8> {
    sessions::attachment(session)
}

pub(crate) fn subscribe(session: u64, topic: &str) -> Result<(), Error> {
    result(topics::subscribe(session, topic))
}

pub(crate) fn unsubscribe(session: u64, topic: &str) {
    topics::unsubscribe(session, topic);
}

pub(crate) fn publish(
    topic: &str,
    message: MessageRef<'_>,
    except: Option<u64>,
) -> Result<(), Error> {
    result(topics::publish(topic, lent(message), except))
}

pub(crate) fn set_timer(session: Option<u64>, after_ms: u64, token: u64) -> Result<(), Error> {
    result(timers::set(session, after_ms, token))
}

pub(crate) fn cancel_timer(session: Option<u64>, token: u64) {
    timers::cancel(session, token);
}

pub(crate) fn connect(owner: u64, target: &Target) -> Result<u64, Error> {
    let protocols: Vec<&str> = target.protocols.iter().map(String::as_str).collect();
    let headers = target.headers.iter();
    let headers: Vec<(&str, &str)> = headers.map(|(name, value)| (&**name, &**value)).collect();
    let target = connections::Target {
        url: &target.url,
        protocols: &protocols,
        headers: &headers,
    };
    connections::connect(Some(owner), target)
        .map_err(|outcome| result(outcome).err().unwrap_or(Error::Refused))
}

pub(crate) fn config_get(key: &str) -> Option<String> {
    store::get(key).unwrap_or_else(|error| panic!("wasi:config: {error:?}"))
}

pub(crate) fn config_all() -> Vec<(String, String)> {
    store::get_all().unwrap_or_else(|error| panic!("wasi:config: {error:?}"))
}

pub(crate) fn log(level: Level, context: &str, line: &str) {
    let level = match level {
        Level::Trace => logging::Level::Trace,
        Level::Debug => logging::Level::Debug,
        Level::Info => logging::Level::Info,
        Level::Warn => logging::Level::Warn,
        Level::Error => logging::Level::Error,
        Level::Critical => logging::Level::Critical,
    };
    logging::log(level, context, line);
}

fn lent(message: MessageRef<'_>) -> MessageParam<'_> {
    match message {
        MessageRef::Text(text) => MessageParam::Text(text),
        MessageRef::Binary(bytes) => MessageParam::Binary(bytes),
    }
}

fn result(outcome: Outcome) -> Result<(), Error> {
    match outcome {
        Outcome::Accepted => Ok(()),
        Outcome::NotOpen => Err(Error::NotOpen),
        Outcome::Backlogged => Err(Error::Backlogged),
        Outcome::TooLarge => Err(Error::TooLarge),
        Outcome::Invalid => Err(Error::Invalid),
        Outcome::Refused => Err(Error::Refused),
    }
}
