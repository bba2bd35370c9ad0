//! `wasi:config/store`: one shape under three ids, all in use.

use wasmtime::component::{ComponentType, Linker, Lower, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    for id in IDS {
        let mut to = linker.instance(id)?;
        to.func_wrap("get", get)?;
        to.func_wrap("get-all", |store: Store<'_>, (): ()| {
            let config = store.data().shared().config.iter();
            let all: Vec<(String, String)> = config.map(|(k, v)| (k.clone(), v.clone())).collect();
            Ok((Ok::<_, ConfigError>(all),))
        })?;
    }
    Ok(())
}

type Store<'a> = StoreContextMut<'a, Guest>;

type Value = std::result::Result<Option<String>, ConfigError>;

fn get(store: Store<'_>, (key,): (WasmStr,)) -> Result<(Value,)> {
    let key = key.to_str(&store)?;
    Ok((Ok(store.data().shared().config.get(&*key).cloned()),))
}

/// `error`: the settings are in memory, so none ever comes.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum ConfigError {
    #[component(name = "upstream")]
    #[expect(dead_code, reason = "part of the interface's type")]
    Upstream(String),
    #[component(name = "io")]
    #[expect(dead_code, reason = "part of the interface's type")]
    Io(String),
}

const IDS: [&str; 3] = [
    "wasi:config/store@0.2.0-rc.1",
    "wasi:config/store@0.2.0-draft",
    "wasi:config/store@0.2.0-draft-2024-09-27",
];
