//! The second step: what it means. The tables of the file become a plan.

mod auth;
mod capability;
mod connect;
mod files;
mod http;
mod log;
mod proxy;
mod service;
mod store;
mod tls;

use crate::mistake::{
    TABLES, duplicate_address, name_taken, no_services, not_a_table, not_an_array, unknown_table,
};
use crate::plan::{
    Compression, Host, Limits, Listener, Log, LogFormat, Plan, Requests, SlowReader, Tls,
};
use crate::problem::{Mistake, Mistakes};
use crate::settings::Section;
use crate::typed::{Placed, Switched, Typed};
use crate::value::{Invalid, parse_address};
use auth::Auths;
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use toml::de::DeTable;

/// What one file says.
pub(crate) struct Meaning {
    /// `None` only when there are mistakes.
    pub(crate) plan: Option<Plan>,
    /// Files that the plan names, and where.
    pub(crate) files: Files,
    /// Everything that is wrong.
    pub(crate) mistakes: Vec<Mistake>,
}

/// Reads a whole file. Paths in it are relative to `base`.
pub(crate) fn read(text: &str, base: &Path) -> Meaning {
    let mistakes = Mistakes::default();
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or_default();
        mistakes.add(Mistake::at(span, "not valid TOML", error.message()));
    }
    let mut files = Vec::new();
    let reader = Reader {
        base,
        mistakes: &mistakes,
    };
    // What follows a mistake in the syntax is guesswork: its mistakes would be ours.
    let plan = match errors.as_slice() {
        [] => reader.plan(document.get_ref(), &mut files),
        _ => None,
    };
    Meaning {
        plan,
        files,
        mistakes: mistakes.into_inner(),
    }
}

/// What `[defaults]` says.
#[derive(Default)]
struct Defaults {
    limits: Limits,
    requests: Requests,
}

struct Reader<'t> {
    base: &'t Path,
    mistakes: &'t Mistakes,
}

/// Files that a configuration names.
pub(crate) type Files = Vec<Named>;

/// A file that a configuration names, and where.
pub(crate) struct Named {
    /// What is in it, for people.
    pub(crate) what: &'static str,
    /// What it has to be.
    pub(crate) kind: NamedKind,
    pub(crate) file: Placed<PathBuf>,
}

/// What somebody finds who looks for what a configuration names.
#[derive(Clone, Copy)]
pub(crate) enum NamedKind {
    File,
    Directory,
    /// No file, but a variable of the environment.
    Variable,
}

impl<'t> Reader<'t> {
    /// With mistakes, what is left of the plan.
    fn plan(&self, root: &'t DeTable<'t>, files: &mut Files) -> Option<Plan> {
        let mut all_known = true;
        for key in root.keys() {
            if !TABLES.contains(&&**key.get_ref()) {
                all_known = false;
                self.mistakes.add(unknown_table(key));
            }
        }
        let host = self.host(root);
        let log = self.log(root);
        let defaults = self.defaults(root);
        let mut auths = self.auths(root, &defaults.limits, files);
        let listeners = self.listeners(root, files, &mut auths);
        auths.everywhere = listeners.iter().all(|listener| listener.auth.is_some());
        let stores = self.stores(root, files);
        let services = self.services(root, &defaults, files, &mut auths);
        let mut standing = Vec::new();
        let directories = self.all_files(root, files, &mut standing, &mut auths);
        let beside = (services.as_deref().unwrap_or_default(), &*standing);
        let http = self.all_http(root, &defaults, beside, files, &mut auths);
        self.unique_names(root);
        let auths = self.used(auths);
        if services.is_none() && directories.is_none() && http.is_none() {
            if all_known {
                self.mistakes.add(no_services());
            }
            return None;
        }
        Some(Plan {
            host,
            log,
            listeners,
            auths,
            stores,
            services: services.unwrap_or_default(),
            files: directories.unwrap_or_default(),
            http: http.unwrap_or_default(),
        })
    }

    fn host(&self, root: &'t DeTable<'t>) -> Host {
        let mut host = Host::default();
        let Some(typed) = self.table(root, "host", &[Section::Host]) else {
            return host;
        };
        typed.number("workers", &mut host.workers);
        typed.number("instances_max", &mut host.instances_max);
        typed.number(
            "outbound_connections_max",
            &mut host.outbound_connections_max,
        );
        typed.number("queued_bytes_max", &mut host.queued_bytes_max);
        typed.number(
            "context_takeover_bytes_max",
            &mut host.context_takeover_bytes_max,
        );
        typed.flag("cache", &mut host.cache);
        host.cache_directory = typed
            .text("cache_directory", |text| self.path(text))
            .map(|path| path.value);
        typed.time("epoch_tick", &mut host.epoch_tick);
        typed.time("drain", &mut host.drain);
        typed.number("node", &mut host.node);
        host
    }

