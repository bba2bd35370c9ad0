mod keep;
mod owner;
mod room;
mod signals;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use wasket_ws::{CloseCode, CloseFrame, Message};

use crate::account::Account;
use crate::queue::{Queue, items_max};
use crate::rare::Rare;
use crate::{
    Closing, Deflate, Frame, Hub, Item, Limits, Opening, Party, Principal, SessionId, SlowReader,
};

use room::NoRoom;

pub use keep::ATTACHMENT_BYTES_MAX;
pub use signals::Signals;

/// The shared face of one open connection to a service: anyone who has it may queue messages, ask it to
/// close, or look at it. The task that owns the connection is woken and does the rest.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    limits: Arc<Limits>,
    account: Arc<Account>,
    opening: Opening,
    opened_at_ms: u64,
    deflate: Option<Box<Deflate>>,
    agreed: OnceLock<Agreed>,
    state: AtomicU8,
    heard_at_ms: AtomicU64,
    /// When the connection wants to be looked at, in milliseconds of the host's monotonic clock.
    deadline_ms: AtomicU64,
    signals: AtomicU32,
    /// Whether somebody asked to close before the peer did, and whether the connection to the peer is gone.
    over: AtomicU8,
    /// Bytes in `queue`, and those that the connection holds unwritten.
    queued_bytes: AtomicUsize,
    /// What the outbox had no room for since half of it was free.
    no_room: NoRoom,
    /// Whether `queue` holds anything; changed under its lock, read without.
    mail: AtomicBool,
    queue: Mutex<Queue>,
    rare: Mutex<Option<Box<Rare>>>,
    connection: AtomicWaker,
    room: AtomicWaker,
}

#[derive(Debug)]
struct Agreed {
    protocol: Option<Box<str>>,
    principal: Option<Box<Principal>>,
}

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReadyState {
    /// Before the 101 answer.
    Connecting,
    /// Messages flow.
    Open,
    /// One side has asked to close.
    Closing,
    /// Over.
    Closed,
}

/// What became of something that was asked of a session (`outcome` in the WIT).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It will be done, in order.
    Accepted,
    /// Connecting, closing, closed, or not a session of this service.
    NotOpen,
    /// The session's queue is full: it was not accepted, the session lives.
    Backlogged,
    /// Larger than a message may be.
    TooLarge,
    /// An argument breaks the protocol or a documented bound.
    Invalid,
    /// A setting or a limit of the service forbids it.
    Refused,
}

impl Session {
    /// A session of the hub's service that is connecting: it has not joined yet. `now_ms` is milliseconds
    /// since the Unix epoch.
    #[must_use]
    pub fn new(id: SessionId, hub: &Hub, opening: Opening, now_ms: u64) -> Self {
        Self {
            id,
            limits: Arc::clone(hub.limits()),
            account: Arc::clone(hub.account()),
            opening,
            opened_at_ms: now_ms,
            deflate: None,
            agreed: OnceLock::new(),
            state: AtomicU8::new(ReadyState::Connecting as u8),
            heard_at_ms: AtomicU64::new(now_ms),
            deadline_ms: AtomicU64::new(u64::MAX),
            signals: AtomicU32::new(0),
            over: AtomicU8::new(0),
            queued_bytes: AtomicUsize::new(0),
            no_room: NoRoom::default(),
            mail: AtomicBool::new(false),
            queue: Mutex::default(),
            rare: Mutex::default(),
            connection: AtomicWaker::new(),
            room: AtomicWaker::new(),
        }
    }

    /// The same with the compression that was agreed on.
    #[must_use]
    pub fn with_deflate(mut self, deflate: Option<Box<Deflate>>) -> Self {
        self.deflate = deflate;
        self
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// What it may cost.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// How it was asked for.
    #[must_use]
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// When it began. Milliseconds since the Unix epoch.
    #[must_use]
    pub fn opened_at_ms(&self) -> u64 {
        self.opened_at_ms
    }

    /// When the peer was last heard of. Milliseconds since the Unix epoch.
    #[must_use]
    pub fn heard_at_ms(&self) -> u64 {
        self.heard_at_ms.load(Ordering::Relaxed)
    }

    /// Where it is in its life.
    #[must_use]
    #[inline]
    pub fn state(&self) -> ReadyState {
        match self.state.load(Ordering::Acquire) {
            0 => ReadyState::Connecting,
            1 => ReadyState::Open,
            2 => ReadyState::Closing,
            _ => ReadyState::Closed,
        }
    }

    /// The agreed subprotocol.
    #[must_use]
    pub fn protocol(&self) -> Option<&str> {
        self.agreed.get()?.protocol.as_deref()
    }

    /// The compression that was agreed on.
    #[must_use]
    #[inline]
    pub fn deflate(&self) -> Option<&Deflate> {
        self.deflate.as_deref()
    }

    /// Who the peer is: established by the handshake, else by the host.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        let agreed = self.agreed.get().and_then(|a| a.principal.as_deref());
        agreed.or(self.opening.principal.as_deref())
    }

