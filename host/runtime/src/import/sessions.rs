//! `wasket:websocket/sessions`.

use std::future::{poll_fn, ready};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use wasket_session::ws::{CloseCode, CloseFrame, CloseReason, Message, Role};
use wasket_session::{self as session, Closing, SessionId};
use wasmtime::component::{Linker, WasmList, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::with_outbox;
use crate::store::Guest;
use crate::wire::{MessageOut, Outcome, ReadyState, Request, except};

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut to = linker.instance("wasket:websocket/sessions@0.1.0")?;
    to.func_wrap_async("send", send)?;
    to.func_wrap("ping", ping)?;
    to.func_wrap("close", close)?;
    to.func_wrap("broadcast", broadcast)?;
    to.func_wrap("state", |store: Store<'_>, (id,): (u64,)| {
        let guest = store.data();
        let connection = || guest.link(id).map(|it| it.state());
        let state = guest.find(id).map(|s| s.state()).or_else(connection);
        Ok((ReadyState::from(
            state.unwrap_or(session::ReadyState::Closed),
        ),))
    })?;
    to.func_wrap("opened-at", |store: Store<'_>, (id,): (u64,)| {
        let guest = store.data();
        let connection = || guest.link(id).map(|it| it.opened_at_ms());
        Ok((guest.find(id).map(|s| s.opened_at_ms()).or_else(connection),))
    })?;
    to.func_wrap("heard-at", |store: Store<'_>, (id,): (u64,)| {
        let guest = store.data();
        let connection = || guest.link(id).map(|it| it.heard_at_ms());
        Ok((guest.find(id).map(|s| s.heard_at_ms()).or_else(connection),))
    })?;
    to.func_wrap("protocol", |store: Store<'_>, (id,): (u64,)| {
        let guest = store.data();
        Ok((match guest.link(id) {
            Some(connection) => connection.protocol(),
            None => guest.find(id).and_then(|s| s.protocol().map(String::from)),
        },))
    })?;
    to.func_wrap("queued-bytes", queued_bytes)?;
    to.func_wrap("opening-request", |store: Store<'_>, (id,): (u64,)| {
        let session = store.data().find(id);
        Ok((session.map(|s| Request::new(s.opening(), s.principal())),))
    })?;
    to.func_wrap("header", header)?;
    to.func_wrap("count", |store: Store<'_>, (): ()| {
        let count = store.data().hub().count();
        Ok((u32::try_from(count).unwrap_or(u32::MAX),))
    })?;
    to.func_wrap("ids", |store: Store<'_>, (after, limit): (u64, u32)| {
        let ids = store.data().hub().ids(after, limit.min(IDS_MAX) as usize);
        Ok((ids.into_iter().map(SessionId::get).collect::<Vec<u64>>(),))
    })?;
    to.func_wrap("attach", attach)?;
    to.func_wrap("attachment", |store: Store<'_>, (id,): (u64,)| {
        let state = store.data().find(id).map(|s| s.attachment());
        Ok((Vec::from(state.unwrap_or_default()),))
    })
}

type Store<'a> = StoreContextMut<'a, Guest>;

/// What an import that may wait returns.
type Answer<'a> = Box<dyn Future<Output = Result<(Outcome,)>> + Send + 'a>;

/// Waits only for room in the own session's outbox, and then off the fast path.
///
/// Async although it hardly ever waits: a synchronous import cannot, and an interruption at the guest's next
/// loop or call would come after whatever it sends until there.
fn send<'a>(mut store: Store<'a>, (to, message): (u64, MessageOut)) -> Answer<'a> {
    let own = store.data().is_own(to);
    let outcome = with_outbox(&mut store, &message, |store, outbox, message| {
        if own {
            return Ok(outbox.send(message));
        }
        if let Some(connection) = store.data().link(to) {
            return Ok(connection.send(message));
        }
        // What this guest sends to itself and to others keeps its order within each session only, so
        // nothing has to be published here.
        let to = SessionId::new(to);
        Ok(to.map_or(session::Outcome::NotOpen, |to| {
            send_to_other(store.data(), to, message)
        }))
    });
    match outcome {
        // A future of no size, so that its box allocates nothing.
        Ok(session::Outcome::Accepted) => {
            Box::new(poll_fn(|_| Poll::Ready(Ok((Outcome::Accepted,)))))
        }
        Ok(session::Outcome::Backlogged) if own => Box::new(send_when_room(store, message)),
        Ok(session::Outcome::Backlogged) if store.data().link(to).is_some() => {
            Box::new(send_out_when_room(store, to, message))
        }
        outcome => Box::new(ready(outcome.map(|outcome| (outcome.into(),)))),
    }
}

fn send_to_other(guest: &Guest, to: SessionId, message: &Message<'_>) -> session::Outcome {
    if guest.may_deliver(1, message.len()) {
        guest.hub().send(to, message)
    } else {
        session::Outcome::Refused
    }
}

#[cold]
async fn send_when_room(mut store: Store<'_>, message: MessageOut) -> Result<(Outcome,)> {
    loop {
        let meter = Arc::clone(store.data().meter());
        let room = poll_fn(|cx| match store.data_mut().outbox() {
            Some(outbox) => outbox.poll_room(cx),
            None => Poll::Ready(()),
        });
        meter.wait_for_peer(room).await;
        let outcome = with_outbox(&mut store, &message, |_, outbox, message| {
            Ok(outbox.send(message))
        })?;
        if outcome != session::Outcome::Backlogged {
            return Ok((outcome.into(),));
        }
    }
}

