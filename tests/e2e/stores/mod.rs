//! Key-value stores of guests: guests/kvprobe does what it is told with `wasi:keyvalue`, guests/counter counts.

mod crash;
mod drafts;
mod files;
mod grants;

use std::path::{Path, PathBuf};

use crate::host::{Host, write_config};

/// Everything but the services and stores.
const HOST: &str = "[host]\ninstances_max = 100\n[[listen]]\naddress = \"127.0.0.1:0\"\n\
                    [log]\nformat = \"json\"\nlevel = \"debug\"\n";

/// A service of guests/kvprobe that opens `default`, which is this store.
fn probe(name: &str, store: &str) -> String {
    format!(
        "[service.{name}]\npath = \"/{name}\"\ncomponent = \"GUESTS/kvprobe.wasm\"\n\
         stores = {{ default = \"{store}\" }}\n"
    )
}

/// A configuration that several hosts serve, one after the other.
fn config(text: &str) -> PathBuf {
    write_config(&format!("{HOST}{text}"))
}

fn serve(config: &Path, services: usize) -> Host {
    Host::start(&["serve", config.to_str().unwrap()], services)
}
