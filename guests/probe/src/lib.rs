//! Uses every import and every export of the contract, on command, and tells what it saw: the tests' eyes
//! inside the sandbox.
//!
//! - Each event is a log line `event on-message session=7 ...`, and a broadcast of it too where the
//!   configuration says `announce = "true"`.
//! - A text message is a command (see [`command`]); its answer, `name=value`, is sent back and logged as
//!   `answer session=7 name=value`.
//! - The query parameters `open`, `error`, `close`, `ping`, `pong` and `timer` are commands to run in those
//!   events; each may come several times.
//! - The handshake obeys `reject=STATUS`, `body=TEXT`, `protocol=NAME`, `header=NAME:VALUE` (several),
//!   `principal=NAME` and `handshake=COMMAND`.
//! - A login finds the users of the configuration, `user-NAME = "KIND SECRET ROLE ROLE"`; `trap` and `forever` are what
//!   becomes of looking up those names.
//! - Connections to the outside are numbered as they were begun, from 1, in events and commands. What one brings that begins
//!   with `!` is a command, too.
//! - The configuration key `start-error` is the error of `on-start`.

mod command;
mod granted;
mod outward;

use std::cell::Cell;

use wasket_guest::{
    Acceptance, Behavior, Close, Control, Credentials, Handshake, Lifecycle, Message, Principal,
    Rejection, Request, Secret, Session, SessionError, Timer, broadcast, config, log,
};

struct Probe {
    query: Vec<(String, String)>,
}

thread_local! {
    /// Sessions that this instance opened.
    static OPENED: Cell<u32> = const { Cell::new(0) };
}

impl Behavior for Probe {
    fn open(session: Session) -> Self {
        OPENED.set(OPENED.get() + 1);
        event(&format!("on-open session={session}"));
        let query = session
            .request()
            .map(|request| request.query)
            .unwrap_or_default();
        let probe = Self { query };
        probe.run("open", session);
        probe
    }

    fn message(&mut self, session: Session, message: Message) {
        match message {
            Message::Text(text) => {
                event(&format!("on-message session={session} text={text:?}"));
                answer(session, command::run(session, &text));
            }
            Message::Binary(bytes) => {
                event(&format!(
                    "on-message session={session} binary={} bytes",
                    bytes.len()
                ));
                answer(session, Some(format!("binary={} bytes", bytes.len())));
            }
        }
    }

    fn error(&mut self, session: Session, error: SessionError) {
        let (kind, text) = match &error {
            SessionError::Protocol(text) => ("protocol", text),
            SessionError::Limit(text) => ("limit", text),
            SessionError::Connection(text) => ("connection", text),
        };
        event(&format!("on-error session={session} {kind}={text:?}"));
        self.run("error", session);
    }

    fn close(self, session: Session, close: Close) {
        let Close {
            code,
            reason,
            clean,
            by,
        } = close;
        event(&format!(
            "on-close session={session} code={code} by={by} clean={clean} reason={reason:?}"
        ));
        self.run("close", session);
    }
}

impl Handshake for Probe {
    fn handshake(session: Session, request: Request) -> Result<Acceptance, Rejection> {
        event(&format!(
            "on-handshake session={session} path={:?}",
            request.path
        ));
        run_all(&request.query, "handshake", session);
        let headers = request.query.iter().filter(|(name, _)| name == "header");
        let headers: Vec<(String, String)> = headers
            .filter_map(|(_, field)| field.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some(status) = request.query("reject") {
            let body = request.query("body").unwrap_or_default().into();
            return Err(Rejection {
                status: status.parse().unwrap_or(403),
                headers,
                body,
            });
        }
        Ok(Acceptance {
            protocol: request.query("protocol").map(str::to_owned),
            headers,
            principal: request.query("principal").map(Principal::new),
        })
    }
}

impl Control for Probe {
    fn ping(&mut self, session: Session, payload: Vec<u8>) {
        event(&format!(
            "on-ping session={session} payload={:?}",
            String::from_utf8_lossy(&payload)
        ));
        self.run("ping", session);
    }

    fn pong(&mut self, session: Session, payload: Vec<u8>) {
        event(&format!(
            "on-pong session={session} payload={:?}",
            String::from_utf8_lossy(&payload)
        ));
        self.run("pong", session);
    }
}

impl Timer for Probe {
    fn timer(&mut self, session: Session, token: u64) {
        event(&format!("on-timer session={session} token={token}"));
        self.run("timer", session);
    }

    fn instance_timer(token: u64) {
        event(&format!("on-timer token={token}"));
    }
}

impl Lifecycle for Probe {
    fn start() -> Result<(), String> {
        event("on-start");
        config::get("start-error").map_or(Ok(()), Err)
    }

    fn stop() {
        event("on-stop");
    }
}

impl Credentials for Probe {
    fn find(realm: &str, name: &str) -> Option<(Secret, Principal)> {
        event(&format!("find realm={realm:?} name={name:?}"));
        match name {
            "trap" => panic!("asked to"),
            "forever" => loop {
                std::hint::black_box(name);
            },
            _ => {}
        }
        let user = config::get(&format!("user-{name}"))?;
        let mut words = user.split(' ');
        let kind = words.next()?;
        let text = words.next()?.to_owned();
        let secret = match kind {
            "plain" => Secret::Plain(text),
            "md5" => Secret::DigestMd5(text),
            "sha256" => Secret::DigestSha256(text),
            _ => Secret::Hashed(text),
        };
        let mut principal = Principal::new(name);
        principal.roles = words.map(str::to_owned).collect();
        principal.claims.push(("realm".into(), realm.into()));
        Some((secret, principal))
    }
}

wasket_guest::export!(Probe: Handshake + Control + Timer + Lifecycle + Connections + Credentials);

impl Probe {
    fn run(&self, name: &str, session: Session) {
        run_all(&self.query, name, session);
    }
}

fn run_all(query: &[(String, String)], name: &str, session: Session) {
    for (_, text) in query.iter().filter(|(key, _)| key == name) {
        answer(session, command::run(session, text));
    }
}

fn event(line: &str) {
    log::info!("event {line}");
    if config::get("announce").as_deref() == Some("true") {
        let _ = broadcast(format!("event {line}"));
    }
}

fn answer(session: Session, answer: Option<String>) {
    let answer = answer.unwrap_or_else(|| "unknown command".to_owned());
    log::info!("answer session={session} {answer}");
    let _ = session.send(answer);
}

#[cfg(test)]
mod tests;
