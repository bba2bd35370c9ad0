//! A socket that keeps back what it took, as TLS does: the line has it sent, and counts the wait.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasket_ws::Role;

use super::Line;
use super::tests::{protocol, session};
use crate::clock::Clock;

/// Takes all, sends it when it is flushed and open, and brings nothing.
#[derive(Default)]
pub(super) struct Keeper {
    kept: Vec<u8>,
    sent: Vec<u8>,
    pub(super) open: bool,
}

impl AsyncRead for Keeper {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Keeper {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.kept.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.open && !self.kept.is_empty() {
            return Poll::Pending;
        }
        let kept = std::mem::take(&mut self.kept);
        self.sent.extend(kept);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn line() -> Line<Keeper> {
    let clock = Arc::new(Clock::new());
    Line::new(Keeper::default(), protocol(Role::Server), session(), clock)
}

#[test]
fn what_a_socket_keeps_leaves_without_another_write() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut line = line();
    line.flush(&mut cx, &mut b"hello".to_vec());
    assert_eq!(line.io.kept, b"hello");
    assert!(line.wire.is_empty());
    // Nobody reads: the time for writing runs.
    assert!(line.wire.stalled_since().is_some());

    line.io.open = true;
    assert!(line.poll_next(&mut cx).is_pending());
    assert_eq!(line.io.sent, b"hello");
    assert!(line.wire.stalled_since().is_none());
}

#[test]
fn a_session_is_not_over_while_its_close_frame_is_kept() {
    let mut cx = Context::from_waker(Waker::noop());
    let mut line = line();
    // The peer closes, and its answer is written.
    let mut frame = [0x88, 0x80, 0, 0, 0, 0];
    line.interpret(&mut frame, &mut Vec::new());
    line.heed_close();
    assert!(line.poll_next(&mut cx).is_pending());
    assert_eq!(line.io.kept, [0x88, 0]);
    assert!(!line.is_over());
    line.io.open = true;
    assert!(line.poll_next(&mut cx).is_ready());
    assert!(line.is_over());
    assert_eq!(line.io.sent, [0x88, 0]);
}
