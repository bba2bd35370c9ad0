//! The complete list of what the host offers to guests, to say of every import whether it is there.

use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::inspect::{MissingImport, Need};

/// An interface that guests may import.
struct Offer {
    /// `namespace:package/interface`.
    interface: &'static str,
    /// Versions of the same track (0.2.x) fit, older and newer; a pre-release only itself.
    version: &'static str,
    /// Its functions, where the interface is our own work.
    functions: Option<&'static [&'static str]>,
    /// The setting that has to grant it, and what its calls answer without.
    granted_by: Option<(&'static str, &'static str)>,
}

/// Every import that the host does not have.
pub(crate) fn missing(component: &Component) -> Vec<MissingImport> {
    let engine = component.engine();
    let ty = component.component_type();
    let mut missing = Vec::new();
    for (name, item) in ty.imports(engine) {
        let Some(offer) = find(name) else {
            missing.push(MissingImport {
                import: name.to_owned(),
                hint: hint(name),
            });
            continue;
        };
        let (Some(functions), ComponentItem::ComponentInstance(instance)) =
            (offer.functions, &item.ty)
        else {
            continue;
        };
        for (function, item) in instance.exports(engine) {
            let is_function = matches!(item.ty, ComponentItem::ComponentFunc(_));
            if is_function && !functions.contains(&function) {
                missing.push(MissingImport {
                    import: format!("{name}#{function}"),
                    hint: format!("this host's {}@{} is older", offer.interface, offer.version),
                });
            }
        }
    }
    missing
}

/// What of its imports settings have to grant, setting by setting.
pub(crate) fn needs(component: &Component) -> Vec<Need> {
    let ty = component.component_type();
    let mut needs: Vec<Need> = Vec::new();
    for (name, _) in ty.imports(component.engine()) {
        let Some((setting, without)) = find(name).and_then(|offer| offer.granted_by) else {
            continue;
        };
        match needs.iter_mut().find(|need| need.setting == setting) {
            Some(need) => need.imports.push(name.to_owned()),
            None => needs.push(Need {
                setting,
                imports: vec![name.to_owned()],
                without,
            }),
        }
    }
    needs
}

/// What serves an import of this name.
fn find(import: &str) -> Option<&'static Offer> {
    let (interface, version) = import.split_once('@')?;
    OFFERS
        .iter()
        .find(|offer| offer.interface == interface && fits(version, offer.version))
}

/// Whether an import of one version is served by another (as the component model's names have it).
fn fits(wanted: &str, offered: &str) -> bool {
    if wanted == offered {
        return true;
    }
    match (track(wanted), track(offered)) {
        (Some(wanted), Some(offered)) => wanted == offered,
        _ => false,
    }
}

/// The part of a version that must be equal: `1` of 1.2.3, `0.2` of 0.2.3, all of 0.0.3 and of a pre-release.
fn track(version: &str) -> Option<(u64, u64, u64)> {
    let mut parts = version.split('.').map(|part| part.parse::<u64>().ok());
    let parts = (parts.next()??, parts.next()??, parts.next()??);
    Some(match parts {
        (0, 0, patch) => (0, 0, patch),
        (0, minor, _) => (0, minor, 0),
        (major, ..) => (major, 0, 0),
    })
}

/// The nearest thing that the host does offer.
fn hint(import: &str) -> String {
    let interface = import.split('@').next().unwrap_or(import);
    let same: Vec<String> = OFFERS
        .iter()
        .filter(|offer| offer.interface == interface)
        .map(|offer| format!("{}@{}", offer.interface, offer.version))
        .collect();
    if !same.is_empty() {
        return format!("the host offers {}", same.join(", "));
    }
    let package = interface.split('/').next().unwrap_or(interface);
    let mut siblings: Vec<&str> = Vec::new();
    for (_, name) in OFFERS
        .iter()
        .filter_map(|offer| offer.interface.split_once('/'))
        .filter(|(of, _)| *of == package)
    {
        if !siblings.contains(&name) {
            siblings.push(name);
        }
    }
    if siblings.is_empty() {
        "the host offers nothing like it".into()
    } else {
        format!("of {package} the host offers {}", siblings.join(", "))
    }
}

const fn ours(
    interface: &'static str,
    version: &'static str,
    functions: &'static [&'static str],
) -> Offer {
    Offer {
        interface,
        version,
        functions: Some(functions),
        granted_by: None,
    }
}

const fn wasi(interface: &'static str) -> Offer {
    Offer {
        interface,
        version: WASI,
        functions: None,
        granted_by: None,
    }
}

const fn granted_by(
    setting: &'static str,
    without: &'static str,
    interface: &'static str,
) -> Offer {
    Offer {
        granted_by: Some((setting, without)),
        ..wasi(interface)
    }
}

const fn keyvalue(
    interface: &'static str,
    version: &'static str,
    functions: &'static [&'static str],
) -> Offer {
    Offer {
        granted_by: Some(("stores", "no such store")),
        ..ours(interface, version, functions)
    }
}

const fn socket(interface: &'static str) -> Offer {
    granted_by("sockets", "access denied", interface)
}

/// The newest WASI 0.2 that wasmtime has.
const WASI: &str = "0.2.12";

const CONFIG: &[&str] = &["get", "get-all"];

const STORE: &str = "wasi:keyvalue/store";

const DRAFT: &str = "0.2.0-draft";

