//! A socket as HTTP/2 reads from it: so much at a time, for what was read is to be taken before more is.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

use super::outlet::Outlet;

/// Says "not now" behind each [`PORTION_BYTES`], until it is allowed the next, and wakes its task at once. h2 itself would
/// read for as long as there is something, keep it frame by frame, and keep others waiting.
///
/// When it is shut down it waits for the peer to leave, a moment: bytes left unread at the end would turn into a reset
/// that destroys what the peer was told last.
pub(super) struct Portion<I> {
    io: I,
    allowance: Allowance,
    outlet: Arc<Outlet>,
    /// Runs while it shuts down.
    leaving: Option<Pin<Box<Sleep>>>,
    /// Our side has ended.
    shut: bool,
}

/// What may still be read.
#[derive(Clone, Debug)]
pub(super) struct Allowance(Arc<AtomicUsize>);

impl Allowance {
    /// What was read has been taken: the next portion may come.
    pub(super) fn renew(&self) {
        self.0.store(PORTION_BYTES, Ordering::Relaxed);
    }
}

impl<I> Portion<I> {
    /// A socket that tells this outlet what it takes of what is sent; and what allows it to read on.
    pub(super) fn new(io: I, outlet: Arc<Outlet>) -> (Self, Allowance) {
        let allowance = Allowance(Arc::new(AtomicUsize::new(PORTION_BYTES)));
        let portion = Self {
            io,
            allowance: allowance.clone(),
            outlet,
            leaving: None,
            shut: false,
        };
        (portion, allowance)
    }

    /// Notes what has left us.
    fn sent(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match polled {
            Poll::Pending => self.outlet.block(),
            Poll::Ready(Ok(bytes)) => self.outlet.take(bytes),
            Poll::Ready(Err(_)) => {}
        }
        polled
    }
}

impl<I> Drop for Portion<I> {
    /// Whoever waits to send is told that nobody does any more.
    fn drop(&mut self) {
        self.outlet.end();
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Portion<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.allowance.0.load(Ordering::Relaxed);
        if left == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, buffer);
        let count = buffer.filled().len().saturating_sub(before);
        let left = left.saturating_sub(count);
        self.allowance.0.store(left, Ordering::Relaxed);
        polled
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Portion<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.sent(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.sent(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.io).poll_flush(cx);
        match polled {
            Poll::Pending => self.outlet.block(),
            Poll::Ready(_) => self.outlet.unblock(),
        }
        polled
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.outlet.end();
        let leaving = this
            .leaving
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if leaving.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        if !this.shut {
            ready!(Pin::new(&mut this.io).poll_shutdown(cx))?;
            this.shut = true;
        }
        let mut thrown_away = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut thrown_away);
            match ready!(Pin::new(&mut this.io).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

/// What is read before it is taken from h2, and before others have their turn. A little more may come with its last read.
/// Of frames of one byte these are 1,600, and h2 keeps the room that it once made for each: some 240 bytes.
const PORTION_BYTES: usize = 16 << 10;
const LINGER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::http2::woken::Woken;

    /// Reads until it is told to wait.
    fn read(portion: &mut Portion<impl AsyncRead + Unpin>, woken: &Arc<Woken>) -> usize {
        let waker = Arc::clone(woken).into();
        let mut cx = Context::from_waker(&waker);
        let mut count = 0;
        loop {
            let mut bytes = [0; 5000];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *portion).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(result) => result.unwrap(),
                Poll::Pending => return count,
            }
            count += buffer.filled().len();
        }
    }

    // hardening H24 H25
    #[tokio::test]
    async fn a_flood_is_read_by_portions_each_of_which_has_to_be_allowed() {
        let (mut peer, io) = tokio::io::duplex(1 << 20);
        peer.write_all(&[7; 60_000]).await.unwrap();
        let ((mut portion, allowance), woken) = (Portion::new(io, Arc::default()), Arc::default());
        let portions = [(); 4].map(|()| {
            let count = read(&mut portion, &woken);
            // However often it is asked.
            assert_eq!([(); 3].map(|()| read(&mut portion, &woken)), [0; 3]);
            allowance.renew();
            count
        });
        assert_eq!(portions.iter().sum::<usize>(), 60_000);
        for (times, count) in portions.iter().enumerate().take(3) {
            let most = PORTION_BYTES + 5000;
            assert!((PORTION_BYTES..most).contains(count), "{times}: {count}");
        }
        // Each time but at the end of what there was.
        assert_eq!(woken.times(), 12);
        // What comes a little at a time is never held up.
        for _ in 0..100 {
            peer.write_all(&[7; 1000]).await.unwrap();
            // With what tokio lets a task do at once.
            tokio::task::yield_now().await;
            assert_eq!(read(&mut portion, &woken), 1000);
            allowance.renew();
        }
    }

    #[tokio::test]
    async fn a_peer_may_read_what_it_was_told_last_and_no_longer() {
        for leaves in [true, false] {
            let (mut peer, io) = tokio::io::duplex(1 << 20);
            peer.write_all(&[7; 50_000]).await.unwrap();
            let (mut portion, _) = Portion::new(io, Arc::default());
            portion.write_all(b"goodbye").await.unwrap();
            let peer = tokio::spawn(async move {
                let mut told = String::new();
                peer.read_to_string(&mut told).await.unwrap();
                assert_eq!(told, "goodbye");
                (!leaves).then_some(peer)
            });
            portion.shutdown().await.unwrap();
            let stays = peer.await.unwrap().is_some();
            assert_eq!(stays, !leaves);
        }
    }
}
