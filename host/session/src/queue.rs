use std::collections::VecDeque;

use bytes::Bytes;
use wasket_ws::{CloseFrame, Message, Opcode, PING_PAYLOADS_MAX, frame};

use std::sync::Arc;

use crate::Party;
use crate::account::{Account, Charge};
use crate::compression::{Deflate, Shared};

/// A message as the wire carries it, encoded once and shared by all its receivers. It is queued as it is; where a
/// session has agreed on compression, [`Session::prepare`](crate::Session::prepare) deflates it on its way out.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Bytes,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// So many messages that go as they are, perhaps deflated already; control frames may be among them.
    Encoded(u32),
    /// One message.
    Message,
    /// One message that many may get, and what became of it for some.
    Shared(Arc<Shared>),
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Frame {}

impl Frame {
    /// Encodes a message as one unmasked frame.
    #[must_use]
    pub fn new(message: &Message<'_>) -> Self {
        Self {
            bytes: encoded(message).into(),
            form: Form::Message,
        }
    }

    /// The same, on an account for as long as anybody holds it.
    pub(crate) fn on(account: &Arc<Account>, message: &Message<'_>) -> Self {
        Self {
            bytes: account.hold(encoded(message)),
            form: Form::Message,
        }
    }

    /// The same for many sessions: those that agreed on the same compression share what comes of it.
    pub(crate) fn shared(self) -> Self {
        Self {
            bytes: self.bytes,
            form: Form::Shared(Arc::default()),
        }
    }

    /// Whole frames that are already encoded, and how many messages they are.
    pub(crate) fn encoded(bytes: Bytes, messages: u32) -> Self {
        Self {
            bytes,
            form: Form::Encoded(messages),
        }
    }

    /// How many messages it is: one, but for what an outbox [published](crate::Outbox::publish).
    #[must_use]
    pub fn messages(&self) -> u32 {
        match self.form {
            Form::Encoded(messages) => messages,
            Form::Message | Form::Shared(_) => 1,
        }
    }

    /// How a session with this compression sends it; `None` if as it is.
    pub(crate) fn prepare(&self, deflate: &Deflate, account: &Arc<Account>) -> Option<Self> {
        let (opcode, payload) = self.message()?;
        if !deflate.is_for(payload.len()) {
            return None;
        }
        let shared = match &self.form {
            Form::Shared(shared) => Some(&**shared),
            _ => None,
        };
        let prepared = deflate.prepare(shared, account, opcode, payload);
        Some(Self::encoded(prepared?, 1))
    }

    /// The message that it is, unless it goes as it is.
    fn message(&self) -> Option<(Opcode, &[u8])> {
        if let Form::Encoded(_) = self.form {
            return None;
        }
        // As `encoded` wrote it: whole, unmasked.
        let (&[first, len], rest) = self.bytes.split_first_chunk()?;
        let opcode = Opcode::from_bits(first & 0x0F)?;
        let payload = match len {
            126 => rest.get(2..)?,
            127 => rest.get(8..)?,
            _ => rest,
        };
        Some((opcode, payload))
    }

    /// Header and payload.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes it takes on the wire and in a queue.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Never: a frame has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

fn encoded(message: &Message<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(frame::HEADER_BYTES_MAX + message.len());
    frame::encode(&mut out, opcode(message), message.as_bytes(), None);
    out
}

pub(crate) fn opcode(message: &Message<'_>) -> Opcode {
    if message.is_text() {
        Opcode::Text
    } else {
        Opcode::Binary
    }
}

/// Something queued for a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A message (or several, already encoded).
    Frame(Frame),
    /// A ping with this payload, at most 125 bytes: the connection keeps account of its pong.
    Ping(Bytes),
}

impl Item {
    /// What it counts against the outbox, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Frame(frame) => frame.len(),
            Self::Ping(payload) => 2 + payload.len(),
        }
    }

    /// Never: every item has a header.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }
}

/// A request to end a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// What the peer is told.
    pub frame: CloseFrame,
    /// Who asked.
    pub by: Party,
    /// Whether what is queued still goes out before the close frame.
    pub drain: bool,
}

/// What waits in a session's shared queue, under its lock.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    pub(crate) items: VecDeque<Item>,
    /// What the items take by themselves, once they are many.
    pub(crate) items_charge: Option<Charge>,
    /// How many of the items are pings.
    pub(crate) pings: u8,
    /// Set once; nothing is queued behind it.
    pub(crate) closing: Option<Box<Closing>>,
    /// The connection has taken the closing.
    pub(crate) closed: bool,
}

impl Queue {
    /// Whether the item may be queued as far as its kind goes: a ping that waits behind others tells nothing
    /// more, and an allocation each is more than the bytes that the outbox counts.
    pub(crate) fn may_take(&self, item: &Item) -> bool {
        matches!(item, Item::Frame(_)) || usize::from(self.pings) < PINGS_MAX
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.pings += u8::from(matches!(item, Item::Ping(_)));
        self.items.push_back(item);
    }

    pub(crate) fn pop(&mut self) -> Option<Item> {
        let item = self.items.pop_front()?;
        self.pings -= u8::from(matches!(item, Item::Ping(_)));
        Some(item)
    }

    /// Takes all items away, and the memory they took.
    pub(crate) fn clear(&mut self, account: &Arc<Account>) {
        self.items = VecDeque::new();
        self.pings = 0;
        self.count_items(account);
    }

    /// Whether one more item needs memory that is not paid for.
    pub(crate) fn would_grow(&self) -> bool {
        self.items.len() >= ITEMS_KEPT && self.items.len() == self.items.capacity()
    }

    /// Counts what the items take, after it changed.
    pub(crate) fn count_items(&mut self, account: &Arc<Account>) {
        let bytes = match self.items.capacity() {
            ..=ITEMS_KEPT => 0,
            many => many * size_of::<Item>(),
        };
        if bytes != self.items_charge.as_ref().map_or(0, Charge::bytes) {
            self.items_charge = (bytes > 0).then(|| Charge::new(account, bytes));
        }
    }
}

/// Items that wait for a peer at most: tiny ones cost more here than the bytes they count.
pub(crate) fn items_max(outbox_bytes_max: usize) -> usize {
    (outbox_bytes_max / ITEM_BYTES).max(ITEMS_MAX_MIN)
}

/// Items that an empty queue keeps room for.
pub(crate) const ITEMS_KEPT: usize = 32;
/// About what an item takes by itself.
const ITEM_BYTES: usize = 64;
/// Pings that wait at most: as many as the connection remembers of those that it has sent.
const PINGS_MAX: usize = PING_PAYLOADS_MAX;
/// However small the outbox.
const ITEMS_MAX_MIN: usize = 1024;
