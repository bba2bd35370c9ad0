//! Drives a connection of HTTP/2: its socket, the streams that come, and what comes over them.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use h2::server::{Builder, Connection, SendResponse};
use h2::{Reason, RecvStream};
use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::inbound::{self, Pump};
use super::outlet::Outlet;
use super::portion::{Allowance, Portion};
use super::request::length;
use super::streams::{self, Streams};
use crate::arrival::Arrived;
use crate::listener::Listener;
use crate::patience::Patient;
use crate::shared::Shared;

/// Serves a connection to its end, and that of all that came over it. `answers` is set once it has shown that it speaks
/// HTTP/2, and so lasts longer than a handshake.
pub(crate) async fn serve<I>(
    arrived: Arrived<I>,
    listener: Arc<Listener>,
    shared: &Arc<Shared>,
    answers: &AtomicBool,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Arrived {
        io, peer, seated, ..
    } = arrived;
    let remote = peer.remote;
    let outlet = Arc::new(Outlet::default());
    let io = Patient::new(io, listener.transfer_timeout);
    let (io, allowance) = Portion::new(io, Arc::clone(&outlet));
    let h2 = match builder(&listener, peer.is_proxy(&listener))
        .handshake(io)
        .await
    {
        Ok(h2) => h2,
        Err(error) => return debug!(%remote, %error, "no HTTP/2"),
    };
    answers.store(true, Ordering::Relaxed);
    let mut driver = Driver {
        h2,
        allowance,
        pumps: FuturesUnordered::new(),
        tasks: TaskTracker::new(),
        timer: Box::pin(tokio::time::sleep(listener.request_head_timeout)),
        streams: Streams::new(peer, seated, listener, Arc::clone(shared), outlet),
        quiet: Quiet::Idle,
        taken: 0,
        ending: false,
        cut_off: false,
    };
    match driver.run().await {
        Ok(()) => debug!(%remote, "an HTTP/2 connection has ended"),
        Err(error) => debug!(%remote, %error, "an HTTP/2 connection ended early"),
    }
    let Driver {
        h2,
        pumps,
        tasks,
        // Who has the place of a connection keeps it until all that came over it is gone.
        streams: _seated,
        ..
    } = driver;
    // That is how sessions learn of it.
    drop((h2, pumps));
    tasks.close();
    tasks.wait().await;
}

struct Driver<I> {
    h2: Connection<Portion<Patient<I>>, Bytes>,
    allowance: Allowance,
    pumps: FuturesUnordered<Pump>,
    /// One for each stream that is served. They are not ended with the connection: sessions have something to say to
    /// their guests then.
    tasks: TaskTracker,
    streams: Arc<Streams>,
    quiet: Quiet,
    /// What the socket had taken when it was looked at last.
    taken: u64,
    /// Runs for as long as a connection may be as quiet as it is.
    timer: Pin<Box<Sleep>>,
    /// It takes no more streams, and is over with the last that it has.
    ending: bool,
    /// It is over.
    cut_off: bool,
}

/// How little happens on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quiet {
    /// Streams are served, which have deadlines of their own.
    Busy,
    /// All streams have been served; only the peer has not taken all that it was told.
    Untaken,
    /// There is no stream.
    Idle,
}

type Accepted = (Request<RecvStream>, SendResponse<Bytes>);

