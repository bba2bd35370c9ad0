//! `wasket:websocket/topics`.

use wasket_session::{self as session, SessionId};
use wasmtime::component::{Linker, WasmStr};
use wasmtime::{Result, StoreContextMut};

use super::with_outbox;
use crate::store::Guest;
use crate::wire::{MessageOut, Outcome, except};

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut to = linker.instance("wasket:websocket/topics@0.1.0")?;
    to.func_wrap("subscribe", subscribe)?;
    to.func_wrap("unsubscribe", unsubscribe)?;
    to.func_wrap("publish", publish)
}

type Store<'a> = StoreContextMut<'a, Guest>;

fn subscribe(store: Store<'_>, (id, topic): (u64, WasmStr)) -> Result<(Outcome,)> {
    let topic = topic.to_str(&store)?;
    let outcome = SessionId::new(id).map_or(session::Outcome::NotOpen, |id| {
        store.data().hub().subscribe(id, &topic)
    });
    if outcome == session::Outcome::Refused {
        let max = store.data().hub().limits().topics_max;
        store.data().refuse("topics_per_session_max", max);
    }
    Ok((outcome.into(),))
}

fn unsubscribe(store: Store<'_>, (id, topic): (u64, WasmStr)) -> Result<()> {
    let topic = topic.to_str(&store)?;
    if let Some(id) = SessionId::new(id) {
        store.data().hub().unsubscribe(id, &topic);
    }
    Ok(())
}

fn publish(
    mut store: Store<'_>,
    (topic, message, left_out): (WasmStr, MessageOut, Option<u64>),
) -> Result<(Outcome,)> {
    let outcome = with_outbox(&mut store, &message, |store, outbox, message| {
        let topic = topic.to_str(store)?;
        let guest = store.data();
        let may = |receivers| guest.may_deliver(receivers, message.len());
        Ok(outbox.publish_topic(guest.hub(), &topic, message, except(left_out), may))
    })?;
    Ok((outcome.into(),))
}
