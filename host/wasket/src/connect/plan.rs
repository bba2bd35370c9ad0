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
use super::{password, proxy};
use crate::exit::Usage;

/// The connection, as far as it is not about showing it. May ask for a password on the terminal.
///
/// # Errors
/// [`Usage`] when something typed, or a variable, cannot be; others when a file cannot be read.
pub(super) fn connect(options: &Options) -> anyhow::Result<Connect> {
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
        connect = connect.compression(Compression::default());
    }
    connect = usage(request(connect, options))?;
    if options.location {
        connect = usage(connect.redirects(REDIRECTS_MAX))?;
    }
    connect = with_proxy(connect, options)?;
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

fn request(mut connect: Connect, options: &Options) -> Result<Connect, Mistake> {
    for field in &options.header {
        connect = connect.header(&field.name, &field.value)?;
    }
    for cookie in &options.cookie {
        connect = connect.cookie(&cookie.name, &cookie.value)?;
    }
    if let Some(origin) = &options.origin {
        connect = connect.origin(origin)?;
    }
    for protocol in &options.subprotocol {
        connect = connect.protocol(protocol)?;
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
        tls = of_file(tls.authorities(&read(file)?), "--ca", file)?;
    }
    if let Some(file) = &options.cert {
        let chain = read(file)?;
        let key = match &options.key {
            Some(key) => read(key)?,
            None => chain.clone(),
        };
        tls = of_file(tls.client_certificate(&chain, &key), "--cert", file)?;
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

fn with_proxy(connect: Connect, options: &Options) -> anyhow::Result<Connect> {
    match options.proxy.as_deref() {
        Some("") => Ok(connect),
        Some(url) => usage(connect.proxy(&proxy::with_scheme(url))),
        None => {
            // It was read before, so it is one.
            let url = Url::parse(&options.url).context("reading the URL")?;
            let Some(proxy) = proxy::of(&url, |name| env::var(name).ok()) else {
                return Ok(connect);
            };
            connect.proxy(&proxy.url).map_err(|mistake| {
                let variable = proxy.variable;
                let remedy = "use another with --proxy URL, or none with --proxy ''";
                Usage(format!("the variable {variable}: {mistake}; {remedy}")).into()
            })
        }
    }
}

fn with_user(connect: Connect, options: &Options) -> anyhow::Result<Connect> {
    let Some(user) = &options.user else {
        let has_user = Url::parse(&options.url).is_ok_and(|url| !url.username().is_empty());
        if options.pre_auth && !has_user && options.proxy.is_none() {
            let what = "--pre-auth sends a name and a password at once: add --user NAME";
            return Err(Usage(what.to_owned()).into());
        }
        return Ok(with_pre_auth(connect, options));
    };
    let connect = match user.split_once(':') {
        Some((name, password)) => connect.credentials(name, password),
        None => connect.credentials(user, &password::of(user)?),
    };
    Ok(with_pre_auth(usage(connect)?, options))
}

fn with_pre_auth(connect: Connect, options: &Options) -> Connect {
    match options.pre_auth {
        true => connect.pre_auth(),
        false => connect,
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(file).map_err(|error| Usage(format!("cannot read {}: {error}", file.display())).into())
}

fn of_file<T>(read: Result<T, Mistake>, option: &str, file: &Path) -> anyhow::Result<T> {
    read.map_err(|mistake| Usage(format!("{option} {}: {mistake}", file.display())).into())
}

fn usage<T>(made: Result<T, Mistake>) -> anyhow::Result<T> {
    made.map_err(|mistake| Usage(mistake.to_string()).into())
}
