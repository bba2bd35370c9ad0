//! One entry of the reference, for a terminal: `wasket explain KEY`.

use crate::nearest::nearest;
use crate::settings::{self, Section, Setting, Standard};
use std::fmt::Write;

/// Every setting with this key: its place, its meaning, what may be written, and what holds without it. A key may have its
/// place before it, as in `service.event_time`, `[service] event_time` or `[service.chat] event_time`.
///
/// # Errors
/// When there is none of this name, or not in that place: what to say then.
pub fn explain(key: &str) -> Result<String, String> {
    let (place, key) = split(key);
    let named: Vec<&Setting> = settings::all().filter(|it| it.key == key).collect();
    if named.is_empty() {
        return Err(unknown(place, key));
    }
    let is_there = |it: &&&Setting| place.is_none_or(|place| places(it.section).contains(&place));
    let there: Vec<&Setting> = named.iter().filter(is_there).copied().collect();
    if there.is_empty() {
        let titles: Vec<String> = named.iter().map(|it| written_in(it.section)).collect();
        return Err(format!("`{key}` belongs in {}", titles.join(", or in ")));
    }
    let entries: Vec<String> = there.into_iter().map(entry).collect();
    Ok(entries.join("\n"))
}

/// The keys of all settings, by the place where they are written.
pub fn keys() -> String {
    let mut list = String::new();
    let mut last = None;
    for setting in settings::all() {
        if last != Some(setting.section) {
            // Writing to a string cannot fail.
            let _ = writeln!(list, "{}", written_in(setting.section));
            last = Some(setting.section);
        }
        let _ = writeln!(list, "  {}", setting.key);
    }
    list
}

/// The place, without brackets and a name of its own, and the key.
fn split(typed: &str) -> (Option<&str>, &str) {
    let typed = typed.trim();
    let (place, key) = match typed.rsplit_once(']') {
        Some((place, key)) => (place, key.trim().trim_start_matches('.')),
        None => match typed.rsplit_once(['.', ' ']) {
            Some((place, key)) => (place, key),
            None => return (None, typed),
        },
    };
    let place = place.trim_matches(['[', ']', ' ']);
    // `[service.chat]` is a place of `service`.
    let place = match place.split_once('.') {
        Some((table @ ("service" | "http" | "files" | "auth" | "store"), _)) => table,
        _ => place,
    };
    (Some(place).filter(|place| !place.is_empty()), key)
}

/// The names of tables in which a section is written.
fn places(section: Section) -> &'static [&'static str] {
    match section {
        Section::Host => &["host"],
        Section::Log => &["log"],
        Section::Listen => &["listen"],
        Section::Tls => &["listen.tls", "tls"],
        Section::Certificate => &[
            "listen.tls",
            "tls",
            "listen.tls.certificates",
            "certificates",
        ],
        Section::Auth => &["auth"],
        Section::Service => &["service"],
        Section::Limits => &["service", "defaults"],
        Section::Sandbox | Section::Requests => &["service", "http", "defaults"],
        Section::Http => &["http"],
        Section::Files => &["files"],
        Section::Compression => &["compression"],
        Section::Connect => &["connect"],
        Section::Capabilities => &["service", "http"],
        Section::Directory => &["directories"],
        Section::Store => &["store"],
    }
}

fn written_in(section: Section) -> String {
    let heads = places(section).iter().map(|place| match *place {
        "listen" => "[[listen]]".to_owned(),
        "listen.tls.certificates" => "[[listen.tls.certificates]]".to_owned(),
        "service" | "http" | "files" | "auth" | "store" => format!("[{place}.NAME]"),
        "compression" => "compression = { ... }".to_owned(),
        "connect" | "directories" => format!("{place} = [{{ ... }}]"),
        place => format!("[{place}]"),
    });
    let heads: Vec<String> = heads.filter(|head| !SHORT.contains(&&**head)).collect();
    heads.join(", ")
}

