//! Mistakes that show only when parts of the file are seen together.

mod auth;
mod capability;
mod http;
mod store;

pub(crate) use auth::{
    auth_of_nobody, beside_nothing, no_auth, no_scheme, no_users, roles_of_nobody, two_sources,
    unknown_auth,
};
pub(crate) use capability::{
    missing_in_directory, too_long_environment, too_many, unusable_variable, value_with_nul,
};
pub(crate) use http::{
    beside_files, name_taken, no_handler, no_path_of_http, other_parameters, requests_of_native,
    user_of_http,
};
pub(crate) use store::{no_place, same_file, two_places, unknown_store};

use crate::load::Objection;
use crate::nearest::nearest;
use crate::plan::Listener;
use crate::problem::{Mistake, shown};
use crate::settings::{self, Section};
use crate::typed::{Placed, found};
use crate::value::Route;
use std::fmt::Display;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use toml::Spanned;
use toml::de::{DeString, DeValue};

/// What a file may have at its top.
pub(crate) const TABLES: [&str; 9] = [
    "host", "log", "listen", "auth", "defaults", "files", "http", "service", "store",
];

pub(crate) fn unknown_table(key: &Spanned<DeString<'_>>) -> Mistake {
    let name: &str = key.get_ref();
    let mistake = Mistake::at(
        key.span(),
        format!("unknown key `{}`", shown(name)),
        "no table has this name",
    );
    if let Some(setting) = settings::all().find(|setting| setting.key == name) {
        return mistake.with_help(format!("`{name}` belongs in {}", setting.section.title()));
    }
    match nearest(
        name,
        TABLES
            .into_iter()
            .chain(["services", "listener", "listeners"]),
    ) {
        Some("services") => mistake.with_help("did you mean `service`, as in [service.NAME]?"),
        Some("listener" | "listeners" | "listen") => {
            mistake.with_help("did you mean `listen`, as in [[listen]]?")
        }
        Some(word) => mistake.with_help(format!("did you mean `{word}`?")),
        None => mistake.with_help(
            "a file has [host], [log], [[listen]], [auth.NAME], [defaults], [files.NAME], [http.NAME], \
             [service.NAME] and [store.NAME]",
        ),
    }
}

pub(crate) fn not_a_table(name: &str, head: &str, value: &Spanned<DeValue<'_>>) -> Mistake {
    let sections = [
        Section::Service,
        Section::Limits,
        Section::Sandbox,
        Section::Requests,
        Section::Capabilities,
    ];
    let belongs = settings::find(&sections, name).is_some();
    let label = format!("expected {head}, found {}", found(value));
    let title = format!("`{}` is not a table", shown(name));
    let mistake = Mistake::at(value.span(), title, label);
    match head {
        "[service.NAME]" if belongs => mistake.with_help(format!(
            "`{name}` belongs in {head}: give the service a name"
        )),
        _ => mistake.with_help(format!("write {head}, and its settings on the lines below")),
    }
}

/// `listen` is written as if there could only be one.
pub(crate) fn not_an_array(value: &Spanned<DeValue<'_>>) -> Mistake {
    let label = format!("expected [[listen]], found {}", found(value));
    Mistake::at(value.span(), "`listen` is not an array of tables", label)
        .with_help("write [[listen]], and its settings on the lines below; repeat it for more")
}

pub(crate) fn no_services() -> Mistake {
    Mistake::whole("there is no service")
        .with_help("add one, such as\n[service.echo]\npath = \"/echo\"\nnative = \"echo\"")
}

pub(crate) fn no_path(service: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("service `{}` has no `path`", shown(service.get_ref()));
    Mistake::at(service.span(), title, "expected the paths that it answers")
        .with_help("add a line such as path = \"/chat\"")
}

pub(crate) fn no_path_of_files(files: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("files `{}` have no `path`", shown(files.get_ref()));
    Mistake::at(files.span(), title, "expected where the directory stands")
        .with_help("add a line such as path = \"/\"")
}

pub(crate) fn no_directory(files: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("files `{}` have no `directory`", shown(files.get_ref()));
    Mistake::at(files.span(), title, "expected what is served")
        .with_help("add a line such as directory = \"public\"")
}

pub(crate) fn no_behavior(service: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("service `{}` has no `component`", shown(service.get_ref()));
    Mistake::at(service.span(), title, "expected what answers")
        .with_help("add a line such as component = \"chat.wasm\" or native = \"echo\"")
}

pub(crate) fn two_behaviors(native: Range<usize>, component: Range<usize>) -> Mistake {
    Mistake::at(
        native,
        "both `component` and `native` are given",
        "expected one of them",
    )
    .and_at(component, "the other is here")
    .with_help("remove one")
}

pub(crate) fn digest_of_nothing(digest: Range<usize>, native: Range<usize>) -> Mistake {
    Mistake::at(
        digest,
        "`sha256` without `component`",
        "there is no file to compare with",
    )
    .and_at(native, "this is built in")
    .with_help("remove one")
}

