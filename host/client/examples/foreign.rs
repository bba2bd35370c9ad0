//! Checks the client against an echo server that is not ours: `cargo xtask test --all` starts some.
//!
//!     foreign wss://localhost:8443/
//!
//! Trusts the authority in the PEM file that `WASKET_CA` names, and goes through the proxy in `WASKET_PROXY`. With
//! `WASKET_REFUSED` it checks that the proxy does not let it through, and nothing else.
#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::time::Duration;

use wasket_client::{
    Backoff, By, Compression, Connect, Connection, Event, Message, Offer, Progress, ProxyFault,
    Reconnect, Tls,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args()
        .nth(1)
        .ok_or("the URL of an echo server is missing")?;
    let plain = connect(&url)?;
    let mut tally = Tally::default();
    if std::env::var_os("WASKET_REFUSED").is_some() {
        tally.add("the proxy lets nobody through", refused(&plain).await);
        return tally.conclude();
    }
    tally.add("echo", echo(&plain).await);
    for (name, offer) in offers() {
        let compression = Compression {
            offer,
            message_bytes_min: 0,
            ..Compression::default()
        };
        let connect = plain.clone().compression(compression)?;
        tally.add(name, compressed(&connect).await);
    }
    tally.add("a message in fragments", fragments(&plain).await);
    tally.add("ping", ping(&plain).await);
    tally.add("close", close(&plain).await);
    tally.add("reconnect", reconnect(plain).await);
    tally.conclude()
}

#[derive(Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

impl Tally {
    fn add(&mut self, name: &str, result: Result<()>) {
        match result {
            Ok(()) => {
                self.passed += 1;
                println!("ok      {name}");
            }
            Err(error) => {
                self.failed += 1;
                println!("FAILED  {name}: {error}");
            }
        }
    }

    fn conclude(self) -> Result<()> {
        println!("{} passed, {} failed", self.passed, self.failed);
        match self.failed {
            0 => Ok(()),
            _ => Err("not everything passed".into()),
        }
    }
}

fn connect(url: &str) -> Result<Connect> {
    let mut connect = Connect::to(url)?;
    if let Some(file) = std::env::var_os("WASKET_CA") {
        let authority = std::fs::read(file)?;
        connect = connect.tls(
            Tls::default()
                .without_system_roots()
                .authorities(&authority)?,
        );
    }
    if let Ok(proxy) = std::env::var("WASKET_PROXY") {
        connect = connect.proxy(&proxy)?;
    }
    Ok(connect)
}

fn offers() -> [(&'static str, Offer); 4] {
    let all = Offer::default();
    let without_takeover = Offer {
        server_context_takeover: false,
        client_context_takeover: false,
        ..all
    };
    let small = Offer {
        server_max_window_bits: 9,
        client_max_window_bits: 9,
        ..all
    };
    let smallest = Offer {
        server_max_window_bits: 9,
        client_max_window_bits: 9,
        ..without_takeover
    };
    [
        ("compression", all),
        ("compression without takeover", without_takeover),
        ("compression with small windows", small),
        ("compression with small windows, without takeover", smallest),
    ]
}

/// The proxy does not take what we say of who we are.
async fn refused(connect: &Connect) -> Result<()> {
    match connect.open().await {
        Err(wasket_client::Error::Proxy {
            fault: ProxyFault::Credentials(_),
            ..
        }) => Ok(()),
        Err(error) => Err(format!("another answer than 407: {error}").into()),
        Ok(_) => Err("the proxy let through whom it does not know".into()),
    }
}

/// Sends texts and bytes of many sizes, and compares what comes back.
async fn exchange(connection: &mut Connection) -> Result<()> {
    let sender = connection.sender();
    for len in [0, 1, 125, 126, 1000, 65_535, 65_536, 300_000] {
        let text: String = "wasket \u{e4}\u{20ac}\u{1f600} "
            .chars()
            .cycle()
            .take(len)
            .collect();
        sender.text(text.as_str()).await?;
        expect(connection, text.as_bytes()).await?;
        let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
        sender.binary(bytes.clone()).await?;
        expect(connection, &bytes).await?;
    }
    Ok(())
}

async fn expect(connection: &mut Connection, expected: &[u8]) -> Result<()> {
    match connection.next().await {
        Some(Event::Message(message)) if message.as_bytes() == expected => Ok(()),
        Some(Event::Message(_)) => {
            Err(format!("another message came than {} bytes", expected.len()).into())
        }
        other => Err(format!("{other:?}").into()),
    }
}

async fn echo(connect: &Connect) -> Result<()> {
    let mut connection = connect.open().await?;
    exchange(&mut connection).await?;
    is_clean(&connection).await
}

async fn compressed(connect: &Connect) -> Result<()> {
    let mut connection = connect.open().await?;
    if connection.response().compression().is_none() {
        return Err("the server did not agree to compression".into());
    }
    exchange(&mut connection).await?;
    is_clean(&connection).await
}

async fn fragments(connect: &Connect) -> Result<()> {
    let mut connection = connect.open().await?;
    let bytes: Vec<u8> = (0..=250).cycle().take(500_000).collect();
    let source = std::io::Cursor::new(bytes.clone());
    connection.sender().reader(source, None).await?;
    expect(&mut connection, &bytes).await?;
    is_clean(&connection).await
}

async fn ping(connect: &Connect) -> Result<()> {
    let connection = connect.open().await?;
    for payload in [&b""[..], b"ping", &[7; 125]] {
        connection.sender().ping(payload).await?;
    }
    is_clean(&connection).await
}

async fn close(connect: &Connect) -> Result<()> {
    for (code, reason) in [(None, ""), (Some(1000), ""), (Some(4321), "bye \u{20ac}")] {
        let connection = connect.open().await?;
        let closed = connection.sender().close(code, reason).await?;
        // Some answer a close frame without a code with 1000.
        if !closed.clean || closed.by != By::Us || code.is_some_and(|code| closed.code != code) {
            return Err(format!("{closed:?}").into());
        }
    }
    Ok(())
}

async fn reconnect(connect: Connect) -> Result<()> {
    let mut reconnect = Reconnect::new(connect, Backoff::default());
    let Some(Progress::Open(_, sender)) = reconnect.next().await else {
        return Err("no connection".into());
    };
    sender.text("hello").await?;
    match reconnect.next().await {
        Some(Progress::Event(Event::Message(Message::Text(text)))) if text == "hello" => {}
        other => return Err(format!("{other:?}").into()),
    }
    tokio::time::timeout(Duration::from_secs(10), sender.close(Some(1000), "")).await??;
    Ok(())
}

async fn is_clean(connection: &Connection) -> Result<()> {
    let closed = connection.sender().close(Some(1000), "").await?;
    match closed.clean {
        true => Ok(()),
        false => Err(format!("{closed:?}").into()),
    }
}
