//! The imports, answered by a [`Fake`]: the same functions as `wit::host`.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use super::{LogLine, Opening};
use crate::log::Level;
use crate::{
    Acceptance, Close, Error, Message, MessageRef, Party, ReadyState, Request, Target, close_code,
};

/// Puts a new fake in the place of this thread's host.
pub(super) fn install() -> Rc<RefCell<Fake>> {
    let fake = Rc::new(RefCell::new(Fake::default()));
    CURRENT.set(Some(Rc::clone(&fake)));
    fake
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<RefCell<Fake>>>> = const { RefCell::new(None) };
}

fn with<T>(call: impl FnOnce(&mut Fake) -> T) -> T {
    let current = CURRENT.with_borrow(Clone::clone);
    let fake = current.expect("there is no host here: make a wasket_guest::testing::Host first");
    call(&mut fake.borrow_mut())
}

/// All that a host knows.
#[derive(Debug, Default)]
pub(crate) struct Fake {
    pub(super) config: BTreeMap<String, String>,
    pub(super) log: Vec<LogLine>,
    pub(super) now_ms: u64,
    seats: BTreeMap<u64, Seat>,
    timers: BTreeMap<(Option<u64>, u64), u64>,
    ended: VecDeque<u64>,
    /// Connections to the outside have seats too: whose they are, and where to.
    outward: BTreeMap<u64, Outward>,
    outward_ended: VecDeque<u64>,
    pub(super) refuses_connections: bool,
}

/// A connection to the outside.
#[derive(Debug)]
struct Outward {
    owner: u64,
    target: Target,
}

/// One session.
#[derive(Debug)]
pub(super) struct Seat {
    state: ReadyState,
    request: Request,
    protocol: Option<String>,
    opened_at: u64,
    heard_at: u64,
    attachment: Vec<u8>,
    topics: BTreeSet<String>,
    pub(super) received: Vec<Message>,
    pub(super) pings: Vec<Vec<u8>>,
    pub(super) backlogged: bool,
    pub(super) closed: Option<Close>,
}

/// A timer that fires.
pub(super) struct Due {
    pub(super) session: Option<u64>,
    pub(super) token: u64,
}

impl Fake {
    pub(super) fn connect(&mut self, opening: &Opening) -> u64 {
        let id = self.seats.last_key_value().map_or(1, |(last, _)| last + 1);
        let seat = Seat {
            state: ReadyState::Connecting,
            request: opening.request().clone(),
            protocol: None,
            opened_at: self.now_ms,
            heard_at: self.now_ms,
            attachment: Vec::new(),
            topics: BTreeSet::new(),
            received: Vec::new(),
            pings: Vec::new(),
            backlogged: false,
            closed: None,
        };
        self.seats.insert(id, seat);
        id
    }

    pub(super) fn accepted(&mut self, id: u64, acceptance: Acceptance) -> Vec<(String, String)> {
        let seat = self.seat(id);
        seat.protocol = acceptance.protocol;
        if acceptance.principal.is_some() {
            seat.request.principal = acceptance.principal;
        }
        acceptance.headers
    }

    pub(super) fn forget(&mut self, id: u64) {
        self.seats.remove(&id);
    }

    pub(super) fn opened(&mut self, id: u64) {
        self.seat(id).state = ReadyState::Open;
    }

    pub(super) fn agreed(&mut self, id: u64, protocol: &str) {
        self.seat(id).protocol = Some(protocol.to_owned());
    }

    pub(super) fn closing(&mut self, id: u64) {
        self.seat(id).state = ReadyState::Closing;
    }

    /// Something came from the peer: true if the behavior is to hear of it.
    pub(super) fn heard(&mut self, id: u64) -> bool {
        let now_ms = self.now_ms;
        let seat = self.seat(id);
        seat.heard_at = now_ms;
        seat.state == ReadyState::Open
    }

    pub(super) fn end(&mut self, id: u64, close: Close) {
        let seat = self.seat(id);
        if seat.closed.is_none() {
            seat.state = ReadyState::Closing;
            seat.closed = Some(close);
            match self.outward.contains_key(&id) {
                true => self.outward_ended.push_back(id),
                false => self.ended.push_back(id),
            }
        }
    }

    /// The next session whose `on-close` is due. Nobody can see it any more.
    pub(super) fn next_closed(&mut self) -> Option<(u64, Close)> {
        let id = self.ended.pop_front()?;
        self.timers.retain(|(session, _), _| *session != Some(id));
        let seat = self.seat(id);
        seat.state = ReadyState::Closed;
        seat.topics.clear();
        seat.closed.clone().map(|close| (id, close))
    }

    /// The session is over, and its connections with it.
    pub(super) fn left(&mut self, id: u64) {
        let mine = self.outward.iter().filter(|(_, it)| it.owner == id);
        for connection in mine.map(|(id, _)| *id).collect::<Vec<_>>() {
            let close = Close {
                code: 1001,
                reason: String::new(),
                clean: true,
                by: Party::Host,
            };
            self.end(connection, close);
        }
    }

