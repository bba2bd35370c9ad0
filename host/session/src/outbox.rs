use std::sync::Arc;
use std::task::{Context, Poll};

use wasket_ws::{CloseFrame, Message, frame};

use crate::queue::opcode;
use crate::{Closing, Hub, Outcome, Party, ReadyState, Session, SessionId};

/// The private end of a session's queue: what the session's own guest sends within an event is encoded
/// straight into the buffer that the event's one write will take, without a lock.
///
/// Order: while anything of others waits in the shared queue, what is sent here goes behind it; and what
/// is held here goes before whatever others queue later. Whoever waits within an event
/// [publishes](Self::publish) first, so that nothing accepted waits along.
#[derive(Debug)]
pub struct Outbox {
    session: Arc<Session>,
    buffer: Vec<u8>,
    /// How many messages are in the buffer.
    messages: u32,
}

impl Outbox {
    /// The outbox of this session, with an empty buffer.
    #[must_use]
    pub fn new(session: Arc<Session>) -> Self {
        Self {
            session,
            buffer: Vec::new(),
            messages: 0,
        }
    }

    /// Whose it is.
    #[must_use]
    #[inline]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// Queues a message of the session's own guest. Never waits: on [`Outcome::Backlogged`] publish, wait
    /// for [`poll_room`](Self::poll_room), and try again.
    #[inline]
    pub fn send(&mut self, message: &Message<'_>) -> Outcome {
        let payload = message.as_bytes();
        if self.session.state() != ReadyState::Open {
            return Outcome::NotOpen;
        }
        if payload.len() > self.session.limits().message_bytes_max {
            return Outcome::TooLarge;
        }
        if self.session.has_mail() {
            self.publish();
            return self.session.push_message(message);
        }
        let queued = self.queued_bytes();
        if !self
            .session
            .has_room(queued, frame::HEADER_BYTES_MAX + payload.len())
        {
            self.session.note_full();
            return Outcome::Backlogged;
        }
        match self.session.deflate() {
            None => frame::encode(&mut self.buffer, opcode(message), payload, None),
            Some(deflate) => deflate.encode(&mut self.buffer, opcode(message), payload),
        }
        self.messages = self.messages.saturating_add(1);
        Outcome::Accepted
    }

    /// Queues a ping of the session's own guest.
    pub fn ping(&mut self, payload: &[u8]) -> Outcome {
        self.publish();
        self.session.ping(payload)
    }

    /// Starts the closing handshake for the guest: what is queued goes out first.
    pub fn close(&mut self, frame: CloseFrame) -> Outcome {
        self.publish();
        self.session.shut(Closing {
            frame,
            by: Party::Guest,
            drain: true,
        })
    }

    /// Queues a message to every open session of the service but `except`, the own one included, unless
    /// `may` refuses to have it queued for so many.
    pub fn broadcast(
        &mut self,
        hub: &Hub,
        message: &Message<'_>,
        except: Option<SessionId>,
        may: impl FnOnce(usize) -> bool,
    ) -> Outcome {
        self.publish();
        hub.broadcast_if(message, except, may)
    }

    /// Queues a message to every subscriber of a topic but `except`, unless `may` refuses to have it queued
    /// for so many.
    pub fn publish_topic(
        &mut self,
        hub: &Hub,
        topic: &str,
        message: &Message<'_>,
        except: Option<SessionId>,
        may: impl FnOnce(usize) -> bool,
    ) -> Outcome {
        self.publish();
        hub.publish_if(topic, message, except, may)
    }

    /// Bytes accepted for sending and not yet written to the socket.
    #[must_use]
    #[inline]
    pub fn queued_bytes(&self) -> usize {
        self.buffer.len() + self.session.queued_bytes()
    }

    /// Hands what was sent in this event over to the connection at once, ahead of the event's end: the
    /// guest is about to wait, or has used a whole tick.
    pub fn publish(&mut self) {
        if !self.buffer.is_empty() {
            let bytes = if self.buffer.len() < HANDED_OVER_BYTES {
                let copy = self.buffer.to_vec();
                self.buffer.clear();
                copy
            } else {
                std::mem::take(&mut self.buffer)
            };
            let messages = std::mem::take(&mut self.messages);
            self.session.publish(bytes, messages);
        }
    }

    /// Whether a message of so many bytes would be accepted. Where it would not, what was sent is published, and the
    /// seat is [woken](crate::Seat::wake) once half of the outbox is free.
    pub fn has_room(&mut self, bytes: usize) -> bool {
        let bytes = frame::HEADER_BYTES_MAX.saturating_add(bytes);
        if self.session.has_room(self.queued_bytes(), bytes) {
            return true;
        }
        self.publish();
        self.session.note_held_back();
        false
    }

    /// Waits for room after [`Outcome::Backlogged`], or for the session's end.
    pub fn poll_room(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.publish();
        self.session.poll_room(cx)
    }

    /// Lends the buffer that the next write will take. What is in it goes out first.
    pub fn lend(&mut self, buffer: Vec<u8>) {
        debug_assert!(
            self.buffer.is_empty(),
            "an outbox is lent to between events"
        );
        self.buffer = buffer;
    }

    /// Takes the buffer back, with all that was sent. [`take_messages`](Self::take_messages) says how much that was.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.buffer)
    }

    /// How many messages were in the buffers taken since this was asked last.
    #[must_use]
    pub fn take_messages(&mut self) -> u32 {
        std::mem::take(&mut self.messages)
    }

    /// Exchanges the buffers of two outboxes of one session: how a guest's store gets hold of it for the
    /// time of an event.
    pub fn swap(&mut self, other: &mut Self) {
        debug_assert!(Arc::ptr_eq(&self.session, &other.session));
        std::mem::swap(&mut self.buffer, &mut other.buffer);
        std::mem::swap(&mut self.messages, &mut other.messages);
    }
}

/// From here on a buffer is handed over instead of copied: a guest that waits shall not keep as much again.
const HANDED_OVER_BYTES: usize = 64 << 10;
