//! What a changed configuration says and the host takes over only when it is started anew.

use wasket_config::Plan;

/// The tables that say something else than the host runs with, as a file writes them.
pub(crate) fn needed(running: &Plan, now: &Plan) -> Vec<String> {
    let tables = [
        ("[host]", running.host != now.host),
        ("[log] format", running.log.format != now.log.format),
        ("[[listen]]", running.listeners != now.listeners),
    ];
    let tables = tables.into_iter().filter(|(_, changed)| *changed);
    let tables = tables.map(|(table, _)| table.to_owned());
    let auths = changed(&running.auths, &now.auths, |auth| {
        format!("[auth.{}]", auth.name)
    });
    let stores = changed(&running.stores, &now.stores, |store| {
        format!("[store.{}]", store.name)
    });
    let services = changed(&running.services, &now.services, |service| {
        format!("[service.{}]", service.name)
    });
    let files = changed(&running.files, &now.files, |files| {
        format!("[files.{}]", files.name)
    });
    let http = changed(&running.http, &now.http, |http| {
        format!("[http.{}]", http.name)
    });
    let all = tables.chain(auths).chain(stores).chain(services);
    all.chain(files).chain(http).collect()
}

/// Those that are new, gone or different, each once.
fn changed<T: PartialEq>(running: &[T], now: &[T], title: impl Fn(&T) -> String) -> Vec<String> {
    let gone = running.iter().filter(|one| !now.contains(one));
    let new = now.iter().filter(|one| !running.contains(one));
    let mut titles: Vec<_> = gone.chain(new).map(title).collect();
    titles.sort();
    titles.dedup();
    titles
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const SERVICES: &str = "[service.a]\npath = \"/a\"\nnative = \"echo\"\n\
                            [service.b]\npath = \"/b\"\nnative = \"echo\"\n";

    fn plan(text: &str) -> Plan {
        wasket_config::parse(text, "wasket.toml", Path::new("")).unwrap()
    }

    #[test]
    fn every_table_that_changes_is_named_once() {
        let running = plan(SERVICES);
        let third = format!("{SERVICES}[service.c]\npath = \"/c\"\nnative = \"echo\"\n");
        let login = format!("[auth.staff]\nscheme = \"basic\"\nusers = \"users\"\n{SERVICES}");
        let login = login.replacen("native", "auth = \"staff\"\nnative", 1);
        let defaults = format!("[defaults]\nidle_timeout = \"1m\"\n{SERVICES}");
        for (text, expected) in [
            (SERVICES.to_owned(), &[][..]),
            (format!("# a comment\n{SERVICES}"), &[]),
            (format!("[log]\nlevel = \"off\"\n{SERVICES}"), &[]),
            (
                format!("[log]\nformat = \"json\"\n{SERVICES}"),
                &["[log] format"],
            ),
            (format!("[host]\nnode = 7\n{SERVICES}"), &["[host]"]),
            (
                format!("[[listen]]\naddress = \"127.0.0.1:1\"\n{SERVICES}"),
                &["[[listen]]"],
            ),
            (SERVICES.replace("\"/b\"", "\"/x\""), &["[service.b]"]),
            (third, &["[service.c]"]),
            (
                format!("{SERVICES}[files.f]\npath = \"/\"\ndirectory = \"public\"\n"),
                &["[files.f]"],
            ),
            (
                format!("{SERVICES}[http.h]\npath = \"/\"\ncomponent = \"h.wasm\"\n"),
                &["[http.h]"],
            ),
            (login, &["[auth.staff]", "[service.a]"]),
            (defaults, &["[service.a]", "[service.b]"]),
        ] {
            let now = plan(&text);
            assert_eq!(needed(&running, &now), expected, "{text}");
            assert_eq!(needed(&now, &running), expected, "{text}");
        }
    }
}
