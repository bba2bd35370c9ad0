//! What was typed, and what the environment says, becomes a connection to be.

use std::env;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;
use url::Url;
use wasket_client::{
    Backoff, Compression, Connect, Deadlines, Limits, Mistake, REDIRECTS_MAX, Tls, TlsVersion,
};

use super::options::{Options, TlsMin};
use super::output::Output;
use super::password;
use super::proxy::{self, Proxy};
use super::value::{Field, Header};
use crate::exit::Usage;

/// The connection, as far as it is not about showing it. May ask for a password on the terminal.
///
/// # Errors
/// [`Usage`] when something typed, or a variable, cannot be; others when a file cannot be read.
pub(super) fn connect(options: &Options, output: &mut Output) -> anyhow::Result<Connect> {
    let mut connect = usage(Connect::to(&options.url))?
        .tls(tls(options)?)
        .limits(limits(options)?)
        .deadlines(Deadlines {
            dial: options.connect_timeout,
            tls: options.connect_timeout,
            handshake: options.connect_timeout,
            ..Deadlines::default()
        });
    if let Some(time) = options.ping {
        // It finds a server that is gone. The pings that go out every so long are the session's, and come first.
        let silence = Some(time.saturating_add(time / 2)).filter(|time| !time.is_zero());
        connect = connect.ping_every(silence);
    }
    if options.show_pings {
        connect = connect.show_pings();
    }
    if options.compress {
        connect = usage(connect.compression(Compression::default()))?;
    }
    connect = request(connect, options)?;
    if options.location {
        connect = usage(connect.redirects(REDIRECTS_MAX))?;
    }
    let proxy = proxy_of(options, output)?;
    if let Some(proxy) = &proxy {
        connect = with_proxy(connect, proxy)?;
    }
    if options.pre_auth {
        if !has_user(options, proxy.as_ref()) {
            let what = "--pre-auth sends a name and a password at once: add --user NAME";
            return Err(Usage(what.to_owned()).into());
        }
        connect = connect.pre_auth();
    }
    with_user(connect, options)
}

/// Files that are not there are told before anything is connected.
///
/// # Errors
/// [`Usage`] that names the first of them.
pub(super) fn check_files(options: &Options) -> Result<(), Usage> {
    for file in options.file.iter().filter(|file| *file != Path::new("-")) {
        let error = match fs::metadata(file) {
            Ok(metadata) if metadata.is_dir() => io::ErrorKind::IsADirectory.into(),
            Ok(_) => continue,
            Err(error) => error,
        };
        return Err(Usage(format!("--file {}: {error}", file.display())));
    }
    Ok(())
}

/// How often to try again.
pub(super) fn backoff(options: &Options) -> Backoff {
    match options.reconnect {
        true => Backoff::default(),
        false => Backoff {
            failures_max: 0,
            ..Backoff::default()
        },
    }
}

fn request(mut connect: Connect, options: &Options) -> anyhow::Result<Connect> {
    for header in &options.header {
        connect = match header {
            Header::Field(field) => usage(connect.header(&field.name, &field.value))?,
            Header::File(file) => with_headers_of(connect, file)?,
        };
    }
    for cookie in &options.cookie {
        connect = usage(connect.cookie(&cookie.name, &cookie.value))?;
    }
    if let Some(origin) = &options.origin {
        connect = usage(connect.origin(origin))?;
    }
    for protocol in &options.subprotocol {
        connect = usage(connect.protocol(protocol))?;
    }
    Ok(connect)
}

/// A header a line. Nothing of a line is shown: it may be a secret.
fn with_headers_of(mut connect: Connect, file: &Path) -> anyhow::Result<Connect> {
    let text = read(file)?;
    let lines = text.split(|byte| *byte == b'\n');
    for (line, number) in lines.zip(1..) {
        let wrong = |what: &str| Usage(format!("{}, line {number}: {what}", file.display()));
        let line = str::from_utf8(line).map_err(|_| wrong("it is not UTF-8"))?;
        if line.trim().is_empty() {
            continue;
        }
        let field: Field = line.parse().map_err(wrong)?;
        connect = connect
            .header(&field.name, &field.value)
            .map_err(|mistake| wrong(&mistake.to_string()))?;
    }
    Ok(connect)
}

