//! What goes out: a message at a time, in the order in which it came in.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use wasket_client::SendError;

use super::Session;
use crate::connect::end::End;
use crate::connect::input::{self, Item, Upload};

/// A message on its way.
pub(super) struct Sending {
    pub(super) sent: Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>,
    pub(super) upload: Option<Upload>,
    /// When its bar moves.
    pub(super) tick_at: Instant,
}

impl Session<'_> {
    /// Begins to send what waits for it, once there is a connection and nothing else is on its way.
    pub(super) fn send_next(&mut self) {
        if self.sending.is_some() || self.is_stopping || self.is_cut {
            return;
        }
        let Some(sender) = self.sender.clone() else {
            return;
        };
        let Some(item) = self.queue.pop_front() else {
            return;
        };
        let mut upload = None;
        let sent: Pin<Box<dyn Future<Output = _> + Send>> = match item {
            Item::Text(text) => Box::pin(async move { sender.text(text).await }),
            Item::Binary(bytes) => Box::pin(async move { sender.binary(bytes).await }),
            Item::File(path) => {
                let (mut reader, begun) = input::upload(&path);
                upload = Some(begun);
                Box::pin(async move {
                    let len = reader.opened().await.map_err(SendError::Source)?;
                    sender.reader(reader, len).await
                })
            }
            Item::Failed(why) => return self.give_up(&why),
            // They became lines when they were taken.
            Item::Keys(_) => return,
        };
        self.sending = Some(Sending {
            sent,
            upload,
            tick_at: Instant::now() + MOMENT,
        });
    }

    pub(super) fn sent(&mut self, sent: Result<(), SendError>) -> io::Result<()> {
        self.active = Instant::now();
        self.output.end_progress();
        let upload = self.sending.take().and_then(|sending| sending.upload);
        match sent {
            Ok(()) => {}
            Err(_) if self.is_stopping => self.cut_short(upload),
            Err(SendError::Source(error)) => {
                let name = upload.map_or_else(|| "the message".to_owned(), |it| it.name);
                self.give_up(&format!("{name}: {error}; it was not sent whole"));
            }
            // How it closed comes with its event. Until the next one is open nothing more is begun.
            Err(_) => self.is_cut = true,
        }
        Ok(())
    }

    /// What was on its way when somebody wanted to close.
    fn cut_short(&mut self, upload: Option<Upload>) {
        if let Some(upload) = upload {
            self.output
                .warning(&format!("{} was not sent whole", upload.name));
        }
    }

    /// What became of what is on its way when the connection has ended: it may have been sent since this was last looked at.
    pub(super) fn sent_until_closed(&mut self) -> io::Result<()> {
        let Some(sending) = &mut self.sending else {
            return Ok(());
        };
        let mut context = Context::from_waker(Waker::noop());
        match sending.sent.as_mut().poll(&mut context) {
            Poll::Ready(sent) => self.sent(sent),
            Poll::Pending => Ok(()),
        }
    }

    /// The connection has ended: what was on its way may be lost, and what waits is, if this was the last one.
    pub(super) fn account(&mut self) -> io::Result<()> {
        let sending = self.sending.take();
        let is_cut = std::mem::take(&mut self.is_cut) | sending.is_some();
        if self.is_stopping {
            self.cut_short(sending.and_then(|sending| sending.upload));
            return Ok(());
        }
        if is_cut {
            // Whether the server has it nobody knows.
            self.output
                .warning("the connection ended while a message was sent: it may be lost");
        }
        self.was_cut = is_cut;
        if self.is_over {
            self.account_for_the_rest()?;
        }
        Ok(())
    }

    /// There will be no other connection: what was not sent never is.
    pub(super) fn account_for_the_rest(&mut self) -> io::Result<()> {
        let is_unsent = self.was_cut || !self.queue.is_empty() || self.input.has_more();
        // Where there never was a connection, that says it all.
        if self.is_stopping || !self.was_open || !is_unsent {
            return Ok(());
        }
        if self.end == End::Clean {
            self.end = End::Lost;
        }
        self.output
            .mishap("the connection ended before everything was sent")
    }

    pub(super) fn tick(&mut self) {
        if let Some(sending) = &mut self.sending {
            sending.tick_at = Instant::now() + TICK;
            if let Some(upload) = &sending.upload {
                self.output.progress(upload);
            }
        }
    }

    /// What was to be sent cannot be.
    pub(super) fn give_up(&mut self, why: &str) {
        self.verdict = Some(End::Failed);
        self.close();
        if let Err(error) = self.output.mishap(why) {
            self.lose_stdout(&error);
        }
    }
}

/// A file that takes longer has a bar.
const MOMENT: Duration = Duration::from_millis(500);

/// How often the bar moves.
const TICK: Duration = Duration::from_millis(200);
