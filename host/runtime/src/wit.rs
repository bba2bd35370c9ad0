//! What a component imports and exports, in the words of WIT. Compiled components keep the names of types only where an
//! interface exports them, which those of WIT do.

mod text;

use serde::Serialize;
use wasmtime::Engine;
use wasmtime::component::types::{Component, ComponentFunc, ComponentItem, Type};

use text::{Names, described, structure};

/// An interface (or a function or type outside of any) that a component imports or exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interface {
    /// With its version.
    pub name: String,
    /// What is in it, as lines of WIT.
    pub items: Vec<String>,
}

/// All that it imports, and all that it exports.
pub(crate) fn world(engine: &Engine, component: &Component) -> (Vec<Interface>, Vec<Interface>) {
    let imports: Vec<_> = component
        .imports(engine)
        .map(|(name, it)| (name, it.ty))
        .collect();
    let exports: Vec<_> = component
        .exports(engine)
        .map(|(name, it)| (name, it.ty))
        .collect();
    let mut everywhere = Names::default();
    for (name, item) in imports.iter().chain(&exports) {
        everywhere.learn(engine, name, item);
    }
    let interface =
        |(name, item): &(&str, ComponentItem)| interface(engine, name, item, &everywhere);
    let imports = imports.iter().map(interface).collect();
    (imports, exports.iter().map(interface).collect())
}

fn interface(engine: &Engine, name: &str, item: &ComponentItem, everywhere: &Names) -> Interface {
    let mut own = Names::default();
    own.learn(engine, name, item);
    let names = [&own, everywhere];
    let items = match item {
        ComponentItem::ComponentInstance(instance) => {
            let items: Vec<_> = instance
                .exports(engine)
                .map(|(name, it)| (name, it.ty))
                .collect();
            contents(&items, names)
        }
        other => contents(&[(name, other.clone())], names),
    };
    Interface {
        name: name.to_owned(),
        items,
    }
}

/// Types first, then functions; those of a resource stand in it.
fn contents(items: &[(&str, ComponentItem)], names: [&Names; 2]) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, item) in items {
        match item {
            ComponentItem::Resource(_) => lines.extend(resource(name, items, names)),
            ComponentItem::Type(ty) => lines.extend(definition(name, ty, names)),
            _ => {}
        }
    }
    let is_resource = |resource: &str| {
        let mut resources = items
            .iter()
            .filter(|(_, item)| matches!(item, ComponentItem::Resource(_)));
        resources.any(|(name, _)| *name == resource)
    };
    for (name, item) in items {
        let ComponentItem::ComponentFunc(function) = item else {
            continue;
        };
        if !Method::parse(name).is_some_and(|method| is_resource(method.resource)) {
            lines.push(format!(
                "{name}: {};",
                signature("func", function, 0, names)
            ));
        }
    }
    lines
}

fn resource(name: &str, items: &[(&str, ComponentItem)], names: [&Names; 2]) -> Vec<String> {
    let methods = items.iter().filter_map(|(item_name, item)| {
        let method = Method::parse(item_name).filter(|method| method.resource == name)?;
        let ComponentItem::ComponentFunc(function) = item else {
            return None;
        };
        Some(match method.kind {
            "constructor" => {
                let made = signature("constructor", function, 0, names);
                // What it makes is understood.
                let (made, _) = made.rsplit_once(" -> ").unwrap_or((&made, ""));
                format!("  {made};")
            }
            "static" => format!(
                "  {}: {};",
                method.name,
                signature("static func", function, 0, names)
            ),
            _ => format!(
                "  {}: {};",
                method.name,
                signature("func", function, 1, names)
            ),
        })
    });
    let methods: Vec<String> = methods.collect();
    if methods.is_empty() {
        return vec![format!("resource {name};")];
    }
    block(format!("resource {name}"), methods)
}

