//! `[store.NAME]`, and who may open it.

use super::{Files, Named, NamedKind, Reader};
use crate::mistake::{no_place, not_a_table, same_file, two_places, unknown_store};
use crate::plan::{Kept, Store};
use crate::problem::shown;
use crate::settings::Section;
use crate::typed::{Placed, Typed, not_valid};
use crate::value::{Invalid, StoreName};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

impl<'t> Reader<'t> {
    /// No two are in one file.
    pub(super) fn stores(&self, root: &'t DeTable<'t>, files: &mut Files) -> Vec<Store> {
        let Some(value) = root.get("store") else {
            return Vec::new();
        };
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes
                .add(not_a_table("store", "[store.NAME]", value));
            return Vec::new();
        };
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut places = Vec::new();
        let stores = entries.into_iter();
        stores
            .filter_map(|(key, value)| self.store(key, value, files, &mut places))
            .collect()
    }

    fn store(
        &self,
        key: &'t Spanned<DeString<'t>>,
        value: &'t Spanned<DeValue<'t>>,
        files: &mut Files,
        places: &mut Vec<Placed<PathBuf>>,
    ) -> Option<Store> {
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes
                .add(not_a_table(key.get_ref(), "[store.NAME]", value));
            return None;
        };
        let head = format!("[store.{}]", shown(key.get_ref()));
        let typed = Typed::new(&[Section::Store], &head, table, self.mistakes);
        let name = StoreName::from_str(key.get_ref()).map_err(|invalid| {
            let mistake = not_valid(key.get_ref(), key.span(), invalid);
            self.mistakes.add(mistake);
        });
        let file = self.store_file(&typed, files, places);
        let mut memory = false;
        typed.flag("memory", &mut memory);
        let mut bytes_max = 64 * 1024 * 1024;
        typed.number("bytes_max", &mut bytes_max);
        match (typed.place("file"), typed.place("memory")) {
            (Some(file), Some(place)) if memory => self.mistakes.add(two_places(place, file)),
            (None, _) if !memory => self.mistakes.add(no_place(key)),
            _ => {}
        }
        let kept = match memory {
            true => Kept::Memory,
            false => Kept::File(file?),
        };
        Some(Store {
            name: name.ok()?,
            kept,
            bytes_max,
        })
    }

    /// The file need not be there, but its directory.
    fn store_file(
        &self,
        typed: &Typed<'_>,
        files: &mut Files,
        places: &mut Vec<Placed<PathBuf>>,
    ) -> Option<PathBuf> {
        let file = typed.text("file", |text| match text.ends_with(['/', '.']) {
            true => Err(Invalid::Path("expected the name of a file")),
            false => self.path(text),
        })?;
        // `a/./b` is `a/b`; links show when the file is opened.
        let same = |other: &&Placed<PathBuf>| other.value.components().eq(file.value.components());
        if let Some(first) = places.iter().find(same) {
            self.mistakes.add(same_file(&file, first));
        }
        let directory = file.value.parent().filter(|it| !it.as_os_str().is_empty());
        files.push(Named {
            what: "the directory of the store",
            kind: NamedKind::Directory,
            file: Placed {
                value: directory.unwrap_or(Path::new(".")).to_owned(),
                span: file.span.clone(),
            },
        });
        places.push(file.clone());
        Some(file.value)
    }

    /// What a component may open, by the names that it knows.
    pub(super) fn granted_stores(
        &self,
        typed: &Typed<'_>,
        root: &'t DeTable<'t>,
    ) -> Vec<(String, StoreName)> {
        let stores = root.get("store");
        let stores = stores.and_then(|value| value.get_ref().as_table());
        let names = || stores.into_iter().flat_map(|table| table.keys());
        let grant = |(identifier, name): (Placed<String>, Placed<String>)| {
            if let Err(invalid) = check_identifier(&identifier.value) {
                let mistake = not_valid(&identifier.value, identifier.span, invalid);
                self.mistakes.add(mistake);
            }
            if !names().any(|known| **known.get_ref() == *name.value) {
                let names = names().map(|name| &**name.get_ref());
                self.mistakes.add(unknown_store(&name, names));
            }
            // A wrong name is reported where the store is.
            Some((identifier.value, name.value.parse().ok()?))
        };
        typed
            .pairs("stores")
            .into_iter()
            .filter_map(grant)
            .collect()
    }
}

fn check_identifier(text: &str) -> Result<(), Invalid> {
    let fits = (1..=128).contains(&text.len()) && !text.chars().any(char::is_control);
    fits.then_some(()).ok_or(Invalid::StoreIdentifier(
        "expected 1 to 128 bytes without control characters",
    ))
}
