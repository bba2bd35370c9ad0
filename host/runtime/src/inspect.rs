//! What a component is, for `wasket check`: as plain data.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use wasmtime::component::{self};

use crate::error::{Error, Mismatch};
use crate::export::{BEHAVIOR, Exports, HandlerExports, OPTIONAL};
use crate::load::{Source, world_mismatch};
use crate::wit::{Interface, world};
use crate::{Runtime, imports};

/// All there is to say about a component before it runs.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The file.
    pub path: String,
    /// Its size in bytes.
    pub bytes: usize,
    /// Its SHA-256, as the setting `sha256` takes it.
    pub sha256: String,
    /// What it imports.
    pub imports: Vec<Interface>,
    /// What it exports.
    pub exports: Vec<Interface>,
    /// Which optional exports of the contract it has. One of them may stand alone: `wasi:http/incoming-handler` of a
    /// component that serves no sessions.
    pub optional: Vec<OptionalExport>,
    /// Imports that the host does not offer.
    pub missing: Vec<MissingImport>,
    /// What of its imports settings have to grant.
    pub needs: Vec<Need>,
    /// The packages of WASI that it names, each with its version: `wasi:io@0.2.6`.
    pub wasi: Vec<String>,
    /// Its machine code and what goes with it, in bytes.
    pub compiled_bytes: usize,
    /// Memory that an instance begins with, in bytes; absent where it cannot be told.
    pub memory_bytes: Option<u64>,
    /// Table elements that an instance begins with; absent where it cannot be told.
    pub table_elements: Option<u64>,
    /// Why it would not load; empty when it would.
    pub problems: Vec<String>,
}

impl Inspection {
    /// Whether it would load.
    #[must_use]
    pub fn loads(&self) -> bool {
        self.problems.is_empty()
    }
}

/// An optional export that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OptionalExport {
    /// The interface.
    pub interface: String,
    /// Whether this version of the host calls it.
    pub used: bool,
}

impl fmt::Display for OptionalExport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.used {
            "found"
        } else {
            "found, not used by this version"
        };
        write!(f, "{}: {what}", self.interface)
    }
}

/// An import that the host does not offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingImport {
    /// The interface with its version; `#` and the function where only that is missing.
    pub import: String,
    /// The nearest thing that the host does offer.
    pub hint: String,
}

impl fmt::Display for MissingImport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.import, self.hint)
    }
}

/// What a component imports and a setting grants: without it, the imports are there and refuse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// The setting of `[service.NAME]` and `[http.NAME]`.
    pub setting: &'static str,
    /// The interfaces, with their versions.
    pub imports: Vec<String>,
    /// What their functions answer where nothing is granted.
    pub without: &'static str,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (setting, imports) = (self.setting, self.imports.join(", "));
        write!(f, "{setting}: {imports} (without: {})", self.without)
    }
}

impl Runtime {
    /// Looks at a component without serving it.
    ///
    /// # Errors
    /// When there is nothing to look at: the file cannot be read, or is no component. What else keeps it from
    /// serving is in [`Inspection::problems`].
    pub async fn inspect(&self, path: &Path) -> Result<Inspection, Error> {
        let path = path.to_owned();
        self.blocking(move |runtime| {
            let source = Source::read(&path, None)?;
            let component = source.compile(runtime)?;
            Ok(inspection(runtime, &source, &component))
        })
        .await
    }
}

fn inspection(runtime: &Runtime, source: &Source, component: &component::Component) -> Inspection {
    let engine = component.engine();
    let ty = component.component_type();
    let (imports, exports) = world(engine, &ty);
    let missing = imports::missing(component);
    let needs = component.resources_required();
    let pages = needs
        .as_ref()
        .and_then(|needs| needs.max_initial_memory_size);
    let code = component.image_range();
    Inspection {
        path: source.path.display().to_string(),
        bytes: source.bytes.len(),
        sha256: source.digest.to_string(),
        needs: imports::needs(component),
        wasi: wasi(component),
        compiled_bytes: code.end.addr().saturating_sub(code.start.addr()),
        table_elements: needs.and_then(|needs| needs.max_initial_table_size),
        exports,
        optional: OPTIONAL
            .iter()
            .filter(|(name, _)| component.get_export_index(None, *name).is_some())
            .map(|(name, used)| OptionalExport {
                interface: (*name).to_owned(),
                used: *used,
            })
            .collect(),
        memory_bytes: pages.map(|pages| pages.saturating_mul(64 << 10)),
        problems: problems(runtime, component, &missing),
        imports,
        missing,
    }
}

fn wasi(component: &component::Component) -> Vec<String> {
    let (engine, ty) = (component.engine(), component.component_type());
    let imports = ty.imports(engine).map(|(name, _)| name.to_owned());
    let names = imports.chain(ty.exports(engine).map(|(name, _)| name.to_owned()));
    let packages = names.filter_map(|name| {
        let (package, interface) = name.strip_prefix("wasi:")?.split_once('/')?;
        let (_, version) = interface.split_once('@')?;
        Some(format!("wasi:{package}@{version}"))
    });
    let packages: BTreeSet<_> = packages.collect();
    packages.into_iter().collect()
}

fn problems(
    runtime: &Runtime,
    component: &component::Component,
    missing: &[MissingImport],
) -> Vec<String> {
    let mut problems: Vec<String> = missing
        .iter()
        .map(|import| format!("the host does not offer {import}"))
        .collect();
    problems.extend(world_mismatch(component).map(|mismatch| mismatch.to_string()));
    if problems.is_empty() {
        let linked = runtime.linker().instantiate_pre(component);
        let linked = linked.map_err(|e| Mismatch::Import {
            reason: format!("{e:#}"),
        });
        let has_behavior = component.get_export_index(None, BEHAVIOR).is_some();
        let found = linked.and_then(|pre| match has_behavior {
            true => Exports::find(&pre).map(drop),
            false => HandlerExports::find(&pre).map(drop),
        });
        problems.extend(found.err().map(|mismatch| mismatch.to_string()));
    }
    problems
}
