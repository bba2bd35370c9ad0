use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use wasket_ws::{CloseCode, CloseFrame};

use crate::queue::{ITEMS_KEPT, Queue, items_max};
use crate::rare::Rare;
use crate::{Closing, Frame, Item, Limits, Opening, Party, Principal, SessionId, SlowReader};

/// The shared face of one open connection to a service: anyone who has it may queue messages, ask it to
/// close, or look at it. The task that owns the connection is woken and does the rest.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    limits: Arc<Limits>,
    opening: Opening,
    opened_at_ms: u64,
    agreed: OnceLock<Agreed>,
    state: AtomicU8,
    heard_at_ms: AtomicU64,
    /// When the connection wants to be looked at, in milliseconds of the host's monotonic clock.
    deadline_ms: AtomicU64,
    signals: AtomicU32,
    /// Bytes in `queue`, and those that the connection holds unwritten.
    queued_bytes: AtomicUsize,
    /// The outbox was found full and has not drained to half since.
    full: AtomicBool,
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
    principal: Option<Principal>,
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

/// Why the connection's task was woken, besides mail and the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals(u32);

impl Signals {
    const TIMERS: u32 = 1;
    const DEADLINE: u32 = 2;
    const FULL: u32 = 4;
    const ABANDON: u32 = 8;

    /// Nothing at all.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The session's timers changed.
    #[must_use]
    pub fn timers(self) -> bool {
        self.0 & Self::TIMERS != 0
    }

    /// The deadline that the connection asked for has passed.
    #[must_use]
    pub fn deadline(self) -> bool {
        self.0 & Self::DEADLINE != 0
    }

    /// Somebody found the outbox full: the slow reader's time runs.
    #[must_use]
    pub fn full(self) -> bool {
        self.0 & Self::FULL != 0
    }

    /// The session was closed without regard to what was queued: its peer gets only the time of a
    /// closing handshake for what is on its way.
    #[must_use]
    pub fn abandon(self) -> bool {
        self.0 & Self::ABANDON != 0
    }
}

/// What the host keeps for a session at most, in bytes (`attach` in the WIT).
pub const ATTACHMENT_BYTES_MAX: usize = 16 << 10;

impl Session {
    /// A session that is connecting. `now_ms` is milliseconds since the Unix epoch.
    #[must_use]
    pub fn new(id: SessionId, limits: Arc<Limits>, opening: Opening, now_ms: u64) -> Self {
        Self {
            id,
            limits,
            opening,
            opened_at_ms: now_ms,
            agreed: OnceLock::new(),
            state: AtomicU8::new(ReadyState::Connecting as u8),
            heard_at_ms: AtomicU64::new(now_ms),
            deadline_ms: AtomicU64::new(u64::MAX),
            signals: AtomicU32::new(0),
            queued_bytes: AtomicUsize::new(0),
            full: AtomicBool::new(false),
            mail: AtomicBool::new(false),
            queue: Mutex::default(),
            rare: Mutex::default(),
            connection: AtomicWaker::new(),
            room: AtomicWaker::new(),
        }
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

    /// Who the peer is: established by the handshake, else by the host.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        let agreed = self.agreed.get().and_then(|a| a.principal.as_ref());
        agreed.or(self.opening.principal.as_ref())
    }

    /// Bytes accepted for sending and not yet written to the socket. What the session's own guest sent
    /// within the present event is counted by its [`Outbox`](crate::Outbox).
    #[must_use]
    #[inline]
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    // ---- for everyone ----

    /// Queues a message, in order, and never waits.
    pub fn push(&self, frame: Frame) -> Outcome {
        self.push_item(Item::Frame(frame))
    }

