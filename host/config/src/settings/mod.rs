//! The one table of settings: every key that wasket.toml knows, with its kind, range, default and meaning.
//!
//! The reader refuses keys that are not here and checks values against the kinds here; `docs/settings.md` is
//! written from it (see [`crate::reference()`]). The defaults stand here as text for people and in
//! [`crate::plan`] as values for the program; a test keeps the two equal.

mod auth;
mod capability;
mod compression;
mod connect;
mod files;
mod host;
mod http;
mod listen;
mod service;
mod store;
mod tls;

use crate::value::{show_size, show_time};
use std::time::Duration;

/// One key of wasket.toml.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Where the key is written.
    pub section: Section,
    /// The key itself, in snake case, its unit last.
    pub key: &'static str,
    /// What may be written behind it.
    pub kind: Kind,
    /// What holds when it is not written.
    pub default: Standard,
    /// One paragraph for people.
    pub doc: &'static str,
}

impl Setting {
    /// A row of the table, in one line where it is short.
    const fn of(
        section: Section,
        key: &'static str,
        kind: Kind,
        default: Standard,
        doc: &'static str,
    ) -> Self {
        Self {
            section,
            key,
            kind,
            default,
            doc,
        }
    }
}

/// A group of keys that are written in the same place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// `[host]`: the process as a whole.
    Host,
    /// `[log]`: what is logged and how.
    Log,
    /// `[[listen]]`: one address to listen on.
    Listen,
    /// `[listen.tls]`: the TLS of the listener above it.
    Tls,
    /// One certificate: in `[listen.tls]`, or each of several in its `certificates`.
    Certificate,
    /// `[auth.NAME]`: how clients say who they are, and who is known.
    Auth,
    /// `[service.NAME]`: a path and what answers there.
    Service,
    /// Limits of a service: in `[service.NAME]`, or in `[defaults]` for all services.
    Limits,
    /// Limits of one sandbox: in `[service.NAME]`, in `[http.NAME]`, or in `[defaults]` for all of them.
    Sandbox,
    /// Limits of plain HTTP requests: in `[http.NAME]`, in `[service.NAME]`, or in `[defaults]` for all of them.
    Requests,
    /// `[http.NAME]`: a path and the component that answers plain HTTP requests there.
    Http,
    /// `[files.NAME]`: a directory and where its files are served.
    Files,
    /// `compression = { ... }`: how a service compresses.
    Compression,
    /// A table in `connect`: what a service's component may connect to, and how.
    Connect,
    /// `[store.NAME]`: a key-value store that components may be granted.
    Store,
    /// What a component is granted beside: in `[service.NAME]` or in `[http.NAME]`.
    Capabilities,
    /// A table in `directories`: one directory that a component sees.
    Directory,
}

