//! The hook for permessage-deflate (RFC 7692).
//!
//! Receiving: [`Connection::with_extension`](crate::Connection::with_extension) makes RSV1 legal on the first frame
//! of a data message, and the payload of such a message goes through [`Extension::inflate`].
//!
//! Sending needs no hook: the sender deflates a payload as it likes (a broadcast only once), and writes it with
//! [`FirstByte::rsv1`](crate::frame::FirstByte) set.

use crate::Violation;
use crate::connection::Assembly;

/// The receiving half of an agreed extension that transforms whole messages.
pub trait Extension: Send {
    /// Inflates the next bytes of a compressed message into `message`.
    ///
    /// Called as payload arrives, in any division; `last` marks the call that ends the message, whose `chunk` may be
    /// empty. Data that does not inflate is [`Violation::NotInflatable`]; errors of `message` are passed on.
    fn inflate(
        &mut self,
        chunk: &[u8],
        last: bool,
        message: &mut Inflated<'_>,
    ) -> Result<(), Violation>;
}

/// Where inflated bytes go: the message under assembly, within its limit.
pub struct Inflated<'a> {
    message: &'a mut Assembly,
    message_bytes_max: usize,
}

impl<'a> Inflated<'a> {
    pub(crate) fn new(message: &'a mut Assembly, message_bytes_max: usize) -> Self {
        Self {
            message,
            message_bytes_max,
        }
    }

    /// How many more bytes the message may have. One byte more than this is enough to know that it is too big, so
    /// there is never a reason to inflate further.
    #[must_use]
    pub fn room(&self) -> usize {
        self.message_bytes_max.saturating_sub(self.message.len())
    }

    /// Appends to the message. Fails when it gets too big, or when it is text and not UTF-8.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Violation> {
        if bytes.len() > self.room() {
            return Err(Violation::MessageTooBig {
                bytes: (self.message_bytes_max as u64).saturating_add(1),
                max: self.message_bytes_max,
            });
        }
        self.message.push(bytes, self.message_bytes_max)
    }
}
