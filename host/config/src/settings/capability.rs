//! What a component is granted beside `connect`, in `[service.NAME]` and in `[http.NAME]`; and one table of its `directories`.

use super::Section::{Capabilities, Directory};
use super::Standard::{Required, Value};
use super::{Kind, Setting, Standard};

pub(super) const SETTINGS: &[Setting] = &[
    granted(
        "directories",
        Kind::Tables(
            "tables, such as [{ path = \"/data\", directory = \"data/chat\", writable = true }]",
        ),
        "Directories of this host that the component sees through `wasi:filesystem`, 64 at most: all that is in them, and \
         nothing else. Links that lead out of them are not followed. Without any, a component has no files. None of them \
         may be, hold or lie in the host's cache of compiled components.",
    ),
    granted(
        "environment",
        Kind::Pairs("a table of strings, such as { TZ = \"UTC\" }"),
        "Environment variables of the component, 32 KiB altogether. Nothing of the host's own environment is among them.",
    ),
    granted(
        "environment_from",
        Kind::Texts("names of environment variables, such as [\"DATABASE_PASSWORD\"]"),
        "Variables of the host's own environment that the component has too, 64 at most, each of at most 32 KiB: for what \
         should not stand in this file. Read at the start; one that is not set is a mistake.",
    ),
    granted(
        "sockets",
        Kind::Texts(
            "addresses with ports, such as [\"10.0.0.0/8:5432\", \"[fd00::]/8:6379\", \"127.0.0.1:8000-8010\"]",
        ),
        "Where the component may connect to by TCP, and what it may exchange datagrams with by UDP, through `wasi:sockets`: \
         an address or a network, and a port or the first and the last of several; 256 at most. Names are not looked up for \
         it, nobody can connect to it, and it chooses no port of its own. Its sockets count as connections \
         (`connections_per_session_max`, `outbound_connections_max`). Without any, it can make no socket.",
    ),
];

pub(super) const DIRECTORY: &[Setting] = &[
    directory(
        "path",
        Kind::Text("an absolute path, such as \"/data\""),
        Required,
        "Where the component finds it, without `.`, `..` and a slash at the end. No two directories are at the same path.",
    ),
    directory(
        "directory",
        Kind::Text("a directory; relative to this file"),
        Required,
        "What it finds there. The directory is opened once, at the start: when its name leads somewhere else later, the \
         component keeps the one that was opened.",
    ),
    directory(
        "writable",
        Kind::Flag,
        Value("false"),
        "Whether the component may create, change, rename and remove what is in it. How much it writes is not limited: give \
         it a file system, or a quota, of its own.",
    ),
];

const fn granted(key: &'static str, kind: Kind, doc: &'static str) -> Setting {
    let nothing = match kind {
        Kind::Pairs(_) => "{}",
        _ => "[]",
    };
    Setting::of(Capabilities, key, kind, Value(nothing), doc)
}

const fn directory(key: &'static str, kind: Kind, default: Standard, doc: &'static str) -> Setting {
    Setting::of(Directory, key, kind, default, doc)
}
