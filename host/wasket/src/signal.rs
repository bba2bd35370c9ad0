//! The signals that end the program, ctrl-c (SIGINT) and SIGTERM; and SIGHUP, on which it reads its configuration anew.

use std::future::pending;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// From its making on, these signals do not end the process by themselves.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where it ends the process, as it does without us.
    hangup: Option<Signal>,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// To read the configuration anew.
    Reload,
    /// To end.
    End(Ending),
}

/// One that ends the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Interrupt,
    Terminate,
    /// The terminal is gone.
    Hangup,
    /// ctrl-\
    Quit,
}

impl Signals {
    /// Without something to reload, SIGHUP is left alone: the end of a terminal ends what runs in it.
    pub(crate) fn new(reloads: bool) -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: reloads.then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// The next one. Cancelling this loses none.
    pub(crate) async fn next(&mut self) -> Asked {
        let Self {
            interrupt,
            terminate,
            hangup,
        } = self;
        let hangup = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => Asked::End(Ending::Interrupt),
            _ = terminate.recv() => Asked::End(Ending::Terminate),
            _ = hangup => Asked::Reload,
        }
    }

    /// The next one that ends the program. What asks for anything else meanwhile is left for [`next`](Self::next).
    pub(crate) async fn ending(&mut self) -> Ending {
        tokio::select! {
            _ = self.interrupt.recv() => Ending::Interrupt,
            _ = self.terminate.recv() => Ending::Terminate,
        }
    }
}

impl Ending {
    /// What a shell says of a process that died of it: 128 and its number.
    pub(crate) fn exit_code(self) -> i32 {
        match self {
            Self::Hangup => 129,
            Self::Interrupt => 130,
            Self::Quit => 131,
            Self::Terminate => 143,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Hangup => "SIGHUP",
            Self::Interrupt => "SIGINT",
            Self::Quit => "SIGQUIT",
            Self::Terminate => "SIGTERM",
        }
    }
}
