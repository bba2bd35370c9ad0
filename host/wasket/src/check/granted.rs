//! What a service grants its component, beside what the component imports.

use serde::Serialize;
use std::collections::BTreeMap;
use wasket_config::StoreName;
use wasket_config::plan::{Capabilities, Connect};
use wasket_runtime::Need;

/// What is granted, and what the component imports that would have to be.
#[derive(Serialize)]
pub(super) struct Granted {
    /// Whether the component imports connections or requests to the outside.
    connects: bool,
    /// Where its guests may connect to.
    connect: Vec<String>,
    /// What its guests may open of key-value, and which store that is.
    stores: BTreeMap<String, String>,
    directories: Vec<DirectoryReport>,
    /// Names of variables; values may be secrets.
    environment: Vec<String>,
    /// Addresses with ports.
    sockets: Vec<String>,
    needs: Vec<NeedReport>,
}

/// A directory that guests see.
#[derive(Serialize)]
struct DirectoryReport {
    path: String,
    directory: String,
    writable: bool,
}

/// What the component imports and a setting grants.
#[derive(Serialize)]
struct NeedReport {
    #[serde(flatten)]
    need: Need,
    /// Whether the setting grants anything.
    granted: bool,
}

impl Granted {
    pub(super) fn new(
        connect: &[Connect],
        stores: &[(String, StoreName)],
        capabilities: &Capabilities,
        needs: Vec<Need>,
    ) -> Self {
        let stores = stores.iter();
        let stores = stores.map(|(identifier, name)| (identifier.clone(), name.to_string()));
        let directories = capabilities.directories.iter().map(|it| DirectoryReport {
            path: it.path.to_string(),
            directory: it.directory.display().to_string(),
            writable: it.writable,
        });
        let written = capabilities.environment.iter().map(|(name, _)| name);
        let environment = written.chain(&capabilities.environment_from);
        let mut granted = Self {
            connects: needs.iter().any(|need| need.setting == "connect"),
            connect: connect.iter().map(|to| to.url.to_string()).collect(),
            stores: stores.collect(),
            directories: directories.collect(),
            environment: environment.cloned().collect(),
            sockets: capabilities
                .sockets
                .iter()
                .map(ToString::to_string)
                .collect(),
            needs: Vec::new(),
        };
        let needs = needs.into_iter().map(|need| NeedReport {
            granted: granted.has(need.setting),
            need,
        });
        granted.needs = needs.collect();
        granted
    }

    /// Whether a setting grants anything.
    fn has(&self, setting: &str) -> bool {
        match setting {
            "connect" => !self.connect.is_empty(),
            "stores" => !self.stores.is_empty(),
            "directories" => !self.directories.is_empty(),
            "environment" => !self.environment.is_empty(),
            "sockets" => !self.sockets.is_empty(),
            _ => false,
        }
    }

    /// What people should know of it. Of a component that was not loaded, it is not known what it imports.
    pub(super) fn lines(&self, is_loaded: bool) -> Vec<String> {
        let mut lines = Vec::new();
        let mut grant = |setting: &str, text: String| {
            let imports = self.needs.iter().any(|need| need.need.setting == setting);
            let idle = match setting {
                _ if imports || !is_loaded => "",
                "connect" => ", and its component imports neither connections nor requests",
                _ => ", and its component imports nothing for it",
            };
            if self.has(setting) {
                lines.push(text + idle);
            }
        };
        let connect = self.connect.join(", ");
        grant("connect", format!("its guests may connect to {connect}"));
        let stores = self.stores.iter();
        let stores =
            stores.map(|(identifier, store)| format!("\"{identifier}\" ([store.{store}])"));
        let stores = stores.collect::<Vec<_>>().join(", ");
        grant("stores", format!("its guests may open {stores}"));
        let directories: Vec<String> = self
            .directories
            .iter()
            .map(DirectoryReport::shown)
            .collect();
        let directories = directories.join(", ");
        grant("directories", format!("its guests see {directories}"));
        let environment = self.environment.join(", ");
        grant(
            "environment",
            format!("its guests have the variables {environment}"),
        );
        let sockets = self.sockets.join(", ");
        grant("sockets", format!("its guests' sockets reach {sockets}"));
        // Most components import the environment, and do not need it.
        let missing = self.needs.iter().filter(|need| !need.granted);
        let missing = missing.filter(|need| need.need.setting != "environment");
        lines.extend(missing.map(NeedReport::warning));
        lines
    }
}

impl DirectoryReport {
    fn shown(&self) -> String {
        let how = if self.writable { ", writable" } else { "" };
        format!("{} ({}{how})", self.path, self.directory)
    }
}

impl NeedReport {
    fn warning(&self) -> String {
        let Need {
            setting,
            imports,
            without,
        } = &self.need;
        match *setting {
            "connect" => "warning: its component imports connections or requests, and `connect` is empty: each is refused".to_owned(),
            _ => format!(
                "warning: its component imports {}, and `{setting}` is empty: {without}",
                imports.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(setting: &'static str) -> Need {
        Need {
            setting,
            imports: vec!["wasi:x/y@0.2.0".to_owned(), "wasi:x/z@0.2.0".to_owned()],
            without: "nothing",
        }
    }

    // hardening H29
    #[test]
    fn what_is_imported_and_not_granted_is_a_warning_but_for_the_environment() {
        let nothing = Capabilities::default();
        let needs = ["connect", "environment", "sockets"].map(need).to_vec();
        let lines = Granted::new(&[], &[], &nothing, needs).lines(true);
        assert_eq!(
            lines,
            [
                "warning: its component imports connections or requests, and `connect` is empty: each is refused",
                "warning: its component imports wasi:x/y@0.2.0, wasi:x/z@0.2.0, and `sockets` is empty: nothing",
            ]
        );
        let some = Capabilities {
            environment_from: vec!["SECRET".to_owned()],
            sockets: vec!["127.0.0.1:80".parse().unwrap()],
            ..nothing
        };
        let stores = [("default".to_owned(), "counters".parse().unwrap())];
        let granted = Granted::new(&[], &stores, &some, vec![need("sockets")]);
        assert!(granted.needs.iter().all(|need| need.granted));
        assert_eq!(
            granted.lines(true),
            [
                "its guests may open \"default\" ([store.counters]), and its component imports nothing for it",
                "its guests have the variables SECRET, and its component imports nothing for it",
                "its guests' sockets reach 127.0.0.1:80",
            ]
        );
        let unknown = Granted::new(&[], &stores, &some, Vec::new()).lines(false);
        assert!(
            unknown.iter().all(|line| !line.contains("imports")),
            "{unknown:?}"
        );
    }
}
