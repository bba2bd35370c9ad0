//! One loop for everything: what comes from stdin, what comes from the server, and who wants it to end.

mod closing;
mod outgoing;
mod pings;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use wasket_client::{Event, Progress, Reconnect, SendError, Sender};

use super::editor::{TYPED_BYTES_MAX, Typed};
use super::end::{End, may_mend};
use super::input::{Input, Item};
use super::options::Options;
use super::output::Output;
use super::stop::{self, Job, Stop};
use crate::signal::Ending;
use outgoing::Sending;
use pings::pings;

/// A run of `wasket connect`, connection after connection.
pub(super) struct Session<'o> {
    options: &'o Options,
    link: Reconnect,
    steps: mpsc::Receiver<String>,
    input: Input,
    /// What came in and is not sent yet: while there is something, no more is taken.
    queue: VecDeque<Item>,
    is_input_over: bool,
    edits: bool,
    output: Output,
    stop: Stop,
    job: Job,
    /// While a connection is open.
    sender: Option<Sender>,
    sending: Option<Sending>,
    /// The connection ended while something was sent, and its event is still to come.
    is_cut: bool,
    /// The last connection ended in the middle of a message.
    was_cut: bool,
    /// The pings that go out every so long.
    pinging: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    closing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    /// When something last went out or came in.
    active: Instant,
    received: u64,
    /// Whether there was a connection.
    was_open: bool,
    /// Whether we want it to end.
    is_stopping: bool,
    /// Whether stdout was closed by who read it.
    is_mute: bool,
    is_over: bool,
    /// How the last connection ended.
    end: End,
    /// What counts more than how the connection ended.
    verdict: Option<End>,
}

/// What the loop waits for.
enum Happened {
    Asked(Ending),
    Job(stop::Asked),
    Step(String),
    Sent(Result<(), SendError>),
    Progress(Option<Progress>),
    Input(Option<Item>),
    Closed,
    Pinged,
    Quiet,
    Tick,
}

impl<'o> Session<'o> {
    /// Needs a tokio runtime. `edits` is when the lines of a terminal are edited.
    ///
    /// # Errors
    /// When signals cannot be handled.
    pub(super) fn new(
        options: &'o Options,
        link: Reconnect,
        steps: mpsc::Receiver<String>,
        output: Output,
        stop: Stop,
        edits: bool,
    ) -> io::Result<Self> {
        let job = Job::new(edits)?;
        stop.be_patient();
        Ok(Self {
            options,
            link,
            steps,
            input: Input::new(options, edits),
            queue: VecDeque::new(),
            is_input_over: false,
            edits,
            output,
            stop,
            job,
            sender: None,
            sending: None,
            is_cut: false,
            was_cut: false,
            pinging: None,
            closing: None,
            active: Instant::now(),
            received: 0,
            was_open: false,
            is_stopping: false,
            is_mute: false,
            is_over: false,
            end: End::Clean,
            verdict: None,
        })
    }

    /// Runs to the end.
    pub(super) async fn run(mut self) -> End {
        while !self.is_over {
            let happened = self.next().await;
            if let Err(error) = self.handle(happened) {
                self.lose_stdout(&error);
            }
            self.send_next();
        }
        self.tell_steps();
        self.output.end();
        self.verdict.unwrap_or(self.end)
    }

    async fn next(&mut self) -> Happened {
        let quiet_at = self.quiet_at();
        let has_room = self.queue.len() < if self.edits { TYPED_AHEAD_MAX } else { 1 };
        // Keys before the first prompt wait for it.
        let is_ready = !self.edits || self.output.is_editing();
        let takes_input = is_ready && has_room && !self.is_input_over && !self.is_stopping;
        let tick_at = self.sending.as_ref().map(|sending| sending.tick_at);
        let sent = async {
            match &mut self.sending {
                Some(sending) => sending.sent.as_mut().await,
                None => std::future::pending().await,
            }
        };
        let closed = done(&mut self.closing);
        let pinged = done(&mut self.pinging);
        tokio::select! {
            biased;
            ending = self.stop.asked() => Happened::Asked(ending),
            asked = self.job.next() => Happened::Job(asked),
            Some(step) = self.steps.recv() => Happened::Step(step),
            sent = sent => Happened::Sent(sent),
            () = until(tick_at) => Happened::Tick,
            () = closed => Happened::Closed,
            () = pinged => Happened::Pinged,
            // Before what the server sends, of which there may be more all the time.
            item = self.input.next(), if takes_input => Happened::Input(item),
            progress = self.link.next() => Happened::Progress(progress),
            () = until(quiet_at) => Happened::Quiet,
        }
    }

