//! `wasket connect`: a WebSocket client for people and scripts.
//!
//! What was typed and the environment become a connection (`plan`), and a loop (`session`) carries stdin to it and its
//! messages to stdout. Stdout has messages and nothing else; what is said about them goes to stderr.

mod editor;
mod end;
mod input;
mod options;
mod output;
mod password;
mod plan;
mod proxy;
mod raw;
mod session;
mod stop;
mod trace;
mod value;

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use anyhow::Context as _;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use wasket_client::Reconnect;

use crate::terminal;
pub(crate) use options::Options;
use output::Output;
use session::Session;
use stop::Stop;

/// Connects, and carries messages until the end. The code says how it ended.
///
/// # Errors
/// When something that was typed, or what it names, cannot be: nothing was connected then.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut output = Output::new(options);
    plan::check_files(options)?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .context("starting the threads")?;
    let is_typed = input::is_typed(options) && !options.binary;
    let edits = is_typed && io::stdout().is_terminal() && !options.json && terminal::obeys();
    let stop = {
        let _runtime = runtime.enter();
        Stop::new(edits || password::is_asked_for(options)).context("handling signals")?
    };
    let connect = plan::connect(options, &mut output)?;
    if options.insecure {
        output.warning("--insecure: any certificate is accepted, whoever it is of");
    }
    let (connect, steps) = match options.verbose {
        true => trace::observed(connect),
        false => (connect, mpsc::channel(1).1),
    };
    let link = Reconnect::new(connect, plan::backoff(options));
    let end = runtime.block_on(async {
        let session = Session::new(options, link, steps, output, stop, edits);
        anyhow::Ok(session.context("handling signals")?.run().await)
    });
    // A lookup of a name may still wait for its answer.
    runtime.shutdown_background();
    Ok(end?.into())
}

/// One for the connection, one for signals while the other is busy. The session has the thread that it began on.
const WORKERS: usize = 2;
