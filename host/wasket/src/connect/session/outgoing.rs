//! What goes out: a message at a time, in the order in which it came in.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::Instant;
use wasket_client::SendError;

use super::Session;
use crate::connect::end::End;
use crate::connect::input::{self, Item, Upload};

/// A message on its way.
pub(super) struct Sending {
    pub(super) sent: Pin<Box<dyn Future<Output = Result<(), SendError>> + Send>>,
    upload: Option<Upload>,
    since: Instant,
}

impl Session<'_> {
    /// Begins to send what waits for it, once there is a connection and nothing else is on its way.
    pub(super) fn send_next(&mut self) {
        if self.sending.is_some() || self.is_stopping {
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
            Item::File(path) => match input::open(&path) {
                Ok((reader, opened)) => {
                    let bytes = opened.bytes;
                    upload = Some(opened);
                    Box::pin(async move { sender.reader(reader, bytes).await })
                }
                Err(error) => return self.give_up(&format!("{}: {error}", path.display())),
            },
            Item::Failed(why) => return self.give_up(&why),
            // They became lines when they were taken.
            Item::Keys(_) => return,
        };
        self.sending = Some(Sending {
            sent,
            upload,
            since: Instant::now(),
        });
    }

    pub(super) fn sent(&mut self, sent: Result<(), SendError>) -> io::Result<()> {
        self.active = Instant::now();
        self.output.end_progress();
        let sending = self.sending.take();
        match sent {
            Ok(()) => {}
            Err(SendError::Closed(_)) => self.tell_loss(),
            Err(SendError::Source(error)) => {
                let name = sending.and_then(|sending| Some(sending.upload?.name));
                let name = name.unwrap_or_else(|| "the message".to_owned());
                self.give_up(&format!("{name}: {error}; it was not sent whole"));
            }
        }
        Ok(())
    }

    /// Whether the server has it nobody knows.
    pub(super) fn tell_loss(&mut self) {
        if !self.is_stopping {
            self.output
                .warning("the connection ended while a message was sent: it may be lost");
        }
    }

    pub(super) fn tick(&mut self) {
        let Some(Sending { upload, since, .. }) = &self.sending else {
            return;
        };
        if let Some(upload) = upload
            && since.elapsed() >= MOMENT
        {
            self.output.progress(upload);
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
