//! `wasi:logging/logging`.

use tracing::Level;
use wasmtime::component::{ComponentType, Lift, Linker, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::log;
use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut to = linker.instance("wasi:logging/logging@0.1.0-draft")?;
    to.func_wrap("log", log)
}

fn log(
    store: StoreContextMut<'_, Guest>,
    (level, context, message): (GuestLevel, WasmStr, WasmStr),
) -> Result<()> {
    let level = match level {
        GuestLevel::Trace => Level::TRACE,
        GuestLevel::Debug => Level::DEBUG,
        GuestLevel::Info => Level::INFO,
        GuestLevel::Warn => Level::WARN,
        GuestLevel::Error | GuestLevel::Critical => Level::ERROR,
    };
    let guest = store.data();
    let (context, message) = (context.to_str(&store)?, message.to_str(&store)?);
    log::emit(
        &guest.shared().log,
        guest.session().id(),
        level,
        &context,
        &message,
    );
    Ok(())
}

/// `level`.
#[derive(Clone, Copy, ComponentType, Lift)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "guests make the values")]
enum GuestLevel {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}
