//! Closing races with sending: whatever was accepted before it arrives, and nothing behind it.

use std::sync::Arc;

use wasket_session::ws::{CloseCode, CloseFrame, Message};
use wasket_session::{Closing, Frame, Limits, Outcome, Party, Session};

use crate::support::{Peer, Running, closing, masked, until};

/// Who closes while messages are sent.
#[derive(Clone, Copy, Debug)]
enum Closer {
    Peer,
    Guest,
    Both,
}

/// Sends numbers until the session takes no more; how many it took.
async fn send_numbers(session: Arc<Session>) -> u32 {
    for n in 0_u32.. {
        let frame = Frame::new(&Message::Binary(n.to_be_bytes().to_vec().into()));
        loop {
            match session.push(frame.clone()) {
                Outcome::Accepted => break,
                Outcome::NotOpen => return n,
                _ => tokio::task::yield_now().await,
            }
        }
        if n % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    unreachable!("so many are never taken")
}

/// Reads numbers in order, then the close frame and the end; how many there were.
async fn read_numbers(peer: &mut Peer, mut next: u32) -> u32 {
    loop {
        let (first, payload) = peer.read().await.expect("a close frame comes first");
        match first {
            0x82 => assert_eq!(payload, next.to_be_bytes()),
            _ => {
                assert_eq!(first, 0x88, "{payload:?}");
                return next;
            }
        }
        next += 1;
    }
}

fn close(by: Party) -> Closing {
    Closing {
        frame: CloseFrame::from(CloseCode::NORMAL),
        by,
        drain: true,
    }
}

async fn only_session(server: &Running) -> Arc<Session> {
    until("it has joined", || server.hub.count() == 1).await;
    server.hub.session(server.hub.ids(0, 1)[0]).unwrap()
}

async fn part(server: &Running, closer: Closer, after: u32) {
    let mut peer = server.open().await;
    let session = only_session(server).await;
    let sending = tokio::spawn(send_numbers(Arc::clone(&session)));
    for n in 0..after {
        assert_eq!(peer.read().await, Some((0x82, n.to_be_bytes().to_vec())));
    }
    if !matches!(closer, Closer::Guest) {
        peer.frame(0x88, &closing(3001, "")).await;
    }
    if !matches!(closer, Closer::Peer) {
        session.shut(close(Party::Guest));
    }
    let came = read_numbers(&mut peer, after).await;
    let accepted = sending.await.unwrap();
    assert_eq!(came, accepted, "{closer:?} after {after}");
    if matches!(closer, Closer::Guest) {
        peer.frame(0x88, &closing(1000, "")).await;
    }
    assert!(peer.read().await.is_none(), "nothing follows a close frame");
    until("it has left", || server.hub.count() == 0).await;
}

/// Eight peers at once, each with a server of its own, one session after another.
async fn side_by_side<F>(limits: &Limits, rounds: u32, part: impl Fn(Arc<Running>, u32) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut peers = tokio::task::JoinSet::new();
    let part = &part;
    for first in 0..8 {
        let server = Arc::new(Running::echo(limits.clone()));
        let rounds: Vec<F> = (first..rounds)
            .step_by(8)
            .map(|round| part(Arc::clone(&server), round))
            .collect();
        peers.spawn(async move {
            for round in rounds {
                round.await;
            }
        });
    }
    while let Some(ended) = peers.join_next().await {
        ended.unwrap();
    }
}

// hardening H21: close racing send, a thousand times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_races_sends_a_thousand_times() {
    // A queue that is soon full: many races, not many messages.
    let limits = Limits {
        outbox_bytes_max: 4 << 10,
        ..Limits::default()
    };
    side_by_side(&limits, 1_000, |server, round| async move {
        let closer = match round % 3 {
            0 => Closer::Peer,
            1 => Closer::Guest,
            _ => Closer::Both,
        };
        part(&server, closer, round % 7).await;
    })
    .await;
}

// hardening H21: a peer that sends while the host closes gets a prefix of its echo, then the close frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_races_what_a_peer_sends() {
    side_by_side(&Limits::default(), 400, |server, round| async move {
        let mut peer = server.open().await;
        let session = only_session(&server).await;
        let closer = tokio::spawn(async move {
            for _ in 0..round % 5 {
                tokio::task::yield_now().await;
            }
            session.shut(close(Party::Host))
        });
        let numbers = (0..20_u32).flat_map(|n| masked(0x82, &n.to_be_bytes()));
        peer.send(&numbers.collect::<Vec<u8>>()).await;
        assert!(read_numbers(&mut peer, 0).await <= 20);
        assert_eq!(closer.await.unwrap(), Outcome::Accepted);
        peer.frame(0x88, &closing(1000, "")).await;
        assert!(peer.read().await.is_none());
        until("it has left", || server.hub.count() == 0).await;
    })
    .await;
}
