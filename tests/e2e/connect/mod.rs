//! `wasket connect`: the built program on both sides, and servers of bare bytes where a host would not do.

mod again;
mod bare;
mod ending;
mod messages;
mod program;
mod refused;
mod secure;
mod terminal;
mod texts;
mod uploads;
mod way;

use crate::host::Host;

/// A native echo and the probe, on one listener.
fn host() -> Host {
    Host::serve(
        "[service.echo]\npath = \"/echo\"\nnative = \"echo\"\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n",
    )
}

/// The text in a line of JSON behind a field: `"data":"text"`.
fn field<'l>(line: &'l str, name: &str) -> &'l str {
    let start = format!("\"{name}\":");
    let (_, rest) = line
        .split_once(&start)
        .unwrap_or_else(|| panic!("no {name} in {line}"));
    let end = rest.find([',', '}']).unwrap();
    rest[..end].trim_matches('"')
}
