//! The table of settings, the reader and the defaults of the plan say the same.

use std::path::Path;
use wasket_config::plan::{Compression, Login, Requests, Users};
use wasket_config::settings::{self, Kind, Section, Setting, Standard};
use wasket_config::{Plan, Problems, parse, show_size, show_time};

// parity C4
#[test]
fn the_defaults_in_the_table_are_those_of_the_plan() {
    for setting in settings::all() {
        if let Standard::Value(value) = setting.default {
            let written = with(setting, value);
            assert_eq!(plan(&written).unwrap(), plain(setting), "{written}");
        }
    }
}

#[test]
fn every_key_of_the_table_is_read() {
    for setting in settings::all() {
        let written = with(setting, &another_value(setting));
        assert_ne!(plan(&written).unwrap(), plain(setting), "{written}");
    }
}

#[test]
fn ranges_hold_at_their_edges() {
    let mut edges = 0;
    for setting in settings::all() {
        for (value, fits) in edge_values(setting.kind) {
            let written = with(setting, &value);
            let read = plan(&written);
            assert_eq!(read.is_ok(), fits, "{written}");
            edges += 1;
        }
    }
    assert!(edges > 100, "{edges}");
}

#[test]
fn off_is_refused_where_it_is_not_offered() {
    for setting in settings::all() {
        let off = setting.kind.may_be_off();
        if matches!(
            setting.kind,
            Kind::Count { .. } | Kind::Bytes { .. } | Kind::Time { .. }
        ) {
            assert_eq!(
                plan(&with(setting, "\"off\"")).is_ok(),
                off,
                "{}",
                setting.key
            );
        }
    }
}

#[test]
fn keys_are_unique_and_described() {
    for setting in settings::all() {
        let same = settings::all()
            .filter(|other| other.key == setting.key && same_place(other.section, setting.section));
        assert_eq!(same.count(), 1, "{} is twice in a table", setting.key);
        assert!(
            setting.doc.ends_with('.') && !setting.doc.contains("  "),
            "{}",
            setting.key
        );
        assert!(
            setting
                .key
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        );
    }
}

#[test]
fn limits_of_a_service_go_before_the_defaults() {
    let plan = plan(
        "[defaults]\nsessions_max = 1\nfragments_max = 2\nping_every = \"off\"\n\
         [service.a]\npath = \"/a\"\nnative = \"echo\"\nsessions_max = \"off\"\nping_every = \"1s\"\n\
         [service.b]\npath = \"/b\"\nnative = \"echo\"",
    )
    .unwrap();
    let limits = |n: usize| &plan.services[n].limits;
    assert_eq!((limits(0).sessions_max, limits(0).fragments_max), (None, 2));
    assert_eq!(
        (limits(1).sessions_max, limits(1).ping_every),
        (Some(1), None)
    );
}

// parity H2
#[test]
fn http_takes_its_limits_from_the_defaults_and_its_own_table() {
    let plan = plan(
        "[defaults]\nmemory_bytes_max = \"1MiB\"\nrequests_max = 7\nbody_bytes_max = 0\n\
         [service.a]\npath = \"/a\"\ncomponent = \"a.wasm\"\nrequest_wall_time = \"off\"\n\
         [http.b]\npath = \"/a\"\ncomponent = \"b.wasm\"\npublishes_to = \"a\"\nrequests_max = 8\n\
         connect = [\"https://api.example/v1\"]\n\
         [http.c]\npath = \"/{x}/*\"\ncomponent = \"c.wasm\"\norigins = [\"*\"]\nlog_bytes_per_second_max = 1024",
    )
    .unwrap();
    let [b, c] = plan.http.as_slice() else {
        panic!("{:?}", plan.http);
    };
    let requests = |requests: &Requests| (requests.requests_max, requests.body_bytes_max);
    assert_eq!(requests(&b.requests), (8, 0));
    assert_eq!(requests(&c.requests), (7, 0));
    assert_eq!(requests(&plan.services[0].requests), (7, 0));
    assert_eq!(plan.services[0].requests.request_wall_time, None);
    assert_eq!(b.publishes_to.as_ref(), Some(&plan.services[0].name));
    assert_eq!(b.limits.memory_bytes_max, 1024 * 1024);
    assert_eq!(c.limits.log_bytes_per_second_max, 1024);
    assert_eq!(c.publishes_to, None);
    assert_eq!(b.connect[0].url.as_str(), "https://api.example/v1");
}

