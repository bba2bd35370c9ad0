//! A stream of HTTP/2 as the socket of a session (RFC 8441).

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{BufMut as _, Bytes, BytesMut};
use h2::SendStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop::poll_proceed;

use super::inbound::Inbound;
use super::outlet::{Outlet, Turn};

/// The end of the stream is the end of the connection, and a reset is one (section 5 of the RFC). Dropped before it was
/// shut down, it resets the stream.
///
/// What is written waits for the peer's window, and for its turn at the socket, in the session's own queue: h2 gets no
/// more than it may send.
pub(super) struct H2Stream {
    inbound: Inbound,
    send: SendStream<Bytes>,
    turn: Turn,
    shut: bool,
}

impl H2Stream {
    pub(super) fn new(inbound: Inbound, send: SendStream<Bytes>, outlet: &Arc<Outlet>) -> Self {
        Self {
            inbound,
            send,
            turn: Turn::at(outlet),
            shut: false,
        }
    }
}

impl AsyncRead for H2Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // As for a socket: a peer that always has something more does not keep its session's task from others.
        let coop = ready!(poll_proceed(cx));
        let polled = self.inbound.poll_read(cx, buffer);
        if polled.is_ready() {
            coop.made_progress();
        }
        polled
    }
}

impl AsyncWrite for H2Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wanted: usize = slices.iter().map(|slice| slice.len()).sum();
        if wanted == 0 {
            return Poll::Ready(Ok(0));
        }
        let Self { send, turn, .. } = &mut *self;
        let room = ready!(turn.poll_part(cx, send, wanted)).map_err(reset)?;
        let mut bytes = BytesMut::with_capacity(room);
        for slice in slices {
            let rest = room - bytes.len();
            bytes.put_slice(slice.get(..rest).unwrap_or(slice));
        }
        turn.send(send, bytes.freeze(), false).map_err(reset)?;
        // What is not used is the other streams'.
        send.reserve_capacity(0);
        Poll::Ready(Ok(room))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What h2 has taken it sends, whether or not its stream lives.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.shut {
            self.shut = true;
            self.send.send_data(Bytes::new(), true).map_err(reset)?;
            self.inbound.linger();
        }
        Poll::Ready(Ok(()))
    }
}

fn reset(error: h2::Error) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, error)
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use h2::{client, server};
    use http::{Request, Response};

    use super::*;
    use crate::http2::inbound;
    use crate::http2::portion::Portion;
    use crate::http2::woken::Woken;

    // hardening H24 H25: the two bytes of a pong are a frame that costs h2 hundreds.
    #[tokio::test]
    async fn small_writes_wait_while_the_socket_takes_nothing() {
        let (near, far) = tokio::io::duplex(4096);
        let outlet = Arc::<Outlet>::default();
        let (near, _allowance) = Portion::new(near, Arc::clone(&outlet));
        let mut client = client::Builder::new();
        // It reads all of them at once, late.
        client.data_frame_budget(usize::MAX);
        let (client, server) =
            tokio::join!(client.handshake::<_, Bytes>(far), server::handshake(near));
        let ((mut requests, mut client), mut server) = (client.unwrap(), server.unwrap());
        let request = Request::post("http://a/").body(()).unwrap();
        let (_answer, _up) = requests.send_request(request, false).unwrap();
        let accepted = tokio::select! {
            accepted = server.accept() => accepted.unwrap(),
            _ = &mut client => panic!("the connection is over"),
        };
        let (request, mut respond) = accepted.unwrap();
        let send = respond.send_response(Response::new(()), false).unwrap();
        let (inbound, _pump) = inbound::pair(request.into_body(), None);
        let mut stream = H2Stream::new(inbound, send, &outlet);
        let woken = Arc::<Woken>::default();
        let waker = Arc::clone(&woken).into();
        let cx = &mut Context::from_waker(&waker);
        // Nobody reads from here on.
        let mut written = 0;
        let noop = &mut Context::from_waker(Waker::noop());
        tokio::task::unconstrained(async {
            loop {
                assert!(server.poll_accept(noop).is_pending());
                outlet.rest();
                match Pin::new(&mut stream).poll_write(cx, &[7; 2]) {
                    Poll::Ready(count) => written += count.unwrap() / 2,
                    Poll::Pending => break,
                }
            }
            assert!((1000..1500).contains(&written), "{written} frames");
            assert_eq!(woken.times(), 0);
            // Until somebody does.
            while woken.times() == 0 {
                assert!(Pin::new(&mut client).poll(noop).is_pending());
                assert!(server.poll_accept(noop).is_pending());
                outlet.rest();
            }
            let polled = Pin::new(&mut stream).poll_write(cx, &[7; 2]);
            assert!(matches!(polled, Poll::Ready(Ok(2))), "{polled:?}");
        })
        .await;
    }
}
