//! The command line: what may be typed, and the help that explains it.

use crate::{bench, connect};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use wasket_config::plan::LogFormat;
use wasket_config::{LogFilter, Route, ServiceName, parse_address};

/// Serve WebSocket services as sandboxed WebAssembly components.
#[derive(Debug, Parser)]
#[command(
    name = "wasket",
    version,
    about,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXAMPLES
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Reads the command line; with a mistake in it, or a question for help, the program ends here.
    pub(crate) fn read() -> Self {
        Self::parse()
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve what a configuration says.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Serve one component, without a configuration.
    #[command(after_help = RUN_EXAMPLES)]
    Run(Run),
    /// Say whether a configuration or a component would load, and what is in it.
    #[command(after_help = CHECK_EXAMPLES)]
    Check(Check),
    /// Say what a setting of wasket.toml means.
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
    /// Connect to a WebSocket service, and talk to it from a terminal or a script.
    #[command(after_help = CONNECT_EXAMPLES)]
    Connect(Box<connect::Options>),
    /// Put load on a service that echoes, and measure it.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(bench::Options),
}

/// `wasket serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration
    #[arg(value_name = "FILE", default_value = "wasket.toml")]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) log: LogOptions,
}

/// `wasket run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The component, a .wasm file
    pub(crate) component: PathBuf,
    /// The paths it answers: "/chat", "/room/{name}", "/files/*" [default: "/", and "/*" if it serves no sessions]
    #[arg(long, value_name = "ROUTE")]
    pub(crate) path: Option<Route>,
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4649", value_parser = parse_address)]
    pub(crate) listen: SocketAddr,
    /// A value that the component reads through wasi:config/store; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    pub(crate) config: Vec<(String, String)>,
    /// The name of the service in the log [default: the name of the file]
    #[arg(long)]
    pub(crate) name: Option<ServiceName>,
    #[command(flatten)]
    pub(crate) log: LogOptions,
}

/// `wasket check`.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// A configuration (.toml) or a component (.wasm)
    pub(crate) file: PathBuf,
    /// Answer with JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wasket explain`.
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// The key of a setting, perhaps with its table; without any, all keys are listed
    #[arg(value_name = "KEY", num_args = 0..=2)]
    pub(crate) key: Vec<String>,
}

/// How to log.
#[derive(Debug, Args)]
pub(crate) struct LogOptions {
    /// What to log: off, error, warn, info, debug, trace, or levels of parts such as
    /// "info,wasket::guest=debug" [default: RUST_LOG, else the configuration, else info]
    #[arg(long, value_name = "LEVELS")]
    pub(crate) log_level: Option<LogFilter>,
    /// How a line of the log looks [default: the configuration, else text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<Format>,
}

/// The formats of the log, as they are typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

fn parse_pair(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE, such as suffix=\" Nyan!\""),
    }
}

const EXAMPLES: &str = "\
Examples:
  wasket run chat.wasm --path /chat      serve one component on ws://127.0.0.1:4649/chat
  wasket serve                           serve what ./wasket.toml says
  wasket check chat.wasm                 see what a component needs, and whether it would load
  wasket connect ws://127.0.0.1:4649/chat   talk to it

`wasket help COMMAND` says more about a command, `wasket explain KEY` about a setting of wasket.toml.";

const SERVE_EXAMPLES: &str = "\
Once a line `listening on ws://...` is on the standard output, clients can connect. The log goes to the standard
error. The first ctrl-c or SIGTERM tells every client goodbye (1001) and waits for them, as long as `drain` says; a
second one ends at once.

Examples:
  wasket serve
  wasket serve /etc/wasket/wasket.toml --log-format json
  wasket serve demo.toml --log-level info,wasket::guest=debug

A configuration:
  [service.chat]
  path = \"/chat\"
  component = \"chat.wasm\"

Ends with 0 after a signal, 1 when it cannot go on, 2 when the command line or the configuration is wrong.";

const RUN_EXAMPLES: &str = "\
A component that exports wasi:http/incoming-handler answers plain requests on these paths, beside sessions if it has a
behavior too. http://ADDRESS/ is a page to try it from a browser, unless the component itself answers there.