// parity S2
#[test]
fn listeners_and_services_name_their_logins() {
    let text = "[auth.staff]\nscheme = \"digest\"\nusers = \"staff\"\nroles = \"roles\"\n\
         [auth.own]\nscheme = \"basic\"\nrealm = \"Own \\\"realm\\\"\"\ncomponent = \"own.wasm\"\n\
         [defaults]\nevent_time = \"20ms\"\n[[listen]]\nauth = \"staff\"\n\
         [service.a]\npath = \"/a\"\nnative = \"echo\"\nrequire_roles = [\"admin\", \"chat\"]\n\
         [service.b]\npath = \"/b\"\nnative = \"echo\"\nauth = \"off\"\n\
         [service.c]\npath = \"/c\"\nnative = \"echo\"\nauth = \"own\"";
    let plan = plan(text).unwrap();
    let [staff, own] = plan.auths.as_slice() else {
        panic!("{:?}", plan.auths);
    };
    assert_eq!(
        (staff.name.as_str(), staff.realm.as_str()),
        ("staff", "staff")
    );
    assert_eq!(
        staff.users,
        Users::Files {
            users: "/base/staff".into(),
            roles: Some("/base/roles".into())
        }
    );
    assert_eq!(own.realm, "Own \"realm\"");
    let Users::Component(component) = &own.users else {
        panic!("{own:?}");
    };
    assert_eq!(component.file, Path::new("/base/own.wasm"));
    assert_eq!(component.limits.event_time.as_millis(), 20);
    assert_eq!(plan.listeners[0].auth.as_ref(), Some(&staff.name));
    let logins: Vec<_> = plan.services.iter().map(|service| &service.login).collect();
    let by_own = Login::By(own.name.clone());
    assert_eq!(logins, [&Login::AsListener, &Login::Off, &by_own]);
    assert_eq!(plan.services[0].require_roles, ["admin", "chat"]);
}

// parity B4 S11
#[test]
fn a_service_compresses_as_it_says_and_not_as_the_defaults_do() {
    let service = |name: &str, compression: &str| {
        format!("[service.{name}]\npath = \"/{name}\"\nnative = \"echo\"\n{compression}\n")
    };
    let text = [
        "[defaults]\ncompression = { level = 9, server_max_window_bits = 9 }\n".to_owned(),
        service("a", ""),
        service("b", "compression = \"off\""),
        service("c", "compression = \"on\""),
        service("d", "compression = { level = 2 }"),
        service(
            "e",
            "[service.e.compression]\nclient_context_takeover = true",
        ),
    ];
    let plan = plan(&text.concat()).unwrap();
    let of = |change: fn(&mut Compression)| {
        let mut compression = Compression::default();
        change(&mut compression);
        Some(compression)
    };
    let expected = [
        of(|c| (c.level, c.server_max_window_bits) = (9, 9)),
        None,
        of(|_| {}),
        of(|c| c.level = 2),
        of(|c| c.client_context_takeover = true),
    ];
    let read = plan.services.into_iter().map(|s| s.limits.compression);
    assert_eq!(read.collect::<Vec<_>>(), expected);
}

