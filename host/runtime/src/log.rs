//! What guests say, in the host's log: escaped, cut and rated.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tracing::Level;
use wasket_session::SessionId;

use crate::text::{cut, escaped};

/// How much the instances of one service may log together.
#[derive(Debug)]
pub(crate) struct LogBudget {
    service: Arc<str>,
    bytes_per_second_max: usize,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    used: usize,
    dropped: usize,
}

impl LogBudget {
    pub(crate) fn new(service: Arc<str>, bytes_per_second_max: usize) -> Self {
        Self {
            service,
            bytes_per_second_max,
            window: Mutex::new(Window {
                began: Instant::now(),
                used: 0,
                dropped: 0,
            }),
        }
    }

    /// Whether so many bytes may be logged now. What was dropped is told as soon as some may again.
    fn admit(&self, bytes: usize, now: Instant) -> bool {
        let mut window = self.window.lock();
        let mut dropped = 0;
        if now.saturating_duration_since(window.began) >= Duration::from_secs(1) {
            dropped = std::mem::take(&mut window.dropped);
            window.began = now;
            window.used = 0;
        }
        let fits = window.used.saturating_add(bytes) <= self.bytes_per_second_max;
        if fits {
            window.used += bytes;
        } else {
            window.dropped = window.dropped.saturating_add(bytes);
        }
        drop(window);
        self.report(dropped);
        fits
    }

    fn report(&self, dropped: usize) {
        if dropped > 0 {
            tracing::warn!(
                target: TARGET,
                service = &*self.service,
                "{dropped} bytes of the guests' log were dropped: more than log_bytes_per_second_max = {}",
                self.bytes_per_second_max
            );
        }
    }
}

impl Drop for LogBudget {
    fn drop(&mut self) {
        let dropped = self.window.get_mut().dropped;
        self.report(dropped);
    }
}

/// Where one instance's words go.
#[derive(Debug)]
pub(crate) struct GuestLog {
    budget: Arc<LogBudget>,
    session: SessionId,
    streams: Mutex<Streams>,
}

/// What a guest has written of a line so far, and its last lines on stderr.
#[derive(Debug, Default)]
struct Streams {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    recent: VecDeque<Box<str>>,
}

/// One of a guest's two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl GuestLog {
    pub(crate) fn new(budget: Arc<LogBudget>, session: SessionId) -> Self {
        Self {
            budget,
            session,
            streams: Mutex::default(),
        }
    }

    /// Bytes of a stream: whole lines are logged, a line that is too long in pieces.
    pub(crate) fn write(&self, stream: Stream, mut bytes: &[u8]) {
        let mut streams = self.streams.lock();
        while !bytes.is_empty() {
            let partial = streams.partial(stream);
            let room = LINE_BYTES_MAX.saturating_sub(partial.len()).max(1);
            let piece = bytes.get(..room).unwrap_or(bytes);
            let (piece, rest, ends) = match piece.iter().position(|byte| *byte == b'\n') {
                Some(at) => (&bytes[..at], &bytes[at + 1..], true),
                None => (piece, &bytes[piece.len()..], piece.len() == room),
            };
            partial.extend_from_slice(piece);
            bytes = rest;
            if ends {
                let line = std::mem::take(partial);
                self.line(stream, &line, &mut streams.recent);
            }
        }
    }

    /// The last lines on stderr, the unfinished one included: where most languages say why they trap.
    pub(crate) fn recent_stderr(&self) -> Vec<Box<str>> {
        let mut streams = self.streams.lock();
        self.flush(&mut streams);
        streams.recent.iter().cloned().collect()
    }

    fn line(&self, stream: Stream, line: &[u8], recent: &mut VecDeque<Box<str>>) {
        let line = String::from_utf8_lossy(line);
        let line = line.strip_suffix('\r').unwrap_or(&line);
        if line.is_empty() {
            return;
        }
        let level = match stream {
            Stream::Stdout => Level::INFO,
            Stream::Stderr => Level::WARN,
        };
        emit(&self.budget, self.session, level, "", line);
        if stream == Stream::Stderr {
            if recent.len() == RECENT_LINES_MAX {
                recent.pop_front();
            }
            recent.push_back(escaped(cut(line, RECENT_LINE_BYTES_MAX)).into());
        }
    }

    fn flush(&self, streams: &mut Streams) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let line = std::mem::take(streams.partial(stream));
            self.line(stream, &line, &mut streams.recent);
        }
    }
}

