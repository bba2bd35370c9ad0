//! `wasi:cli/environment`: what the service grants, and nothing of the host's own.

use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut to = linker.instance("wasi:cli/environment@0.2.12")?;
    to.func_wrap("get-environment", get_environment)
}

type Variables = Vec<(String, String)>;

fn get_environment(store: StoreContextMut<'_, Guest>, (): ()) -> Result<(Variables,)> {
    let guest = store.data();
    let variables = guest.shared().capabilities.environment();
    if variables.is_empty() {
        guest.note_ungranted("environment");
    }
    Ok((variables.to_vec(),))
}
