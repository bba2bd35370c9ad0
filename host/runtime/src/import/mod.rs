//! What guests can call: one file for each WIT interface, in the interface's order.
#![expect(
    clippy::needless_pass_by_value,
    reason = "a linker's function takes its store by value"
)]

mod config;
mod connections;
mod environment;
mod filesystem;
mod http;
mod keyvalue;
mod logging;
mod sessions;
mod sockets;
mod timers;
mod topics;

use wasket_session::Outbox;
use wasket_session::ws::Message;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::store::Guest;
use crate::wire::MessageOut;

/// Everything that the host offers, defined once for all services: what differs between them is in the store.
pub(crate) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    // What is granted, limited and told of is ours.
    linker.allow_shadowing(true);
    environment::add_to_linker(linker)?;
    filesystem::add_to_linker(linker)?;
    sockets::add_to_linker(linker)?;
    linker.allow_shadowing(false);
    http::add_to_linker(linker)?;
    // Types only.
    linker.instance("wasket:websocket/types@0.1.0")?;
    sessions::add_to_linker(linker)?;
    topics::add_to_linker(linker)?;
    timers::add_to_linker(linker)?;
    connections::add_to_linker(linker)?;
    logging::add_to_linker(linker)?;
    config::add_to_linker(linker)?;
    keyvalue::add_to_linker(linker)
}

/// Does something with the instance's outbox and a message that lies in the guest's memory: the message is
/// copied once, into the outbox.
#[inline]
fn with_outbox<R>(
    store: &mut StoreContextMut<'_, Guest>,
    message: &MessageOut,
    act: impl FnOnce(&StoreContextMut<'_, Guest>, &mut Outbox, &Message<'_>) -> wasmtime::Result<R>,
) -> wasmtime::Result<R> {
    let mut outbox = store.data_mut().take_outbox()?;
    let result = match message.read(store) {
        Ok(message) => act(store, &mut outbox, &message),
        Err(e) => Err(e),
    };
    store.data_mut().put_outbox(outbox);
    result
}
