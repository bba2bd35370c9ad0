//! One connection to the outside, as its guest's side and its task share it: two bounded queues.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wasket_client::Message;
use wasket_session::ws::{self, CloseFrame};
use wasket_session::{
    Charge, CloseEvent, Hub, OUTBOX_BYTES_ASSURED, Outcome, Party, ReadyState, Session, SessionId,
};

/// A connection of a guest. The guest's side never blocks on it, and it wakes the session's seat.
pub(crate) struct Link {
    id: SessionId,
    session: Arc<Session>,
    hub: Arc<Hub>,
    opened_at_ms: u64,
    inner: Mutex<Inner>,
    /// There is something to send, or the end was asked for.
    pub(super) outgoing: Notify,
    /// There is room for what arrives.
    pub(super) taken: Notify,
    /// This side asked to close: the time for the whole of its end runs.
    pub(super) closing: CancellationToken,
    /// The guest closed it before it was open, with nothing to be sent.
    pub(super) called_off: CancellationToken,
    /// Wakes the session's task where it waits for room, or for what arrives, within a call of its seat.
    progress: Arc<AtomicWaker>,
}

#[derive(Debug)]
struct Inner {
    state: ReadyState,
    protocol: Option<String>,
    heard_at_ms: u64,
    has_heard: bool,
    outgoing: VecDeque<Outgoing>,
    /// Of the queue, and of the message that is being written.
    outgoing_bytes: usize,
    /// Pings in it.
    pings: usize,
    arrived: VecDeque<Arrived>,
    arrived_bytes: usize,
    /// Who of this side asked to close, the guest or, at the session's end, the host: nothing that arrives is told any
    /// more but the end.
    shut_by: Option<Party>,
}

/// What is to be sent.
#[derive(Debug)]
pub(super) enum Outgoing {
    Message {
        is_text: bool,
        payload: Bytes,
        /// Until it is written.
        charge: Charge,
    },
    Ping(Bytes),
    Close(CloseFrame),
}

/// What a guest is told.
#[derive(Debug)]
pub(crate) enum Arrived {
    Open,
    Message(Message, Charge),
    Close(CloseEvent),
}

impl Arrived {
    fn len(&self) -> usize {
        match self {
            Self::Message(message, _) => message.as_bytes().len(),
            Self::Open | Self::Close(_) => 0,
        }
    }
}

impl Link {
    pub(super) fn new(
        id: SessionId,
        session: &Arc<Session>,
        hub: &Arc<Hub>,
        progress: &Arc<AtomicWaker>,
    ) -> Self {
        let now = now_ms();
        Self {
            id,
            session: Arc::clone(session),
            hub: Arc::clone(hub),
            opened_at_ms: now,
            inner: Mutex::new(Inner {
                state: ReadyState::Connecting,
                protocol: None,
                heard_at_ms: now,
                has_heard: false,
                outgoing: VecDeque::new(),
                outgoing_bytes: 0,
                pings: 0,
                arrived: VecDeque::new(),
                arrived_bytes: 0,
                shut_by: None,
            }),
            outgoing: Notify::new(),
            taken: Notify::new(),
            closing: CancellationToken::new(),
            called_off: CancellationToken::new(),
            progress: Arc::clone(progress),
        }
    }

