//! `[service.NAME]`, and the limits that `[defaults]` takes too.

use super::Section::{Limits, Service};
use super::Standard::{Absent, Required, Value};
use super::{
    GIB, HOUR, KIB, Kind, MIB, MILLISECOND, MONTH, Section, Setting, Standard, TIB, TICK, bytes,
    count, count_or_off, time, time_or_off,
};

pub(super) const SETTINGS: &[Setting] = &[
    service(
        "path",
        Kind::Text("a route, such as \"/chat\", \"/room/{name}\" or \"/files/*\""),
        Required,
        "The paths that this service answers. A segment `{name}` stands for any one segment, a last segment `*` for \
         all that follow; the behavior reads what they matched as parameters. A slash at the end makes no \
         difference. Where several services match, the most specific wins: an exact segment before `{name}` before \
         `*`.",
    ),
    service(
        "component",
        Kind::Text("a file; relative to this one"),
        Absent("either `component` or `native` has to be given"),
        "The component that answers: a `.wasm` file that exports `wasket:websocket/behavior`. One that exports \
         `wasi:http/incoming-handler` as well answers plain requests on the same paths; others are answered 426 there.",
    ),
    service(
        "native",
        Kind::Choice(&["echo"]),
        Absent("either `component` or `native` has to be given"),
        "A behavior built into wasket, without a sandbox, for measuring and for trying. `echo` sends every message \
         back.",
    ),
    service(
        "sha256",
        Kind::Text("64 hexadecimal digits"),
        Absent("any bytes are taken"),
        "The SHA-256 of the component's file. With other bytes the service does not start.",
    ),
    service(
        "config",
        Kind::Pairs("a table of strings, such as { suffix = \" Nyan!\" }"),
        Value("{}"),
        "What the component reads through `wasi:config/store`. One component can serve several paths with \
         different settings.",
    ),
    service(
        "connect",
        Kind::TextsOrTables(
            "URLs, such as [\"wss://feed.example\"], and tables such as { url = \"wss://feed.example\", user = \"ada\" }",
        ),
        Value("[]"),
        "Where the component may connect to, through `wasket:websocket/connections` (`ws` and `wss`) and by requests \
         through `wasi:http/outgoing-handler` (`http` and `https`): a scheme, a host (`*.` before a name for every name \
         below it), perhaps a port and the beginning of a path. The first entry that matches says how. Without any, every \
         connection is `refused` and every request `HTTP-request-denied`. Names that lead to private addresses are not \
         dialled; redirects are not followed.",
    ),
    service(
        "stores",
        super::store::GRANTS,
        Value("{}"),
        "What the component may open through `wasi:keyvalue`: `open(\"default\")` gives it the store behind `default`. \
         Several services may have one store, and see what the others write. Everything else is `no-such-store`.",
    ),
    service(
        "protocols",
        Kind::Texts("subprotocol names, such as [\"chat.v2\", \"chat.v1\"]"),
        Value("[]"),
        "Subprotocols that the service speaks, the preferred one first (RFC 6455, section 1.9). The first that the \
         client offers too is agreed; a component with a handshake of its own may choose another.",
    ),
    service(
        "hosts",
        Kind::Texts("hosts, such as [\"a.example\", \"*.a.example\"]"),
        Value("[]"),
        "Hosts that clients may ask for (the Host header): names and addresses, `*.` before a name for every name \
         below it. One with a port is about that port only. Others are answered 400. Without any, all are served.",
    ),
    service(
        "origins",
        Kind::Texts("origins, such as [\"https://a.example\"], or [\"*\"] for all"),
        Value("[]"),
        "Web pages that may connect besides those of the host itself: origins with their scheme and port, `*.` before \
         the host for every name below it, `\"null\"` for pages without one, or `\"*\"` alone for all. Without any, \
         the origin has to match the Host header. Clients that send no Origin (programs, not browsers) may always \
         connect. Others are answered 403.",
    ),
    service(
        "auth",
        Kind::Text("the name of a table [auth.NAME], or \"off\""),
        Absent("as the listener has it"),
        "Clients have to say who they are, as this table says, before a session is made. The component reads their name \
         and roles as the principal. \"off\" lets anyone in, whatever the listener has.",
    ),
    service(
        "require_roles",
        Kind::Texts("roles, such as [\"admin\", \"chat\"]"),
        Value("[]"),
        "Who may open sessions: users with one of these roles. Others are answered 403. Without any, every user may.",
    ),
    service(
        "response_headers",
        Kind::Pairs("a table of header fields, such as { \"X-Served-By\" = \"a\" }"),
        Value("{}"),
        "Header fields added to every answer of the service, refusals too. Those that the handshake itself sets \
         cannot be given. What the component's own handshake sets goes before; cookies of both are set.",
    ),
];

