//! Connections that come back.

use std::time::Duration;

use wasket_client::{Backoff, By, Connect, Event, Fault, Message, Progress, Reconnect, TlsFault};
use wasket_ws::Opcode;

use crate::server::{Request, Server, accept, code, nobody, until_end};
use crate::tls::{Authority, fault, secure, serving, trusting};

const QUICK: Backoff = Backoff {
    first: Duration::from_millis(1),
    max: Duration::from_secs(3600),
    failures_max: 3,
};

fn short(progress: &Progress) -> String {
    match progress {
        Progress::Open(..) => "open".to_owned(),
        Progress::Event(Event::Message(Message::Text(text))) => text.clone(),
        Progress::Event(Event::Close(closed)) => format!("close {}", closed.code),
        Progress::Event(event) => format!("{event:?}"),
        Progress::Failed(error) => error.phase().to_string(),
        Progress::Waiting(_) => "waiting".to_owned(),
        other => format!("{other:?}"),
    }
}

// parity W18
#[tokio::test]
async fn a_lost_connection_is_opened_again_until_we_close() {
    let server = Server::start(|number, mut socket| async move {
        match number {
            1 => drop(socket),
            _ => {
                let mut peer = accept(&mut socket).await;
                peer.send(Opcode::Text, format!("number {number}").as_bytes())
                    .await;
                if number > 1 {
                    peer.echo().await;
                }
            }
        }
    })
    .await;
    let mut reconnect = Reconnect::new(server.connect(), QUICK);
    let mut seen = Vec::new();
    let mut last_sender = None;
    while let Some(progress) = reconnect.next().await {
        let said = short(&progress);
        if let Progress::Open(_, sender) = progress {
            last_sender = Some(sender);
        }
        if said == "number 2" {
            let sender = last_sender.take().unwrap();
            tokio::spawn(async move { sender.close(Some(1000), "").await });
        }
        seen.push(said);
    }
    let expected = [
        "open",
        "number 0",
        "close 1006",
        "waiting",
        "handshake",
        "waiting",
        "open",
        "number 2",
        "close 1000",
    ];
    assert_eq!(seen, expected);
}

// parity W18
#[tokio::test]
async fn failures_in_a_row_are_bounded() {
    let (_held, nobody) = nobody();
    // A server that takes every connection and loses it at once is no better than none.
    let faint = Server::start(|_, mut socket| async move {
        let _ = Request::read(&mut socket).await;
    })
    .await;
    let losing = Server::start(|_, mut socket| async move {
        drop(accept(&mut socket).await);
    })
    .await;
    for (address, phase) in [
        (nobody, "connect"),
        (faint.address, "handshake"),
        (losing.address, "close 1006"),
    ] {
        let connect = Connect::to(&format!("ws://{address}")).unwrap();
        let mut reconnect = Reconnect::new(connect, QUICK);
        let mut failures = 0;
        while let Some(progress) = reconnect.next().await {
            failures += usize::from(short(&progress) == phase);
        }
        assert_eq!(failures, 4, "{phase}");
        assert!(reconnect.next().await.is_none());
    }
}

// parity W18
#[tokio::test]
async fn what_we_closed_stays_closed_however_the_server_takes_it() {
    let server = Server::start(|_, mut socket| async move {
        // Answers no close frame: the socket ends.
        accept(&mut socket).await.next().await;
    })
    .await;
    let mut reconnect = Reconnect::new(server.connect(), QUICK);
    let Some(Progress::Open(_, sender)) = reconnect.next().await else {
        panic!("no connection");
    };
    let closed = sender.close(Some(1000), "").await.unwrap();
    assert_eq!((closed.code, closed.clean), (1006, false));
    assert!(matches!(
        reconnect.next().await,
        Some(Progress::Event(Event::Close(_)))
    ));
    assert!(reconnect.next().await.is_none());
}

// parity W18
#[tokio::test]
async fn who_closes_when_the_server_does_is_not_connected_again() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        peer.close(&code(1001)).await;
        until_end(peer.socket).await;
    })
    .await;
    let mut reconnect = Reconnect::new(server.connect(), QUICK);
    let Some(Progress::Open(_, sender)) = reconnect.next().await else {
        panic!("no connection");
    };
    // The server was the first, and we want the same.
    assert_eq!(sender.closed().await.by, By::Peer);
    sender.close(Some(1000), "").await.unwrap();
    assert!(matches!(
        reconnect.next().await,
        Some(Progress::Event(Event::Close(_)))
    ));
    assert!(reconnect.next().await.is_none());
}

// parity W18
#[tokio::test]
async fn who_closes_is_not_connected_again_because_the_server_breaks_a_rule() {
    let server = Server::start(|_, mut socket| async move {
        let mut peer = accept(&mut socket).await;
        peer.next().await;
        peer.write(&[0xFF; 2]).await;
        until_end(peer.socket).await;
    })
    .await;
    let mut reconnect = Reconnect::new(server.connect(), QUICK);
    let Some(Progress::Open(_, sender)) = reconnect.next().await else {
        panic!("no connection");
    };
    let closed = sender.close(Some(1000), "").await.unwrap();
    assert!(matches!(closed.fault, Some(Fault::Violation(_))));
    assert!(reconnect.next().await.is_some());
    assert!(reconnect.next().await.is_none());
}

// parity W18
#[tokio::test]
async fn an_answer_that_will_not_change_is_the_last() {
    for (status, attempts) in [(401, 1), (404, 1), (408, 4), (425, 4), (429, 4), (503, 4)] {
        let server = Server::answering(move |_| {
            format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n").into_bytes()
        })
        .await;
        let mut reconnect = Reconnect::new(server.connect(), QUICK);
        let mut failures = 0;
        while let Some(progress) = reconnect.next().await {
            failures += usize::from(matches!(progress, Progress::Failed(_)));
        }
        assert_eq!(failures, attempts, "{status}");
    }
}

// parity W18
#[tokio::test]
async fn a_certificate_that_is_not_acceptable_is_the_last() {
    let (known, other) = (Authority::new("known"), Authority::new("other"));
    let (server, _) = serving(&other.issue(&["localhost"], |_| {}), None).await;
    let mut reconnect = Reconnect::new(secure(&server, "localhost", trusting(&known)), QUICK);
    match reconnect.next().await {
        Some(Progress::Failed(error)) => {
            assert!(matches!(fault(error), TlsFault::Certificate(_)));
        }
        other => panic!("{other:?}"),
    }
    assert!(reconnect.next().await.is_none());
}

// hardening H22
#[tokio::test]
async fn waiting_for_progress_may_be_given_up_at_any_point() {
    let server = Server::echo().await;
    let mut reconnect = Reconnect::new(server.connect(), QUICK);
    let mut echoed = 0;
    while echoed < 20 {
        tokio::select! {
            biased;
            progress = reconnect.next() => match progress.unwrap() {
                Progress::Open(_, sender) => for n in 0..20 {
                    sender.text(n.to_string()).await.unwrap();
                },
                Progress::Event(Event::Message(Message::Text(text))) => {
                    assert_eq!(text, echoed.to_string());
                    echoed += 1;
                }
                other => panic!("{other:?}"),
            },
            () = tokio::task::yield_now() => {}
        }
    }
}
