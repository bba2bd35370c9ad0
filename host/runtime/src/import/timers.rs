//! `wasket:websocket/timers`.

use std::time::{Duration, Instant};

use wasket_session as session;
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::store::Guest;
use crate::wire::Outcome;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut to = linker.instance("wasket:websocket/timers@0.1.0")?;
    to.func_wrap("set", set)?;
    to.func_wrap("cancel", cancel)
}

type Store<'a> = StoreContextMut<'a, Guest>;

fn set(store: Store<'_>, (id, after_ms, token): (Option<u64>, u64, u64)) -> Result<(Outcome,)> {
    // An instance that serves one session is woken through it.
    let Some(id) = id else {
        return Ok((Outcome::Refused,));
    };
    let Some(at) = Instant::now().checked_add(Duration::from_millis(after_ms)) else {
        return Ok((Outcome::Invalid,));
    };
    let session = store.data().find(id);
    let outcome = session.map_or(session::Outcome::NotOpen, |s| s.set_timer(at, token));
    if outcome == session::Outcome::Refused {
        let max = store.data().hub().limits().timers_max;
        store.data().refuse("timers_per_session_max", max);
    }
    Ok((outcome.into(),))
}

fn cancel(store: Store<'_>, (id, token): (Option<u64>, u64)) -> Result<()> {
    if let Some(session) = id.and_then(|id| store.data().find(id)) {
        session.cancel_timer(token);
    }
    Ok(())
}
