//! The client as Autobahn|Testsuite's fuzzing server wants it: runs every case and echoes what it gets.
//!
//!     autobahn ws://127.0.0.1:9001 wasket
//!
//! `cargo xtask conformance --client` starts the server and judges the report.

use std::error::Error;
use std::time::Duration;

use wasket_client::{Compression, Connect, Connection, Deadlines, Event, Limits, Message};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let server = arguments
        .next()
        .ok_or("the URL of the fuzzing server is missing")?;
    let agent = arguments.next().unwrap_or_else(|| "wasket".to_owned());
    let cases: u32 = case_count(&server).await?;
    for case in 1..=cases {
        let url = format!("{server}/runCase?case={case}&agent={agent}");
        // How a case ends is the server's to judge: many end with a violation.
        echo(connect(&url)?.open().await?).await;
    }
    let url = format!("{server}/updateReports?agent={agent}");
    echo(connect(&url)?.open().await?).await;
    Ok(())
}

fn connect(url: &str) -> Result<Connect, Box<dyn Error>> {
    let limits = Limits {
        message_bytes_max: 64 << 20,
        ..Limits::default()
    };
    // Every message is deflated where that is agreed on, so that it is tested.
    let compression = Compression {
        message_bytes_min: 0,
        ..Compression::default()
    };
    // The suite serves one case after the other, and takes its time between them.
    let deadlines = Deadlines {
        handshake: Duration::from_secs(120),
        ..Deadlines::default()
    };
    let connect = Connect::to(url)?.limits(limits).deadlines(deadlines);
    Ok(connect.compression(compression)?)
}

async fn case_count(server: &str) -> Result<u32, Box<dyn Error>> {
    let mut connection = Connect::to(&format!("{server}/getCaseCount"))?
        .open()
        .await?;
    let mut count = None;
    while let Some(event) = connection.next().await {
        if let Event::Message(Message::Text(text)) = event {
            count = Some(text.parse()?);
        }
    }
    count.ok_or_else(|| "the server did not say how many cases there are".into())
}

/// Sends back what comes, until the server closes or breaks a rule.
async fn echo(mut connection: Connection) {
    let sender = connection.sender();
    while let Some(event) = connection.next().await {
        let sent = match event {
            Event::Message(Message::Text(text)) => sender.text(text).await,
            Event::Message(Message::Binary(bytes)) => sender.binary(bytes).await,
            _ => Ok(()),
        };
        if sent.is_err() {
            // The next event says why.
            continue;
        }
    }
}
