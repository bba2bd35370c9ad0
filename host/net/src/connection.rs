//! Drives one open session between its line and its seat, in the one task that owns both.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use tokio::io::{AsyncRead, AsyncWrite};
use tracing::info;
use wasket_session::{
    Call, CloseEvent, Fault, Hub, Inbox, Outbox, ReadyState, Reserved, Seat, Session,
};
use wasket_ws::{CloseCode, CloseFrame, Event};

use crate::lease::Lease;
use crate::line::{Line, Trouble, Woken};

/// An open session: its line to the peer, and what serves it. Boxed once: its task's future holds a pointer,
/// wherever it has been moved.
pub(crate) struct Connection<I> {
    pub(crate) line: Line<I>,
    /// Gone after a fault.
    seat: Option<Box<dyn Seat>>,
    wants_control: bool,
    outbox: Outbox,
    /// What was read ahead while a guest had the turn.
    held: Vec<Event<'static>>,
    joined: Joined,
    /// The session's place in its service.
    reserved: Reserved,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Connection<I> {
    /// Makes the session visible to the others, until it has left or this is dropped.
    pub(crate) fn join(
        line: Line<I>,
        hub: Arc<Hub>,
        seat: Box<dyn Seat>,
        reserved: Reserved,
    ) -> Self {
        let session = Arc::clone(line.session());
        hub.join(Arc::clone(&session));
        Self {
            line,
            wants_control: seat.wants_control(),
            seat: Some(seat),
            outbox: Outbox::new(Arc::clone(&session)),
            held: Vec::new(),
            joined: Joined { hub, session },
            reserved,
        }
    }

    /// Runs the session from its `open` to after its `close`.
    pub(crate) async fn run(mut self: Box<Self>) {
        let opened = Box::pin(self.open()).await;
        self.serve().await;
        Box::pin(self.close(opened)).await;
    }

    async fn serve(&mut self) {
        loop {
            if !self.held.is_empty() {
                if !self.line.may_be_due() || !Box::pin(self.due()).await {
                    let held = std::mem::take(&mut self.held);
                    let lease = Lease::take();
                    self.turn(lease, &held).await.give_back();
                }
                continue;
            }
            if let Some(trouble) = self.line.take_trouble() {
                Box::pin(self.report(trouble)).await;
                continue;
            }
            if self.line.is_over() {
                return;
            }
            match poll_fn(|cx| self.line.poll_next(cx)).await {
                Woken::Input(lease, count) => self.input(lease, count).await,
                Woken::Timer(token) => Box::pin(self.timer(token)).await,
                Woken::Seat => Box::pin(self.wake()).await,
                Woken::Over => {}
            }
        }
    }

    /// What comes before the turn with what was read ahead. False if there is nothing.
    async fn due(&mut self) -> bool {
        match poll_fn(|cx| Poll::Ready(self.line.take_due(cx))).await {
            Some(Woken::Timer(token)) => self.timer(token).await,
            Some(Woken::Seat) => self.wake().await,
            _ => return false,
        }
        true
    }

    /// One read: what it means, what the guest says to it, one write.
    async fn input(&mut self, mut lease: Box<Lease>, count: usize) {
        let mut events = lease.take_events();
        let mut input = std::mem::take(&mut lease.input);
        self.line
            .interpret(input.get_mut(..count).unwrap_or_default(), &mut events);
        let mut lease = self.turn(lease, &events).await;
        lease.keep_events(events);
        lease.input = input;
        lease.give_back();
    }

    /// Gives the seat its turn with what has come, and writes what it and the protocol answer.
    async fn turn(&mut self, mut lease: Box<Lease>, events: &[Event<'_>]) -> Box<Lease> {
        let wants_control = self.wants_control;
        let deliver = |event: &Event<'_>| match event {
            Event::Message(_) => true,
            Event::Ping(_) | Event::Pong(_) => wants_control,
            Event::Close(_) => false,
        };
        // After the guest or the host asked to close, nothing is delivered.
        if !self.line.session().is_shut() && events.iter().any(deliver) {
            // Pongs go ahead of what the guest has to say, within the same write.
            self.line.write_owed(&mut lease.output);
            self.outbox.lend(std::mem::take(&mut lease.output));
            if let Some(seat) = &mut self.seat {
                let mut call = seat.receive(Inbox::new(events), &mut self.outbox);
                let result = attend(&mut self.line, &mut self.held, &mut call).await;
                drop(call);
                self.settle(result);
            }
            lease.output = self.outbox.take();
            self.line.note_sent(self.outbox.take_messages());
        }
        if self.held.is_empty() {
            // Otherwise the close frame may be behind messages that were read ahead.
            self.line.heed_close();
        }
        poll_fn(|cx| {
            self.line.flush(cx, &mut lease.output);
            Poll::Ready(())
        })
        .await;
        lease
    }

    async fn open(&mut self) -> bool {
        let Some(seat) = &mut self.seat else {
            return false;
        };
        let mut call = seat.open(&mut self.outbox);
        let result = attend(&mut self.line, &mut self.held, &mut call).await;
        drop(call);
        self.settle(result);
        self.flush_outbox().await;
        result.is_ok()
    }

    async fn timer(&mut self, token: u64) {
        if self.line.session().state() != ReadyState::Open {
            return;
        }
        if let Some(seat) = &mut self.seat {
            let mut call = seat.timer(token, &mut self.outbox);
            let result = attend(&mut self.line, &mut self.held, &mut call).await;
            drop(call);
            self.settle(result);
        }
        self.flush_outbox().await;
    }

    async fn wake(&mut self) {
        if self.line.session().state() != ReadyState::Open {
            return;
        }
        if let Some(seat) = &mut self.seat {
            // Its turns follow one another without anything that waits: others have theirs.
            tokio::task::coop::consume_budget().await;
            let mut call = seat.wake(&mut self.outbox);
            let result = attend(&mut self.line, &mut self.held, &mut call).await;
            drop(call);
            self.settle(result);
        }
        self.flush_outbox().await;
    }

    /// Tells the guest of trouble, unless it has asked to close: of all events only `close` still comes.
    async fn report(&mut self, trouble: Box<Trouble>) {
        tracing::debug!(
            service = &**self.joined.hub.service(),
            session = self.line.session().id().get(),
            ?trouble,
            "session in trouble"
        );
        if !self.line.was_asked()
            && let Some(seat) = &mut self.seat
        {
            let mut call = seat.error(trouble.to_session_error(), &mut self.outbox);
            let result = attend(&mut self.line, &mut self.held, &mut call).await;
            drop(call);
            self.settle(result);
            self.flush_outbox().await;
        }
        self.held = Vec::new();
        if let Trouble::Violation(violation) = &*trouble {
            self.line.fail(violation);
        }
    }

    async fn close(self: Box<Self>, opened: bool) {
        let Self {
            line,
            seat,
            mut outbox,
            joined,
            reserved,
            ..
        } = *self;
        let event = line.close_event();
        let hub = Arc::clone(&joined.hub);
        drop(joined);
        log_close(&line, &hub, &event);
        let seat = seat.filter(|_| opened);
        let hang_up = line.hang_up();
        let last_call = async move {
            if let Some(mut seat) = seat {
                // The seat has logged what it may have to say.
                let _ = seat.close(event, &mut outbox).await;
            }
        };
        tokio::join!(hang_up, last_call);
        drop(reserved);
    }

    /// After a fault there is no seat, and the session closes with 1011; what was accepted goes out.
    fn settle(&mut self, result: Result<(), Fault>) {
        if result.is_err() {
            self.seat = None;
            self.wants_control = false;
            self.line.shut(CloseFrame::truncated(
                CloseCode::INTERNAL_ERROR,
                "the service failed",
            ));
        }
    }

    async fn flush_outbox(&mut self) {
        let mut output = self.outbox.take();
        self.line.note_sent(self.outbox.take_messages());
        poll_fn(|cx| {
            self.line.flush(cx, &mut output);
            Poll::Ready(())
        })
        .await;
    }
}

/// Takes a session out of its hub, also when its task panicked or was dropped: nobody would ever drain it.
struct Joined {
    hub: Arc<Hub>,
    session: Arc<Session>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.session.finish();
        self.hub.leave(&self.session);
    }
}

