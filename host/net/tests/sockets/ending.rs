//! The end of a session has one deadline, whatever its peer does meanwhile.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wasket_session::ws::{CloseCode, CloseFrame};
use wasket_session::{Closing, Limits, Outcome, Party};

use crate::gated::Host;
use crate::support::{closing, soon, until};

const SOON: Duration = Duration::from_millis(150);
const LONG: Duration = Duration::from_secs(60);

/// Only the time for closing can end anything soon.
fn limits() -> Limits {
    Limits {
        outbox_bytes_max: 1 << 20,
        close_timeout: SOON,
        slow_reader_time: LONG,
        write_timeout: LONG,
        ..Limits::default()
    }
}

/// Reads so slowly that what is queued would last for minutes, but never stalls.
async fn trickle(mut stream: TcpStream) {
    let mut bytes = [0; 1024];
    while matches!(stream.read(&mut bytes).await, Ok(1..)) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

// hardening H14: what was queued before a close goes out first, but not for longer than a close may take.
#[tokio::test]
async fn a_slow_reader_cannot_hold_up_the_guests_close() {
    let host = Host::new(limits(), false);
    let peer = host.server.open().await;
    host.logged("open").await;
    host.fill().await;
    let slow = tokio::spawn(trickle(peer.stream));
    let shut = host.session().shut(Closing {
        frame: CloseFrame::from(CloseCode::NORMAL),
        by: Party::Guest,
        drain: true,
    });
    assert_eq!(shut, Outcome::Accepted);
    host.logged("close 1006 clean=false by=Guest").await;
    slow.abort();
}

// hardening H14
#[tokio::test]
async fn a_slow_reader_cannot_hold_up_its_own_close() {
    let host = Host::new(limits(), false);
    let mut peer = host.server.open().await;
    host.logged("open").await;
    host.fill().await;
    peer.frame(0x88, &closing(3001, "")).await;
    let slow = tokio::spawn(trickle(peer.stream));
    host.logged("close 3001 clean=false by=Peer").await;
    slow.abort();
}

// hardening H14: nor can one that goes on sending instead of answering.
#[tokio::test]
async fn pings_after_a_close_frame_do_not_put_off_the_end() {
    let host = Host::new(limits(), false);
    let mut peer = host.server.open().await;
    host.logged("open").await;
    host.server.begin_stop();
    assert_eq!(peer.read().await.unwrap().0, 0x88);
    let chatter = tokio::spawn(async move {
        let ping = crate::support::masked(0x89, b"");
        while peer.stream.write_all(&ping).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    host.logged("close 1001 clean=false by=Host").await;
    soon(chatter).await.unwrap();
    assert_eq!(host.server.stop().await, 0);
}

// hardening H14 H16: what follows a violation is thrown away, and only for so long.
#[tokio::test]
async fn a_flood_behind_a_violation_is_cut_off() {
    let host = Host::new(limits(), false);
    let mut peer = host.server.open().await;
    host.logged("open").await;
    peer.send(&[0xFF; 2]).await;
    let flood = tokio::spawn(async move {
        while peer.stream.write_all(&[0xFF; 4096]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    soon(flood).await.unwrap();
    until("it is gone", || host.server.hub.count() == 0).await;
    assert_eq!(host.log().len(), 3, "{:?}", host.log());
    assert_eq!(host.server.stop().await, 0);
}
