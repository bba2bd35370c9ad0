//! The program `wasket`: serves WebSocket services as sandboxed components.
//!
//! It knows all the rooms and holds little: what was typed (`cli`) becomes a plan, the plan becomes the rooms'
//! constructors (`build`), and those run until a signal (`serve`).
#![deny(unsafe_code)]

mod bench;
mod build;
mod certificates;
mod check;
mod cli;
mod connect;
mod descriptor;
mod exit;
mod explain;
mod granted;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod heap;
mod login;
mod outward;
mod reload;
mod restart;
mod run;
mod serve;
mod signal;
mod stores;
mod telemetry;
mod terminal;
mod try_page;
mod users;

use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    let done = match Cli::read().command {
        Command::Serve(options) => serve::serve(&options),
        Command::Run(options) => run::run(&options),
        Command::Check(options) => check::check(&options),
        Command::Explain(options) => explain::run(&options),
        Command::Connect(options) => connect::run(&options),
        Command::Bench(options) => bench::run(&options),
    };
    done.unwrap_or_else(|error| exit::report(&error))
}