/// What people may type and nobody writes into a file.
const SHORT: [&str; 2] = ["[tls]", "[certificates]"];

fn entry(setting: &Setting) -> String {
    let default = match setting.default {
        Standard::Value(value) => format!("default: {value}"),
        Standard::Absent(meaning) => format!("without it: {meaning}"),
        Standard::Required => "required".to_owned(),
    };
    format!(
        "{} {}\n{}\n  value: {}\n  {default}\n",
        written_in(setting.section),
        setting.key,
        folded(setting.doc),
        setting.kind.expected_of_file()
    )
}

/// In lines that fit a terminal, indented.
fn folded(text: &str) -> String {
    let mut folded = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column == 0 || column + 1 + length > COLUMNS_MAX {
            folded.push_str(if column == 0 { "  " } else { "\n  " });
            column = 2 + length;
        } else {
            folded.push(' ');
            column += 1 + length;
        }
        folded.push_str(word);
    }
    folded
}

const COLUMNS_MAX: usize = 100;

fn unknown(place: Option<&str>, key: &str) -> String {
    let key = crate::problem::shown(key);
    let there =
        |setting: &&Setting| place.is_none_or(|place| places(setting.section).contains(&place));
    let near = |all: Vec<&'static str>| nearest(&key, all);
    let in_place = settings::all().filter(there).map(|it| it.key).collect();
    let anywhere = || settings::all().map(|it| it.key).collect();
    match near(in_place).or_else(|| near(anywhere())) {
        Some(word) => format!("no setting is called `{key}`; did you mean `{word}`?"),
        None => format!("no setting is called `{key}`; `wasket explain` lists all of them"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_may_have_its_place_before_it() {
        for typed in [
            "event_time",
            "service.event_time",
            "[service] event_time",
            "[service.chat] event_time",
            "service.chat.event_time",
            "[defaults].event_time",
            " defaults event_time ",
        ] {
            let told = explain(typed).unwrap();
            assert!(
                told.starts_with("[service.NAME], [defaults] event_time\n"),
                "{told}"
            );
            assert!(told.contains("\n  default: \"100ms\"\n"), "{told}");
        }
        let both = explain("component").unwrap();
        for head in [
            "[auth.NAME] component\n",
            "[service.NAME] component\n",
            "[http.NAME] component\n",
        ] {
            assert!(both.contains(head), "{both}");
        }
        let one = explain("http.component").unwrap();
        assert!(one.starts_with("[http.NAME]") && !one.contains("[service.NAME] component"));
        assert!(explain("[[listen]] address").is_ok());
        assert!(explain("[listen.tls] chain").is_ok());
        assert!(explain("directories.writable").is_ok());
    }

    #[test]
    fn what_is_not_there_is_near_to_something() {
        let cases = [
            ("evnt_time", "did you mean `event_time`?"),
            ("time_event", "did you mean `event_time`?"),
            ("service.componnet", "did you mean `component`?"),
            (
                "host.event_time",
                "`event_time` belongs in [service.NAME], [defaults]",
            ),
            ("colour", "`wasket explain` lists all of them"),
            ("", "`wasket explain` lists all of them"),
        ];
        for (typed, told) in cases {
            let error = explain(typed).unwrap_err();
            assert!(error.contains(told), "{typed}: {error}");
        }
    }

    #[test]
    fn every_setting_can_be_explained_and_is_listed() {
        let keys = keys();
        for setting in settings::all() {
            for place in places(setting.section) {
                assert!(explain(&format!("{place}.{}", setting.key)).is_ok());
            }
            assert!(
                keys.contains(&format!("\n  {}\n", setting.key)),
                "{}",
                setting.key
            );
        }
        let told = settings::all().map(|it| explain(it.key).unwrap());
        assert!(
            told.flat_map(|it| it.lines().map(str::len).collect::<Vec<_>>())
                .all(|len| len < 240)
        );
    }
}