impl<I: AsyncRead + AsyncWrite + Unpin + Send + 'static> Driver<I> {
    async fn run(&mut self) -> Result<(), h2::Error> {
        let streams = Arc::clone(&self.streams);
        // One of its own: all connections looking at the same at each of their turns would wait for each other.
        let stopping = streams.shared.stopping.child_token();
        let mut stopping = pin!(stopping.cancelled());
        let mut flooded = pin!(streams.flooded.cancelled());
        loop {
            tokio::select! {
                biased;
                () = &mut stopping, if !self.ending => self.end(),
                () = &mut flooded, if !self.cut_off => self.cut_off_flooder(),
                next = poll_fn(|cx| self.poll_next(cx)) => match next.transpose()? {
                    Some(accepted) => self.serve(accepted),
                    None => return Ok(()),
                },
            }
        }
    }

    /// Waits for the next stream, doing what the others need meanwhile. `None` at the connection's end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Accepted, h2::Error>>> {
        loop {
            let accepted = pin!(self.h2.accept()).poll(cx);
            // Right behind what may have brought something: h2 is to keep nothing.
            while let Poll::Ready(Some(())) = self.pumps.poll_next_unpin(cx) {}
            if accepted.is_pending() {
                // Each stream that it has read of has a pump now, and none has anything left.
                self.allowance.renew();
                self.streams.outlet().rest();
            }
            if accepted.is_ready() || !self.is_too_quiet(cx) {
                return accepted;
            }
            match self.ending {
                false => self.end(),
                true => self.cut_off(Reason::NO_ERROR),
            }
        }
    }

    /// Gives a stream a task of its own.
    fn serve(&mut self, (request, mut respond): Accepted) {
        let streams_max = self.streams.listener.http2_streams_max;
        let tasks_max = usize::try_from(streams_max).unwrap_or(usize::MAX);
        // A stream that was reset is not one to h2 any more, while its session still says goodbye to its guest.
        if self.tasks.len() >= tasks_max.saturating_mul(2) {
            respond.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        let length = length(&request);
        let (head, stream) = request.into_parts();
        let (inbound, pump) = inbound::pair(stream, length);
        self.pumps.push(pump);
        // Also one that is over before it is looked at whether there are any.
        self.quiet = Quiet::Busy;
        self.wait();
        let request = Request::from_parts(head, inbound);
        let streams = Arc::clone(&self.streams);
        self.tasks.spawn(streams::serve(streams, request, respond));
    }

    /// Whether so little has happened for so long that the connection is to end.
    fn is_too_quiet(&mut self, cx: &mut Context<'_>) -> bool {
        let quiet = match (self.h2.has_streams(), self.tasks.is_empty()) {
            _ if self.cut_off => return false,
            (false, _) => Quiet::Idle,
            (true, true) => Quiet::Untaken,
            (true, false) => Quiet::Busy,
        };
        if quiet != self.quiet {
            self.quiet = quiet;
            self.wait();
        }
        while self.timer.as_mut().poll(cx).is_ready() {
            let goes_on = match self.quiet {
                // Nobody says when the last task is over: it is looked at now and then.
                Quiet::Busy => true,
                // Who is slow keeps the socket from taking more. What is left when that takes all is behind windows that
                // were lowered, and a PING now and then does not open them.
                Quiet::Untaken => {
                    let outlet = self.streams.outlet();
                    outlet.is_blocked() && outlet.taken() > self.taken
                }
                Quiet::Idle => false,
            };
            if !goes_on {
                return true;
            }
            self.wait();
        }
        false
    }

    fn wait(&mut self) {
        self.taken = self.streams.outlet().taken();
        let listener = &self.streams.listener;
        let within = match self.quiet {
            Quiet::Idle if self.ending => LINGER,
            Quiet::Idle => listener.request_head_timeout,
            Quiet::Busy | Quiet::Untaken => listener.transfer_timeout,
        };
        self.timer.as_mut().reset(Instant::now() + within);
    }

    /// Takes no more streams, and tells the peer.
    fn end(&mut self) {
        self.ending = true;
        self.h2.graceful_shutdown();
        self.wait();
    }

    /// Ends it with all that is on it.
    fn cut_off(&mut self, reason: Reason) {
        self.cut_off = true;
        self.h2.abrupt_shutdown(reason);
    }

    fn cut_off_flooder(&mut self) {
        let (remote, text) = (
            self.streams.peer.remote,
            "cut off: an HTTP/2 client took too many requests back",
        );
        match self.streams.shared.flooded() {
            Some(count) => warn!(%remote, count, "{text}"),
            None => debug!(%remote, "{text}"),
        }
        self.cut_off(Reason::ENHANCE_YOUR_CALM);
    }
}

fn builder(listener: &Listener, is_proxy: bool) -> Builder {
    let streams_max = listener.http2_streams_max.max(1);
    let head_bytes_max = u32::try_from(listener.request_head_bytes_max).unwrap_or(u32::MAX);
    // With less, streams whose readers are slow would hold up the others; also those that are over for their peer.
    let window = streams_max
        .saturating_mul(2)
        .saturating_mul(WINDOW_BYTES)
        .min(WINDOW_BYTES_MAX);
    let mut builder = Builder::new();
    builder
        .enable_connect_protocol()
        .max_concurrent_streams(streams_max)
        .initial_window_size(WINDOW_BYTES)
        .initial_connection_window_size(window)
        .max_header_list_size(head_bytes_max)
        .max_send_buffer_size(SEND_BUFFER_BYTES)
        .max_concurrent_reset_streams(RESETS_REMEMBERED)
        // h2 keeps no frames, for each portion that is read is taken at once. Those of streams that we have reset it
        // would count for as long as the connection lives.
        .data_frame_budget(usize::MAX)
        // Nor requests that were taken back: those of a portion are looked at, and counted, before there are more.
        .max_pending_accept_reset_streams(RESETS_OF_A_PORTION);
    if is_proxy {
        // What this would end are the sessions of many, for what one of them does, or for a little of it in weeks: it
        // counts for as long as the connection lives.
        builder.max_local_error_reset_streams(None);
    }
    builder
}

/// What may come over a stream before its reader takes it; the default of RFC 9113, section 6.9.2.
const WINDOW_BYTES: u32 = (64 << 10) - 1;
/// RFC 9113, section 6.9.1.
const WINDOW_BYTES_MAX: u32 = (1 << 31) - 1;
/// What h2 takes of one stream before the socket does.
const SEND_BUFFER_BYTES: usize = 64 << 10;
/// Streams that were reset by us a moment ago, whose peer may not know it: what it sends there is no mistake of its.
const RESETS_REMEMBERED: usize = 256;
/// More requests than a portion can have, each with its reset.
const RESETS_OF_A_PORTION: usize = 2048;
/// A moment for a peer to leave a connection that takes no more streams.
const LINGER: Duration = Duration::from_secs(1);
