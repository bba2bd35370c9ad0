//! What the parts do together. There is no socket here: a test plays the connection.

mod churn;
mod compression;
mod hub;
mod life;
mod order;
mod room;
mod stress;
mod total;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use wasket_ws::{CloseCode, CloseFrame, Message};

use crate::{Closing, Frame, Headers, Hub, Limits, Opening, Party, Principal, Session, SessionId};

/// A session that is connecting.
pub(crate) fn connecting(id: u64, limits: Limits) -> Arc<Session> {
    connecting_to(&Hub::new("test", limits, Vec::new()), id)
}

/// The same, of this service.
pub(crate) fn connecting_to(hub: &Hub, id: u64) -> Arc<Session> {
    let opening = Opening {
        service: "test".into(),
        method: "GET",
        authority: "localhost".into(),
        target: "/".into(),
        path: "/".into(),
        parameters: Box::default(),
        headers: Headers::default(),
        protocols: Box::new(["b".into(), "a".into()]),
        principal: Some(Box::new(Principal {
            name: "from the host".into(),
            ..Principal::default()
        })),
        remote_address: ([127, 0, 0, 1], 1).into(),
        secure: false,
        properties: Arc::default(),
    };
    let id = SessionId::new(id).unwrap();
    Arc::new(Session::new(id, hub, opening, 1_000))
}

/// A session that is open.
pub(crate) fn open(id: u64, limits: Limits) -> Arc<Session> {
    let session = connecting(id, limits);
    session.open(None, None);
    session
}

fn binary(bytes: &[u8]) -> Message<'_> {
    Message::Binary(bytes.into())
}

/// A message that takes this many bytes on the wire: 2 to 127.
fn frame(bytes: usize) -> Frame {
    let frame = Frame::new(&binary(&vec![7; bytes - 2]));
    assert_eq!(frame.len(), bytes);
    frame
}

fn closing(by: Party, drain: bool) -> Closing {
    Closing {
        frame: CloseFrame::from(CloseCode::NORMAL),
        by,
        drain,
    }
}

/// Takes everything queued and reports it as written.
fn take_all(session: &Session) -> (usize, Option<Closing>) {
    let mut bytes = 0;
    let closing = session.drain(|item| {
        bytes += item.len();
        true
    });
    session.written(bytes);
    (bytes, closing)
}

/// A waker that counts.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Woken {
    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}
