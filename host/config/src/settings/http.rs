//! `[http.NAME]`, and the limits of requests that `[service.NAME]` and `[defaults]` take too.

use super::Section::{Http, Requests};
use super::Standard::{Absent, Required, Value};
use super::{
    HOUR, Kind, MILLISECOND, MONTH, Setting, Standard, TIB, bytes, count, time, time_or_off,
};

pub(super) const SETTINGS: &[Setting] = &[
    http(
        "path",
        Kind::Text("a route, such as \"/publish\", \"/rooms/{name}\" or \"/api/*\""),
        Required,
        "The paths whose requests this component answers, written as those of a service. Where a service has the same \
         path, requests for a session are the service's, all others are for this component.",
    ),
    http(
        "component",
        Kind::Text("a file; relative to this one"),
        Required,
        "The component that answers: a `.wasm` file that exports `wasi:http/incoming-handler`. Each request has an \
         instance of its own.",
    ),
    http(
        "sha256",
        Kind::Text("64 hexadecimal digits"),
        Absent("any bytes are taken"),
        "The SHA-256 of the component's file. With other bytes it does not start.",
    ),
    http(
        "config",
        Kind::Pairs("a table of strings, such as { suffix = \" Nyan!\" }"),
        Value("{}"),
        "What the component reads through `wasi:config/store`.",
    ),
    http(
        "publishes_to",
        Kind::Text("the name of a table [service.NAME]"),
        Absent("the service on the same path, or none"),
        "The service whose sessions and topics the component sees: it sends to them, broadcasts, publishes, lists and \
         closes them through `wasket:websocket/sessions` and `wasket:websocket/topics`.",
    ),
    http(
        "connect",
        Kind::TextsOrTables(
            "URLs, such as [\"https://api.example\"], and tables such as { url = \"https://api.example\", ca = \"ca.pem\" }",
        ),
        Value("[]"),
        "Where the component may send requests and connect to, as in `[service.NAME]`.",
    ),
    http(
        "stores",
        super::store::GRANTS,
        Value("{}"),
        "What the component may open through `wasi:keyvalue`, as in `[service.NAME]`.",
    ),
    http(
        "hosts",
        Kind::Texts("hosts, such as [\"a.example\", \"*.a.example\"]"),
        Value("[]"),
        "Hosts that clients may ask for, as in `[service.NAME]`. Others are answered 400. Without any, all are served.",
    ),
    http(
        "origins",
        Kind::Texts("origins, such as [\"https://a.example\"], or [\"*\"] for all"),
        Value("[]"),
        "Web pages that may send requests that change something, besides those of the host itself; written as in \
         `[service.NAME]`. A request that is not GET, HEAD or OPTIONS and comes from another page is answered 403: else \
         any page that a user visits could act in that user's name. With `\"*\"` the component sees all, and decides \
         itself. Who may read the answers is for the component to say, in its header fields (CORS).",
    ),
    http(
        "auth",
        Kind::Text("the name of a table [auth.NAME], or \"off\""),
        Absent("as the listener has it"),
        "Clients have to say who they are, as this table says, before the component runs. \"off\" lets anyone in, whatever \
         the listener has.",
    ),
    http(
        "require_roles",
        Kind::Texts("roles, such as [\"admin\", \"chat\"]"),
        Value("[]"),
        "Who may send requests: users with one of these roles. Others are answered 403. Without any, every user may.",
    ),
    http(
        "response_headers",
        Kind::Pairs("a table of header fields, such as { \"X-Served-By\" = \"a\" }"),
        Value("{}"),
        "Header fields added to every answer, refusals too. Those that the answer has anyway stay as they are.",
    ),
];

pub(super) const REQUESTS: &[Setting] = &[
    limit(
        "body_bytes_max",
        bytes(0, TIB),
        r#""1MiB""#,
        "The longest body of a request. A longer one is answered 413, or ends the connection where the component has begun \
         its answer. Bodies are not held in memory: the component reads them as they come.",
    ),
    limit(
        "request_time",
        time(MILLISECOND, HOUR),
        r#""1s""#,
        "How long a guest may compute for one request, in time of the processor: neither its waiting nor what else the \
         machine does counts. Past it the guest traps, and the request is answered 500, or its connection ends where the \
         answer has begun. Each of its calls has as much, in this time and in `request_wall_time`: making the \
         instance, `on-start`, the request itself and `on-stop`. A call that has waited for a minute in all has it anew: \
         an answer may go on without an end when it takes no more than this for each minute of waiting.",
    ),
    limit(
        "request_wall_time",
        time_or_off(MILLISECOND, MONTH),
        r#""60s""#,
        "How long a guest may work on one request altogether: waiting for the client, who reads the answer, and what it does \
         after its answer included; for that it has 60 seconds at most. Raise it for answers without an end, such as \
         server-sent events, and have these say something every minute, a comment at least: only who sends hears that \
         a client is gone.",
    ),
    limit(
        "requests_max",
        count(1, 1_000_000),
        "100",
        "Requests that the component answers at once. Further ones are answered 503, so that plain HTTP does not take the \
         instances of all sessions (`instances_max`).",
    ),
];

const fn http(key: &'static str, kind: Kind, default: Standard, doc: &'static str) -> Setting {
    Setting::of(Http, key, kind, default, doc)
}

const fn limit(key: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Setting {
    Setting::of(Requests, key, kind, Value(default), doc)
}
