//! What `wasket check` tells people.

use super::{Configuration, HttpReport, ServiceReport};
use crate::terminal::{line, shown};
use std::collections::BTreeMap;
use wasket_config::show_size;
use wasket_runtime::{Inspection, Interface};

pub(super) fn configuration(configuration: &Configuration) {
    let whether = if configuration.loads {
        "would load"
    } else {
        "would not load whole"
    };
    line(&format!("{}: {whether}", shown(&configuration.file)));
    for warning in &configuration.warnings {
        line(&format!("  warning: {}", shown(warning)));
    }
    configuration.services.iter().for_each(service);
    configuration.http.iter().for_each(http);
    for files in &configuration.files {
        let (path, directory) = (shown(&files.path), shown(&files.directory));
        line(&format!("  files {} on {path} ({directory})", files.name));
    }
    for auth in &configuration.auths {
        line(&format!(
            "  auth {}: does not load, logins would be answered 503",
            auth.name
        ));
        for problem in auth.problem.lines() {
            line(&format!("    {}", shown(problem)));
        }
    }
}

fn service(service: &ServiceReport) {
    let behind = match (&service.component, service.native) {
        (Some(file), _) => shown(file),
        (None, native) => format!("native {}", native.unwrap_or_default()),
    };
    line(&format!(
        "  {} on {} ({behind}): {}",
        service.name,
        shown(&service.path),
        whether(service.problem.as_deref())
    ));
    if service.answers_http {
        line("    its component answers plain HTTP there too");
    }
    outward(service.connects, &service.connect, &service.problem);
    stores(service.opens_stores, &service.stores, &service.problem);
    for problem in service.problem.iter().flat_map(|problem| problem.lines()) {
        line(&format!("    {}", shown(problem)));
    }
}

fn http(http: &HttpReport) {
    line(&format!(
        "  http {} on {} ({}): {}",
        http.name,
        shown(&http.path),
        shown(&http.component),
        whether(http.problem.as_deref())
    ));
    if let Some(service) = &http.publishes_to {
        line(&format!("    it sees the sessions of {service}"));
    }
    outward(http.connects, &http.connect, &http.problem);
    stores(http.opens_stores, &http.stores, &http.problem);
    for problem in http.problem.iter().flat_map(|problem| problem.lines()) {
        line(&format!("    {}", shown(problem)));
    }
}

fn whether(problem: Option<&str>) -> &'static str {
    match problem {
        None => "ok",
        Some(_) => "does not load, would answer 503",
    }
}

/// What its guests may connect to, if they mean to or may.
fn outward(connects: bool, connect: &[String], problem: &Option<String>) {
    let targets = connect.join(", ");
    let text = match (connects, connect.is_empty()) {
        (true, false) => format!("its guests may connect to {targets}"),
        (true, true) => {
            "its component imports connections or requests, and `connect` is empty: each is refused"
                .to_owned()
        }
        (false, false) if problem.is_none() => {
            format!(
                "its guests may connect to {targets}, and its component imports neither connections nor requests"
            )
        }
        (false, _) => return,
    };
    line(&format!("    {}", shown(&text)));
}

/// What its guests may open of key-value, if they mean to or may.
fn stores(opens: bool, stores: &BTreeMap<String, String>, problem: &Option<String>) {
    let named = stores
        .iter()
        .map(|(identifier, store)| format!("\"{identifier}\" ([store.{store}])"));
    let named = named.collect::<Vec<_>>().join(", ");
    let text = match (opens, stores.is_empty()) {
        (true, false) => format!("its guests may open {named}"),
        (true, true) => {
            "its component imports wasi:keyvalue, and `stores` is empty: it can open none"
                .to_owned()
        }
        (false, false) if problem.is_none() => {
            format!("its guests may open {named}, and its component imports no wasi:keyvalue")
        }
        (false, _) => return,
    };
    line(&format!("    {}", shown(&text)));
}

pub(super) fn component(inspection: &Inspection) {
    let whether = if inspection.loads() {
        "would load"
    } else {
        "would not load"
    };
    line(&format!("{}: {whether}", shown(&inspection.path)));
    list(
        "problems",
        inspection.problems.iter().map(|problem| shown(problem)),
    );
    line(&format!(
        "  {} bytes, sha256 = \"{}\"",
        inspection.bytes, inspection.sha256
    ));
    if let Some(bytes) = inspection.memory_bytes {
        line(&format!(
            "  an instance begins with {} of memory",
            show_size(bytes)
        ));
    }
    interfaces("exports", &inspection.exports);
    interfaces("imports", &inspection.imports);
    list(
        "optional exports",
        inspection
            .optional
            .iter()
            .map(|export| shown(&export.to_string())),
    );
    list(
        "imports without anything granted",
        inspection
            .denied
            .iter()
            .map(|import| shown(&import.to_string())),
    );
}

fn interfaces(head: &str, interfaces: &[Interface]) {
    let lines = interfaces.iter().flat_map(|interface| {
        let items = interface
            .items
            .iter()
            .map(|item| format!("  {}", shown(item)));
        std::iter::once(shown(&interface.name)).chain(items)
    });
    list(head, lines);
}

fn list(head: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        line(&format!("  {head}:"));
    }
    lines.for_each(|text| line(&format!("    {text}")));
}
