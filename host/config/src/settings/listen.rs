//! `[[listen]]`.

use super::Section::Listen;
use super::Standard::{Absent, Value};
use super::{HOUR, KIB, Kind, MIB, MILLISECOND, Setting, bytes, count, count_or_off, time};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        section: Listen,
        key: "address",
        kind: Kind::Text("an IP address and a port, such as \"127.0.0.1:4649\" or \"[::1]:4649\""),
        default: Value(r#""127.0.0.1:4649""#),
        doc: "Where to accept connections. `0.0.0.0` is every IPv4 address of the machine, `[::]` every IPv6 one; \
              port 0 lets the system choose (the log and the standard output say which).",
    },
    Setting {
        section: Listen,
        key: "backlog",
        kind: count(1, 65_535),
        default: Value("1024"),
        doc: "Connections that the kernel holds ready while wasket is busy accepting others.",
    },
    Setting {
        section: Listen,
        key: "nodelay",
        kind: Kind::Flag,
        default: Value("true"),
        doc: "Send small messages at once (TCP_NODELAY) instead of waiting to fill a packet.",
    },
    Setting {
        section: Listen,
        key: "reuse_address",
        kind: Kind::Flag,
        default: Value("true"),
        doc: "Take the address although connections of an earlier run still linger on it (SO_REUSEADDR).",
    },
    Setting {
        section: Listen,
        key: "connections_max",
        kind: count(1, 1_000_000),
        default: Value("20000"),
        doc: "Connections open at once on this listener. Further ones are closed at once, and the log says so. One of HTTP/2 \
              may have `http2_streams_max` sessions and requests; how many there are in all, `sessions_max` and \
              `requests_max` of the services say.",
    },
    Setting {
        section: Listen,
        key: "connections_per_address_max",
        kind: count_or_off(1, 1_000_000),
        default: Value(r#""off""#),
        doc: "Connections open at once from one client address. Further ones are closed at once, or answered 503 when \
              only a trusted proxy's request has told whose they are. Each session of an HTTP/2 connection counts as one, too: \
              further ones are answered 503. Behind a proxy that is not one of \
              `trusted_proxies` all clients share its address.",
    },
    Setting {
        section: Listen,
        key: "request_head_bytes_max",
        kind: bytes(8 * KIB, MIB),
        default: Value(r#""16KiB""#),
        doc: "The longest request line with all its header fields. A longer one is answered 431.",
    },
    Setting {
        section: Listen,
        key: "request_head_timeout",
        kind: time(MILLISECOND, HOUR),
        default: Value(r#""10s""#),
        doc: "How long a client may take to send a request head. It is answered 408 or cut off. So long a connection of \
              plain HTTP may be idle, too.",
    },
    Setting {
        section: Listen,
        key: "handshake_timeout",
        kind: time(MILLISECOND, HOUR),
        default: Value(r#""10s""#),
        doc: "How long the whole opening handshake may take, that of TLS and the component's own `on-handshake` \
              included.",
    },
    Setting {
        section: Listen,
        key: "transfer_timeout",
        kind: time(MILLISECOND, HOUR),
        default: Value(r#""30s""#),
        doc: "How long the body of an HTTP request or of its answer may make no progress: a client that sends nothing \
              more is answered 408, one that takes less than 64 KiB of what waits for it is cut off. Sessions have \
              `write_timeout`.",
    },
    Setting {
        section: Listen,
        key: "tls",
        kind: Kind::Table("a table, such as { chain = \"fullchain.pem\", key = \"privkey.pem\" }"),
        default: Absent("connections are not encrypted"),
        doc: "Encrypt the connections of this listener: `wss://` and `https://`. The table may be written inline, or \
              below as `[listen.tls]`; its settings are in the next sections. The files are read again when one of \
              them changes, and on SIGHUP: new connections use what is in them, and sessions go on.",
    },
    Setting {
        section: Listen,
        key: "trusted_proxies",
        kind: Kind::Texts("addresses or networks, such as [\"10.0.0.2\", \"fd00::/120\"]"),
        default: Value("[]"),
        doc: "Proxies that are believed when they say who the client is: by `X-Forwarded-For`, `X-Forwarded-Proto` and \
              `X-Forwarded-Host`, by `Forwarded` (RFC 7239), and by `proxy_protocol`. The lists are read from the \
              right, up to the first address that is not one of these: that is the client, for services, in the log \
              and for `connections_per_address_max`. What others send in these fields is ignored. What cannot be read, \
              or differs between the two kinds of fields, is answered 400. A proxy has to set or to remove each of \
              these four fields: one that it lets pass is the client's own, and believed. Name single proxies, not the \
              network that they are in.",
    },
    Setting {
        section: Listen,
        key: "proxy_protocol",
        kind: Kind::Flag,
        default: Value("false"),
        doc: "Every connection begins with a head of the PROXY protocol, version 1 or 2, that says who the client is. \
              Needs `trusted_proxies`: others are closed at once. A connection that begins otherwise is answered 400.",
    },
    Setting {
        section: Listen,
        key: "auth",
        kind: Kind::Text("the name of a table [auth.NAME]"),
        default: Absent("anyone may come"),
        doc: "Clients have to say who they are, as this table says: for all services, `[http.NAME]` and files that have no `auth` of \
              their own, and for the page.",
    },
    Setting {
        section: Listen,
        key: "http2",
        kind: Kind::Flag,
        default: Value("true"),
        doc: "Speak HTTP/2 with clients that want it: over TLS those that agree on `h2` (ALPN), without TLS those that \
              begin with it. Sessions are streams of such a connection then (RFC 8441). Others are served by HTTP/1.1 as \
              ever.",
    },
    Setting {
        section: Listen,
        key: "http2_streams_max",
        kind: count(1, 10_000),
        default: Value("100"),
        doc: "Streams at once of one HTTP/2 connection: its sessions and requests together. Further ones are refused, and \
              clients wait or open another connection. Each may have 64 KiB on the way to wasket.",
    },
    Setting {
        section: Listen,
        key: "try_page",
        kind: Kind::Flag,
        default: Value("false"),
        doc: "Serve a page at `/` from which a person can try the services in a browser, whatever else stands there. \
              For development: it lists every service of the host, and what \
              else it serves.",
    },
];
