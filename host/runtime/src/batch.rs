//! Messages that arrived together and go to the guest in one call (`batch` in the WIT).

use wasket_session::ws::Message;

use crate::wire::MessageIn;

/// Messages of one read, borrowed from the connection's buffer, for one call. Bounded, so that what the
/// guest has to hold at a time, and what it may run before anything else gets its turn, is bounded too.
#[derive(Default)]
pub(crate) struct Batch<'a> {
    messages: Vec<MessageIn<'a>>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    /// An empty batch for what is left of a read: the list is allocated once for all its calls.
    pub(crate) fn for_events(events: usize) -> Self {
        Self {
            messages: Vec::with_capacity(events.min(MESSAGES_MAX)),
            bytes: 0,
        }
    }

    /// Whether a message may go along. One that is larger than a batch may be goes alone.
    pub(crate) fn has_room_for(&self, message: &Message<'_>) -> bool {
        let bytes = self.bytes.saturating_add(message.len());
        self.messages.is_empty() || self.messages.len() < MESSAGES_MAX && bytes <= BYTES_MAX
    }

    pub(crate) fn push(&mut self, message: &'a Message<'_>) {
        self.bytes = self.bytes.saturating_add(message.len());
        self.messages.push(message.into());
    }

    pub(crate) fn messages(&self) -> &[MessageIn<'a>] {
        &self.messages
    }

    pub(crate) fn clear(&mut self) {
        self.messages.clear();
        self.bytes = 0;
    }
}

/// Messages of one call.
const MESSAGES_MAX: usize = 64;

/// Bytes of payload in one call, unless one message alone has more.
const BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Message<'static> {
        Message::Binary(vec![0; bytes].into())
    }

    #[test]
    fn a_batch_is_bounded_in_messages_and_in_bytes() {
        let cases = [
            (0, 0, BYTES_MAX + 1, true),
            (1, 0, BYTES_MAX, true),
            (1, 1, BYTES_MAX - 1, true),
            (1, 1, BYTES_MAX, false),
            (1, BYTES_MAX + 1, 0, false),
            (MESSAGES_MAX - 1, 0, 0, true),
            (MESSAGES_MAX, 0, 0, false),
        ];
        for (messages, bytes_each, next, fits) in cases {
            let message_in = message(bytes_each);
            let mut batch = Batch::for_events(messages);
            for _ in 0..messages {
                batch.push(&message_in);
            }
            assert_eq!(
                batch.has_room_for(&message(next)),
                fits,
                "{messages} of {bytes_each}, then {next}"
            );
            batch.clear();
            assert!(batch.has_room_for(&message(next)));
        }
    }
}