#[test]
fn services_and_listeners_keep_the_order_of_the_file() {
    let plan = plan(
        "[service.z]\npath = \"/z/\"\nnative = \"echo\"\nconfig = { b = \"1\", a = \"2\" }\n\
         [[listen]]\naddress = \"127.0.0.1:0\"\n[[listen]]\naddress = \"127.0.0.1:0\"\n\
         [service.a]\npath = \"/{x}\"\ncomponent = \"sub/a.wasm\"",
    )
    .unwrap();
    let names: Vec<_> = plan
        .services
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert_eq!(names, ["z", "a"]);
    let config: Vec<_> = plan.services[0]
        .config
        .iter()
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(config, ["b", "a"]);
    assert_eq!(plan.services[0].route.to_string(), "/z");
    let file = wasket_config::plan::Behavior::Component {
        file: "/base/sub/a.wasm".into(),
        sha256: None,
    };
    assert_eq!(plan.services[1].behavior, file);
    assert_eq!(plan.listeners.len(), 2);
}

/// Whether two sections are written into one table.
fn same_place(one: Section, other: Section) -> bool {
    use Section::{Capabilities, Http, Limits, Requests, Sandbox, Service};
    let of_services = |section| {
        matches!(
            section,
            Service | Limits | Sandbox | Requests | Capabilities
        )
    };
    let of_http = |section| matches!(section, Http | Sandbox | Requests | Capabilities);
    one == other || of_services(one) && of_services(other) || of_http(one) && of_http(other)
}

/// The plan of a file without the setting, but with what it needs beside it.
fn plain(setting: &Setting) -> Plan {
    plan(&match (setting.section, setting.key) {
        (Section::Files, key) => in_files(key, ""),
        (Section::Store, key) => in_store(key, ""),
        (Section::Http, "stores") => in_http("stores", STORE),
        (_, "stores") => file(STORE),
        (Section::Http, key) => in_http(key, ""),
        (Section::Auth, "scheme") => with_auth(setting, "scheme = \"digest\""),
        (Section::Auth, _) | (_, "require_roles") => with_auth(setting, ""),
        (Section::Compression, _) => file("compression = \"on\""),
        (Section::Connect, key) => file(&in_connect(key, "")),
        (Section::Directory, key) => file(&in_directories(key, "")),
        // Another certificate, and nothing of clients.
        (_, "certificates" | "chain" | "pfx" | "client_ca" | "client_certificates") => {
            file(&format!("{TLS}chain = \"a.pem\""))
        }
        (Section::Tls | Section::Certificate, key) => file(&format!("{TLS}{}", beside(key))),
        _ => file(""),
    })
    .expect("a plan")
}

fn plan(text: &str) -> Result<Plan, Problems> {
    parse(text, "wasket.toml", Path::new("/base"))
}

/// A file with one service, and one more line in it.
fn file(line: &str) -> String {
    format!("[service.a]\npath = \"/a\"\ncomponent = \"a.wasm\"\n{line}\n")
}

/// The same file with this setting.
fn with(setting: &Setting, value: &str) -> String {
    let line = format!("{} = {value}", setting.key);
    match (setting.section, setting.key) {
        (Section::Files, key) => in_files(key, &line),
        (Section::Store, key) => in_store(key, &line),
        (Section::Http, "stores") => in_http("stores", &format!("{line}\n{STORE}")),
        (_, "stores") => file(&format!("{line}\n{STORE}")),
        (Section::Http, key) => in_http(key, &line),
        (Section::Requests, _) => file(&format!("[defaults]\n{line}")),
        (Section::Auth, _) | (_, "require_roles") => with_auth(setting, &line),
        (Section::Listen, "auth") => file(&format!("{AUTH}[[listen]]\n{line}")),
        (_, "path" | "native") => format!("[service.a]\npath = \"/a\"\n{line}\n").replacen(
            "path = \"/a\"\npath",
            "component = \"a.wasm\"\npath",
            1,
        ),
        // Nobody could connect without.
        (_, "proxy_protocol") if value == "true" => {
            file(&format!("[[listen]]\ntrusted_proxies = [\"::1\"]\n{line}"))
        }
        (_, "component") => format!("[service.a]\npath = \"/a\"\n{line}\n"),
        (Section::Service, _) => file(&line),
        (Section::Tls | Section::Certificate, key) => file(&format!("{TLS}{}{line}", beside(key))),
        (Section::Compression, _) => file(&format!("compression = {{ {line} }}")),
        (Section::Capabilities, _) => file(&line),
        (Section::Connect, key) => file(&in_connect(key, &line)),
        (Section::Directory, key) => file(&in_directories(key, &line)),
        (section, _) => file(&format!("{}\n{line}", section.title())),
    }
}

