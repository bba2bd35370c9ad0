//! Everything a person does in this repository: `cargo xtask help`.
//!
//! The everyday commands share cargo's `dev` profile and its target folder, so that wasmtime is built once. What
//! is downloaded or written on the way lies in `.cache/`, which can be deleted at any time.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod arguments;
mod bench;
mod certificate;
mod check;
mod conformance;
mod demo;
mod foreign;
mod fuzz;
mod guests;
mod host;
mod soak;
mod step;
mod test;
mod tree;

use anyhow::{Result, bail};
use arguments::Arguments;
use std::process::ExitCode;

fn main() -> ExitCode {
    match run(Arguments::from_command_line()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: Arguments) -> Result<()> {
    if arguments.flag("--help") || arguments.flag("-h") {
        print!("{HELP}");
        return Ok(());
    }
    match arguments.next().as_deref() {
        Some("demo") => demo::run(arguments),
        Some("guests") => guests::run(arguments),
        Some("check") => check::run(arguments),
        Some("test") => test::run(arguments),
        Some("conformance") => conformance::run(arguments),
        Some("fuzz") => fuzz::run(arguments),
        Some("bench") => bench::run(arguments),
        Some("soak") => soak::run(arguments),
        Some("help") | None => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => bail!("there is no command `{other}`; `cargo xtask help` lists them"),
    }
}

const HELP: &str = "\
cargo xtask COMMAND

  demo [--listen ADDRESS:PORT] [--tls] [--release]
      Build the example components and the host, and serve them on 127.0.0.1:4649 as guests/demo.toml says.
      http://127.0.0.1:4649/ is a page to try them. Ctrl-c ends it. --tls: over https:// and wss://, with a
      certificate that has signed itself (.cache/certificate).

  guests
      Build the example components in guests/ for wasm32-wasip2, adding that target if it is missing.

  check
      Formatting, clippy and rustdoc, for the host's crates and the guests. Warnings are errors.

  test [--all] [FILTER] [-- ARGUMENTS OF THE TEST BINARIES]
      Build what the tests need and run them. With --all also those that wait for the default time-outs, and the
      clients that are not ours, on real hosts, plain and over TLS: Python websockets, npm ws, Java's own and a
      headless Chromium (needs python3, node, npm, a JDK and chromium); and our client on servers of the first two,
      directly and through Squid (needs squid).

  conformance [--profile core|base|ci|full] [--native | --client] [--jobs N]
      Run Autobahn|Testsuite against the echo component and the native echo; --native: the native echo alone.
      --client: against host/client instead.
      core: 247 cases, seconds. base: 301, groups 1-10 (the default). ci: base and a sample of compression.
      full: all 517, with up to 1,000 messages a case.

  fuzz [TARGET] [--seconds N]
      Fuzz what parses outside bytes, each target for 60 seconds or N: authorization, challenge, config, deflate,
      frames, handshake, messages, origin, proxy, route (needs a nightly compiler and cargo-fuzz). `test` replays their corpora
      without either.

  bench [--quick] [--only P1,P2] [--peers wasket,bun] [--rounds N] [--callgrind] [--json] [--profile dist|release]
      Measure the host (the dist build) and servers of other libraries in turns, and write BENCHMARKS.md: ten minutes
      after the builds, on a machine that does nothing else. With any option but --json, --callgrind
      and 5 or more rounds the page goes to .cache/bench. --callgrind also counts user instructions (needs valgrind).
      Peers: minimal, fastwebsockets, tungstenite (built), bun, ws, workerd (need node and npm); one that cannot be
      installed is told as absent. docs/benchmarking.md says what the rows P1 to P10 are.

  soak --isolation [--seconds N] [--only MISBEHAVIOR]
      200 sessions that behave, alone and then beside 1,000 whose guests do what no service should, for 60 seconds
      or N: says what the ones lose and wait because of the others, and what those leave behind. Fails when a
      message is lost, when p99 rises by more than three epoch ticks, or when something stays.

  help
      This text.

WASKET_BIN names a host to use instead of building one.
";
