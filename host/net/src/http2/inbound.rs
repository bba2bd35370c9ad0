//! What comes over one stream: the pump takes it from h2 as soon as it is there, the inbound end gives it to a reader at
//! the reader's pace.
//!
//! h2 counts what it keeps for readers that are slow against its connection as a whole. So nothing is kept there, and only
//! the reader opens the stream's window again: who is slow holds up itself.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use h2::{FlowControl, RecvStream};
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::io::ReadBuf;
use tokio::sync::oneshot;
use tokio::time::Sleep;

use super::held::{End, Held, NobodyReads, Reading};

/// The reader's end of what comes over a stream. It is the body of a request, or half of a session's socket.
pub(super) struct Inbound {
    held: Arc<Mutex<Held>>,
    window: FlowControl,
    /// Of a body: how much is still to come, where its request says so.
    length: Option<u64>,
    /// Told when somebody waits for a body of which nothing has come.
    asks: Option<oneshot::Sender<()>>,
    /// How the reader leaves.
    leaves: Reading,
}

/// Moves what comes into its [`Inbound`]. Over with the stream, or when nobody wants what comes.
pub(super) struct Pump {
    held: Arc<Mutex<Held>>,
    stream: RecvStream,
    lingers: Option<Pin<Box<Sleep>>>,
    /// Only the last fields are still to come.
    in_trailers: bool,
}

/// The two ends of what comes over a stream. `length`: what its request says of it.
pub(super) fn pair(mut stream: RecvStream, length: Option<u64>) -> (Inbound, Pump) {
    let mut held = Held::default();
    let has_none = stream.is_end_stream();
    if has_none {
        // Known before the pump looks: who hands a body on asks at once whether there is one.
        held.end(End::Said(None));
    }
    let length = if has_none { Some(0) } else { length };
    let held = Arc::new(Mutex::new(held));
    let inbound = Inbound {
        held: Arc::clone(&held),
        window: stream.flow_control().clone(),
        length,
        asks: None,
        leaves: Reading::Over,
    };
    let pump = Pump {
        held,
        stream,
        lingers: None,
        in_trailers: false,
    };
    (inbound, pump)
}

impl Inbound {
    /// Moves what has come into `buffer`; nothing at the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut held = self.held.lock();
        let count = held.take(buffer.initialize_unfilled());
        if count == 0 {
            return match held.ended() {
                Some(End::Said(_)) => Poll::Ready(Ok(())),
                Some(End::Broken(why)) => {
                    let error = io::Error::new(io::ErrorKind::ConnectionReset, why.as_str());
                    Poll::Ready(Err(error))
                }
                None => {
                    held.wait(cx.waker());
                    Poll::Pending
                }
            };
        }
        drop(held);
        buffer.advance(count);
        self.release(count);
        Poll::Ready(Ok(()))
    }

    /// Says when somebody waits for a body of which nothing has come.
    pub(super) fn when_asked(&mut self) -> oneshot::Receiver<()> {
        let (asks, asked) = oneshot::channel();
        self.asks = Some(asks);
        asked
    }

    /// When this is dropped, the peer has a moment to end its side of the stream.
    pub(super) fn linger(&mut self) {
        self.leaves = Reading::Lingers;
    }

    /// Lets as much come again. Never under the lock: h2 wakes under its own.
    fn release(&mut self, count: usize) {
        // An error says that the stream is gone, and its window with it.
        let _ = self.window.release_capacity(count);
    }
}

impl Body for Inbound {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        let mut held = this.held.lock();
        let bytes = Bytes::from(held.take_all());
        if bytes.is_empty() {
            if let Some(trailers) = held.take_trailers() {
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            return match held.ended() {
                Some(End::Said(_)) => Poll::Ready(None),
                Some(End::Broken(why)) => Poll::Ready(Some(Err(io::Error::other(why.as_str())))),
                None => {
                    held.wait(cx.waker());
                    if let Some(asks) = this.asks.take() {
                        // Where nobody hears it, the answer is on its way.
                        let _ = asks.send(());
                    }
                    Poll::Pending
                }
            };
        }
        drop(held);
        this.asks = None;
        this.release(bytes.len());
        let length = &mut this.length;
        *length = length.map(|length| length.saturating_sub(bytes.len() as u64));
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.held.lock().ended(), Some(End::Said(None)))
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        let (left, pump) = self.held.lock().leave(self.leaves);
        self.release(left);
        // It has the last hold on the stream.
        pump.into_iter().for_each(Waker::wake);
    }
}

impl Future for Pump {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let reading = this.held.lock().attend(cx.waker());
        match reading {
            Reading::On => {}
            Reading::Lingers => {
                let lingers = this
                    .lingers
                    .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
                if lingers.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
            }
            Reading::Over => return Poll::Ready(()),
        }
        let end = ready!(this.poll_all(cx));
        let reader = this.held.lock().end(end);
        reader.into_iter().for_each(Waker::wake);
        Poll::Ready(())
    }
}

impl Pump {
    /// Moves what there is, up to the end.
    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        while !self.in_trailers {
            match ready!(self.stream.poll_data(cx)) {
                Some(Ok(bytes)) => self.push(&bytes),
                Some(Err(error)) => return Poll::Ready(End::Broken(error.to_string())),
                None => self.in_trailers = true,
            }
        }
        let trailers = ready!(self.stream.poll_trailers(cx));
        Poll::Ready(match trailers {
            Ok(trailers) => End::Said(trailers),
            Err(error) => End::Broken(error.to_string()),
        })
    }

    fn push(&mut self, bytes: &[u8]) {
        let pushed = self.held.lock().push(bytes);
        match pushed {
            Ok(reader) => reader.into_iter().for_each(Waker::wake),
            Err(NobodyReads) => {
                // The window of the connection is for all its streams.
                let _ = self.stream.flow_control().release_capacity(bytes.len());
            }
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        // Where there was no other end yet, the connection's own.
        let end = End::Broken("the connection has ended".to_owned());
        let reader = self.held.lock().end(end);
        reader.into_iter().for_each(Waker::wake);
    }
}

/// A moment for a peer to end its side of a stream, before it is reset.
const LINGER: Duration = Duration::from_secs(1);