/// An entry of `connect` with what its key needs beside it, and perhaps a line of its own.
fn in_connect(key: &str, line: &str) -> String {
    let beside = match (key, line) {
        ("url", "") => "url = \"ws://a.example\"",
        ("url", _) => "",
        ("password_file" | "password_env", _) => "url = \"ws://a.example\"\nuser = \"a\"",
        ("key", _) => "url = \"ws://a.example\"\nchain = \"a.pem\"",
        _ => "url = \"ws://a.example\"",
    };
    format!("[[service.a.connect]]\n{beside}\n{line}")
}

/// A file with a store, and perhaps a line about it.
fn in_store(key: &str, line: &str) -> String {
    let kept = match (key, line) {
        ("memory", "memory = true") => "",
        ("file", line) if !line.is_empty() => "",
        _ => "file = \"b.redb\"",
    };
    file(&format!("[store.b]\n{kept}\n{line}"))
}

const STORE: &str = "[store.b]\nmemory = true";

/// An entry of `directories` with what its key needs beside it, and perhaps a line of its own.
fn in_directories(key: &str, line: &str) -> String {
    let own = |own: &str| key == own && !line.is_empty();
    let path = if own("path") { "" } else { "path = \"/d\"" };
    let directory = if own("directory") {
        ""
    } else {
        "directory = \"d\""
    };
    format!("[[service.a.directories]]\n{path}\n{directory}\n{line}")
}

/// A file with files, and perhaps a line about them.
fn in_files(key: &str, line: &str) -> String {
    let own = |own: &str| key == own && !line.is_empty();
    let path = if own("path") { "" } else { "path = \"/f\"" };
    let directory = if own("directory") {
        ""
    } else {
        "directory = \"public\""
    };
    let (auth, login) = match key {
        "require_roles" => ("auth = \"a\"", AUTH),
        _ => ("", ""),
    };
    file(&format!(
        "{login}[files.f]\n{path}\n{directory}\n{auth}\n{line}"
    ))
}

/// A file with a component for plain HTTP, and perhaps a line about it.
fn in_http(key: &str, line: &str) -> String {
    let own = |own: &str| key == own && !line.is_empty();
    let path = if own("path") { "" } else { "path = \"/h\"" };
    let component = if own("component") {
        ""
    } else {
        "component = \"h.wasm\""
    };
    let (auth, login) = match key {
        "require_roles" => ("auth = \"a\"", AUTH),
        _ => ("", ""),
    };
    file(&format!(
        "{login}[http.h]\n{path}\n{component}\n{auth}\n{line}"
    ))
}

/// What a setting of `[listen.tls]` needs beside it.
fn beside(key: &str) -> &'static str {
    match key {
        "certificates" | "chain" | "pfx" => "",
        "password_file" | "password_env" => "pfx = \"a.pfx\"\n",
        "client_ca" => "chain = \"a.pem\"\nclient_certificates = \"optional\"\n",
        "client_certificates" => "chain = \"a.pem\"\nclient_ca = \"a.pem\"\n",
        _ => "chain = \"a.pem\"\n",
    }
}

const TLS: &str = "[[listen]]\n[listen.tls]\n";

/// A file with a login, and a line in it or in the service that uses it.
fn with_auth(setting: &Setting, line: &str) -> String {
    let (in_service, in_auth) = match setting.section {
        Section::Auth => ("", line),
        _ => (line, ""),
    };
    // What a login needs, unless the line says it.
    let scheme = "scheme = \"digest\"";
    let users = "users = \"u\"";
    let component = "component = \"u\"";
    let (scheme, source) = match setting.key {
        "scheme" => ("", users),
        "users" | "component" if !line.is_empty() => (scheme, ""),
        "component" | "sha256" | "config" => (scheme, component),
        _ => (scheme, users),
    };
    let auth = format!("[auth.a]\n{scheme}\n{source}\n{in_auth}");
    file(&format!("auth = \"a\"\n{in_service}\n{auth}"))
}