/// The same for a connection of the guest's own. A session that is given up has nobody left to wait for.
#[cold]
async fn send_out_when_room(
    mut store: Store<'_>,
    to: u64,
    message: MessageOut,
) -> Result<(Outcome,)> {
    loop {
        let guest = store.data_mut();
        guest.publish();
        let meter = Arc::clone(guest.meter());
        let session = Arc::clone(guest.session());
        let Some(connection) = guest.link(to).cloned() else {
            return Ok((Outcome::NotOpen,));
        };
        let bytes = message.read(&store)?.len();
        let room = poll_fn(|cx| connection.poll_room(cx, bytes));
        meter.wait_for_peer(room).await;
        let outcome = connection.send(&message.read(&store)?);
        if outcome != session::Outcome::Backlogged || session.is_given_up() {
            return Ok((outcome.into(),));
        }
    }
}

fn ping(mut store: Store<'_>, (to, payload): (u64, WasmList<u8>)) -> Result<(Outcome,)> {
    let own = store.data().is_own(to);
    let mut outbox = store.data_mut().take_outbox()?;
    let payload = payload.as_le_slice(&store);
    let outcome = if payload.len() > PING_BYTES_MAX {
        session::Outcome::Invalid
    } else if own {
        outbox.ping(payload)
    } else if let Some(connection) = store.data().link(to) {
        connection.ping(payload)
    } else if store.data().may_deliver(1, payload.len()) {
        let session = store.data().find(to);
        session.map_or(session::Outcome::NotOpen, |s| s.ping(payload))
    } else {
        session::Outcome::Refused
    };
    store.data_mut().put_outbox(outbox);
    Ok((outcome.into(),))
}

fn close(
    mut store: Store<'_>,
    (id, code, reason): (u64, Option<u16>, WasmStr),
) -> Result<(Outcome,)> {
    let frame = close_frame(code, &reason.to_str(&store)?);
    let Some(frame) = frame else {
        return Ok((Outcome::Invalid,));
    };
    let guest = store.data_mut();
    let outcome = if guest.is_own(id) {
        guest.outbox().map(|outbox| outbox.close(frame))
    } else if let Some(connection) = guest.link(id) {
        let sendable = frame
            .code
            .is_none_or(|code| code.may_be_sent_by(Role::Client));
        Some(match sendable {
            true => connection.shut(frame, session::Party::Guest),
            false => session::Outcome::Invalid,
        })
    } else {
        let closing = Closing {
            frame,
            by: session::Party::Guest,
            drain: true,
        };
        guest.find(id).map(|session| session.shut(closing))
    };
    Ok((outcome.unwrap_or(session::Outcome::NotOpen).into(),))
}

/// The close frame that a guest asks for, if it may be sent (RFC 6455, sections 5.5.1 and 7.4).
fn close_frame(code: Option<u16>, reason: &str) -> Option<CloseFrame> {
    let reason = CloseReason::new(reason).ok()?;
    let code = match code {
        None if reason.is_empty() => None,
        // The wire has no place for a reason without a code.
        None => return None,
        Some(code) => Some(CloseCode::new(code).filter(|c| c.may_be_sent_by(Role::Server))?),
    };
    Some(CloseFrame { code, reason })
}

fn broadcast(
    mut store: Store<'_>,
    (message, left_out): (MessageOut, Option<u64>),
) -> Result<(Outcome,)> {
    let outcome = with_outbox(&mut store, &message, |store, outbox, message| {
        let guest = store.data();
        let may = |receivers| guest.may_deliver(receivers, message.len());
        Ok(outbox.broadcast(guest.hub(), message, except(left_out), may))
    })?;
    Ok((outcome.into(),))
}

fn queued_bytes(mut store: Store<'_>, (id,): (u64,)) -> Result<(u64,)> {
    let guest = store.data_mut();
    let bytes = if guest.is_own(id) {
        guest.outbox().map(|outbox| outbox.queued_bytes())
    } else if let Some(connection) = guest.link(id) {
        Some(connection.queued_bytes())
    } else {
        guest.find(id).map(|session| session.queued_bytes())
    };
    Ok((bytes.unwrap_or(0) as u64,))
}

fn header(store: Store<'_>, (id, name): (u64, WasmStr)) -> Result<(Option<String>,)> {
    let Some(session) = store.data().find(id) else {
        return Ok((None,));
    };
    let name = name.to_str(&store)?;
    Ok((session.opening().headers.first(&name).map(String::from),))
}

fn attach(store: Store<'_>, (id, state): (u64, WasmList<u8>)) -> Result<(Outcome,)> {
    let Some(session) = store.data().find(id) else {
        return Ok((Outcome::NotOpen,));
    };
    let state = state.as_le_slice(&store);
    if state.len() > session::ATTACHMENT_BYTES_MAX {
        return Ok((Outcome::TooLarge,));
    }
    Ok((session.attach(Bytes::copy_from_slice(state)).into(),))
}

/// The longest page of ids.
const IDS_MAX: u32 = 1_000;

/// The longest payload of a control frame (RFC 6455, section 5.5).
const PING_BYTES_MAX: usize = 125;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_closes_with_the_codes_of_the_contract_only() {
        for code in [
            1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1014, 3000, 4999,
        ] {
            assert!(close_frame(Some(code), "bye").is_some(), "{code}");
        }
        for code in [
            0, 999, 1004, 1005, 1006, 1010, 1015, 1016, 2999, 5000, 65_535,
        ] {
            assert!(close_frame(Some(code), "bye").is_none(), "{code}");
        }
    }

    #[test]
    fn a_reason_needs_a_code_and_has_123_bytes() {
        assert!(close_frame(None, "").is_some());
        assert!(close_frame(None, "why").is_none());
        assert!(close_frame(Some(1000), &"x".repeat(123)).is_some());
        assert!(close_frame(Some(1000), &"x".repeat(124)).is_none());
    }
}