fn limits(options: &Options) -> anyhow::Result<Limits> {
    let bytes = usize::try_from(options.message_bytes_max);
    Ok(Limits {
        message_bytes_max: bytes.context("--message-bytes-max is more than there can be")?,
        ..Limits::default()
    })
}

fn tls(options: &Options) -> anyhow::Result<Tls> {
    let mut tls = Tls::default();
    if let Some(file) = &options.ca {
        let trusting = tls.authorities(&read(file)?);
        tls = trusting.map_err(|mistake| Usage(format!("--ca {}: {mistake}", file.display())))?;
    }
    if let Some(file) = &options.cert {
        tls = client_certificate(tls, file, options.key.as_deref())?;
    }
    if let Some(name) = &options.server_name {
        tls = usage(tls.server_name(name))?;
    }
    if options.insecure {
        tls = tls.insecure();
    }
    Ok(match options.tls_min {
        TlsMin::Tls12 => tls,
        TlsMin::Tls13 => tls.versions(&[TlsVersion::Tls13]),
    })
}

fn client_certificate(tls: Tls, file: &Path, key: Option<&Path>) -> anyhow::Result<Tls> {
    let chain = read(file)?;
    let made = match key {
        Some(key) => tls.client_certificate(&chain, &read(key)?),
        None => tls.client_certificate(&chain, &chain),
    };
    made.map_err(|mistake| {
        let remedy = match key {
            Some(key) => format!("is {} its key?", key.display()),
            None => "name the file of its key with --key FILE".to_owned(),
        };
        Usage(format!("--cert {}: {mistake}; {remedy}", file.display())).into()
    })
}

/// The proxy on the way, if there is to be one.
fn proxy_of(options: &Options, output: &mut Output) -> anyhow::Result<Option<Proxy>> {
    let variable = |name: &str| env::var(name).ok();
    // It was read before, so it is one.
    let url = Url::parse(&options.url).context("reading the URL")?;
    let proxy = match options.proxy.as_deref() {
        Some("") => None,
        Some(typed) => Some(Proxy {
            named_by: "--proxy".to_owned(),
            url: proxy::with_scheme(typed),
        }),
        None => proxy::of(&url, variable),
    };
    if proxy.is_some() && proxy::is_needless(&url, options.noproxy.as_deref(), variable) {
        output.step("* no_proxy names the server: no proxy is asked");
        return Ok(None);
    }
    Ok(proxy)
}

fn with_proxy(connect: Connect, proxy: &Proxy) -> anyhow::Result<Connect> {
    connect.proxy(&proxy.url).map_err(|mistake| {
        let what = match &mistake {
            Mistake::Proxy(what) => what.as_ref(),
            other => other,
        };
        let remedy = "name another with --proxy URL, or none with --proxy ''";
        Usage(format!("{}: {what}; {remedy}", proxy.named_by)).into()
    })
}

fn with_user(connect: Connect, options: &Options) -> anyhow::Result<Connect> {
    let Some(user) = &options.user else {
        return Ok(connect);
    };
    usage(match user.split_once(':') {
        Some((name, password)) => connect.credentials(name, password),
        None => connect.credentials(user, &password::of(user)?),
    })
}

/// Whether there is something to prove who we are with, to the server or to a proxy.
fn has_user(options: &Options, proxy: Option<&Proxy>) -> bool {
    let is_in_url = Url::parse(&options.url)
        .is_ok_and(|url| !url.username().is_empty() || url.password().is_some());
    options.user.is_some() || is_in_url || proxy.is_some_and(|proxy| proxy.url.contains('@'))
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).map_err(|error| Usage(format!("cannot read {}: {error}", file.display())).into())
}

fn usage<T>(made: Result<T, Mistake>) -> anyhow::Result<T> {
    made.map_err(|mistake| Usage(mistake.to_string()).into())
}
