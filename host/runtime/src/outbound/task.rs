//! The task of one connection to the outside: opens it, moves messages both ways, and says how it ended.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use wasket_client::{By, Closed, Connect, Connection, Error, Event, Message, Receiver, Sender};
use wasket_session::{CloseEvent, Party};

use super::link::{Link, Outgoing};
use super::pace::{Pace, SERVED_AFTER};
use crate::log::{TARGET, logged};
use crate::text::{cut, escaped};

/// Runs a connection from the first packet to its end. From when this side asks to close it has `close_within` left, with
/// what is still to be sent.
pub(super) async fn run(
    link: Arc<Link>,
    connect: Connect,
    url: String,
    pace: Arc<Pace>,
    close_within: Duration,
    place: OwnedSemaphorePermit,
) {
    let given_up = async {
        link.closing.cancelled().await;
        tokio::time::sleep(close_within).await;
    };
    let close = tokio::select! {
        close = drive(&link, &connect, &url, &pace) => close,
        // Whatever is dropped here closes by itself, with 1001.
        () = given_up => ended(1006, link.closer()),
    };
    drop(place);
    log_end(&link, &close);
    link.finish(close);
}

async fn drive(link: &Link, connect: &Connect, url: &str, pace: &Pace) -> CloseEvent {
    let opening = async {
        pace.wait().await;
        connect.open().await
    };
    let opened = tokio::select! {
        biased;
        () = link.called_off.cancelled() => {
            // As costly as one that fails.
            pace.failed();
            return ended(1006, link.closer());
        }
        opened = opening => opened,
    };
    match opened {
        Ok(connection) => {
            log_open(link, url, &connection);
            let lasting = async {
                tokio::time::sleep(SERVED_AFTER).await;
                pace.served();
                pending().await
            };
            let close = tokio::select! {
                close = serve(link, connection) => close,
                never = lasting => never,
            };
            match link.has_heard() || close.clean {
                true => pace.served(),
                false if close.by == Party::Peer => pace.failed(),
                false => {}
            }
            close
        }
        Err(error) => {
            pace.failed();
            log_failure(link, url, &error);
            CloseEvent {
                reason: "not connected".to_owned(),
                ..ended(1006, Party::Peer)
            }
        }
    }
}

async fn serve(link: &Link, connection: Connection) -> CloseEvent {
    if !link.opened(connection.response().protocol()) {
        return ended(1006, link.closer());
    }
    let (sender, receiver) = connection.split();
    tokio::select! {
        closed = receive(link, receiver) => closed,
        never = send(link, &sender) => never,
    }
}

/// Sends what the guest has queued. Ends never: the receiver tells the end.
async fn send<T>(link: &Link, sender: &Sender) -> T {
    while !link.is_closed() {
        match link.next_outgoing() {
            Some(Outgoing::Message {
                is_text,
                payload,
                charge,
            }) => {
                let len = payload.len();
                let sent = match is_text {
                    true => sender.text(String::from_utf8_lossy(&payload)).await,
                    false => sender.binary(payload).await,
                };
                if sent.is_err() {
                    link.stop();
                    break;
                }
                drop(charge);
                link.written(len);
            }
            Some(Outgoing::Ping(payload)) => {
                // Asked for at the first poll; nobody waits for its pong.
                let _ = tokio::time::timeout(Duration::ZERO, sender.ping(&payload)).await;
                link.written(payload.len());
            }
            Some(Outgoing::Close(frame)) => {
                let code = frame.code.map(wasket_session::ws::CloseCode::get);
                let _ = sender.close(code, &frame.reason).await;
                break;
            }
            None => link.outgoing.notified().await,
        }
    }
    pending().await
}

/// Takes what arrives, no faster than the guest does.
async fn receive(link: &Link, mut receiver: Receiver) -> CloseEvent {
    while let Some(event) = receiver.next().await {
        match event {
            Event::Message(message) => {
                room_for(link, &message).await;
                link.arrived(message);
            }
            Event::Close(closed) => {
                log_fault(link, &closed);
                return close_event(&closed, link.closer());
            }
            _ => {}
        }
    }
    ended(1006, Party::Host)
}

async fn room_for(link: &Link, message: &Message) {
    while !link.may_tell(message.as_bytes().len()) {
        link.taken.notified().await;
    }
}

fn close_event(closed: &Closed, closer: Party) -> CloseEvent {
    CloseEvent {
        code: closed.code,
        reason: closed.reason.clone(),
        clean: closed.clean,
        by: match closed.by {
            By::Us => closer,
            By::Peer | By::Network => Party::Peer,
        },
    }
}

fn ended(code: u16, by: Party) -> CloseEvent {
    CloseEvent {
        code,
        reason: String::new(),
        clean: false,
        by,
    }
}

fn log_open(link: &Link, url: &str, connection: &Connection) {
    let peer = connection.response().peer();
    tracing::info!(
        target: TARGET,
        service = &**link.hub().service(),
        session = logged(link.session().id()),
        connection = logged(link.id()),
        url = %escaped(url),
        address = peer.map(tracing::field::display),
        "connected to the outside"
    );
}

fn log_end(link: &Link, close: &CloseEvent) {
    tracing::info!(
        target: TARGET,
        service = &**link.hub().service(),
        session = logged(link.session().id()),
        connection = logged(link.id()),
        code = close.code,
        reason = ?close.reason,
        clean = close.clean,
        by = ?close.by,
        "connection to the outside closed"
    );
}

fn log_fault(link: &Link, closed: &Closed) {
    if let Some(fault) = &closed.fault {
        tracing::warn!(
            target: TARGET,
            service = &**link.hub().service(),
            session = logged(link.session().id()),
            connection = logged(link.id()),
            "the guest's connection failed: {}",
            escaped(cut(&fault.to_string(), ERROR_BYTES_MAX))
        );
    }
}

fn log_failure(link: &Link, url: &str, error: &Error) {
    tracing::warn!(
        target: TARGET,
        service = &**link.hub().service(),
        session = logged(link.session().id()),
        connection = logged(link.id()),
        url = %escaped(url),
        phase = %error.phase(),
        "the guest's connection does not come about: {} (`connect` of the service says what is allowed, and as whom)",
        escaped(cut(&error.to_string(), ERROR_BYTES_MAX))
    );
}

/// Of an error's text, some of which may be the server's.
const ERROR_BYTES_MAX: usize = 512;
