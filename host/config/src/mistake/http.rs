//! Mistakes about `[http.NAME]`, and about what services take of it.

use crate::plan::Service;
use crate::problem::{Mistake, shown};
use crate::typed::Placed;
use crate::value::Route;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeString;

pub(crate) fn no_path_of_http(http: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("http `{}` has no `path`", shown(http.get_ref()));
    Mistake::at(http.span(), title, "expected the paths that it answers")
        .with_help("add a line such as path = \"/publish\"")
}

pub(crate) fn no_handler(http: &Spanned<DeString<'_>>) -> Mistake {
    let title = format!("http `{}` has no `component`", shown(http.get_ref()));
    Mistake::at(http.span(), title, "expected what answers")
        .with_help("add a line such as component = \"publish.wasm\"")
}

/// A component and a directory that answer the same requests.
pub(crate) fn beside_files(http: &Placed<Route>, files: &Placed<Route>) -> Mistake {
    let title = format!("files at {} answer {} too", files.value, http.value);
    Mistake::at(http.span.clone(), title, "expected paths of its own")
        .and_at(files.span.clone(), "the files are here")
}

/// The same paths, by other names of what is in them.
pub(crate) fn other_parameters(http: &Placed<Route>, service: &Service) -> Mistake {
    let (name, route) = (&service.name, &service.route);
    let title = format!("{} matches the same paths as service `{name}`", http.value);
    Mistake::at(
        http.span.clone(),
        title,
        "expected the same names of parameters",
    )
    .with_help(format!("write it as there: path = \"{route}\""))
}

/// Two tables by one name: nobody could tell them apart in the log.
pub(crate) fn name_taken(
    name: &Spanned<DeString<'_>>,
    table: &str,
    first: Range<usize>,
) -> Mistake {
    let title = format!(
        "[{table}.{0}] has a name that is taken",
        shown(name.get_ref())
    );
    Mistake::at(name.span(), title, "expected a name of its own")
        .and_at(first, "first given here")
        .with_help(
            "services, files and http have different names, so that the log can tell them apart",
        )
}

/// A limit of requests where nothing answers requests.
pub(crate) fn requests_of_native(key: &str, place: Range<usize>, native: Range<usize>) -> Mistake {
    let title = format!("`{key}` says nothing here");
    Mistake::at(place, title, "remove this").and_at(native, "this answers no plain HTTP")
}

/// A login that only sessions' connections know.
pub(crate) fn user_of_http(user: Range<usize>, url: Range<usize>) -> Mistake {
    Mistake::at(user, "`user` with a URL for plain HTTP", "remove this")
        .and_at(url, "only \"wss\" and \"ws\" log in")
        .with_help("the component sets the `authorization` of its requests itself")
}