Examples:
  wasket run chat.wasm --path /chat
  wasket run chat.wasm --path /chat --config suffix=\" Nyan!\" --config room=lobby
  wasket run target/wasm32-wasip2/release/echo.wasm --listen [::1]:0
  wasket run handler.wasm
  wasket run handler.wasm --path '/api/*'";

const CHECK_EXAMPLES: &str = "\
Examples:
  wasket check wasket.toml
  wasket check chat.wasm
  wasket check chat.wasm --json

Ends with 0 when it would load, 1 when a component would not, 2 when the configuration is wrong.";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  wasket explain event_time
  wasket explain service.component
  wasket explain '[[listen]] address'
  wasket explain

Ends with 2 when there is no such setting. docs/settings.md has all of them.";

const CONNECT_EXAMPLES: &str = "\
Each line of stdin is a text message, and each message is a line of stdout; everything else goes to stderr. Ctrl-d
and ctrl-c close the connection, a second ctrl-c ends at once.

Examples:
  wasket connect ws://127.0.0.1:4649/echo
  echo hi | wasket connect ws://127.0.0.1:4649/echo
  wasket connect wss://feed.example.com --json --reconnect </dev/null --linger forever
  wasket connect wss://example.com/upload --file video.mp4 --exit-after 1
  wasket connect wss://example.com/chat --user ada --subprotocol chat.v2 -v

Ends with 0 when the connection closed as it should, 1 when a file, stdin or stdout failed, 2 when what was typed is
wrong, 3 when the server cannot be reached, 4 the proxy, 5 when TLS failed, 6 when the handshake was refused, 7 when
the connection was lost, 8 when the server closed with another code than 1000 and 1001, 130 after ctrl-c, 143 after
SIGTERM.";

const BENCH_EXAMPLES: &str = "\
Every answer is checked. What the modes do, and what the lines of the report and the fields of the JSON
mean, is in docs/benchmarking.md.

Examples:
  wasket bench ws://127.0.0.1:4649/echo
  wasket bench ws://127.0.0.1:4649/echo --pipeline 16 --duration 10s
  wasket bench ws://127.0.0.1:4649/echo --messages 1000000 --server-pid $(pidof wasket) --json
  wasket bench ws://127.0.0.1:4649/chat --mode broadcast --text --connections 500
  wasket bench ws://127.0.0.1:4649/echo --mode churn --messages 10000
  wasket bench ws://127.0.0.1:4649/echo --mode idle --connections 1000 --touch --server-pid $(pidof wasket)

Ends with 0 when every message came right, 1 when one did not or a connection failed, 2 when
the command line is wrong.";

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn what_is_typed_is_parsed() {
        let cli = Cli::try_parse_from([
            "wasket",
            "run",
            "a.wasm",
            "--path",
            "/room/{name}/",
            "--listen",
            "[::1]:0",
            "--config",
            "a=b=c",
            "--config",
            "empty=",
            "--name",
            "chat",
            "--log-format",
            "json",
            "--log-level",
            "debug",
        ]);
        let Command::Run(run) = cli.unwrap().command else {
            panic!("another command")
        };
        assert_eq!(run.path.unwrap().to_string(), "/room/{name}");
        assert_eq!(run.listen.to_string(), "[::1]:0");
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(run.config, [pair("a", "b=c"), pair("empty", "")]);
        assert_eq!(run.name.unwrap().as_str(), "chat");
        assert_eq!(run.log.log_level.unwrap().as_str(), "debug");
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let wrong: [&[&str]; 8] = [
            &[],
            &["serve", "a", "b"],
            &["run"],
            &["run", "a.wasm", "--path", "chat"],
            &["run", "a.wasm", "--listen", "localhost:80"],
            &["run", "a.wasm", "--config", "=b"],
            &["run", "a.wasm", "--name", "A b"],
            &["run", "a.wasm", "--log-level", "loud"],
        ];
        for arguments in wrong {
            let typed = ["wasket"].iter().chain(arguments);
            let error = Cli::try_parse_from(typed).expect_err("it was taken");
            assert_eq!(error.exit_code(), 2, "{arguments:?}");
        }
    }
}