    pub(crate) fn id(&self) -> SessionId {
        self.id
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    // ---- the guest's side ----

    pub(crate) fn state(&self) -> ReadyState {
        self.inner.lock().state
    }

    pub(crate) fn opened_at_ms(&self) -> u64 {
        self.opened_at_ms
    }

    pub(crate) fn heard_at_ms(&self) -> u64 {
        self.inner.lock().heard_at_ms
    }

    pub(crate) fn protocol(&self) -> Option<String> {
        self.inner.lock().protocol.clone()
    }

    pub(crate) fn queued_bytes(&self) -> usize {
        self.inner.lock().outgoing_bytes
    }

    /// Queues a message, in order, and never waits. What is sent before it is open goes out as soon as it is.
    pub(crate) fn send(&self, message: &ws::Message<'_>) -> Outcome {
        if message.len() > self.hub.limits().message_bytes_max {
            return Outcome::TooLarge;
        }
        let cost = cost(message.len());
        if let Some(refused) = self.refuses(message.len()) {
            return refused;
        }
        // Copied while nobody waits for the lock. Only the guest queues anything, so there is still room.
        let item = Outgoing::Message {
            is_text: message.is_text(),
            payload: Bytes::copy_from_slice(message.as_bytes()),
            charge: self.session.charge(cost),
        };
        let mut inner = self.inner.lock();
        if !inner.accepts() {
            return Outcome::NotOpen;
        }
        inner.outgoing_bytes += cost;
        inner.outgoing.push_back(item);
        drop(inner);
        self.outgoing.notify_one();
        Outcome::Accepted
    }

    fn refuses(&self, bytes: usize) -> Option<Outcome> {
        let inner = self.inner.lock();
        if !inner.accepts() {
            return Some(Outcome::NotOpen);
        }
        (!self.takes(&inner, bytes)).then_some(Outcome::Backlogged)
    }

    /// Queues a ping of at most 125 bytes, unless sixteen wait already.
    pub(crate) fn ping(&self, payload: &[u8]) -> Outcome {
        let mut inner = self.inner.lock();
        if inner.state != ReadyState::Open {
            return Outcome::NotOpen;
        }
        if inner.pings >= PINGS_MAX || !self.takes(&inner, payload.len()) {
            return Outcome::Backlogged;
        }
        inner.pings += 1;
        inner.outgoing_bytes += cost(payload.len());
        let payload = Bytes::copy_from_slice(payload);
        inner.outgoing.push_back(Outgoing::Ping(payload));
        drop(inner);
        self.outgoing.notify_one();
        Outcome::Accepted
    }

    /// Closes it, after what is queued. Of what arrives only the end is told from now on.
    pub(crate) fn shut(&self, frame: CloseFrame, by: Party) -> Outcome {
        let mut inner = self.inner.lock();
        match inner.state {
            ReadyState::Connecting if inner.outgoing.is_empty() => self.called_off.cancel(),
            ReadyState::Connecting | ReadyState::Open => {
                inner.outgoing.push_back(Outgoing::Close(frame));
            }
            ReadyState::Closing | ReadyState::Closed => return Outcome::NotOpen,
        }
        inner.state = ReadyState::Closing;
        inner.shut_by = Some(by);
        inner.forget_messages();
        drop(inner);
        self.closing.cancel();
        self.outgoing.notify_one();
        self.taken.notify_one();
        Outcome::Accepted
    }

    /// Nobody is left who hears of it: it closes in the background, after what is queued. One that is closing already
    /// goes on with that, and one that can send nothing any more is let go.
    pub(super) fn abandon(&self, frame: CloseFrame) {
        if self.shut(frame, Party::Host) == Outcome::Accepted {
            return;
        }
        let mut inner = self.inner.lock();
        inner.shut_by.get_or_insert(Party::Host);
        inner.forget_messages();
        drop(inner);
        self.closing.cancel();
        self.taken.notify_one();
    }

    /// Whether a message of so many bytes would be accepted, or nothing ever will be any more.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        let inner = self.inner.lock();
        !inner.accepts() || self.takes(&inner, bytes)
    }

    /// How large the next event is; `None` if there is none.
    pub(super) fn next_len(&self) -> Option<usize> {
        self.inner.lock().arrived.front().map(Arrived::len)
    }

    pub(super) fn take(&self) -> Option<Arrived> {
        let mut inner = self.inner.lock();
        let arrived = inner.arrived.pop_front()?;
        inner.arrived_bytes -= arrived.len();
        drop(inner);
        self.taken.notify_one();
        Some(arrived)
    }

