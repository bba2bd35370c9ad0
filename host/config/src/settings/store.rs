//! `[store.NAME]`.

use super::Section::Store;
use super::Standard::{Absent, Value};
use super::{KIB, Kind, Setting, TIB, bytes};

pub(super) const SETTINGS: &[Setting] = &[
    Setting::of(
        Store,
        "file",
        Kind::Text("a file; relative to this one"),
        Absent("either `file` or `memory = true` has to be given"),
        "Where the store is kept for good. Its directory has to be there; the file is made, for its owner alone, when it is \
         not. One host at a time may have it open.",
    ),
    Setting::of(
        Store,
        "memory",
        Kind::Flag,
        Value("false"),
        "Whether the store is kept in memory instead, and is gone when the host ends.",
    ),
    Setting::of(
        Store,
        "bytes_max",
        bytes(KIB, TIB),
        Value(r#""64MiB""#),
        "What its keys and values may have together; each key counts 64 bytes more. A write beyond that fails, and its guest is told; deleting, and writing \
         what makes the store no larger, goes on. The file itself is larger, at worst some times as large.",
    ),
];

/// What a service's component may open.
pub(super) const GRANTS: Kind =
    Kind::Pairs("a table of names of `[store.NAME]`, such as { default = \"counters\" }");