const DRAFT_2: &str = "0.2.0-draft2";

const KEYVALUE: &[&str] = &[
    "open",
    "[method]bucket.get",
    "[method]bucket.set",
    "[method]bucket.delete",
    "[method]bucket.exists",
    "[method]bucket.list-keys",
];

const CAS: &[&str] = &[
    "increment",
    "swap",
    "[static]cas.new",
    "[method]cas.current",
];

const BATCH: &[&str] = &["get-many", "set-many", "delete-many"];

const OFFERS: &[Offer] = &[
    ours("wasket:websocket/types", "0.1.0", &[]),
    ours(
        "wasket:websocket/sessions",
        "0.1.0",
        &[
            "send",
            "ping",
            "close",
            "broadcast",
            "state",
            "opened-at",
            "heard-at",
            "protocol",
            "queued-bytes",
            "opening-request",
            "header",
            "count",
            "ids",
            "attach",
            "attachment",
        ],
    ),
    ours(
        "wasket:websocket/topics",
        "0.1.0",
        &["subscribe", "unsubscribe", "publish"],
    ),
    ours("wasket:websocket/timers", "0.1.0", &["set", "cancel"]),
    Offer {
        granted_by: Some(("connect", "refused")),
        ..ours("wasket:websocket/connections", "0.1.0", &["connect"])
    },
    ours("wasi:logging/logging", "0.1.0-draft", &["log"]),
    ours("wasi:config/store", "0.2.0-rc.1", CONFIG),
    ours("wasi:config/store", "0.2.0-draft", CONFIG),
    ours("wasi:config/store", "0.2.0-draft-2024-09-27", CONFIG),
    keyvalue(STORE, DRAFT, KEYVALUE),
    keyvalue("wasi:keyvalue/atomics", DRAFT, &["increment"]),
    keyvalue("wasi:keyvalue/batch", DRAFT, BATCH),
    keyvalue(STORE, DRAFT_2, KEYVALUE),
    keyvalue("wasi:keyvalue/atomics", DRAFT_2, CAS),
    keyvalue("wasi:keyvalue/batch", DRAFT_2, BATCH),
    granted_by("environment", "no variables", "wasi:cli/environment"),
    wasi("wasi:cli/exit"),
    wasi("wasi:cli/stdin"),
    wasi("wasi:cli/stdout"),
    wasi("wasi:cli/stderr"),
    wasi("wasi:cli/terminal-input"),
    wasi("wasi:cli/terminal-output"),
    wasi("wasi:cli/terminal-stdin"),
    wasi("wasi:cli/terminal-stdout"),
    wasi("wasi:cli/terminal-stderr"),
    wasi("wasi:clocks/monotonic-clock"),
    wasi("wasi:clocks/wall-clock"),
    wasi("wasi:filesystem/types"),
    granted_by("directories", "no directories", "wasi:filesystem/preopens"),
    wasi("wasi:http/types"),
    granted_by("connect", "refused", "wasi:http/outgoing-handler"),
    wasi("wasi:io/error"),
    wasi("wasi:io/poll"),
    wasi("wasi:io/streams"),
    wasi("wasi:random/random"),
    wasi("wasi:random/insecure"),
    wasi("wasi:random/insecure-seed"),
    wasi("wasi:sockets/network"),
    socket("wasi:sockets/instance-network"),
    // Names are never looked up.
    wasi("wasi:sockets/ip-name-lookup"),
    socket("wasi:sockets/tcp"),
    socket("wasi:sockets/tcp-create-socket"),
    socket("wasi:sockets/udp"),
    socket("wasi:sockets/udp-create-socket"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_fit_within_their_track() {
        let cases = [
            ("wasi:io/poll@0.2.0", true),
            ("wasi:io/poll@0.2.99", true),
            ("wasi:io/poll@0.3.0", false),
            ("wasi:io/poll@0.2.0-rc-2023-11-10", false),
            ("wasi:io/poll", false),
            ("wasket:websocket/sessions@0.1.7", true),
            ("wasket:websocket/sessions@0.2.0", false),
            ("wasi:config/store@0.2.0-draft", true),
            ("wasi:config/store@0.2.0", false),
            ("wasi:keyvalue/store@0.2.0-draft", true),
            ("wasi:keyvalue/atomics@0.2.0-draft2", true),
            ("wasi:keyvalue/batch@0.2.0-draft3", false),
            ("wasi:logging/logging@0.1.0-draft", true),
        ];
        for (import, there) in cases {
            assert_eq!(find(import).is_some(), there, "{import}");
        }
    }

    #[test]
    fn a_hint_names_the_nearest_thing() {
        let cases = [
            ("wasi:io/poll@0.3.0", "the host offers wasi:io/poll@0.2.12"),
            (
                "wasket:websocket/session@0.1.0",
                "of wasket:websocket the host offers types, sessions, topics, timers, connections",
            ),
            (
                "wasi:keyvalue/store@0.2.0-draft3",
                "the host offers wasi:keyvalue/store@0.2.0-draft, wasi:keyvalue/store@0.2.0-draft2",
            ),
            (
                "wasi:keyvalue/watcher@0.2.0-draft",
                "of wasi:keyvalue the host offers store, atomics, batch",
            ),
            ("acme:db/sql@1.0.0", "the host offers nothing like it"),
        ];
        for (import, expected) in cases {
            assert_eq!(hint(import), expected);
        }
    }
}
