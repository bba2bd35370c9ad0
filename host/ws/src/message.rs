//! What a connection hands to the application.

use std::borrow::Cow;

use crate::CloseFrame;

/// A whole message (RFC 6455 section 5.6): borrowed from the read buffer if it lay there in one frame, else owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Text, valid UTF-8.
    Text(Cow<'a, str>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
}

impl Message<'_> {
    /// The payload's length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Whether the payload has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The payload, text as its UTF-8 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Whether this is a text message.
    #[must_use]
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }

    /// The same message independent of the read buffer; copies a borrowed one to exactly its size.
    #[must_use]
    pub fn into_owned(self) -> Message<'static> {
        match self {
            Self::Text(text) => Message::Text(Cow::Owned(text.into_owned())),
            Self::Binary(bytes) => Message::Binary(Cow::Owned(bytes.into_owned())),
        }
    }
}

/// One thing that happened on a connection, in wire order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A complete message.
    Message(Message<'a>),
    /// The peer's ping. The pong that answers it is owed already: see
    /// [`Connection::write_owed`](crate::Connection::write_owed).
    Ping(Cow<'a, [u8]>),
    /// The pong to a ping that the application sent with [`Connection::ping`](crate::Connection::ping).
    Pong(Cow<'a, [u8]>),
    /// The peer's close frame; nothing follows it.
    Close(CloseFrame),
}

impl Event<'_> {
    /// The same event independent of the read buffer.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Self::Message(message) => Event::Message(message.into_owned()),
            Self::Ping(payload) => Event::Ping(Cow::Owned(payload.into_owned())),
            Self::Pong(payload) => Event::Pong(Cow::Owned(payload.into_owned())),
            Self::Close(frame) => Event::Close(frame),
        }
    }
}

// Events are pushed by value on the hot path.
const _: () = assert!(size_of::<Event<'_>>() <= 32);
