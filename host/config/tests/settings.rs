//! The table of settings, the reader and the defaults of the plan say the same.

use std::path::Path;
use wasket_config::plan::Compression;
use wasket_config::settings::{self, Kind, Section, Setting, Standard};
use wasket_config::{Plan, Problems, parse, show_size, show_time};

#[test]
fn the_defaults_in_the_table_are_those_of_the_plan() {
    for setting in settings::all() {
        let plain = plan(&without(setting)).unwrap();
        if let Standard::Value(value) = setting.default {
            let written = with(setting, value);
            assert_eq!(plan(&written).unwrap(), plain, "{written}");
        }
    }
}

#[test]
fn every_key_of_the_table_is_read() {
    for setting in settings::all() {
        let plain = plan(&without(setting)).unwrap();
        let written = with(setting, &another_value(setting));
        assert_ne!(plan(&written).unwrap(), plain, "{written}");
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
    // A table within a service has names of its own.
    let apart = |setting: &Setting| setting.section == Section::Compression;
    for setting in settings::all() {
        let same = settings::all()
            .filter(|other| other.key == setting.key && apart(other) == apart(setting));
        assert_eq!(same.count(), 1, "{} is in two sections", setting.key);
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

fn plan(text: &str) -> Result<Plan, Problems> {
    parse(text, "wasket.toml", Path::new("/base"))
}

/// A file with one service, and one more line in it.
fn file(line: &str) -> String {
    format!("[service.a]\npath = \"/a\"\ncomponent = \"a.wasm\"\n{line}\n")
}

/// A file in which this setting could stand, and does not.
fn without(setting: &Setting) -> String {
    match setting.section {
        Section::Compression => file("compression = \"on\""),
        _ => file(""),
    }
}

/// The same file with this setting.
fn with(setting: &Setting, value: &str) -> String {
    let line = format!("{} = {value}", setting.key);
    match (setting.section, setting.key) {
        (_, "path" | "native") => format!("[service.a]\npath = \"/a\"\n{line}\n").replacen(
            "path = \"/a\"\npath",
            "component = \"a.wasm\"\npath",
            1,
        ),
        (_, "component") => format!("[service.a]\npath = \"/a\"\n{line}\n"),
        (Section::Service, _) => file(&line),
        (Section::Compression, _) => file(&format!("compression = {{ {line} }}")),
        (section, _) => file(&format!("{}\n{line}", section.title())),
    }
}

/// A value that is right and not the default.
fn another_value(setting: &Setting) -> String {
    let Standard::Value(default) = setting.default else {
        return match setting.key {
            "native" => r#""echo""#.to_owned(),
            "sha256" => format!("\"{}\"", "5a".repeat(32)),
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
        Kind::Texts(_) if setting.key == "origins" => r#"["*"]"#.to_owned(),
        Kind::Texts(_) => r#"["a"]"#.to_owned(),
        Kind::Pairs(_) => r#"{ a = "b" }"#.to_owned(),
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