    /// Waits for room for a message that was backlogged; ready, too, when there will never be any.
    pub(crate) fn poll_room(&self, cx: &Context<'_>, bytes: usize) -> Poll<()> {
        self.progress.register(cx.waker());
        // Also wakes at the session's end.
        let _ = self.session.poll_room(cx);
        match self.has_room(bytes) || self.session.is_given_up() {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// One message always fits an empty queue.
    fn takes(&self, inner: &Inner, bytes: usize) -> bool {
        let total = inner.outgoing_bytes.saturating_add(cost(bytes));
        inner.outgoing_bytes == 0
            || total <= self.hub.limits().outbox_bytes_max
                && (total <= OUTBOX_BYTES_ASSURED || !self.hub.account().is_full())
    }

    // ---- the task's side ----

    /// The handshake is done. False if nobody wants it any more.
    pub(super) fn opened(&self, protocol: Option<&str>) -> bool {
        let mut inner = self.inner.lock();
        if inner.state != ReadyState::Connecting {
            // What was sent before it was closed still goes out.
            return !inner.outgoing.is_empty();
        }
        inner.state = ReadyState::Open;
        inner.protocol = protocol.map(str::to_owned);
        inner.arrived.push_back(Arrived::Open);
        drop(inner);
        self.tell();
        true
    }

    pub(super) fn next_outgoing(&self) -> Option<Outgoing> {
        let mut inner = self.inner.lock();
        let next = inner.outgoing.pop_front();
        if inner.outgoing.is_empty() && inner.outgoing.capacity() > CAPACITY_KEPT {
            inner.outgoing = VecDeque::new();
        }
        if matches!(next, Some(Outgoing::Ping(_))) {
            inner.pings -= 1;
        }
        next
    }

    /// Who of this side asked to close it, if anybody did: otherwise it is the host.
    pub(super) fn closer(&self) -> Party {
        self.inner.lock().shut_by.unwrap_or(Party::Host)
    }

    /// Whether any message came of it.
    pub(super) fn has_heard(&self) -> bool {
        self.inner.lock().has_heard
    }

    /// A message or a ping of so many bytes went out.
    pub(super) fn written(&self, bytes: usize) {
        let mut inner = self.inner.lock();
        inner.outgoing_bytes = inner.outgoing_bytes.saturating_sub(cost(bytes));
        drop(inner);
        self.progress.wake();
    }

    /// Nothing goes out any more: nobody shall wait for room. What arrived before is still told, and then the end.
    pub(super) fn stop(&self) {
        let mut inner = self.inner.lock();
        if inner.accepts() {
            inner.state = ReadyState::Closing;
        }
        inner.forget_outgoing();
        drop(inner);
        self.progress.wake();
    }

    /// Whether a message of so many bytes may be told now.
    pub(super) fn may_tell(&self, bytes: usize) -> bool {
        let inner = self.inner.lock();
        let few = inner.arrived.len() < ARRIVED_MAX;
        let total = inner.arrived_bytes.saturating_add(bytes);
        let fits = few && total <= ARRIVED_BYTES_MAX && !self.hub.account().is_full();
        inner.shut_by.is_some() || inner.arrived.is_empty() || fits
    }

    /// A message arrived.
    pub(super) fn arrived(&self, message: Message) {
        let mut inner = self.inner.lock();
        inner.heard_at_ms = now_ms();
        inner.has_heard = true;
        if inner.shut_by.is_some() {
            return;
        }
        let charge = self.session.charge(cost(message.as_bytes().len()));
        let arrived = Arrived::Message(message, charge);
        inner.arrived_bytes += arrived.len();
        inner.arrived.push_back(arrived);
        let is_first = inner.arrived.len() == 1;
        drop(inner);
        if is_first {
            self.tell();
        }
    }

    /// It is over: told once, behind all that arrived.
    pub(super) fn finish(&self, close: CloseEvent) {
        let mut inner = self.inner.lock();
        inner.state = ReadyState::Closed;
        inner.forget_outgoing();
        inner.arrived.push_back(Arrived::Close(close));
        drop(inner);
        self.tell();
    }

    /// The peer has closed, or is lost: nothing more is accepted.
    pub(super) fn is_closed(&self) -> bool {
        self.inner.lock().state == ReadyState::Closed
    }

    fn tell(&self) {
        self.session.wake_seat();
        self.progress.wake();
    }
}

impl Inner {
    fn accepts(&self) -> bool {
        matches!(self.state, ReadyState::Connecting | ReadyState::Open)
    }

    fn forget_outgoing(&mut self) {
        self.outgoing = VecDeque::new();
        self.outgoing_bytes = 0;
        self.pings = 0;
    }

    fn forget_messages(&mut self) {
        self.arrived
            .retain(|arrived| !matches!(arrived, Arrived::Message(..) | Arrived::Open));
        self.arrived_bytes = 0;
    }
}

/// What a message counts against the queue.
fn cost(payload_bytes: usize) -> usize {
    payload_bytes.saturating_add(ITEM_BYTES)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// About what a queued message takes by itself.
const ITEM_BYTES: usize = 64;
/// As many wait for a session's peer.
const PINGS_MAX: usize = 16;
/// A queue that has grown past this is not kept.
const CAPACITY_KEPT: usize = 64;
/// Messages that wait for a guest at most, and bytes; one larger message may.
const ARRIVED_MAX: usize = 64;
const ARRIVED_BYTES_MAX: usize = 64 << 10;