/// Waits for a seat's call, with the line going on meanwhile.
async fn attend<I: AsyncRead + AsyncWrite + Unpin>(
    line: &mut Line<I>,
    held: &mut Vec<Event<'static>>,
    call: &mut Call<'_>,
) -> Result<(), Fault> {
    poll_fn(|cx| {
        let result = call.as_mut().poll(cx);
        if result.is_pending() {
            line.poll_meanwhile(cx, held);
        }
        result
    })
    .await
}

fn log_close<I: AsyncRead + AsyncWrite + Unpin>(line: &Line<I>, hub: &Hub, event: &CloseEvent) {
    let (tally, lasted) = line.tally();
    info!(
        target: "wasket::session",
        service = &**hub.service(),
        session = line.session().id().get(),
        code = event.code,
        reason = ?event.reason,
        clean = event.clean,
        by = ?event.by,
        duration_ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
        messages_in = tally.messages_in,
        messages_out = tally.messages_out,
        bytes_in = tally.bytes_in,
        bytes_out = tally.bytes_out,
        "closed"
    );
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    // What every open session pays, however idle: look for what can be boxed before raising it.
    #[test]
    fn an_open_session_is_kept_small() {
        let kept = size_of::<Connection<TcpStream>>();
        assert!(kept <= 504, "{kept}");
        let run = size_of_output(Connection::<TcpStream>::run);
        assert!(run <= 296, "{run}");
    }

    fn size_of_output<A, F>(_: fn(A) -> F) -> usize {
        size_of::<F>()
    }
}