pub(crate) fn duplicate_address(listener: &Placed<Listener>, first: &Placed<Listener>) -> Mistake {
    let title = format!("two listeners on {}", listener.value.address);
    Mistake::at(
        listener.span.clone(),
        title,
        "expected an address of its own",
    )
    .and_at(first.span.clone(), "first given here")
}

/// `what` they are of.
pub(crate) fn duplicate_route(what: &str, route: &Placed<Route>, first: &Placed<Route>) -> Mistake {
    let title = if route.value == first.value {
        format!("two {what} on {}", route.value)
    } else {
        format!("{} matches the same paths as {}", route.value, first.value)
    };
    Mistake::at(route.span.clone(), title, "expected paths of its own")
        .and_at(first.span.clone(), "first given here")
}

pub(crate) fn twice<A, B>(
    what: &str,
    name: impl Display,
    second: &Placed<A>,
    first: &Placed<B>,
) -> Mistake {
    Mistake::at(
        second.span.clone(),
        format!("{what} `{name}` is given twice"),
        "remove this one",
    )
    .and_at(first.span.clone(), "first given here")
}

pub(crate) fn no_trusted_proxies(span: Range<usize>) -> Mistake {
    Mistake::at(
        span,
        "`proxy_protocol` without `trusted_proxies`",
        "nobody could connect",
    )
    .with_help("add the proxies' addresses, such as trusted_proxies = [\"10.0.0.2\"]")
}

/// A service that is named and not there.
pub(crate) fn unknown_service<'n>(
    name: &Placed<String>,
    known: impl Iterator<Item = &'n str>,
) -> Mistake {
    let title = format!("there is no service `{}`", shown(&name.value));
    let mistake = Mistake::at(name.span.clone(), title, "no [service.NAME] has this name");
    match nearest(&name.value, known) {
        Some(word) => mistake.with_help(format!("did you mean `{}`?", shown(word))),
        None => mistake,
    }
}

pub(crate) fn any_and_others(span: Range<usize>) -> Mistake {
    Mistake::at(
        span,
        "\"*\" beside other origins",
        "this allows all: the others say nothing",
    )
    .with_help("list origins, or write [\"*\"] alone")
}

/// TLS with nothing to show to clients.
pub(crate) fn no_certificate(span: Range<usize>) -> Mistake {
    Mistake::at(
        span,
        "TLS without a certificate",
        "expected a certificate and its key",
    )
    .with_help(
        "name their files, as in { chain = \"fullchain.pem\", key = \"privkey.pem\" }, or pfx = \"host.pfx\"",
    )
}

pub(crate) fn missing_url(span: Range<usize>) -> Mistake {
    Mistake::at(span, "`url` is missing", "this leads nowhere")
        .with_help("add where to, as in { url = \"wss://feed.example\" }")
}

pub(crate) fn no_versions(span: Range<usize>) -> Mistake {
    Mistake::at(
        span,
        "no version of TLS is left",
        "expected \"1.2\", \"1.3\" or both",
    )
}

/// A setting that means something only together with another.
pub(crate) fn missing_setting(span: Range<usize>, other: &str) -> Mistake {
    Mistake::at(
        span,
        format!("`{other}` is missing"),
        format!("this is used together with `{other}`"),
    )
    .with_help(format!("add `{other}`, or remove this"))
}

/// A setting that stands in place of another.
pub(crate) fn excluded(
    span: Range<usize>,
    title: &str,
    other: Range<usize>,
    help: &str,
) -> Mistake {
    Mistake::at(span, title, "expected one of them")
        .and_at(other, "the other is here")
        .with_help(help)
}

/// A file that the configuration names and that cannot be used.
pub(crate) fn unusable_file(what: &str, file: &Placed<String>, error: &io::Error) -> Mistake {
    let (title, label) = match error.kind() {
        io::ErrorKind::NotFound => ("does not exist".to_owned(), "no such file"),
        io::ErrorKind::IsADirectory => ("is a directory".to_owned(), "expected a file"),
        _ => (
            format!("cannot be read: {error}"),
            "expected a file that can be read",
        ),
    };
    Mistake::at(
        file.span.clone(),
        format!("{what} {} {title}", file.value),
        label,
    )
    .with_help("paths are relative to the directory of this file")
}

/// A directory that the configuration names and that cannot be used.
pub(crate) fn unusable_directory(
    what: &str,
    directory: &Placed<String>,
    error: &io::Error,
) -> Mistake {
    let (title, label) = match error.kind() {
        io::ErrorKind::NotFound => ("does not exist".to_owned(), "no such directory"),
        io::ErrorKind::NotADirectory => ("is no directory".to_owned(), "expected a directory"),
        _ => (
            format!("cannot be looked into: {error}"),
            "expected a directory that can be read",
        ),
    };
    let title = format!("{what} {} {title}", directory.value);
    Mistake::at(directory.span.clone(), title, label)
        .with_help("paths are relative to the directory of this file")
}

/// A file that was read and that nothing can be made of.
pub(crate) fn useless_file(file: &Placed<PathBuf>, objection: &Objection) -> Mistake {
    let title = format!("{} {}", file.value.display(), objection.fault);
    Mistake::at(file.span.clone(), title, "this cannot be used").with_help(objection.help.clone())
}
