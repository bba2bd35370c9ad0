//! Mistakes in what components are granted.

use crate::problem::{Mistake, shown};
use crate::typed::Placed;
use std::ops::Range;

/// A table of `directories` without one of what it needs.
pub(crate) fn missing_in_directory(span: Range<usize>, key: &str) -> Mistake {
    Mistake::at(
        span,
        format!("`{key}` is missing"),
        "expected where it is, and what",
    )
    .with_help("write both, as in { path = \"/data\", directory = \"data/chat\" }")
}

pub(crate) fn too_many(span: Range<usize>, key: &str, max: usize) -> Mistake {
    Mistake::at(
        span,
        format!("`{key}` has too many entries"),
        format!("expected {max} at most"),
    )
}

pub(crate) fn too_long_environment(span: Range<usize>) -> Mistake {
    Mistake::at(
        span,
        "`environment` is too long",
        "expected 32 KiB at most, names and values together",
    )
}

pub(crate) fn value_with_nul(value: &Placed<String>) -> Mistake {
    let title = format!("\"{}\" is not the value of a variable", shown(&value.value));
    Mistake::at(value.span.clone(), title, "expected no NUL in it")
}

/// A variable that a component is to have of the host's own.
pub(crate) fn unusable_variable(name: &Placed<String>, what: &str) -> Mistake {
    let title = format!("the environment variable {} {what}", shown(&name.value));
    let label = "expected a variable of the host's environment";
    Mistake::at(name.span.clone(), title, label)
        .with_help("set it where wasket is started, or write the value into `environment`")
}