fn definition(name: &str, ty: &Type, names: [&Names; 2]) -> Vec<String> {
    let shown = |ty: &Type| described(ty, names);
    match ty {
        Type::Record(record) => {
            let fields = record.fields();
            let fields = fields.map(|field| format!("  {}: {},", field.name, shown(&field.ty)));
            block(format!("record {name}"), fields.collect())
        }
        Type::Variant(variant) => {
            let cases = variant.cases().map(|case| match &case.ty {
                Some(ty) => format!("  {}({}),", case.name, shown(ty)),
                None => format!("  {},", case.name),
            });
            block(format!("variant {name}"), cases.collect())
        }
        Type::Enum(it) => block(format!("enum {name}"), listed(it.names())),
        Type::Flags(it) => block(format!("flags {name}"), listed(it.names())),
        other => vec![format!("type {name} = {};", structure(other, names))],
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.map(|name| format!("  {name},")).collect()
}

fn block(head: String, lines: Vec<String>) -> Vec<String> {
    let mut block = vec![head + " {"];
    block.extend(lines);
    block.push("}".to_owned());
    block
}

/// `skipped` parameters are understood.
fn signature(kind: &str, function: &ComponentFunc, skipped: usize, names: [&Names; 2]) -> String {
    let params = function.params().skip(skipped);
    let params: Vec<String> = params
        .map(|(name, ty)| format!("{name}: {}", described(&ty, names)))
        .collect();
    let results: Vec<String> = function.results().map(|ty| described(&ty, names)).collect();
    let results = match results.as_slice() {
        [] => String::new(),
        results => format!(" -> {}", results.join(", ")),
    };
    let kind = match function.async_() {
        true => format!("async {kind}"),
        false => kind.to_owned(),
    };
    format!("{kind}({}){results}", params.join(", "))
}

/// `[method]resource.name`, `[static]resource.name` or `[constructor]resource`.
struct Method<'n> {
    kind: &'n str,
    resource: &'n str,
    name: &'n str,
}

impl<'n> Method<'n> {
    fn parse(name: &'n str) -> Option<Self> {
        let (kind, rest) = name.strip_prefix('[')?.split_once(']')?;
        let (resource, name) = rest.split_once('.').unwrap_or((rest, ""));
        Some(Self {
            kind,
            resource,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use wasmtime::component;

    use super::text::TYPE_BYTES_MAX;
    use super::*;

    /// What is imported by a component with this text.
    fn imports(text: &str) -> Vec<Interface> {
        let engine = Engine::default();
        let compiled = component::Component::new(&engine, text).expect("a component");
        world(&engine, &compiled.component_type()).0
    }

    #[test]
    fn interfaces_are_written_as_wit() {
        let text = r#"(component
          (import "a:b/c@1.0.0" (instance
            (export "body" (type $body (sub resource)))
            (export "pipe" (type $pipe (sub resource)))
            (type $f (flags "read" "write"))
            (export "access" (type $access (eq $f)))
            (type $o (own $body))
            (type $v (variant (case "whole" $o) (case "none")))
            (export "answer" (type $answer (eq $v)))
            (type $l (list u8))
            (export "bytes" (type $bytes (eq $l)))
            (export "[constructor]body" (func (param "with" $access) (result $o)))
            (export "[static]body.of" (func (param "text" string) (result (option $o))))
            (export "[method]body.read" (func (param "self" (borrow $body)) (param "most" u64) (result (result $bytes (error string)))))
            (export "take" (func (param "from" (borrow $pipe)) (result $answer)))))
          (import "run" (func (param "pair" (tuple s8 f64 char)) (result (result (error string))))))"#;
        let [interface, function] = imports(text).try_into().expect("two");
        assert_eq!(interface.name, "a:b/c@1.0.0");
        let lines = [
            "resource body {",
            "  constructor(with: access);",
            "  of: static func(text: string) -> option<body>;",
            "  read: func(most: u64) -> result<list<u8>, string>;",
            "}",
            "resource pipe;",
            "flags access {",
            "  read,",
            "  write,",
            "}",
            "variant answer {",
            "  whole(body),",
            "  none,",
            "}",
            "type bytes = list<u8>;",
            "take: func(from: borrow<pipe>) -> answer;",
        ];
        assert_eq!(interface.items, lines);
        let line = "run: func(pair: tuple<s8, f64, char>) -> result<_, string>;";
        assert_eq!(function.items, [line]);
    }

    // hardening H28: each type has two of the one before, which makes 2^18 words.
    #[test]
    fn types_within_types_are_written_to_an_end() {
        let mut types = "(type $t0 (tuple u8 u8))".to_owned();
        for depth in 1..=17 {
            let inner = depth - 1;
            let _ = write!(types, "(type $t{depth} (tuple $t{inner} $t{inner}))");
        }
        let text = format!(
            "(component (import \"a:b/c@1.0.0\" (instance {types} (export \"f\" (func (param \"x\" $t17))))))"
        );
        let lines = imports(&text)[0].items.clone();
        let line = lines.first().expect("a line");
        assert!(line.starts_with("f: func(x: tuple<tuple<"), "{line}");
        assert!(line.len() < 2 * TYPE_BYTES_MAX, "{}", line.len());
    }
}
