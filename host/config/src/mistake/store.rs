//! Mistakes about `[store.NAME]`, and about who names it.

use crate::nearest::nearest;
use crate::problem::{Mistake, shown};
use crate::typed::Placed;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::DeString;

pub(crate) fn no_place(store: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("store `{}` has no `file`", shown(store.get_ref()));
    Mistake::at(store.span(), title, "expected where it is kept")
        .with_help("add a line such as file = \"data/store.redb\" or memory = true")
}

pub(crate) fn two_places(memory: Range<usize>, file: Range<usize>) -> Mistake {
    Mistake::at(
        memory,
        "both `file` and `memory` are given",
        "expected one of them",
    )
    .and_at(file, "the other is here")
    .with_help("remove one")
}

pub(crate) fn same_file(file: &Placed<PathBuf>, first: &Placed<PathBuf>) -> Mistake {
    let (title, expected) = ("two stores in one file", "expected a file of its own");
    Mistake::at(file.span.clone(), title, expected)
        .and_at(first.span.clone(), "first given here")
        .with_help("several services may name one store")
}

/// A store that is named and not there.
pub(crate) fn unknown_store<'n>(
    name: &Placed<String>,
    known: impl Iterator<Item = &'n str>,
) -> Mistake {
    let title = format!("there is no [store.{}]", shown(&name.value));
    let mistake = Mistake::at(name.span.clone(), title, "expected the name of a table");
    match nearest(&name.value, known) {
        Some(word) => mistake.with_help(format!("did you mean \"{}\"?", shown(word))),
        None => mistake.with_help("add the table, with `file` or `memory`"),
    }
}
