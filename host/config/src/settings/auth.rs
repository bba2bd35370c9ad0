//! `[auth.NAME]`.

use super::Section::Auth;
use super::Standard::{Absent, Required, Value};
use super::{HOUR, Kind, SECOND, Setting, count_or_off, time};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        section: Auth,
        key: "scheme",
        kind: Kind::Choice(&["basic", "digest"]),
        default: Required,
        doc: "How clients show that they know a password: `basic` sends it (RFC 7617), for listeners that are \
              encrypted; `digest` sends a hash that is good for one request (RFC 7616).",
    },
    Setting {
        section: Auth,
        key: "realm",
        kind: Kind::Text("1 to 128 bytes without control characters"),
        default: Absent("the name of the table"),
        doc: "What clients are asked a name and a password for. Browsers show it; with `digest` it is part of every \
              user's hash.",
    },
    Setting {
        section: Auth,
        key: "users",
        kind: Kind::Text("a file; relative to this one"),
        default: Absent("either `users` or `component` has to be given"),
        doc: "The file of users. For `basic` lines of `name:hash`, as `htpasswd -B` writes them: bcrypt, argon2 (PHC \
              strings) or `{SHA}`. For `digest` lines of `name:realm:digits`, as `htdigest` writes them: 32 hexadecimal \
              digits for MD5, 64 for SHA-256; a user may have a line of each. It is read anew when it changes; while it \
              has a mistake, what it said before goes on to hold.",
    },
    Setting {
        section: Auth,
        key: "roles",
        kind: Kind::Text("a file; relative to this one"),
        default: Absent("users of a file have no roles"),
        doc: "What users may act as: a file of lines `name: role role`. It is read anew when it changes.",
    },
    Setting {
        section: Auth,
        key: "component",
        kind: Kind::Text("a file; relative to this one"),
        default: Absent("either `users` or `component` has to be given"),
        doc: "A component that knows the users: a `.wasm` file that exports `wasket:websocket/credentials`, be it that of \
              a service too. Each lookup has an instance of its own, with the limits of `[defaults]`.",
    },
    Setting {
        section: Auth,
        key: "sha256",
        kind: Kind::Text("64 hexadecimal digits"),
        default: Absent("any bytes are taken"),
        doc: "The SHA-256 of the component's file. With other bytes nobody gets in.",
    },
    Setting {
        section: Auth,
        key: "config",
        kind: Kind::Pairs("a table of strings, such as { table = \"staff\" }"),
        default: Value("{}"),
        doc: "What the component reads through `wasi:config/store`.",
    },
    Setting {
        section: Auth,
        key: "algorithms",
        kind: Kind::Texts("some of \"SHA-256\" and \"MD5\", the preferred one first"),
        default: Absent(
            "what every user of the file has a line for; with a component both, SHA-256 first",
        ),
        doc: "The hashes that `digest` offers. Without it SHA-256 is offered where the users have it.",
    },
    Setting {
        section: Auth,
        key: "nonce_lifetime",
        kind: time(SECOND, HOUR),
        default: Value(r#""5m""#),
        doc: "How long a client may go on with what `digest` gave it to compute with. After that it is given another, \
              without asking its user again.",
    },
    Setting {
        section: Auth,
        key: "failures_per_minute_max",
        kind: count_or_off(1, 1_000_000),
        default: Value("20"),
        doc: "Failed logins from one client address (for IPv6: from one network of 64 bits) within a minute. Further \
              ones are answered 429, right or wrong, for the rest of the minute.",
    },
];
