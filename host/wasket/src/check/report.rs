//! What `wasket check` tells people.

use super::{Configuration, ServiceReport};
use crate::terminal::{line, shown};
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
    let whether = if service.problem.is_none() {
        "ok"
    } else {
        "does not load, would answer 503"
    };
    line(&format!(
        "  {} on {} ({behind}): {whether}",
        service.name,
        shown(&service.path)
    ));
    if let Some(text) = outward(service) {
        line(&format!("    {}", shown(&text)));
    }
    for problem in service.problem.iter().flat_map(|problem| problem.lines()) {
        line(&format!("    {}", shown(problem)));
    }
}

/// What its guests may connect to, if they mean to or may.
fn outward(service: &ServiceReport) -> Option<String> {
    let targets = service.connect.join(", ");
    match (service.connects, service.connect.is_empty()) {
        (true, false) => Some(format!("its guests may connect to {targets}")),
        (true, true) => Some(
            "its component imports connections, and `connect` is empty: each is refused".to_owned(),
        ),
        (false, false) if service.problem.is_none() => Some(format!(
            "its guests may connect to {targets}, and its component imports no connections"
        )),
        (false, _) => None,
    }
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
