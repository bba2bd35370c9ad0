//! Mistakes about `[auth.NAME]`.

use crate::nearest::nearest;
use crate::problem::{Mistake, shown};
use crate::typed::Placed;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeString;

pub(crate) fn no_scheme(auth: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("auth `{}` has no `scheme`", shown(auth.get_ref()));
    Mistake::at(auth.span(), title, "expected how clients say who they are")
        .with_help("add a line such as scheme = \"digest\"")
}

pub(crate) fn no_users(auth: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("auth `{}` has no `users`", shown(auth.get_ref()));
    Mistake::at(auth.span(), title, "expected who is known")
        .with_help("add a line such as users = \"users.htpasswd\" or component = \"login.wasm\"")
}

pub(crate) fn two_sources(component: Range<usize>, users: Range<usize>) -> Mistake {
    Mistake::at(
        component,
        "both `users` and `component` are given",
        "expected one of them",
    )
    .and_at(users, "the other is here")
    .with_help("remove one")
}

/// A setting that says nothing beside another.
pub(crate) fn beside_nothing(
    key: &str,
    place: Range<usize>,
    other: Range<usize>,
    label: &str,
) -> Mistake {
    let title = format!("`{key}` says nothing here");
    Mistake::at(place, title, "remove this").and_at(other, label)
}

pub(crate) fn no_auth(name: &Placed<String>) -> Mistake {
    let title = format!("there is no [auth.{}]", shown(&name.value));
    Mistake::at(name.span.clone(), title, "expected the name of a table")
        .with_help("add the table, with `scheme` and `users`")
}

pub(crate) fn unknown_auth<'n>(
    name: &Placed<String>,
    known: impl Iterator<Item = &'n str> + Clone,
) -> Mistake {
    let title = format!("there is no [auth.{}]", shown(&name.value));
    let mistake = Mistake::at(name.span.clone(), title, "expected the name of a table");
    match nearest(&name.value, known.clone()) {
        Some(word) => mistake.with_help(format!("did you mean \"{}\"?", shown(word))),
        None => {
            let known: Vec<String> = known.map(shown).collect();
            mistake.with_help(format!("the tables are {}", known.join(", ")))
        }
    }
}

pub(crate) fn auth_of_nobody(name: &Placed<String>) -> Mistake {
    let title = format!("nothing uses [auth.{}]", shown(&name.value));
    let help = format!(
        "name it in a [[listen]], a [service.NAME], [http.NAME] or [files.NAME]: auth = \"{}\"",
        shown(&name.value)
    );
    Mistake::at(name.span.clone(), title, "it guards nothing").with_help(help)
}

pub(crate) fn roles_of_nobody(roles: Range<usize>, service: &Spanned<DeString<'_>>) -> Mistake {
    Mistake::at(
        roles,
        "`require_roles` without `auth`",
        "nobody has a role where nobody says who they are",
    )
    .and_at(service.span(), "neither this nor every listener has `auth`")
    .with_help("give this an `auth`")
}