    fn log(&self, root: &'t DeTable<'t>) -> Log {
        let mut log = Log::default();
        let Some(typed) = self.table(root, "log", &[Section::Log]) else {
            return log;
        };
        if let Some(level) = typed.text("level", FromStr::from_str) {
            log.level = level.value;
        }
        log.service_levels = log::service_levels(&typed, root, self.mistakes);
        if let Some(format) = typed.choice("format", LogFormat::named) {
            log.format = format;
        }
        log
    }

    fn defaults(&self, root: &'t DeTable<'t>) -> Defaults {
        let mut defaults = Defaults::default();
        let sections = &[Section::Limits, Section::Sandbox, Section::Requests];
        if let Some(typed) = self.table(root, "defaults", sections) {
            read_limits(&typed, &mut defaults.limits);
            http::read_requests(&typed, &mut defaults.requests);
        }
        defaults
    }

    /// What answers on a path is told apart by its name.
    fn unique_names(&self, root: &'t DeTable<'t>) {
        let mut names: Vec<_> = ["service", "files", "http"]
            .into_iter()
            .filter_map(|table| Some((table, root.get(table)?.get_ref().as_table()?)))
            .flat_map(|(table, entries)| entries.keys().map(move |name| (table, name)))
            .collect();
        names.sort_by_key(|(_, name)| name.span().start);
        let mut seen: HashMap<&str, Range<usize>> = HashMap::new();
        for (table, name) in names {
            match seen.get(&**name.get_ref()) {
                Some(first) => self.mistakes.add(name_taken(name, table, first.clone())),
                None => {
                    seen.insert(name.get_ref(), name.span());
                }
            }
        }
    }

    fn table(
        &self,
        root: &'t DeTable<'t>,
        name: &str,
        sections: &'static [Section],
    ) -> Option<Typed<'t>> {
        let value = root.get(name)?;
        let head = format!("[{name}]");
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes.add(not_a_table(name, &head, value));
            return None;
        };
        Some(Typed::new(sections, &head, table, self.mistakes))
    }

    fn listeners(
        &self,
        root: &'t DeTable<'t>,
        files: &mut Files,
        auths: &mut Auths,
    ) -> Vec<Listener> {
        let value = root.get("listen");
        let array = value.and_then(|value| value.get_ref().as_array());
        if let (Some(value), None) = (value, array) {
            self.mistakes.add(not_an_array(value));
        }
        let mut listeners: Vec<Placed<Listener>> = Vec::new();
        for value in array.into_iter().flat_map(|array| array.iter()) {
            let Some(table) = value.get_ref().as_table() else {
                self.mistakes
                    .add(not_a_table("listen", "[[listen]]", value));
                continue;
            };
            let typed = Typed::new(&[Section::Listen], "[[listen]]", table, self.mistakes);
            let tls = self.tls(&typed, files);
            let auth = self.auth_of(&typed, auths);
            let Some(mut listener) = read_listener(&typed, value.span(), tls) else {
                continue;
            };
            proxy::read(&typed, &mut listener.value, self.mistakes);
            listener.value.auth = auth;
            let address = listener.value.address;
            let same = |other: &&Placed<Listener>| other.value.address == address;
            match listeners.iter().find(same) {
                Some(first) if address.port() != 0 => {
                    self.mistakes.add(duplicate_address(&listener, first));
                }
                _ => listeners.push(listener),
            }
        }
        if listeners.is_empty() {
            return vec![Listener::default()];
        }
        listeners
            .into_iter()
            .map(|listener| listener.value)
            .collect()
    }

    fn path(&self, text: &str) -> Result<PathBuf, Invalid> {
        if text.is_empty() || text.contains('\0') {
            return Err(Invalid::Path("expected the name of a file or directory"));
        }
        Ok(self.base.join(text))
    }

    /// A file that a key names. It is noted, to be looked at later.
    fn file(
        &self,
        typed: &Typed<'_>,
        key: &str,
        what: &'static str,
        files: &mut Files,
    ) -> Option<PathBuf> {
        let file = typed.text(key, |text| self.path(text))?;
        let path = file.value.clone();
        files.push(Named {
            what,
            kind: NamedKind::File,
            file,
        });
        Some(path)
    }

    /// The same of a directory.
    fn directory(&self, typed: &Typed<'_>, key: &str, files: &mut Files) -> Option<PathBuf> {
        let file = typed.text(key, |text| self.path(text))?;
        let path = file.value.clone();
        files.push(Named {
            what: "the directory",
            kind: NamedKind::Directory,
            file,
        });
        Some(path)
    }
}