pub(super) const LIMITS: &[Setting] = &[
    limit(
        "message_bytes_max",
        bytes(1, GIB),
        r#""1MiB""#,
        "The longest message, counted after reassembly. A longer one from a client ends the session with 1009 before \
         it is held in memory; to a longer one of its own a guest is answered `too-large`.",
    ),
    limit(
        "fragments_max",
        count(1, 1_000_000_000),
        "131072",
        "Frames that one message may be cut into. More end the session with 1009.",
    ),
    limit(
        "outbox_bytes_max",
        bytes(KIB, GIB),
        r#""4MiB""#,
        "Bytes that may wait to be written to one client. When it is full, sending to it answers `backlogged`, or \
         waits where the instance serves that session alone.",
    ),
    limit(
        "service_queued_bytes_max",
        bytes(MIB, TIB),
        r#""256MiB""#,
        "Bytes that may wait to be written to all clients of the service together; a message to many counts once. \
         While more waits, the outbox of each client has 64 KiB only: slow readers meet `slow_reader` and \
         `slow_reader_time`, others notice nothing.",
    ),
    limit(
        "slow_reader_time",
        time(TICK, HOUR),
        r#""10s""#,
        "How long an outbox may stay full before the session ends with 1008.",
    ),
    limit(
        "slow_reader",
        Kind::Choice(&["close", "drop"]),
        r#""close""#,
        "What becomes of a client whose outbox a broadcast overflows: `close` ends its session with 1008, `drop` \
         lets it miss that message.",
    ),
    limit(
        "compression",
        Kind::SwitchOrTable("{ level = 6 }"),
        r#""off""#,
        "Whether messages are compressed with clients that offer permessage-deflate (RFC 7692), which all browsers do. `on` is \
         a table with nothing in it; its settings are below. `message_bytes_max` is a limit on the message itself, \
         however small it came.",
    ),
    limit(
        "event_time",
        time(MILLISECOND, HOUR),
        r#""100ms""#,
        "How long a guest may compute for one event, in time of the processor: neither its waiting nor what else \
         the machine does counts. Past it the guest traps and the session ends with 1011. An event that has waited for a \
         minute in all has it anew. What the host does for a guest that calls it, such as compressing what it sends, is the guest's time.",
    ),
    limit(
        "event_wall_time",
        time(MILLISECOND, HOUR),
        r#""10s""#,
        "How long one event may take altogether, computing and waiting. Past it the session ends with 1011. Waiting for the own client to read is not counted: `slow_reader_time` bounds that.",
    ),
    limit(
        "ping_every",
        time_or_off(TICK, HOUR),
        r#""30s""#,
        "How often a quiet client is sent a ping.",
    ),
    limit(
        "pong_timeout",
        time(TICK, HOUR),
        r#""10s""#,
        "How long the answer to such a ping may take. Then the connection counts as lost (1006).",
    ),
    limit(
        "close_timeout",
        time(MILLISECOND, HOUR),
        r#""5s""#,
        "How long the end of a session may take from when either side asks to close: what is queued still goes out, \
         and the client answers the close frame. Then the connection is cut. As long has each connection of its guest to \
         the outside.",
    ),
    limit(
        "write_timeout",
        time(MILLISECOND, HOUR),
        r#""30s""#,
        "How long one write to the socket may make no progress. Then the connection counts as lost; so does one of its \
         guest to the outside.",
    ),
    limit(
        "idle_timeout",
        time_or_off(TICK, MONTH),
        r#""off""#,
        "How long a session may pass without a message in either direction. Pings do not count. Then it ends with \
         1000.",
    ),
    limit(
        "lifetime_max",
        time_or_off(TICK, MONTH),
        r#""off""#,
        "How long a session may last altogether. Then it ends with 1001.",
    ),
    limit(
        "sessions_max",
        count_or_off(1, 1_000_000),
        r#""off""#,
        "Sessions of this service at once. Further clients are answered 503.",
    ),
    limit(
        "topics_per_session_max",
        count(0, 65_536),
        "128",
        "Topics that one session may be subscribed to at once.",
    ),
    limit(
        "timers_per_session_max",
        count(0, 4096),
        "32",
        "Timers that one session may have running at once.",
    ),
];

pub(super) const SANDBOX: &[Setting] = &[
    sandbox(
        "memory_bytes_max",
        bytes(64 * KIB, 64 * MIB),
        r#""32MiB""#,
        "Memory of one instance. A guest that asks for more traps. What it has the host hold for HTTP comes beside it: \
         16 MiB of header fields and of bodies that nobody reads, and 24 MiB where a guest wants to do harm.",
    ),
    sandbox(
        "table_elements_max",
        count(1, 20_000),
        "20000",
        "Elements in the tables of one instance. Components of JavaScript and Python need several thousand.",
    ),
    sandbox(
        "event_deliveries_max",
        count(1, 1_000_000_000),
        "100000",
        "Messages that a guest may queue within one event, or one HTTP request, for sessions other than its own: a broadcast to 1,000 \
         sessions counts 1,000. Further ones of that event are `refused`; its first broadcast always goes. What it \
         sends to its own session is not counted: there it waits for its client.",
    ),
    sandbox(
        "event_bytes_max",
        bytes(KIB, GIB),
        r#""2MiB""#,
        "Bytes of the messages that a guest may queue within one event, or one HTTP request, for sessions other than its own. A message \
         counts once, whatever its receivers. Further ones of that event are `refused`; its first always goes. Less \
         than `outbox_bytes_max`, so that no single event closes clients that keep up.",
    ),
    sandbox(
        "connections_per_session_max",
        count(0, 1024),
        "4",
        "Connections to the outside that the guest of one session, or of one HTTP request, may have at once, requests and \
         sockets among them. Further ones are `refused`. A request counts until its answer was read, or is short and there; an \
         answer that the guest has not begun to read after a minute is lost.",
    ),
    sandbox(
        "log_bytes_per_second_max",
        bytes(KIB, GIB),
        r#""64KiB""#,
        "What all guests of the service may write to the log in a second, over standard output, standard error and \
         `wasi:logging`. The rest is dropped and counted. Where the component answers plain HTTP too, its guests of \
         requests have as much again.",
    ),
];

const fn service(key: &'static str, kind: Kind, default: Standard, doc: &'static str) -> Setting {
    Setting::of(Service, key, kind, default, doc)
}

const fn limit(key: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Setting {
    Setting::of(Limits, key, kind, Value(default), doc)
}

const fn sandbox(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Setting {
    Setting::of(Section::Sandbox, key, kind, Value(default), doc)
}
