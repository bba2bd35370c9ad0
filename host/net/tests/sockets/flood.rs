//! Peers that send without end, and read late or never.

use tokio::io::AsyncReadExt;
use wasket_session::Limits;
use wasket_session::ws::OWED_BYTES_MAX;

use crate::gated::Host;
use crate::support::masked;

// hardening H13: only the newest pong is owed. What the socket does not take is no reason to keep more.
#[tokio::test]
async fn pongs_do_not_pile_up_for_a_peer_that_does_not_read() {
    let host = Host::new(Limits::default(), false);
    let mut peer = host.server.open().await;
    host.logged("open").await;
    let session = host.session();
    let total = 5_000_u32;
    let mut most = 0;
    for n in 1..=total {
        let mut bytes = masked(0x89, &[b'p'; 125]).repeat(15);
        bytes.extend(masked(0x89, &n.to_be_bytes().repeat(31)));
        // A message, for the guest's turn writes what is owed ahead of the guest's answer.
        bytes.extend(masked(0x81, b"x"));
        peer.send(&bytes).await;
        // One read, one turn each. The host goes on reading: the peer is the one that does not.
        while host.lines() <= n as usize {
            tokio::task::yield_now().await;
        }
        most = most.max(session.queued_bytes());
    }
    assert!(most > 0, "the socket took everything: nothing is shown");
    assert!(most <= 2 * OWED_BYTES_MAX, "{most} bytes are queued");
    // Who reads at last finds the answer to the newest.
    let mut last = Vec::new();
    while last != total.to_be_bytes().repeat(31) {
        let (first, payload) = peer.read().await.expect("a pong");
        assert_eq!(first, 0x8A);
        last = payload;
    }
    assert_eq!(session.queued_bytes(), 0);
}

// hardening H13
#[tokio::test]
async fn a_hundred_thousand_pings_owe_a_handful_of_pongs() {
    let host = Host::new(Limits::default(), false);
    let mut peer = host.server.open().await;
    host.logged("open").await;
    let session = host.session();
    let pings = masked(0x89, b"ping").repeat(1_000);
    for _ in 0..100 {
        peer.send(&pings).await;
        let queued = session.queued_bytes();
        assert!(queued <= 2 * OWED_BYTES_MAX, "{queued} bytes are queued");
    }
    peer.frame(0x89, b"last").await;
    let mut pongs = 1;
    while peer.read().await.unwrap() != (0x8A, b"last".to_vec()) {
        pongs += 1;
    }
    // At most so many a read; a read brings up to 256 KiB.
    assert!(pongs < 50_000, "{pongs} pongs");
    peer.frame(0x88, b"").await;
    assert_eq!(peer.read_close().await.0, 1005);
    let mut rest = Vec::new();
    assert_eq!(peer.stream.read_to_end(&mut rest).await.unwrap(), 0);
}