/// `None` when the address is wrong.
fn read_listener(
    typed: &Typed<'_>,
    table: Range<usize>,
    tls: Option<Tls>,
) -> Option<Placed<Listener>> {
    let mut listener = Listener {
        tls,
        ..Listener::default()
    };
    let address = typed.text("address", parse_address);
    if let Some(address) = &address {
        listener.address = address.value;
    }
    typed.number("backlog", &mut listener.backlog);
    typed.flag("nodelay", &mut listener.nodelay);
    typed.flag("reuse_address", &mut listener.reuse_address);
    typed.number("connections_max", &mut listener.connections_max);
    typed.limit(
        "connections_per_address_max",
        &mut listener.connections_per_address_max,
    );
    typed.number(
        "request_head_bytes_max",
        &mut listener.request_head_bytes_max,
    );
    typed.time("request_head_timeout", &mut listener.request_head_timeout);
    typed.time("handshake_timeout", &mut listener.handshake_timeout);
    typed.time("transfer_timeout", &mut listener.transfer_timeout);
    typed.flag("http2", &mut listener.http2);
    typed.number("http2_streams_max", &mut listener.http2_streams_max);
    typed.flag("try_page", &mut listener.try_page);
    let wrong = address.is_none() && typed.place("address").is_some();
    (!wrong).then_some(Placed {
        value: listener,
        span: address.map_or(table, |address| address.span),
    })
}

fn read_limits(typed: &Typed<'_>, limits: &mut Limits) {
    typed.number("message_bytes_max", &mut limits.message_bytes_max);
    typed.number("fragments_max", &mut limits.fragments_max);
    typed.number("outbox_bytes_max", &mut limits.outbox_bytes_max);
    typed.number(
        "service_queued_bytes_max",
        &mut limits.service_queued_bytes_max,
    );
    typed.time("slow_reader_time", &mut limits.slow_reader_time);
    if let Some(slow_reader) = typed.choice("slow_reader", SlowReader::named) {
        limits.slow_reader = slow_reader;
    }
    match typed.switch_or_table("compression", &[Section::Compression]) {
        None => {}
        Some(Switched::Off) => limits.compression = None,
        Some(Switched::On) => limits.compression = Some(Compression::default()),
        Some(Switched::Table(table)) => limits.compression = Some(read_compression(&table)),
    }
    typed.time("event_time", &mut limits.event_time);
    typed.time("event_wall_time", &mut limits.event_wall_time);
    typed.timer("ping_every", &mut limits.ping_every);
    typed.time("pong_timeout", &mut limits.pong_timeout);
    typed.time("close_timeout", &mut limits.close_timeout);
    typed.time("write_timeout", &mut limits.write_timeout);
    typed.timer("idle_timeout", &mut limits.idle_timeout);
    typed.timer("lifetime_max", &mut limits.lifetime_max);
    typed.limit("sessions_max", &mut limits.sessions_max);
    typed.number("topics_per_session_max", &mut limits.topics_per_session_max);
    typed.number("timers_per_session_max", &mut limits.timers_per_session_max);
    read_sandbox(typed, limits);
}

fn read_sandbox(typed: &Typed<'_>, limits: &mut Limits) {
    typed.number("memory_bytes_max", &mut limits.memory_bytes_max);
    typed.number("table_elements_max", &mut limits.table_elements_max);
    typed.number("event_deliveries_max", &mut limits.event_deliveries_max);
    typed.number("event_bytes_max", &mut limits.event_bytes_max);
    typed.number(
        "connections_per_session_max",
        &mut limits.connections_per_session_max,
    );
    typed.number(
        "log_bytes_per_second_max",
        &mut limits.log_bytes_per_second_max,
    );
}

fn read_compression(typed: &Typed<'_>) -> Compression {
    let mut compression = Compression::default();
    typed.number("level", &mut compression.level);
    typed.number("message_bytes_min", &mut compression.message_bytes_min);
    typed.flag(
        "server_context_takeover",
        &mut compression.server_context_takeover,
    );
    typed.flag(
        "client_context_takeover",
        &mut compression.client_context_takeover,
    );
    typed.number(
        "server_max_window_bits",
        &mut compression.server_max_window_bits,
    );
    typed.number(
        "client_max_window_bits",
        &mut compression.client_max_window_bits,
    );
    compression
}