    /// The next connection whose end is to be told.
    pub(super) fn next_disconnected(&mut self) -> Option<(u64, Close)> {
        let id = self.outward_ended.pop_front()?;
        let seat = self.seat(id);
        seat.state = ReadyState::Closed;
        seat.closed.clone().map(|close| (id, close))
    }

    pub(super) fn upstreams(&self) -> Vec<u64> {
        self.outward.keys().copied().collect()
    }

    pub(super) fn target(&self, id: u64) -> Target {
        self.outward[&id].target.clone()
    }

    pub(super) fn is_connecting(&mut self, id: u64) -> bool {
        self.seat(id).state == ReadyState::Connecting
    }

    /// Takes the first timer that is due by then, and moves the clock to it, or else to the end.
    pub(super) fn next_due(&mut self, until: u64) -> Option<Due> {
        let due = self.timers.iter().filter(|(_, due)| **due <= until);
        let first = due
            .min_by_key(|(_, due)| **due)
            .map(|(key, due)| (*key, *due));
        self.now_ms = first.map_or(until, |(_, due)| due.max(self.now_ms));
        let ((session, token), _) = first?;
        self.timers.remove(&(session, token));
        Some(Due { session, token })
    }

    /// The seat of a client that a test holds.
    pub(super) fn seat(&mut self, id: u64) -> &mut Seat {
        self.seats
            .get_mut(&id)
            .expect("a client's session is never forgotten")
    }

    fn open(&mut self, id: u64) -> Result<&mut Seat, Error> {
        let is_outward = self.outward.contains_key(&id);
        self.seats
            .get_mut(&id)
            .filter(|it| match it.state {
                ReadyState::Connecting => is_outward,
                state => state == ReadyState::Open,
            })
            .ok_or(Error::NotOpen)
    }

    fn known(&self, id: u64) -> Option<&Seat> {
        self.seats
            .get(&id)
            .filter(|it| it.state != ReadyState::Closed)
    }

    fn visible(&self) -> impl Iterator<Item = u64> {
        let shown = self.seats.iter();
        shown
            .filter(|(id, it)| it.state == ReadyState::Open && !self.outward.contains_key(id))
            .map(|(id, _)| *id)
    }

    fn deliver(&mut self, message: MessageRef<'_>, except: Option<u64>, topic: Option<&str>) {
        for (id, seat) in &mut self.seats {
            let wants = topic.is_none_or(|topic| seat.topics.contains(topic));
            let is_outward = self.outward.contains_key(id);
            if seat.state == ReadyState::Open && wants && except != Some(*id) && !is_outward {
                seat.received.push(message.to_message());
            }
        }
    }
}

/// Documented bounds of the contract, in bytes.
const PING_BYTES_MAX: usize = 125;
const REASON_BYTES_MAX: usize = 123;
const ATTACHMENT_BYTES_MAX: usize = 16 * 1024;
const TOPIC_BYTES_MAX: usize = 256;

pub(crate) fn send(to: u64, message: MessageRef<'_>) -> Result<(), Error> {
    with(|fake| match fake.open(to)? {
        seat if seat.backlogged => Err(Error::Backlogged),
        seat => {
            seat.received.push(message.to_message());
            Ok(())
        }
    })
}

pub(crate) fn ping(to: u64, payload: &[u8]) -> Result<(), Error> {
    if payload.len() > PING_BYTES_MAX {
        return Err(Error::Invalid);
    }
    with(|fake| {
        let seat = fake.open(to)?;
        if seat.state == ReadyState::Connecting {
            return Err(Error::NotOpen);
        }
        seat.pings.push(payload.to_owned());
        Ok(())
    })
}

pub(crate) fn close(session: u64, code: Option<u16>, reason: &str) -> Result<(), Error> {
    let legal = matches!(code, None | Some(1000..=1003 | 1007..=1009 | 1011..=1014 | 3000..=4999));
    if !legal || reason.len() > REASON_BYTES_MAX {
        return Err(Error::Invalid);
    }
    with(|fake| {
        if fake.outward.contains_key(&session) && code == Some(close_code::INTERNAL_ERROR) {
            // Clients do not send it.
            return Err(Error::Invalid);
        }
        fake.open(session)?;
        let reason = if code.is_some() {
            reason.to_owned()
        } else {
            String::new()
        };
        fake.end(
            session,
            Close {
                code: code.unwrap_or(1005),
                reason,
                clean: true,
                by: Party::Guest,
            },
        );
        Ok(())
    })
}

pub(crate) fn broadcast(message: MessageRef<'_>, except: Option<u64>) -> Result<(), Error> {
    with(|fake| fake.deliver(message, except, None));
    Ok(())
}