impl Drop for GuestLog {
    fn drop(&mut self) {
        let mut streams = std::mem::take(self.streams.get_mut());
        self.flush(&mut streams);
    }
}

impl Streams {
    fn partial(&mut self, stream: Stream) -> &mut Vec<u8> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }
}

/// One event in the host's log, if the service's budget has room.
pub(crate) fn emit(
    budget: &LogBudget,
    session: SessionId,
    level: Level,
    context: &str,
    message: &str,
) {
    let (context, message) = (
        cut(context, CONTEXT_BYTES_MAX),
        cut(message, LINE_BYTES_MAX),
    );
    if !budget.admit(
        context.len() + message.len() + LINE_OVERHEAD_BYTES,
        Instant::now(),
    ) {
        return;
    }
    let (context, message) = (escaped(context), escaped(message));
    let (service, session) = (&*budget.service, logged(session));
    // The level of an event is part of its static description.
    macro_rules! event {
        ($level:expr) => {
            if context.is_empty() {
                tracing::event!(target: TARGET, $level, service, session, "{message}");
            } else {
                tracing::event!(target: TARGET, $level, service, session, context = &*context, "{message}");
            }
        };
    }
    match level {
        Level::ERROR => event!(Level::ERROR),
        Level::WARN => event!(Level::WARN),
        Level::INFO => event!(Level::INFO),
        Level::DEBUG => event!(Level::DEBUG),
        Level::TRACE => event!(Level::TRACE),
    }
}

/// The session of a line, unless it is about none.
pub(crate) fn logged(session: SessionId) -> Option<u64> {
    Some(session.get()).filter(|id| *id != NO_SESSION)
}

/// What instances without a session have for its id. That of a session is made of the time, and never so low.
pub(crate) const NO_SESSION: u64 = 1;

/// The target of everything that guests say, and of what the host says about their ends.
pub(crate) const TARGET: &str = "wasket::guest";

const LINE_BYTES_MAX: usize = 4 << 10;
const CONTEXT_BYTES_MAX: usize = 256;
/// What a line costs besides its text, so that empty messages are not free.
const LINE_OVERHEAD_BYTES: usize = 64;
const RECENT_LINES_MAX: usize = 8;
const RECENT_LINE_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    fn log(bytes_per_second_max: usize) -> GuestLog {
        let budget = LogBudget::new("s".into(), bytes_per_second_max);
        GuestLog::new(budget.into(), SessionId::new(7).expect("an id"))
    }

    #[test]
    fn lines_are_cut_where_they_end() {
        let log = log(1 << 20);
        log.write(Stream::Stderr, b"one\ntwo\r\nth");
        log.write(Stream::Stdout, b"other\n");
        log.write(Stream::Stderr, b"ree\n\nfo\x1bur");
        let recent = log.recent_stderr();
        assert_eq!(
            recent.iter().map(|line| &**line).collect::<Vec<_>>(),
            ["one", "two", "three", "fo\\u{1b}ur"]
        );
    }

    // hardening H28
    #[test]
    fn a_line_without_end_takes_bounded_memory() {
        let log = log(1 << 30);
        for _ in 0..100 {
            log.write(Stream::Stderr, &[b'x'; 10_000]);
        }
        let streams = log.streams.lock();
        assert!(streams.stderr.capacity() <= 2 * LINE_BYTES_MAX);
        assert_eq!(streams.recent.len(), RECENT_LINES_MAX);
        assert!(
            streams
                .recent
                .iter()
                .all(|line| line.len() <= RECENT_LINE_BYTES_MAX)
        );
    }

    // hardening H28
    #[test]
    fn a_flood_is_dropped_and_counted_and_the_next_second_is_free_again() {
        let budget = LogBudget::new("s".into(), 100);
        let now = Instant::now();
        assert!(budget.admit(60, now));
        assert!(!budget.admit(60, now));
        assert!(budget.admit(40, now));
        assert_eq!(budget.window.lock().dropped, 60);
        assert!(budget.admit(100, now + Duration::from_secs(1)));
        assert_eq!(budget.window.lock().dropped, 0);
    }
}
