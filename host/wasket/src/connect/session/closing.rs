//! When it ends from our side, and how.

use std::io;
use std::time::Duration;

use tokio::time::Instant;

use super::Session;
use crate::connect::end::End;
use crate::connect::input;
use crate::connect::value::Patience;

impl Session<'_> {
    /// Nobody reads what we write, or it cannot be written.
    pub(super) fn lose_stdout(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.is_mute, true) {
            let is_quiet = error.kind() == io::ErrorKind::BrokenPipe;
            if !is_quiet {
                self.output
                    .warning(&format!("cannot write to stdout: {error}"));
            }
            let end = if is_quiet { End::Clean } else { End::Failed };
            self.verdict.get_or_insert(end);
        }
        self.close();
    }

    /// Says goodbye to the server, if there is one.
    pub(super) fn close(&mut self) {
        self.is_stopping = true;
        let Some(sender) = self.sender.clone() else {
            self.is_over = true;
            return;
        };
        if self.closing.is_none() {
            let close = self.options.close.clone();
            let upload = self.sending.as_mut().and_then(|it| it.upload.as_mut());
            let stop = upload.and_then(|upload| upload.stop.take());
            self.closing = Some(Box::pin(async move {
                // The code was checked when it was typed; how it closed is an event. A file stops when the wish is on its
                // way, which has the code.
                let close = sender.close(Some(close.code), &close.reason);
                let _ = tokio::join!(biased; close, async { drop(stop) });
            }));
        }
    }

    /// When to close because everything is sent and nothing comes any more.
    pub(super) fn quiet_at(&self) -> Option<Instant> {
        let is_done = self.is_input_over && self.queue.is_empty() && self.sending.is_none();
        let is_typed = input::is_typed(self.options);
        if !is_done || self.is_stopping {
            return None;
        }
        if self.sender.is_none() {
            // Who has left does not wait for another connection.
            return is_typed.then_some(self.active);
        }
        let patience = match self.options.linger {
            Some(patience) => patience,
            None if is_typed => Patience::For(Duration::ZERO),
            None if self.options.exit_after.is_some() => Patience::Forever,
            None => Patience::For(LINGER),
        };
        match patience {
            Patience::For(time) => self.active.checked_add(time),
            Patience::Forever => None,
        }
    }
}

/// After the end of stdin, unless something else was asked for.
const LINGER: Duration = Duration::from_secs(1);
