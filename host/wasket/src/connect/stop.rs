//! Signals: ctrl-c and SIGTERM close the connection once and end the program twice; of the others, those that would leave
//! the terminal as only we want it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{getpid, getsid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::raw;
use crate::signal::{Ending, Signals};

/// The first wish to end. A task of its own waits for the second, which comes when everything else may be stuck, such
/// as in writing to a stdout that nobody reads.
pub(super) struct Stop {
    first: mpsc::Receiver<Ending>,
    is_patient: Arc<AtomicBool>,
    _watch: JoinSet<()>,
}

impl Stop {
    /// From now on the signals do not end the process by themselves. Needs a tokio runtime. `takes_terminal` is when a
    /// terminal will not be as it was found: SIGHUP and SIGQUIT give it back, too.
    ///
    /// # Errors
    /// When signals cannot be handled.
    pub(super) fn new(takes_terminal: bool) -> io::Result<Self> {
        let mut signals = Signals::new(false)?;
        let mut abrupt = Abrupt::new(takes_terminal)?;
        let (to, first) = mpsc::channel(1);
        let is_patient = Arc::<AtomicBool>::default();
        let may_wait = Arc::clone(&is_patient);
        let mut watch = JoinSet::new();
        watch.spawn(async move {
            loop {
                tokio::select! {
                    ending = signals.ending() => {
                        if !may_wait.swap(false, Ordering::Relaxed) {
                            leave(ending);
                        }
                        let _ = to.send(ending).await;
                    }
                    ending = abrupt.next() => leave(ending),
                }
            }
        });
        Ok(Self {
            first,
            is_patient,
            _watch: watch,
        })
    }

    /// Waits for it. Before this is called for the first time, the first signal ends at once. Cancelling this loses
    /// nothing.
    pub(super) async fn asked(&mut self) -> Ending {
        match self.first.recv().await {
            Some(ending) => ending,
            None => std::future::pending().await,
        }
    }

    /// From now on the first signal is somebody's to handle.
    pub(super) fn be_patient(&self) {
        self.is_patient.store(true, Ordering::Relaxed);
    }
}

fn leave(ending: Ending) -> ! {
    let exit = move || std::process::exit(ending.exit_code());
    // Where the terminal's output is stopped (ctrl-s) it may be for ever that it takes nothing.
    let patience = thread::Builder::new().spawn(move || {
        thread::sleep(PARTING);
        exit()
    });
    if patience.is_ok() {
        raw::restore();
    }
    exit()
}

/// What giving the terminal back may take in the end.
const PARTING: Duration = Duration::from_millis(200);

/// Signals that end at once, as they do without us, but for the terminal.
struct Abrupt(Option<(Signal, Signal)>);

impl Abrupt {
    fn new(is_wanted: bool) -> io::Result<Self> {
        let both = || io::Result::Ok((signal(SignalKind::hangup())?, signal(SignalKind::quit())?));
        Ok(Self(is_wanted.then(both).transpose()?))
    }

    async fn next(&mut self) -> Ending {
        match &mut self.0 {
            Some((hangup, quit)) => tokio::select! {
                _ = hangup.recv() => Ending::Hangup,
                _ = quit.recv() => Ending::Quit,
            },
            None => std::future::pending().await,
        }
    }
}

/// What a shell and a terminal have to say to a program that edits lines.
pub(super) struct Job(Option<[Signal; 3]>);

/// One thing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// To stop (ctrl-z).
    Suspend,
    /// It was stopped and goes on.
    Resumed,
    /// The terminal has another size.
    Resized,
}

impl Job {
    /// Needs a tokio runtime. Where no lines are edited it leaves all to the system.
    ///
    /// # Errors
    /// When signals cannot be handled.
    pub(super) fn new(edits: bool) -> io::Result<Self> {
        use rustix::process::Signal as Kind;
        let kind = |of: Kind| signal(SignalKind::from_raw(of.as_raw()));
        let all = || io::Result::Ok([kind(Kind::TSTP)?, kind(Kind::CONT)?, kind(Kind::WINCH)?]);
        Ok(Self(edits.then(all).transpose()?))
    }

    /// Waits for the next. Cancelling this loses nothing.
    pub(super) async fn next(&mut self) -> Asked {
        match &mut self.0 {
            Some([suspend, resumed, resized]) => tokio::select! {
                _ = suspend.recv() => Asked::Suspend,
                _ = resumed.recv() => Asked::Resumed,
                _ = resized.recv() => Asked::Resized,
            },
            None => std::future::pending().await,
        }
    }
}

/// Whether anybody is there to have us go on: without a shell nobody is.
pub(super) fn may_suspend() -> bool {
    getsid(None).is_ok_and(|leader| leader != getpid())
}

/// Stops the process, until it is told to go on. Returns at once where nobody could tell it: of a group of processes
/// without a shell the system stops none (POSIX, orphaned process groups). To be called by the thread that `main` began
/// on, which gets the signal before this returns.
pub(super) fn suspend() {
    // Of those that the system treats so it is one that we do not handle. The process is our own.
    let _ = kill_process(getpid(), rustix::process::Signal::TTIN);
}