pub(crate) fn state(session: u64) -> ReadyState {
    with(|fake| {
        fake.known(session)
            .map_or(ReadyState::Closed, |seat| seat.state)
    })
}

pub(crate) fn opened_at(session: u64) -> Option<u64> {
    with(|fake| fake.known(session).map(|seat| seat.opened_at))
}

pub(crate) fn heard_at(session: u64) -> Option<u64> {
    with(|fake| fake.known(session).map(|seat| seat.heard_at))
}

pub(crate) fn protocol(session: u64) -> Option<String> {
    with(|fake| fake.known(session)?.protocol.clone())
}

pub(crate) fn queued_bytes(_session: u64) -> u64 {
    0
}

pub(crate) fn request(session: u64) -> Option<Request> {
    with(|fake| fake.known(session).map(|seat| seat.request.clone()))
}

pub(crate) fn header(session: u64, name: &str) -> Option<String> {
    with(|fake| fake.known(session)?.request.header(name).map(str::to_owned))
}

pub(crate) fn count() -> u32 {
    with(|fake| u32::try_from(fake.visible().count()).unwrap_or(u32::MAX))
}

pub(crate) fn ids(after: u64, limit: u32) -> Vec<u64> {
    with(|fake| {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        fake.visible()
            .filter(|id| *id > after)
            .take(limit)
            .collect()
    })
}

pub(crate) fn attach(session: u64, state: &[u8]) -> Result<(), Error> {
    if state.len() > ATTACHMENT_BYTES_MAX {
        return Err(Error::TooLarge);
    }
    with(|fake| {
        let seat = fake
            .seats
            .get_mut(&session)
            .filter(|it| it.state != ReadyState::Closed);
        seat.ok_or(Error::NotOpen)?.attachment = state.to_owned();
        Ok(())
    })
}

pub(crate) fn attachment(session: u64) -> Vec<u8> {
    with(|fake| {
        fake.known(session)
            .map_or_else(Vec::new, |seat| seat.attachment.clone())
    })
}

pub(crate) fn subscribe(session: u64, topic: &str) -> Result<(), Error> {
    check_topic(topic)?;
    with(|fake| {
        fake.open(session)?.topics.insert(topic.to_owned());
        Ok(())
    })
}

pub(crate) fn unsubscribe(session: u64, topic: &str) {
    with(|fake| {
        if let Some(seat) = fake.seats.get_mut(&session) {
            seat.topics.remove(topic);
        }
    });
}

pub(crate) fn publish(
    topic: &str,
    message: MessageRef<'_>,
    except: Option<u64>,
) -> Result<(), Error> {
    check_topic(topic)?;
    with(|fake| fake.deliver(message, except, Some(topic)));
    Ok(())
}

fn check_topic(topic: &str) -> Result<(), Error> {
    match topic.len() {
        1..=TOPIC_BYTES_MAX => Ok(()),
        _ => Err(Error::Invalid),
    }
}

pub(crate) fn set_timer(session: Option<u64>, after_ms: u64, token: u64) -> Result<(), Error> {
    with(|fake| {
        if let Some(id) = session {
            fake.open(id)?;
        }
        let due = fake.now_ms.saturating_add(after_ms);
        fake.timers.insert((session, token), due);
        Ok(())
    })
}

pub(crate) fn cancel_timer(session: Option<u64>, token: u64) {
    with(|fake| fake.timers.remove(&(session, token)));
}

pub(crate) fn connect(owner: u64, target: &Target) -> Result<u64, Error> {
    with(|fake| {
        fake.open(owner)?;
        if !may_be_asked_for(target) {
            return Err(Error::Invalid);
        }
        if fake.refuses_connections {
            return Err(Error::Refused);
        }
        let id = fake.connect(&Opening::new("/"));
        let target = target.clone();
        fake.outward.insert(id, Outward { owner, target });
        Ok(id)
    })
}

/// As far as a test is likely to meet it: the host looks closer.
fn may_be_asked_for(target: &Target) -> bool {
    let is_ours = |name: &str| {
        let name = name.to_ascii_lowercase();
        matches!(&*name, "host" | "authorization" | "connection" | "upgrade")
            || name.starts_with("sec-websocket-")
    };
    let has_scheme = ["ws://", "wss://"]
        .iter()
        .any(|it| target.url.starts_with(it));
    has_scheme && !target.headers.iter().any(|(name, _)| is_ours(name))
}

pub(crate) fn config_get(key: &str) -> Option<String> {
    with(|fake| fake.config.get(key).cloned())
}

pub(crate) fn config_all() -> Vec<(String, String)> {
    with(|fake| {
        fake.config
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    })
}

pub(crate) fn log(level: Level, context: &str, line: &str) {
    let line = LogLine {
        level,
        context: context.to_owned(),
        line: line.to_owned(),
    };
    with(|fake| fake.log.push(line));
}
