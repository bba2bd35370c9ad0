//! Whether a connection's socket takes what is sent, for those who would send more.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

/// Closed while the socket has not taken all that h2 had for it. h2 itself takes what it is given by the byte, and what
/// it keeps of it by the frame: a hundred times as much where frames are small. So what comes then is left with who has
/// it, where it is counted, and where small messages become larger writes.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    closed: AtomicBool,
    /// By the number of their stream.
    waiting: Mutex<HashMap<u32, Waker>>,
}

impl Outlet {
    /// The socket does not take all now.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// The socket has taken all.
    pub(super) fn open(&self) {
        // Nobody else changes it but the connection's own task.
        if !self.closed.load(Ordering::Acquire) {
            return;
        }
        let waiting = {
            let mut waiting = self.waiting.lock();
            self.closed.store(false, Ordering::Release);
            std::mem::take(&mut *waiting)
        };
        waiting.into_values().for_each(Waker::wake);
    }

    /// Waits until it is open, on behalf of a stream.
    pub(super) fn poll_open(&self, stream: u32, cx: &mut Context<'_>) -> Poll<()> {
        if !self.closed.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.lock();
        // Looked at again: who opens it has the same lock.
        if !self.closed.load(Ordering::Acquire) {
            return Poll::Ready(());
        }
        waiting.insert(stream, cx.waker().clone());
        Poll::Pending
    }

    /// The stream is gone.
    pub(super) fn forget(&self, stream: u32) {
        let waker = self.waiting.lock().remove(&stream);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::http2::woken::Woken;

    #[test]
    fn who_finds_it_closed_is_woken_once_it_is_open() {
        let (outlet, woken) = (Outlet::default(), Arc::<Woken>::default());
        let waker = Arc::clone(&woken).into();
        let cx = &mut Context::from_waker(&waker);
        let (first, second) = (1, 3);
        assert!(outlet.poll_open(first, cx).is_ready());
        outlet.close();
        assert!(outlet.poll_open(first, cx).is_pending());
        assert!(outlet.poll_open(first, cx).is_pending());
        assert!(outlet.poll_open(second, cx).is_pending());
        outlet.forget(second);
        outlet.open();
        outlet.open();
        assert_eq!(woken.times(), 1);
        assert!(outlet.poll_open(first, cx).is_ready());
    }
}