/// What may be written as the value of a key. Ranges include both ends.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// An integer.
    Count {
        /// The smallest value.
        min: u64,
        /// The largest value.
        max: u64,
        /// Whether `"off"` may stand instead.
        off: bool,
    },
    /// An integer of bytes, or a string such as `"64KiB"`.
    Bytes {
        /// The smallest value.
        min: u64,
        /// The largest value.
        max: u64,
    },
    /// A string such as `"10s"`.
    Time {
        /// The smallest value.
        min: Duration,
        /// The largest value.
        max: Duration,
        /// Whether `"off"` may stand instead.
        off: bool,
    },
    /// One of these strings.
    Choice(&'static [&'static str]),
    /// A string with a form of its own, named here for people.
    Text(&'static str),
    /// An array of such strings.
    Texts(&'static str),
    /// An inline table whose values are strings.
    Pairs(&'static str),
    /// A table with settings of a section of its own.
    Table(&'static str),
    /// An array of such tables.
    Tables(&'static str),
    /// An array of strings with a form of their own and of tables with settings of a section of their own.
    TextsOrTables(&'static str),
    /// `"off"`, `"on"`, or a table of settings of its own; an example of one for people.
    SwitchOrTable(&'static str),
}

/// What holds when a key is not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// This value, as one would write it.
    Value(&'static str),
    /// Leaving the key out means this, which cannot be written as a value.
    Absent(&'static str),
    /// The key has to be written.
    Required,
}

/// Every setting, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    [
        host::SETTINGS,
        listen::SETTINGS,
        tls::SETTINGS,
        tls::CERTIFICATE,
        auth::SETTINGS,
        store::SETTINGS,
        service::SETTINGS,
        service::LIMITS,
        service::SANDBOX,
        http::REQUESTS,
        compression::SETTINGS,
        capability::SETTINGS,
        connect::SETTINGS,
        http::SETTINGS,
        files::SETTINGS,
        capability::DIRECTORY,
    ]
    .into_iter()
    .flatten()
}

/// The setting with this key in one of these sections.
pub fn find(sections: &[Section], key: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.key == key && sections.contains(&setting.section))
}

impl Section {
    /// How the head of the section is written.
    pub fn title(self) -> &'static str {
        match self {
            Self::Host => "[host]",
            Self::Log => "[log]",
            Self::Listen => "[[listen]]",
            Self::Tls | Self::Certificate => "[listen.tls]",
            Self::Auth => "[auth.NAME]",
            Self::Store => "[store.NAME]",
            Self::Service | Self::Capabilities => "[service.NAME]",
            Self::Files => "[files.NAME]",
            Self::Limits | Self::Sandbox => "[defaults]",
            Self::Http | Self::Requests => "[http.NAME]",
            Self::Compression => "compression = { ... }",
            Self::Connect => "connect = [{ ... }]",
            Self::Directory => "directories = [{ ... }]",
        }
    }
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
const GIB: u64 = 1024 * MIB;
const TIB: u64 = 1024 * GIB;
const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(10);
const HOUR: Duration = Duration::from_secs(60 * 60);
const MONTH: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const fn count(min: u64, max: u64) -> Kind {
    Kind::Count {
        min,
        max,
        off: false,
    }
}

const fn count_or_off(min: u64, max: u64) -> Kind {
    Kind::Count {
        min,
        max,
        off: true,
    }
}

const fn bytes(min: u64, max: u64) -> Kind {
    Kind::Bytes { min, max }
}

const fn time(min: Duration, max: Duration) -> Kind {
    Kind::Time {
        min,
        max,
        off: false,
    }
}

const fn time_or_off(min: Duration, max: Duration) -> Kind {
    Kind::Time {
        min,
        max,
        off: true,
    }
}

impl Kind {
    /// What was expected, for an error and for the reference: `an integer from 1 to 8`.
    pub fn expected(self) -> String {
        let or_off = |off| if off { ", or \"off\"" } else { "" };
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Count { min, max, off } => {
                format!("an integer from {min} to {max}{}", or_off(off))
            }
            Self::Bytes { min, max } => {
                format!(
                    "bytes from {} to {}",
                    quoted(&show_size(min)),
                    quoted(&show_size(max))
                )
            }
            Self::Time { min, max, off } => format!(
                "a duration from {} to {}{}",
                quoted(&show_time(min)),
                quoted(&show_time(max)),
                or_off(off)
            ),
            Self::Choice(words) => words
                .iter()
                .map(|word| quoted(word))
                .collect::<Vec<_>>()
                .join(" or "),
            Self::SwitchOrTable(example) => {
                format!("\"off\", \"on\", or a table such as {example}")
            }
            Self::Text(what)
            | Self::Texts(what)
            | Self::Pairs(what)
            | Self::Table(what)
            | Self::Tables(what)
            | Self::TextsOrTables(what) => what.to_owned(),
        }
    }

    /// The same with all that a file may have.
    pub(crate) fn expected_of_file(self) -> String {
        match self {
            Self::Bytes { .. } => format!("{}, or an integer of bytes", self.expected()),
            kind => kind.expected(),
        }
    }

    /// Whether `"off"` is a value.
    pub fn may_be_off(self) -> bool {
        matches!(
            self,
            Self::Count { off: true, .. } | Self::Time { off: true, .. }
        )
    }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
