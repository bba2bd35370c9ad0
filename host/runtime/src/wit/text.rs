//! One type in the words of WIT.

use std::fmt::Write as _;

use wasmtime::Engine;
use wasmtime::component::ResourceType;
use wasmtime::component::types::{ComponentItem, Type};

/// What types are called that have names of their own.
#[derive(Default)]
pub(super) struct Names {
    types: Vec<(Type, String)>,
    resources: Vec<(ResourceType, String)>,
}

impl Names {
    pub(super) fn learn(&mut self, engine: &Engine, name: &str, item: &ComponentItem) {
        match item {
            ComponentItem::ComponentInstance(instance) => {
                for (name, item) in instance.exports(engine) {
                    if !matches!(item.ty, ComponentItem::ComponentInstance(_)) {
                        self.learn(engine, name, &item.ty);
                    }
                }
            }
            ComponentItem::Resource(ty) if self.resources.len() < NAMES_MAX => {
                self.resources.push((*ty, name.to_owned()));
            }
            // A name of another kind of type is short for it, and not what everybody means by it.
            ComponentItem::Type(
                ty @ (Type::Record(_) | Type::Variant(_) | Type::Enum(_) | Type::Flags(_)),
            ) if self.types.len() < NAMES_MAX => self.types.push((ty.clone(), name.to_owned())),
            _ => {}
        }
    }

    fn of(&self, ty: &Type) -> Option<&str> {
        let found = self.types.iter().find(|(named, _)| named == ty);
        found.map(|(_, name)| name.as_str())
    }

    fn of_resource(&self, ty: ResourceType) -> Option<&str> {
        let found = self.resources.iter().find(|(named, _)| *named == ty);
        found.map(|(_, name)| name.as_str())
    }
}

/// A type by its name, or as what it is made of.
pub(super) fn described(ty: &Type, names: [&Names; 2]) -> String {
    let mut text = Text::new(names);
    text.ty(ty);
    text.finish()
}

/// What it is made of, whether or not it has a name.
pub(super) fn structure(ty: &Type, names: [&Names; 2]) -> String {
    let mut text = Text::new(names);
    text.structure(ty);
    text.finish()
}

/// A type as it is being written. Types without names may be nested in each other to any size, so it ends somewhere.
struct Text<'n> {
    names: [&'n Names; 2],
    out: String,
}

impl<'n> Text<'n> {
    fn new(names: [&'n Names; 2]) -> Self {
        Self {
            names,
            out: String::new(),
        }
    }

    fn finish(mut self) -> String {
        if self.out.len() > TYPE_BYTES_MAX {
            self.out
                .truncate(self.out.floor_char_boundary(TYPE_BYTES_MAX));
            self.out.push_str("...");
        }
        self.out
    }

    fn ty(&mut self, ty: &Type) {
        let names = self.names;
        if self.out.len() > TYPE_BYTES_MAX {
            return;
        }
        match names.iter().find_map(|names| names.of(ty)) {
            Some(name) => self.out.push_str(name),
            None => self.structure(ty),
        }
    }

    fn structure(&mut self, ty: &Type) {
        match ty {
            Type::List(list) => self.of("list", &[Some(list.ty())]),
            Type::Option(option) => self.of("option", &[Some(option.ty())]),
            Type::Tuple(tuple) => {
                let types: Vec<_> = tuple.types().map(Some).collect();
                self.of("tuple", &types);
            }
            Type::Result(result) => match (result.ok(), result.err()) {
                (None, None) => self.out.push_str("result"),
                (ok, None) => self.of("result", &[ok]),
                (ok, err) => self.of("result", &[ok, err]),
            },
            Type::Future(future) => self.of("future", &[future.ty()]),
            Type::Stream(stream) => self.of("stream", &[stream.ty()]),
            Type::Own(resource) => self.resource(*resource),
            Type::Borrow(resource) => {
                self.out.push_str("borrow<");
                self.resource(*resource);
                self.out.push('>');
            }
            Type::Record(record) => {
                let fields = record.fields().map(|field| (field.name, Some(field.ty)));
                self.braced("record", &fields.collect::<Vec<_>>(), ": ", "");
            }
            Type::Variant(variant) => {
                let cases = variant.cases().map(|case| (case.name, case.ty));
                self.braced("variant", &cases.collect::<Vec<_>>(), "(", ")");
            }
            Type::Enum(it) => {
                let names = it.names().map(|name| (name, None));
                self.braced("enum", &names.collect::<Vec<_>>(), "", "");
            }
            Type::Flags(it) => {
                let names = it.names().map(|name| (name, None));
                self.braced("flags", &names.collect::<Vec<_>>(), "", "");
            }
            plain => self.out.push_str(word(plain)),
        }
    }

    fn of(&mut self, what: &str, types: &[Option<Type>]) {
        self.out.push_str(what);
        self.out.push('<');
        for (index, ty) in types.iter().enumerate() {
            if index > 0 {
                self.out.push_str(", ");
            }
            match ty {
                Some(ty) => self.ty(ty),
                None => self.out.push('_'),
            }
        }
        self.out.push('>');
    }

    fn braced(&mut self, what: &str, parts: &[(&str, Option<Type>)], open: &str, close: &str) {
        // Writing to a string cannot fail.
        let _ = write!(self.out, "{what} {{ ");
        for (index, (name, ty)) in parts.iter().enumerate() {
            if self.out.len() > TYPE_BYTES_MAX {
                return;
            }
            let comma = if index > 0 { ", " } else { "" };
            let _ = write!(self.out, "{comma}{name}");
            if let Some(ty) = ty {
                self.out.push_str(open);
                self.ty(ty);
                self.out.push_str(close);
            }
        }
        self.out.push_str(" }");
    }

    fn resource(&mut self, ty: ResourceType) {
        let names = self.names;
        let name = names.iter().find_map(|names| names.of_resource(ty));
        self.out.push_str(name.unwrap_or("resource"));
    }
}

fn word(ty: &Type) -> &'static str {
    match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        _ => "other",
    }
}

/// What is looked for in the names, one after the other.
const NAMES_MAX: usize = 1_000;

pub(super) const TYPE_BYTES_MAX: usize = 2 << 10;
