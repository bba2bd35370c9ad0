use std::borrow::Cow;

/// One complete message, reassembled and decompressed (RFC 6455, section 5.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// UTF-8 text.
    Text(String),
    /// Any bytes.
    Binary(Vec<u8>),
}

impl Message {
    /// The text, if it is text.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// The payload, of text and of binary messages.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// Bytes of payload.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// True when the payload is empty, which is legal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A borrowed [`Message`]: what crosses over to the host, which copies it once, into its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageRef<'a> {
    /// UTF-8 text.
    Text(&'a str),
    /// Any bytes.
    Binary(&'a [u8]),
}

impl MessageRef<'_> {
    /// Copies the payload.
    #[must_use]
    pub fn to_message(self) -> Message {
        match self {
            Self::Text(text) => Message::Text(text.to_owned()),
            Self::Binary(bytes) => Message::Binary(bytes.to_owned()),
        }
    }
}

/// What can be sent as a message without a copy in the guest: strings go out as text, bytes as binary.
/// A reference to any of them does too.
pub trait AsMessage {
    /// Borrows the payload.
    fn as_message(&self) -> MessageRef<'_>;
}

impl AsMessage for Message {
    fn as_message(&self) -> MessageRef<'_> {
        match self {
            Self::Text(text) => MessageRef::Text(text),
            Self::Binary(bytes) => MessageRef::Binary(bytes),
        }
    }
}

impl AsMessage for MessageRef<'_> {
    fn as_message(&self) -> MessageRef<'_> {
        *self
    }
}

impl AsMessage for str {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Text(self)
    }
}

impl AsMessage for String {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Text(self)
    }
}

impl AsMessage for [u8] {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Binary(self)
    }
}

impl<const N: usize> AsMessage for [u8; N] {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Binary(self)
    }
}

impl AsMessage for Vec<u8> {
    fn as_message(&self) -> MessageRef<'_> {
        MessageRef::Binary(self)
    }
}

impl<T: AsMessage + ToOwned + ?Sized> AsMessage for Cow<'_, T> {
    fn as_message(&self) -> MessageRef<'_> {
        self.as_ref().as_message()
    }
}

impl<T: AsMessage + ?Sized> AsMessage for &T {
    fn as_message(&self) -> MessageRef<'_> {
        (**self).as_message()
    }
}

impl From<String> for Message {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Message {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Message {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Binary(bytes)
    }
}

impl From<&[u8]> for Message {
    fn from(bytes: &[u8]) -> Self {
        Self::Binary(bytes.to_owned())
    }
}

/// Equal to a text message of that text.
impl PartialEq<str> for Message {
    fn eq(&self, other: &str) -> bool {
        self.as_text() == Some(other)
    }
}

/// Equal to a text message of that text.
impl PartialEq<&str> for Message {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

/// Equal to a text message of that text.
impl PartialEq<String> for Message {
    fn eq(&self, other: &String) -> bool {
        *self == **other
    }
}

/// Equal to a binary message of those bytes.
impl PartialEq<[u8]> for Message {
    fn eq(&self, other: &[u8]) -> bool {
        matches!(self, Self::Binary(bytes) if bytes == other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_text_and_bytes_are_binary() {
        let text = "päge".to_owned();
        let bytes = vec![0_u8, 255];
        let cases: [(&dyn AsMessage, MessageRef<'_>); 8] = [
            (&"päge", MessageRef::Text("päge")),
            (&text, MessageRef::Text("päge")),
            (&&text, MessageRef::Text("päge")),
            (&Cow::Borrowed("päge"), MessageRef::Text("päge")),
            (&bytes, MessageRef::Binary(&[0, 255])),
            (&[0_u8, 255], MessageRef::Binary(&[0, 255])),
            (&Message::from("päge"), MessageRef::Text("päge")),
            (&Message::from(bytes.clone()), MessageRef::Binary(&[0, 255])),
        ];
        for (given, expected) in cases {
            assert_eq!(given.as_message(), expected);
            assert_eq!(given.as_message().to_message().as_message(), expected);
        }
    }

    #[test]
    fn a_text_equals_no_binary_of_the_same_bytes() {
        assert_eq!(Message::from("a"), "a");
        assert_ne!(Message::from("a"), *b"a".as_slice());
        assert_ne!(Message::from(b"a".as_slice()), "a");
        assert_eq!(Message::from(b"a".as_slice()), *b"a".as_slice());
    }
}
