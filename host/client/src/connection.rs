use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::error::HandshakeFault;
use crate::stream::Stream;
use crate::task::start;
use crate::{Connect, Event, Receiver, Response, Sender};

/// An open connection: what was agreed on, and its two halves.
///
/// Dropping it, or both halves, closes with 1001. A task of its own owns the socket and answers pings, whether or not
/// anybody calls anything.
#[derive(Debug)]
pub struct Connection {
    response: Response,
    sender: Sender,
    receiver: Receiver,
}

impl Connection {
    pub(crate) fn start(
        connect: &Connect,
        stream: Stream,
        read_ahead: &[u8],
        response: Response,
    ) -> Result<Self, HandshakeFault> {
        let started = start(connect, stream, read_ahead, response.compression)
            .map_err(|_| HandshakeFault::Random)?;
        let is_closing = Arc::new(AtomicBool::new(false));
        let sender = Sender {
            messages: started.messages,
            wishes: started.wishes,
            outcome: started.outcome.clone(),
            pong_within: connect.deadlines.pong,
            is_closing: Arc::clone(&is_closing),
        };
        let receiver = Receiver::new(started.items, started.outcome, is_closing);
        Ok(Self {
            response,
            sender,
            receiver,
        })
    }

    /// What the server answered to the handshake.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// A sender for this connection; there may be many.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// The next event: see [`Receiver::next`].
    pub async fn next(&mut self) -> Option<Event> {
        self.receiver.next().await
    }

    /// Its halves, for tasks of their own.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    pub(crate) fn into_parts(self) -> (Response, Sender, Receiver) {
        (self.response, self.sender, self.receiver)
    }
}
