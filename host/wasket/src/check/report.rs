//! What `wasket check` tells people.

use super::{Configuration, HttpReport, ServiceReport};
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
    let loads = service.problem.is_none();
    let granted = service.granted.lines(loads && service.component.is_some());
    granted
        .iter()
        .for_each(|text| line(&format!("    {}", shown(text))));
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
    let granted = http.granted.lines(http.problem.is_none());
    granted
        .iter()
        .for_each(|text| line(&format!("    {}", shown(text))));
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
    line(&format!(
        "  {} bytes when it is compiled",
        inspection.compiled_bytes
    ));
    if let Some(bytes) = inspection.memory_bytes {
        let elements = inspection.table_elements.filter(|elements| *elements > 0);
        let elements = elements.map(|elements| format!(" and {elements} table elements"));
        line(&format!(
            "  an instance begins with {} of memory{}",
            show_size(bytes),
            elements.unwrap_or_default()
        ));
    }
    list("WASI", inspection.wasi.iter().map(|package| shown(package)));
    list(
        "optional exports",
        inspection
            .optional
            .iter()
            .map(|export| shown(&export.to_string())),
    );
    list(
        "what settings have to grant",
        inspection.needs.iter().map(|need| shown(&need.to_string())),
    );
    interfaces("export", &inspection.exports);
    interfaces("import", &inspection.imports);
}

/// As WIT has them in a world.
fn interfaces(what: &str, interfaces: &[Interface]) {
    for interface in interfaces {
        line(&format!("  {what} {} {{", shown(&interface.name)));
        let items = interface.items.iter();
        items.for_each(|item| line(&format!("    {}", shown(item))));
        line("  }");
    }
}

fn list(head: &str, lines: impl Iterator<Item = String>) {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        line(&format!("  {head}:"));
    }
    lines.for_each(|text| line(&format!("    {text}")));
}
