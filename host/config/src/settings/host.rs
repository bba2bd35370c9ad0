//! `[host]` and `[log]`.

use super::Section::{Host, Log};
use super::Standard::{Absent, Value};
use super::{HOUR, Kind, MIB, MILLISECOND, Setting, TIB, TICK, bytes, count, time};
use std::time::Duration;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        section: Host,
        key: "workers",
        kind: count(0, 1024),
        default: Value("0"),
        doc: "Threads that run connections and guests. 0 starts one for each core.",
    },
    Setting {
        section: Host,
        key: "instances_max",
        kind: count(1, 100_000),
        default: Value("10000"),
        doc: "Sandboxes that exist at once, over all services. A connection that finds none free is answered 503 \
              before its handshake. An instance takes four to six memory mappings: above about 10,000 raise the \
              kernel's `vm.max_map_count` too.",
    },
    Setting {
        section: Host,
        key: "outbound_connections_max",
        kind: count(0, 1_000_000),
        default: Value("10000"),
        doc: "Connections of guests to the outside that exist at once, over all services, those that connect or close \
              included. A guest that wants one more hears `refused`, and the log names this setting. Each takes a file \
              descriptor, as each session does.",
    },
    Setting {
        section: Host,
        key: "queued_bytes_max",
        kind: bytes(MIB, TIB),
        default: Value(r#""1GiB""#),
        doc: "Bytes that may wait to be written to the clients of all services together. While more waits, it is as if \
              every service had met its own `service_queued_bytes_max`: the outbox of each client has 64 KiB only.",
    },
    Setting {
        section: Host,
        key: "context_takeover_bytes_max",
        kind: bytes(MIB, TIB),
        default: Value(r#""256MiB""#),
        doc: "Memory that `server_context_takeover` and `client_context_takeover` may take, over all services. When it is \
              taken, further sessions are compressed without context takeover, and the log says so.",
    },
    Setting {
        section: Host,
        key: "cache",
        kind: Kind::Flag,
        default: Value("true"),
        doc: "Keep compiled components on disk, so that the next start loads them in a moment.",
    },
    Setting {
        section: Host,
        key: "cache_directory",
        kind: Kind::Text("a directory; relative to this file"),
        default: Absent(
            "`wasket` below the user's cache directory (`XDG_CACHE_HOME`, or `~/.cache`)",
        ),
        doc: "Where compiled components are kept. It has to belong to the user who runs wasket and to nobody else \
              (mode 0700); otherwise it is not used, and the log says so.",
    },
    Setting {
        section: Host,
        key: "epoch_tick",
        kind: time(MILLISECOND, TICK),
        default: Value(r#""5ms""#),
        doc: "How long a guest that computes runs at a time before others get their turn. The first turn of an event \
              is a sixteenth of it, the second a quarter; from the second on it runs at a lower priority than \
              sockets and short events.",
    },
    Setting {
        section: Host,
        key: "drain",
        kind: time(Duration::ZERO, HOUR),
        default: Value(r#""10s""#),
        doc: "How long a shutdown waits for sessions to finish their closing handshake. Whoever is left is cut off.",
    },
    Setting {
        section: Host,
        key: "node",
        kind: count(0, 255),
        default: Value("0"),
        doc: "The number of this host among those that share clients. It is part of every session id; two hosts \
              with one number may give the same id twice.",
    },
    Setting {
        section: Log,
        key: "level",
        kind: Kind::Text("levels, such as \"info\" or \"info,wasket::guest=debug\""),
        default: Value(r#""info""#),
        doc: "What is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`, and behind commas other levels \
              for parts (`target=level`). What guests write is logged under `wasket::guest`. `--log-level` and the \
              variable `RUST_LOG` go before it. SIGHUP has a running host take it over.",
    },
    Setting {
        section: Log,
        key: "service_levels",
        kind: Kind::Pairs("a table of services and levels, such as { chat = \"debug\" }"),
        default: Value("{}"),
        doc: "What is logged of single services, whatever `level` says: `off`, `error`, `warn`, `info`, `debug` or \
              `trace`. It is about all lines with that `service`, those of its guests among them. `--log-level` and \
              the variable `RUST_LOG` go before it. SIGHUP has a running host take it over.",
    },
    Setting {
        section: Log,
        key: "format",
        kind: Kind::Choice(&["text", "json"]),
        default: Value(r#""text""#),
        doc: "How a line of the log looks: for people, or one JSON object a line.",
    },
];
