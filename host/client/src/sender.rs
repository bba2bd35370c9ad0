use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncRead;
use tokio::sync::{mpsc, oneshot, watch};
use wasket_ws::frame::CONTROL_PAYLOAD_BYTES_MAX;
use wasket_ws::{CloseCode, CloseFrame, PING_PAYLOADS_MAX, Role};

use crate::file::FileReader;
use crate::receiver::outcome;
use crate::task::{Body, Outgoing, Ping, Pump, Wish};
use crate::{Closed, Mistake};

/// The half of a connection that messages go into. Clones send on the same connection.
///
/// Messages go out whole and in the order in which they were queued. Every method may be dropped at any point: a message
/// is then sent whole, or not at all, depending on whether it had its place in the queue.
#[derive(Clone)]
pub struct Sender {
    pub(crate) messages: mpsc::Sender<Outgoing>,
    pub(crate) wishes: mpsc::Sender<Wish>,
    pub(crate) outcome: watch::Receiver<Option<Closed>>,
    pub(crate) pong_within: Duration,
    /// Whether anybody asked to close.
    pub(crate) is_closing: Arc<AtomicBool>,
}

impl Sender {
    /// Sends text. Returns when it is written to the socket.
    ///
    /// # Errors
    /// When the connection closed before.
    pub async fn text(&self, text: impl Into<String>) -> Result<(), SendError> {
        self.send(Body::Text(text.into())).await
    }

    /// Sends bytes. Returns when they are written to the socket.
    ///
    /// # Errors
    /// When the connection closed before.
    pub async fn binary(&self, bytes: impl Into<Bytes>) -> Result<(), SendError> {
        self.send(Body::Binary(bytes.into())).await
    }

    /// Sends a file as one binary message, in fragments of 64 KiB and in memory for one of them. Pings, pongs and the
    /// close frame go between the fragments; other messages wait. Returns when it is written to the socket.
    ///
    /// # Errors
    /// When the file cannot be read, or gets shorter meanwhile: if part of it is out already, the connection closes with
    /// 1001. When the connection closed before.
    pub async fn file(&self, path: impl AsRef<Path>) -> Result<(), SendError> {
        let file = FileReader::open(path.as_ref().to_owned()).await;
        let (reader, len) = file.map_err(SendError::Source)?;
        self.reader(reader, len).await
    }

    /// The same with what a reader gives, up to its end. With a length it is so many bytes: what follows them is not
    /// read, and a reader that ends before fails.
    ///
    /// # Errors
    /// As of [`file`](Self::file).
    pub async fn reader(
        &self,
        reader: impl AsyncRead + Send + 'static,
        len: Option<u64>,
    ) -> Result<(), SendError> {
        self.send(Body::Pumped(Pump::new(reader, len))).await
    }

