//! What a component is granted beside `connect`.

use super::{Files, Named, NamedKind, Reader};
use crate::mistake::{missing_in_directory, too_long_environment, too_many, twice, value_with_nul};
use crate::plan::{Capabilities, Directory};
use crate::settings::Section;
use crate::typed::{Placed, Typed, not_valid};
use crate::value::{GuestPath, Invalid, SocketRange};
use std::str::FromStr;

impl<'t> Reader<'t> {
    pub(super) fn capabilities(&self, typed: &Typed<'t>, files: &mut Files) -> Capabilities {
        let environment = self.environment(typed);
        let environment_from = self.environment_from(typed, &environment, files);
        let sockets = typed.texts("sockets", SocketRange::from_str);
        self.count(typed, "sockets", sockets.len(), SOCKETS_MAX);
        let value = |pair: (Placed<String>, Placed<String>)| (pair.0.value, pair.1.value);
        Capabilities {
            directories: self.directories(typed, files),
            environment: environment.into_iter().map(value).collect(),
            environment_from,
            sockets: sockets.into_iter().map(|range| range.value).collect(),
        }
    }

    fn directories(&self, typed: &Typed<'t>, files: &mut Files) -> Vec<Directory> {
        let tables = typed.tables("directories", &[Section::Directory], "`directories`");
        self.count(typed, "directories", tables.len(), DIRECTORIES_MAX);
        let mut paths: Vec<Placed<GuestPath>> = Vec::new();
        let mut directories = Vec::new();
        for Placed { value: table, span } in tables {
            let path = table.text("path", GuestPath::from_str);
            let directory = self.directory(&table, "directory", files);
            let mut writable = false;
            table.flag("writable", &mut writable);
            let missing = ["path", "directory"].into_iter();
            for key in missing.filter(|key| table.place(key).is_none()) {
                self.mistakes.add(missing_in_directory(span.clone(), key));
            }
            let Some(path) = path else { continue };
            match paths.iter().find(|other| other.value == path.value) {
                Some(first) => {
                    let mistake = twice("the path", &path.value, &path, first);
                    self.mistakes.add(mistake);
                }
                None => paths.push(path.clone()),
            }
            directories.extend(directory.map(|directory| Directory {
                path: path.value,
                directory,
                writable,
            }));
        }
        directories
    }

    fn environment(&self, typed: &Typed<'t>) -> Vec<(Placed<String>, Placed<String>)> {
        let mut pairs = typed.pairs("environment");
        let bytes = pairs
            .iter()
            .map(|(name, value)| name.value.len() + value.value.len());
        if let (true, Some(place)) = (
            bytes.sum::<usize>() > ENVIRONMENT_BYTES_MAX,
            typed.place("environment"),
        ) {
            self.mistakes.add(too_long_environment(place));
        }
        pairs.retain(|(name, value)| {
            let wrong = match check_name(&name.value) {
                Err(invalid) => Some(not_valid(&name.value, name.span.clone(), invalid)),
                Ok(()) => value.value.contains('\0').then(|| value_with_nul(value)),
            };
            let is_right = wrong.is_none();
            wrong.into_iter().for_each(|wrong| self.mistakes.add(wrong));
            is_right
        });
        pairs
    }

    /// Those that are written here too are a mistake: one of both would not be seen.
    fn environment_from(
        &self,
        typed: &Typed<'t>,
        written: &[(Placed<String>, Placed<String>)],
        files: &mut Files,
    ) -> Vec<String> {
        let name = |text: &str| check_name(text).map(|()| text.to_owned());
        let names = typed.texts("environment_from", name);
        self.count(typed, "environment_from", names.len(), VARIABLES_MAX);
        let mut taken: Vec<Placed<String>> = Vec::new();
        for name in names {
            let earlier = written.iter().map(|(name, _)| name).chain(&taken);
            match earlier.into_iter().find(|other| other.value == name.value) {
                Some(first) => self
                    .mistakes
                    .add(twice("the variable", &name.value, &name, first)),
                None => taken.push(name),
            }
        }
        files.extend(taken.iter().map(|name| Named {
            what: "the environment variable",
            kind: NamedKind::Variable,
            file: Placed {
                value: name.value.clone().into(),
                span: name.span.clone(),
            },
        }));
        taken.into_iter().map(|name| name.value).collect()
    }

    fn count(&self, typed: &Typed<'t>, key: &str, count: usize, max: usize) {
        if let (true, Some(place)) = (count > max, typed.place(key)) {
            self.mistakes.add(too_many(place, key, max));
        }
    }
}

fn check_name(text: &str) -> Result<(), Invalid> {
    if text.is_empty() || text.contains(['=', '\0']) {
        return Err(Invalid::Variable("expected a name without `=` and NUL"));
    }
    Ok(())
}

const DIRECTORIES_MAX: usize = 64;
const VARIABLES_MAX: usize = 64;
const SOCKETS_MAX: usize = 256;
const ENVIRONMENT_BYTES_MAX: usize = 32 * 1024;