    /// Bytes accepted for sending and not yet written to the socket. What the session's own guest sent
    /// within the present event is counted by its [`Outbox`](crate::Outbox).
    #[must_use]
    #[inline]
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    /// Queues a message, in order, and never waits.
    pub fn push(&self, frame: Frame) -> Outcome {
        self.push_item(Item::Frame(frame))
    }

    /// Encodes a message and queues it.
    pub(crate) fn push_message(&self, message: &Message<'_>) -> Outcome {
        self.push(Frame::on(&self.account, message))
    }

    /// Queues a ping. [`Outcome::Backlogged`] when sixteen wait already.
    pub fn ping(&self, payload: &[u8]) -> Outcome {
        if payload.len() > 125 {
            return Outcome::Invalid;
        }
        self.push_item(Item::Ping(Bytes::copy_from_slice(payload)))
    }

    /// Queues a message of a broadcast: a session that has no room for it is closed with 1008 or misses
    /// it, as its limits say.
    pub fn push_broadcast(&self, frame: Frame) {
        if self.push(frame) == Outcome::Backlogged && self.limits.slow_reader == SlowReader::Close {
            self.shut(Closing {
                frame: CloseFrame::truncated(CloseCode::POLICY, "too slow a reader"),
                by: Party::Host,
                drain: false,
            });
        }
    }

    /// Asks for the closing handshake. The first to ask decides on code and reason.
    pub fn shut(&self, closing: Closing) -> Outcome {
        let mut queue = self.queue.lock();
        if self.state() != ReadyState::Open || queue.closing.is_some() || queue.closed {
            return Outcome::NotOpen;
        }
        if !closing.drain {
            let dropped = queue.items.iter().map(Item::len).sum();
            queue.clear(&self.account);
            self.queued_bytes.fetch_sub(dropped, Ordering::Relaxed);
        }
        queue.closing = Some(closing.into());
        self.mail.store(true, Ordering::Release);
        self.over.fetch_or(SHUT, Ordering::AcqRel);
        self.set_state(ReadyState::Closing);
        drop(queue);
        self.signal(Signals::CLOSING);
        self.room.wake();
        Outcome::Accepted
    }

    /// Gives the session's seat a turn, [`Seat::wake`](crate::Seat::wake): something came for it by another way
    /// than the session's own connection.
    pub fn wake_seat(&self) {
        self.signal(Signals::SEAT);
    }

    /// Whether the guest or the host asked to close: nothing more is delivered. What a peer sent before its
    /// own close frame still is.
    #[must_use]
    #[inline]
    pub fn is_shut(&self) -> bool {
        self.over.load(Ordering::Acquire) & SHUT != 0
    }

    /// Whether what the peer sent is worth no wait any more: the guest or the host asked to close, or the connection is
    /// gone without a close frame. A peer that asked to close still wants done what it sent before.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.over.load(Ordering::Acquire) != 0 || self.state() == ReadyState::Closed
    }

    fn push_item(&self, item: Item) -> Outcome {
        let bytes = item.len();
        let mut queue = self.queue.lock();
        if self.state() != ReadyState::Open || queue.closing.is_some() {
            return Outcome::NotOpen;
        }
        if !queue.may_take(&item) {
            return Outcome::Backlogged;
        }
        let fits = self.has_room(self.queued_bytes(), bytes)
            && queue.items.len() < items_max(self.limits.outbox_bytes_max)
            && !(queue.would_grow() && self.account.is_full());
        if !fits {
            drop(queue);
            self.note_full();
            return Outcome::Backlogged;
        }
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let first = queue.items.is_empty();
        queue.push(item);
        queue.count_items(&self.account);
        self.mail.store(true, Ordering::Release);
        drop(queue);
        if first {
            self.connection.wake();
        }
        Outcome::Accepted
    }

    fn signal(&self, signal: u32) {
        self.signals.fetch_or(signal, Ordering::AcqRel);
        self.connection.wake();
    }

    fn set_state(&self, state: ReadyState) {
        self.state.store(state as u8, Ordering::Release);
    }
}

const SHUT: u8 = 1;
const LOST: u8 = 2;

// An idle session costs little more than this and the head of its request.
const _: () = assert!(size_of::<Session>() <= 448);