    /// Queues a ping.
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
        let drain = closing.drain;
        if !drain {
            let dropped = queue.items.iter().map(Item::len).sum();
            queue.items = VecDeque::new();
            self.queued_bytes.fetch_sub(dropped, Ordering::Relaxed);
        }
        queue.closing = Some(closing);
        self.mail.store(true, Ordering::Release);
        self.set_state(ReadyState::Closing);
        drop(queue);
        self.signal(if drain { 0 } else { Signals::ABANDON });
        self.room.wake();
        Outcome::Accepted
    }

    fn push_item(&self, item: Item) -> Outcome {
        let bytes = item.len();
        let mut queue = self.queue.lock();
        if self.state() != ReadyState::Open || queue.closing.is_some() {
            return Outcome::NotOpen;
        }
        let fits = self.has_room(self.queued_bytes(), bytes);
        if !fits || queue.items.len() >= items_max(self.limits.outbox_bytes_max) {
            drop(queue);
            self.note_full();
            return Outcome::Backlogged;
        }
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let first = queue.items.is_empty();
        queue.items.push_back(item);
        self.mail.store(true, Ordering::Release);
        drop(queue);
        if first {
            self.connection.wake();
        }
        Outcome::Accepted
    }

    /// One message always fits an empty outbox.
    #[inline]
    pub(crate) fn has_room(&self, queued: usize, bytes: usize) -> bool {
        queued == 0 || queued.saturating_add(bytes) <= self.limits.outbox_bytes_max
    }

    /// Only [`written`](Self::written) ends it, so it does not begin when all was written meanwhile.
    pub(crate) fn note_full(&self) {
        if self.full.swap(true, Ordering::SeqCst) {
            return;
        }
        if self.queued_bytes.load(Ordering::SeqCst) == 0 {
            self.full.store(false, Ordering::SeqCst);
            self.room.wake();
            return;
        }
        self.signal(Signals::FULL);
    }

    // ---- attachments and timers ----

    /// Keeps up to [`ATTACHMENT_BYTES_MAX`] for the session.
    pub fn attach(&self, state: Bytes) -> Outcome {
        if state.len() > ATTACHMENT_BYTES_MAX {
            return Outcome::TooLarge;
        }
        if self.state() == ReadyState::Closed {
            return Outcome::NotOpen;
        }
        self.with_rare(|rare| rare.attachment = state);
        Outcome::Accepted
    }

    /// What was attached last.
    #[must_use]
    pub fn attachment(&self) -> Bytes {
        let rare = self.rare.lock();
        rare.as_ref()
            .map(|r| r.attachment.clone())
            .unwrap_or_default()
    }

    /// Has [`Seat::timer`](crate::Seat::timer) called at `at`; replaces a pending timer of the same token.
    pub fn set_timer(&self, at: Instant, token: u64) -> Outcome {
        if self.state() != ReadyState::Open {
            return Outcome::NotOpen;
        }
        let outcome = self.with_rare(|rare| rare.set_timer(at, token, self.limits.timers_max));
        self.signal(Signals::TIMERS);
        outcome
    }

    /// Takes a pending timer back.
    pub fn cancel_timer(&self, token: u64) {
        if let Some(rare) = self.rare.lock().as_mut() {
            rare.cancel_timer(token);
        }
    }

    /// When the next timer is due.
    #[must_use]
    pub fn next_timer(&self) -> Option<Instant> {
        self.rare.lock().as_ref()?.next_timer()
    }

    /// Takes the timer that is due first, if one is due.
    #[must_use]
    pub fn due_timer(&self, now: Instant) -> Option<u64> {
        self.rare.lock().as_mut()?.due_timer(now)
    }

    /// Forgets one topic that it is subscribed to.
    pub(crate) fn drop_topic(&self, topic: &str) {
        if let Some(rare) = self.rare.lock().as_mut() {
            rare.topics.retain(|name| **name != *topic);
        }
    }

    /// The topics it is subscribed to, taken.
    pub(crate) fn take_topics(&self) -> Vec<Arc<str>> {
        let mut rare = self.rare.lock();
        rare.as_mut()
            .map(|r| std::mem::take(&mut r.topics))
            .unwrap_or_default()
    }

    pub(crate) fn with_rare<R>(&self, change: impl FnOnce(&mut Rare) -> R) -> R {
        change(self.rare.lock().get_or_insert_default())
    }

    // ---- for the task that owns the connection ----

    /// The handshake is answered: messages may flow. Done once.
    pub fn open(&self, protocol: Option<Box<str>>, principal: Option<Principal>) {
        let _ = self.agreed.set(Agreed {
            protocol,
            principal,
        });
        self.set_state(ReadyState::Open);
    }

    /// The peer asked to close, or the connection is to end without a closing handshake: from now on
    /// nothing is accepted. What is queued can still be drained.
    pub fn stop_accepting(&self) {
        let _queue = self.queue.lock();
        if self.state() == ReadyState::Open {
            self.set_state(ReadyState::Closing);
        }
        self.room.wake();
    }

    /// The session is over.
    pub fn finish(&self) {
        let mut queue = self.queue.lock();
        queue.closed = true;
        queue.items = VecDeque::new();
        self.mail.store(false, Ordering::Release);
        self.set_state(ReadyState::Closed);
        drop(queue);
        self.queued_bytes.store(0, Ordering::Relaxed);
        if let Some(rare) = self.rare.lock().as_mut() {
            rare.clear_timers();
        }
        self.room.wake();
    }

    /// Whether [`drain`](Self::drain) would bring anything.
    #[must_use]
    #[inline]
    pub fn has_mail(&self) -> bool {
        self.mail.load(Ordering::Acquire)
    }

    /// Whether somebody asked to close and [`drain`](Self::drain) has not brought it yet.
    #[must_use]
    pub fn is_asked_to_close(&self) -> bool {
        self.has_mail() && self.queue.lock().closing.is_some()
    }

    /// Hands over what is queued, in order, until `take` says `false`, and then the closing, once. The
    /// items' bytes still count until they are reported [`written`](Self::written).
    pub fn drain(&self, mut take: impl FnMut(Item) -> bool) -> Option<Closing> {
        let mut queue = self.queue.lock();
        while let Some(item) = queue.items.pop_front() {
            if !take(item) {
                break;
            }
        }
        if !queue.items.is_empty() {
            return None;
        }
        if queue.items.capacity() > ITEMS_KEPT {
            // A session that was slow once shall not keep the memory for it.
            queue.items = VecDeque::new();
        }
        self.mail.store(false, Ordering::Release);
        let closing = queue.closing.take();
        queue.closed |= closing.is_some();
        closing
    }

    /// The connection holds more (positive) accepted bytes that it could not write yet.
    pub fn held(&self, bytes: usize) {
        self.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counted bytes went to the socket, or were given up. Wakes a guest that waits for room once half
    /// the outbox is free; true when the outbox was full until now.
    pub fn written(&self, bytes: usize) -> bool {
        let before = self.queued_bytes.fetch_sub(bytes, Ordering::SeqCst);
        let drained = before - bytes <= self.limits.outbox_bytes_max / 2;
        let was_full = drained && self.full.swap(false, Ordering::SeqCst);
        if was_full {
            self.room.wake();
        }
        was_full
    }

    /// Whether the outbox was found full and has not drained to half since.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// The peer was heard of. Milliseconds since the Unix epoch.
    #[inline]
    pub fn heard(&self, now_ms: u64) {
        self.heard_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Asks [`sweep`](Self::sweep) for a wake-up at this time of the host's monotonic clock.
    pub fn set_deadline(&self, at_ms: u64) {
        self.deadline_ms.store(at_ms, Ordering::Relaxed);
    }

    /// Wakes the connection when its deadline has passed. No session has a timer of its own: one task
    /// sweeps them all.
    pub fn sweep(&self, now_ms: u64) {
        if self.deadline_ms.load(Ordering::Relaxed) <= now_ms {
            self.deadline_ms.store(u64::MAX, Ordering::Relaxed);
            self.signal(Signals::DEADLINE);
        }
    }

    /// Why the connection was woken since the last call.
    #[inline]
    pub fn take_signals(&self) -> Signals {
        if self.signals.load(Ordering::Acquire) == 0 {
            return Signals(0);
        }
        Signals(self.signals.swap(0, Ordering::AcqRel))
    }

    /// Has the task of `cx` woken for mail and signals.
    #[inline]
    pub fn register(&self, cx: &Context<'_>) {
        self.connection.register(cx.waker());
    }

    /// After [`Outcome::Backlogged`], waits until half the outbox is free, or the session is no longer
    /// open. For a message of more than half the outbox it waits for any progress. One waiter: the
    /// session's own guest.
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.room.register(cx.waker());
        if self.full.load(Ordering::SeqCst) && self.state() == ReadyState::Open {
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    fn signal(&self, signal: u32) {
        self.signals.fetch_or(signal, Ordering::AcqRel);
        self.connection.wake();
    }

    fn set_state(&self, state: ReadyState) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Puts frames that the outbox has accepted before whatever others queued since.
    pub(crate) fn publish(&self, bytes: Bytes) {
        let mut queue = self.queue.lock();
        if queue.closed {
            return;
        }
        self.queued_bytes.fetch_add(bytes.len(), Ordering::Relaxed);
        // Nothing was queued when these were sent.
        queue.items.push_front(Item::Frame(Frame::encoded(bytes)));
        self.mail.store(true, Ordering::Release);
        drop(queue);
        self.connection.wake();
    }
}
