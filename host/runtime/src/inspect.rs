//! What a component is, for `wasket check`: as plain data.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use wasmtime::Engine;
use wasmtime::component::types::{ComponentFunc, ComponentItem, Type};
use wasmtime::component::{self};

use crate::error::{Error, Mismatch};
use crate::export::{BEHAVIOR, Exports, HandlerExports, OPTIONAL};
use crate::load::{Source, world_mismatch};
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
    /// Imports that are there, but have nothing granted behind them.
    pub denied: Vec<Denied>,
    /// Memory that an instance begins with, in bytes; absent where it cannot be told.
    pub memory_bytes: Option<u64>,
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

/// An interface (or a function outside of any) that a component imports or exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// With its version.
    pub name: String,
    /// Its functions and resources, a line each.
    pub items: Vec<String>,
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

/// An import with nothing granted behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Denied {
    /// The interface with its version.
    pub import: String,
    /// What its functions answer.
    pub answer: String,
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.import, self.answer)
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
    let imports: Vec<Interface> = ty
        .imports(engine)
        .map(|(name, item)| interface(engine, name, &item.ty))
        .collect();
    let missing = imports::missing(component);
    let needs = component.resources_required();
    let pages = needs.and_then(|needs| needs.max_initial_memory_size);
    Inspection {
        path: source.path.display().to_string(),
        bytes: source.bytes.len(),
        sha256: source.digest.to_string(),
        denied: imports::denied(component),
        exports: ty
            .exports(engine)
            .map(|(name, item)| interface(engine, name, &item.ty))
            .collect(),
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

fn interface(engine: &Engine, name: &str, item: &ComponentItem) -> Interface {
    let items = match item {
        ComponentItem::ComponentInstance(instance) => instance
            .exports(engine)
            .filter_map(|(name, item)| line(name, &item.ty))
            .collect(),
        other => line(name, other).into_iter().collect(),
    };
    Interface {
        name: name.to_owned(),
        items,
    }
}

fn line(name: &str, item: &ComponentItem) -> Option<String> {
    match item {
        ComponentItem::ComponentFunc(function) => Some(format!("{name}: {}", signature(function))),
        ComponentItem::Resource(_) => Some(format!("resource {name}")),
        _ => None,
    }
}

fn signature(function: &ComponentFunc) -> String {
    let params: Vec<String> = function
        .params()
        .map(|(name, ty)| format!("{name}: {}", describe(&ty)))
        .collect();
    let results: Vec<String> = function.results().map(|ty| describe(&ty)).collect();
    let results = match results.as_slice() {
        [] => String::new(),
        results => format!(" -> {}", results.join(", ")),
    };
    let kind = if function.async_() {
        "async func"
    } else {
        "func"
    };
    format!("{kind}({}){results}", params.join(", "))
}

/// A type in the words of WIT. Compiled components do not keep the names of records and variants.
fn describe(ty: &Type) -> String {
    let of = |ty: Option<Type>| ty.map_or_else(|| "_".to_owned(), |ty| describe(&ty));
    match ty {
        Type::Bool => "bool".into(),
        Type::S8 => "s8".into(),
        Type::U8 => "u8".into(),
        Type::S16 => "s16".into(),
        Type::U16 => "u16".into(),
        Type::S32 => "s32".into(),
        Type::U32 => "u32".into(),
        Type::S64 => "s64".into(),
        Type::U64 => "u64".into(),
        Type::Float32 => "f32".into(),
        Type::Float64 => "f64".into(),
        Type::Char => "char".into(),
        Type::String => "string".into(),
        Type::List(list) => format!("list<{}>", describe(&list.ty())),
        Type::Record(_) => "record".into(),
        Type::Tuple(tuple) => {
            let types: Vec<String> = tuple.types().map(|ty| describe(&ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        Type::Variant(variant) => {
            let cases: Vec<String> = variant
                .cases()
                .map(|case| match &case.ty {
                    Some(ty) => format!("{}({})", case.name, describe(ty)),
                    None => case.name.to_owned(),
                })
                .collect();
            format!("variant {{ {} }}", cases.join(", "))
        }
        Type::Enum(_) => "enum".into(),
        Type::Option(option) => format!("option<{}>", describe(&option.ty())),
        Type::Result(result) => match (result.ok(), result.err()) {
            (None, None) => "result".into(),
            (ok, None) => format!("result<{}>", of(ok)),
            (ok, err) => format!("result<{}, {}>", of(ok), of(err)),
        },
        Type::Flags(_) => "flags".into(),
        Type::Own(_) => "own<resource>".into(),
        Type::Borrow(_) => "borrow<resource>".into(),
        Type::Future(_) => "future".into(),
        Type::Stream(_) => "stream".into(),
        _ => "other".into(),
    }
}
