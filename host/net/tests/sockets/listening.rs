//! What the settings of a listener do to its sockets.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use wasket_net::{Listener, Routes, Server};
use wasket_session::{IdSource, Limits};

use crate::support::{Running, closing, soon};

fn bind(address: SocketAddr, change: impl FnOnce(&mut Listener)) -> Option<Server> {
    let mut listener = Listener::new(address);
    change(&mut listener);
    Server::bind(vec![listener], Routes::default(), IdSource::new(0)).ok()
}

// parity S5
#[tokio::test]
async fn an_address_on_which_connections_linger_is_taken_only_if_it_may() {
    let server = Running::echo(Limits::default());
    let address = server.address;
    let mut peer = server.open().await;
    server.begin_stop();
    // The server ends first, so what lingers is its.
    assert_eq!(peer.read().await.map(|(first, _)| first), Some(0x88));
    peer.frame(0x88, &closing(1001, "")).await;
    assert_eq!(peer.read().await, None);
    drop(peer);
    assert_eq!(soon(server.stop()).await, 0);
    assert!(bind(address, |listener| listener.reuse_address = false).is_none());
    assert!(bind(address, |_| {}).is_some());
}

// parity S5
#[tokio::test]
async fn the_kernel_holds_as_many_connections_ready_as_the_backlog_says() {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    for (backlog, all) in [(1, false), (64, true)] {
        // Bound, and nobody accepts.
        let server = bind(any, |listener| listener.backlog = backlog).unwrap();
        let mut held = Vec::new();
        for _ in 0..8 {
            let connecting = TcpStream::connect(server.addresses()[0]);
            let connected = if all {
                Ok(soon(connecting).await)
            } else {
                tokio::time::timeout(Duration::from_millis(100), connecting).await
            };
            held.extend(connected);
        }
        assert_eq!(held.len() == 8, all, "{backlog}: {}", held.len());
    }
}