    /// Sends a ping with at most 125 bytes and waits for the pong with the same bytes, at most
    /// [`Deadlines::pong`](crate::Deadlines). Returns how long that took.
    ///
    /// It does not wait behind messages, and nothing waits for it. While events are not taken from the receiver no pong
    /// is seen either.
    ///
    /// # Errors
    /// When the payload is too long, 16 pings wait already, no pong came in time, or the connection closed before.
    pub async fn ping(&self, payload: &[u8]) -> Result<Duration, PingError> {
        if payload.len() > CONTROL_PAYLOAD_BYTES_MAX {
            return Err(PingError::TooLong {
                bytes: payload.len(),
            });
        }
        let (done, answered) = oneshot::channel();
        let ping = Ping {
            payload: payload.to_vec(),
            done,
        };
        let round_trip = async {
            let _ = self.wishes.send(Wish::Ping(ping)).await;
            answered.await
        };
        match tokio::time::timeout(self.pong_within, round_trip).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err(PingError::Closed),
            Err(_) => Err(PingError::TimedOut(self.pong_within)),
        }
    }

    /// Closes with a code and a reason, or with nothing, after the messages that were queued before, and waits until the
    /// connection is closed: at most [`Deadlines::close`](crate::Deadlines). Returns how it closed, which may be by
    /// somebody else.
    ///
    /// What the server sent before its close frame still comes out of the receiver: whoever keeps one without taking
    /// from it waits out that time if more than [`Limits::received_bytes_max`](crate::Limits) arrives. A reader that
    /// fails in the middle of its message ends the wait for it: then this code and reason go out at once.
    ///
    /// # Errors
    /// When the code is not for a client to send (RFC 6455 section 7.4), or the reason is longer than 123 bytes or has no
    /// code. Nothing was sent then.
    pub async fn close(&self, code: Option<u16>, reason: &str) -> Result<Closed, Mistake> {
        let frame = close_frame(code, reason)?;
        // Who does not wait for room has not asked.
        let room = self.wishes.reserve().await;
        self.is_closing.store(true, Ordering::Release);
        // Who closes twice waits for the same end.
        if let Ok(room) = room {
            room.send(Wish::Close(frame));
        }
        Ok(self.closed().await)
    }

    /// Waits until the connection is closed, by whomever.
    pub async fn closed(&self) -> Closed {
        let mut outcome_in = self.outcome.clone();
        // Fails when the task was ended by its runtime.
        let _ = outcome_in.wait_for(Option::is_some).await;
        outcome(&outcome_in)
    }

    async fn send(&self, body: Body) -> Result<(), SendError> {
        let (done, sent) = oneshot::channel();
        let queued = self.messages.send(Outgoing { body, done }).await;
        if queued.is_ok()
            && let Ok(sent) = sent.await
        {
            return sent.map_err(SendError::Source);
        }
        Err(SendError::Closed(self.closed().await))
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Why a message was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection closed before.
    #[error("{0}")]
    Closed(Closed),
    /// The file or the reader failed.
    #[error("the source of the message failed: {0}; the message was not sent whole")]
    Source(#[source] io::Error),
}

/// Why no round trip was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PingError {
    /// Control frames carry at most 125 bytes (RFC 6455 section 5.5).
    #[error("a ping has at most {CONTROL_PAYLOAD_BYTES_MAX} bytes, this one has {bytes}")]
    TooLong {
        /// Its length in bytes.
        bytes: usize,
    },
    /// So many wait for their pongs already.
    #[error("{PING_PAYLOADS_MAX} pings wait for their pongs already")]
    TooMany,
    /// No pong came.
    #[error("no pong within {0:?}; the server may be gone")]
    TimedOut(Duration),
    /// The connection is closed, or closing.
    #[error("the connection is closed")]
    Closed,
}

fn close_frame(code: Option<u16>, reason: &str) -> Result<CloseFrame, Mistake> {
    let too_long = Mistake::CloseReason {
        bytes: reason.len(),
    };
    let Some(code) = code else {
        return match reason.is_empty() {
            true => Ok(CloseFrame::default()),
            false => Err(too_long),
        };
    };
    let valid = CloseCode::new(code).filter(|code| code.may_be_sent_by(Role::Client));
    let valid = valid.ok_or(Mistake::CloseCode(code))?;
    CloseFrame::new(valid, reason).map_err(|_| too_long)
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity W15
    #[test]
    fn only_what_a_client_may_send_closes() {
        for code in 0..=u16::MAX {
            let may = matches!(code, 1000..=1003 | 1007..=1010 | 1012..=1014 | 3000..=4999);
            assert_eq!(close_frame(Some(code), "").is_ok(), may, "{code}");
        }
        assert!(close_frame(None, "").is_ok());
        assert!(close_frame(Some(1000), &"\u{e9}".repeat(61)).is_ok());
        for (code, reason) in [(Some(1000), "\u{e9}".repeat(62)), (None, "bye".to_owned())] {
            let mistake = close_frame(code, &reason).unwrap_err();
            assert_eq!(
                mistake,
                Mistake::CloseReason {
                    bytes: reason.len()
                }
            );
        }
    }
}