const AUTH: &str = "[auth.a]\nscheme = \"basic\"\nusers = \"u\"\n";

/// A value that is right and not the default.
fn another_value(setting: &Setting) -> String {
    let Standard::Value(default) = setting.default else {
        return match setting.key {
            "native" => r#""echo""#.to_owned(),
            "tls" => r#"{ chain = "a.pem" }"#.to_owned(),
            "certificates" => r#"[{ chain = "b.pem" }, { pfx = "c.pfx" }]"#.to_owned(),
            "sha256" => format!("\"{}\"", "5a".repeat(32)),
            "scheme" => r#""basic""#.to_owned(),
            "algorithms" => r#"["MD5"]"#.to_owned(),
            "auth" if setting.section == Section::Listen => r#""a""#.to_owned(),
            "auth" => r#""off""#.to_owned(),
            "publishes_to" => r#""a""#.to_owned(),
            "url" => r#""wss://another.example""#.to_owned(),
            "proxy" => r#""http://another.example""#.to_owned(),
            _ => r#""/another""#.to_owned(),
        };
    };
    match setting.kind {
        Kind::Flag => (default == "false").to_string(),
        Kind::Count { max, .. } if default != max.to_string() => max.to_string(),
        Kind::Count { min, .. } => min.to_string(),
        Kind::Bytes { max, .. } => max.to_string(),
        Kind::Time { max, .. } => format!("\"{}\"", show_time(max)),
        Kind::Choice(words) => format!("\"{}\"", words.last().expect("choices are never empty")),
        Kind::Text(_) if setting.key == "level" => r#""debug""#.to_owned(),
        Kind::Text(_) => r#""[::1]:80""#.to_owned(),
        Kind::TextsOrTables(_) => {
            r#"["ws://a.example", { url = "wss://*.b.example/c" }]"#.to_owned()
        }
        Kind::Texts(_) if setting.key == "versions" => r#"["1.3"]"#.to_owned(),
        Kind::Texts(_) if setting.key == "origins" => r#"["*"]"#.to_owned(),
        Kind::Texts(_) if setting.key == "trusted_proxies" => r#"["::1"]"#.to_owned(),
        Kind::Texts(_) if setting.key == "sockets" => r#"["[::1]:80"]"#.to_owned(),
        Kind::Texts(_) => r#"["a"]"#.to_owned(),
        Kind::Pairs(_) if setting.key == "service_levels" => r#"{ a = "debug" }"#.to_owned(),
        Kind::Pairs(_) => r#"{ a = "b" }"#.to_owned(),
        Kind::Tables(_) if setting.key == "directories" => {
            r#"[{ path = "/d", directory = "d" }]"#.to_owned()
        }
        Kind::Table(_) | Kind::Tables(_) => unreachable!("these have no default"),
        Kind::SwitchOrTable(_) => r#""on""#.to_owned(),
    }
}

/// The smallest and the largest value, and those just beyond.
fn edge_values(kind: Kind) -> Vec<(String, bool)> {
    let around = |min: u64, max: u64, show: &dyn Fn(u64) -> String| {
        let mut values = vec![(show(min), true), (show(max), true), (show(max + 1), false)];
        values.extend(min.checked_sub(1).map(|less| (show(less), false)));
        values
    };
    match kind {
        Kind::Count { min, max, .. } => around(min, max, &|n| n.to_string()),
        Kind::Bytes { min, max } => {
            let mut values = around(min, max, &|n| n.to_string());
            values.extend(around(min, max, &|n| format!("\"{}\"", show_size(n))));
            values
        }
        Kind::Time { min, max, .. } => {
            let milliseconds = |time: std::time::Duration| {
                u64::try_from(time.as_millis()).expect("ranges are short")
            };
            around(milliseconds(min), milliseconds(max), &|n| {
                format!("\"{n}ms\"")
            })
        }
        _ => Vec::new(),
    }
}
