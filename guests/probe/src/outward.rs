//! Connections to the outside: the commands, and what they bring.

use std::cell::RefCell;

use wasket_guest::{Close, Connection, Connections, Error, Message, Session, Target};

use crate::command::{self, ending, none, outcome};
use crate::{Probe, answer, event};

thread_local! {
    /// In the order in which they were begun.
    static BEGUN: RefCell<Vec<Connection>> = const { RefCell::new(Vec::new()) };
}

/// Runs a command; of `NUMBER:ARGUMENT` the number names the connection.
pub(crate) fn run(session: Session, name: &str, argument: &str) -> Option<String> {
    if name == "connect" {
        return connect(session, argument);
    }
    let (number, argument) = argument.split_once(':').unwrap_or((argument, ""));
    let connection = || numbered(number);
    let result = match name {
        "out-id" => return Some(connection()?.to_string()),
        "out-state" => return Some(connection()?.state().to_string()),
        "out-protocol" => return Some(connection()?.protocol().unwrap_or_else(none)),
        "out-queued" => return Some(connection()?.queued_bytes().to_string()),
        "out-send" => connection()?.send(argument),
        "out-send-binary" => connection()?.send(vec![b'x'; argument.parse().ok()?]),
        "out-ping" => connection()?.ping(argument),
        "out-close" => {
            let (code, reason) = ending(argument)?;
            connection()?.close(code, reason)
        }
        _ => return None,
    };
    Some(outcome(result).to_owned())
}

/// `URL WORD WORD`: a word `NAME=VALUE` is a header, any other a subprotocol.
fn connect(session: Session, argument: &str) -> Option<String> {
    let mut words = argument.split(' ');
    let target = Target::new(words.next()?);
    let target = words.fold(target, |target, word| match word.split_once('=') {
        Some((name, value)) => target.header(name, value),
        None => target.protocol(word),
    });
    let begun = session.connect(target).map(|connection| {
        BEGUN.with_borrow_mut(|begun| {
            begun.push(connection);
            begun.len().to_string()
        })
    });
    Some(begun.unwrap_or_else(|error: Error| error.name().to_owned()))
}

/// By its number, or whatever has that id.
fn numbered(number: &str) -> Option<Connection> {
    if let Some(id) = number.strip_prefix('#') {
        return id.parse().ok().map(Connection::from_id);
    }
    let index = number.parse::<usize>().ok()?.checked_sub(1)?;
    BEGUN.with_borrow(|begun| begun.get(index).copied())
}

fn number(connection: Connection) -> usize {
    let index = BEGUN.with_borrow(|begun| begun.iter().position(|it| *it == connection));
    index.map_or(0, |index| index + 1)
}

impl Connections for Probe {
    fn connected(&mut self, session: Session, connection: Connection) {
        let number = number(connection);
        event(&format!("out-open session={session} out={number}"));
    }

    fn received(&mut self, session: Session, connection: Connection, message: Message) {
        let number = number(connection);
        match message {
            Message::Text(text) => {
                event(&format!(
                    "out-message session={session} out={number} text={text:?}"
                ));
                if let Some(command) = text.strip_prefix('!') {
                    answer(session, command::run(session, command));
                }
            }
            Message::Binary(bytes) => event(&format!(
                "out-message session={session} out={number} binary={} bytes",
                bytes.len()
            )),
        }
    }

    fn disconnected(&mut self, session: Session, connection: Connection, close: Close) {
        let number = number(connection);
        let Close {
            code,
            reason,
            clean,
            by,
        } = close;
        event(&format!(
            "out-close session={session} out={number} code={code} by={by} clean={clean} reason={reason:?}"
        ));
    }
}
