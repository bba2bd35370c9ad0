//! What may be typed after `wasket connect`. Letters mean what they mean to curl, but for `-s`, which is of wscat.

use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};
use wasket_config::{parse_size, parse_time};

use super::value::{CloseWith, Cookie, Header, Patience, url};

/// `wasket connect`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The service: wss://HOST/PATH or ws://HOST:PORT/PATH, of which ws:// may be left out
    #[arg(value_name = "URL", value_parser = url)]
    pub(super) url: String,

    /// Send stdin as binary messages, each what one read gives (at most 64 KiB); and without --json write what is received
    /// as it is, with nothing between
    #[arg(long, help_heading = MESSAGES)]
    pub(super) binary: bool,
    /// Send a file as one binary message, in bounded memory, instead of stdin; "-" is stdin. May be repeated
    #[arg(long, value_name = "PATH", help_heading = MESSAGES)]
    pub(super) file: Vec<PathBuf>,
    /// Close after this many received messages
    #[arg(long, value_name = "N", help_heading = MESSAGES)]
    pub(super) exit_after: Option<NonZeroU64>,
    /// When stdin ends, or all files are sent: close once nothing was received for so long; "forever" leaves that to the
    /// server [default: 1s; forever with --exit-after; 0s for ctrl-d on a terminal]
    #[arg(long, value_name = "TIME", help_heading = MESSAGES)]
    pub(super) linger: Option<Patience>,
    /// The code and the reason to close with: 1000, 4001:bye
    #[arg(long, value_name = "CODE[:REASON]", default_value = "1000", help_heading = MESSAGES)]
    pub(super) close: CloseWith,
    /// Write an event a line as JSON: docs/connect.md has its fields
    #[arg(long, help_heading = MESSAGES)]
    pub(super) json: bool,
    /// Do not keep what is typed on a terminal, nor read what was kept
    #[arg(long, help_heading = MESSAGES)]
    pub(super) no_history: bool,
    /// The largest message that is taken
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = parse_size, help_heading = MESSAGES)]
    pub(super) message_bytes_max: u64,

    /// Add a header to the request, or with @FILE those of a file, one a line, which other users of the machine do not
    /// see. May be repeated
    #[arg(long, short = 'H', value_name = "NAME: VALUE", help_heading = HANDSHAKE)]
    pub(super) header: Vec<Header>,
    /// Send a cookie. May be repeated
    #[arg(long, short = 'b', value_name = "NAME=VALUE", help_heading = HANDSHAKE)]
    pub(super) cookie: Vec<Cookie>,
    /// On whose behalf this is, as a browser would say
    #[arg(long, value_name = "https://HOST", help_heading = HANDSHAKE)]
    pub(super) origin: Option<String>,
    /// Offer a subprotocol. May be repeated, the best first
    #[arg(long, short, value_name = "NAME", help_heading = HANDSHAKE)]
    pub(super) subprotocol: Vec<String>,
    /// Offer compression (permessage-deflate)
    #[arg(long, help_heading = HANDSHAKE)]
    pub(super) compress: bool,
    /// Who we are, by Basic or Digest as the server asks. Without a password it is that of the variable
    /// WASKET_PASSWORD, else it is asked for on the terminal
    #[arg(long, short, value_name = "NAME[:PASSWORD]", help_heading = HANDSHAKE)]
    pub(super) user: Option<String>,
    /// Send name and password at once, by Basic, instead of waiting to be asked
    #[arg(long, help_heading = HANDSHAKE)]
    pub(super) pre_auth: bool,
    /// Follow redirects, up to 10
    #[arg(long, short = 'L', help_heading = HANDSHAKE)]
    pub(super) location: bool,

    /// Go through an HTTP proxy: http://NAME:PASSWORD@HOST:PORT; '' for none [default: what the variables HTTP_PROXY
    /// (ws), HTTPS_PROXY (wss) and ALL_PROXY say]
    #[arg(long, short = 'x', value_name = "URL", help_heading = WAY)]
    pub(super) proxy: Option<String>,
    /// Who is connected to directly, whoever names the proxy: NAME, ADDRESS, NETWORK/BITS, each with :PORT or for all
    /// ports, or '*'; parted by commas [default: what the variable NO_PROXY says]
    #[arg(long, value_name = "LIST", help_heading = WAY)]
    pub(super) noproxy: Option<String>,
    /// How long each of dialling, TLS and the handshake may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time, help_heading = WAY)]
    pub(super) connect_timeout: Duration,
    /// Connect again when the connection is lost or closed by the server, after a pause that grows; up to 10 failures in
    /// a row
    #[arg(long, help_heading = WAY)]
    pub(super) reconnect: bool,
    /// Ping the server every so long, and give it up when it does not answer; 0s for never [default: once it was
    /// silent for 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = WAY)]
    pub(super) ping: Option<Duration>,
    /// Show the server's pings, and its pongs to those of --ping
    #[arg(long, help_heading = WAY)]
    pub(super) show_pings: bool,
    /// Show the handshake both ways, but no passwords, cookies and keys in headers; -vv is the same
    #[arg(long, short, action = ArgAction::SetTrue, overrides_with = "verbose", help_heading = WAY)]
    pub(super) verbose: bool,

    /// Also trust the authorities of this file (PEM)
    #[arg(long, visible_alias = "cacert", value_name = "FILE", help_heading = TLS)]
    pub(super) ca: Option<PathBuf>,
    /// Show this certificate (PEM) to a server that asks for one
    #[arg(long, value_name = "FILE", help_heading = TLS)]
    pub(super) cert: Option<PathBuf>,
    /// Its key (PEM) [default: in the certificate's file]
    #[arg(long, value_name = "FILE", requires = "cert", help_heading = TLS)]
    pub(super) key: Option<PathBuf>,
    /// Accept any certificate: whoever is on the way can read and change everything
    #[arg(long, short = 'k', help_heading = TLS)]
    pub(super) insecure: bool,
    /// Ask for this name's certificate, instead of that of the URL's host
    #[arg(long, value_name = "NAME", help_heading = TLS)]
    pub(super) server_name: Option<String>,
    /// The lowest version of TLS
    #[arg(long, value_name = "VERSION", default_value = "1.2", help_heading = TLS)]
    pub(super) tls_min: TlsMin,
}

/// A lowest version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum TlsMin {
    /// TLS 1.2
    #[value(name = "1.2")]
    Tls12,
    /// TLS 1.3
    #[value(name = "1.3")]
    Tls13,
}

const MESSAGES: &str = "Messages";
const HANDSHAKE: &str = "Handshake";
const WAY: &str = "Connection";
const TLS: &str = "TLS";