    fn handle(&mut self, happened: Happened) -> io::Result<()> {
        if matches!(happened, Happened::Progress(_)) {
            self.tell_steps();
        }
        match happened {
            Happened::Asked(ending) => {
                self.verdict = Some(End::Signal(ending));
                self.close();
            }
            Happened::Job(stop::Asked::Suspend) => self.suspend()?,
            Happened::Job(stop::Asked::Resumed) => self.output.resumed()?,
            Happened::Job(stop::Asked::Resized) => self.output.redraw()?,
            Happened::Step(step) => self.output.note(&step),
            Happened::Sent(sent) => self.sent(sent)?,
            Happened::Progress(progress) => self.progress(progress)?,
            Happened::Input(Some(item)) => self.take(item)?,
            Happened::Input(None) => {
                self.is_input_over = true;
                self.active = Instant::now();
            }
            Happened::Closed => self.closing = None,
            Happened::Pinged => self.pinging = None,
            Happened::Quiet => self.close(),
            Happened::Tick => self.tick(),
        }
        Ok(())
    }

    fn progress(&mut self, progress: Option<Progress>) -> io::Result<()> {
        match progress {
            Some(Progress::Open(response, sender)) => {
                self.was_open = true;
                self.was_cut = false;
                self.active = Instant::now();
                if let Some(every) = self.options.ping.filter(|every| !every.is_zero()) {
                    self.pinging = Some(Box::pin(pings(sender.clone(), every)));
                }
                self.sender = Some(sender);
                self.output.opened(&response)?;
                if self.edits {
                    self.output.edit()?;
                }
            }
            Some(Progress::Event(event)) => self.event(event)?,
            Some(Progress::Failed(error)) => {
                self.end = End::from(&error);
                self.is_over = !self.options.reconnect || !may_mend(&error, self.was_open);
                self.output.failed(&error)?;
                if self.is_over {
                    self.account_for_the_rest()?;
                }
            }
            Some(Progress::Waiting(time)) => self.output.waiting(time)?,
            Some(_) => {}
            None if self.is_over => {}
            None => {
                self.is_over = true;
                self.account_for_the_rest()?;
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        match event {
            Event::Message(message) => {
                self.active = Instant::now();
                if self.is_mute || self.has_enough() {
                    return Ok(());
                }
                self.received += 1;
                self.output.message(&message)?;
                if self.has_enough() {
                    self.close();
                }
            }
            Event::Ping(payload) => self.output.control("ping", &payload)?,
            Event::Pong(payload) => self.output.control("pong", &payload)?,
            Event::Close(closed) => {
                self.sent_until_closed()?;
                self.end = End::from(&closed);
                self.sender = None;
                self.pinging = None;
                self.closing = None;
                self.is_over = self.is_stopping || !self.options.reconnect;
                self.output.end_progress();
                self.output.closed(&closed)?;
                self.account()?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What led to what happens next.
    fn tell_steps(&mut self) {
        while let Ok(step) = self.steps.try_recv() {
            self.output.note(&step);
        }
    }

    fn has_enough(&self) -> bool {
        let enough = self.options.exit_after;
        enough.is_some_and(|enough| self.received >= enough.get())
    }

    fn take(&mut self, item: Item) -> io::Result<()> {
        let Item::Keys(keys) = item else {
            self.queue.push_back(item);
            return Ok(());
        };
        for typed in self.output.typed(&keys)? {
            match typed {
                Typed::Line(line) => self.queue.push_back(Item::Text(line)),
                Typed::End => self.is_input_over = true,
                Typed::TooLong => {
                    let max = wasket_config::show_size(TYPED_BYTES_MAX as u64);
                    self.output.warning(&format!(
                        "more than {max} on one line: not sent; use --file"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Leaves the terminal to the shell, until that says to go on.
    fn suspend(&mut self) -> io::Result<()> {
        if stop::may_suspend() {
            self.output.suspend()?;
            stop::suspend();
            // It was either stopped and goes on, or it was not stopped.
            self.output.resumed()?;
        }
        Ok(())
    }
}

/// Waits for something that may not be there.
async fn done(pending: &mut Option<Pin<Box<dyn Future<Output = ()> + Send>>>) {
    match pending {
        Some(pending) => pending.as_mut().await,
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// How many typed lines may wait for a connection, or for those before them.
const TYPED_AHEAD_MAX: usize = 64;
