//! The first step: what was typed. A table of wasket.toml, read key by key against the table of settings.
//!
//! Reading a key either changes what it is read into, or records a mistake and leaves that as it was; so one
//! reading of a file finds all its mistakes.

use crate::nearest::nearest;
use crate::problem::{Mistake, Mistakes, shown};
use crate::settings::{self, Kind, Section, Setting};
use crate::value::{Invalid, parse_size, parse_time};
use std::ops::Range;
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeInteger, DeString, DeTable, DeValue};

/// A value and the bytes of the file where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) span: Range<usize>,
}

/// One table of the file.
pub(crate) struct Typed<'t> {
    sections: &'static [Section],
    table: &'t DeTable<'t>,
    mistakes: &'t Mistakes,
}

type Value<'t> = Spanned<DeValue<'t>>;

impl<'t> Typed<'t> {
    /// Takes a table whose keys have to be settings of these sections. `head` is how the table is called.
    pub(crate) fn new(
        sections: &'static [Section],
        head: &str,
        table: &'t DeTable<'t>,
        mistakes: &'t Mistakes,
    ) -> Self {
        for key in table.keys() {
            if settings::find(sections, key.get_ref()).is_none() {
                mistakes.add(unknown_key(sections, head, key.get_ref(), key.span()));
            }
        }
        Self {
            sections,
            table,
            mistakes,
        }
    }

    pub(crate) fn flag(&self, key: &str, into: &mut bool) {
        let Some((setting, value)) = self.given(key) else {
            return;
        };
        match value.get_ref() {
            DeValue::Boolean(flag) => *into = *flag,
            _ => self.mistakes.add(wrong_type(setting, value)),
        }
    }

    /// An integer, or a number of bytes.
    pub(crate) fn number<N: TryFrom<u64>>(&self, key: &str, into: &mut N) {
        if let Some(Switch::On(number)) = self.number_or_off(key) {
            *into = number;
        }
    }

    /// The same where it may be off.
    pub(crate) fn limit<N: TryFrom<u64>>(&self, key: &str, into: &mut Option<N>) {
        if let Some(switch) = self.number_or_off(key) {
            *into = switch.into();
        }
    }

    pub(crate) fn time(&self, key: &str, into: &mut Duration) {
        if let Some(Switch::On(time)) = self.time_or_off(key) {
            *into = time;
        }
    }

    /// The same where it may be off.
    pub(crate) fn timer(&self, key: &str, into: &mut Option<Duration>) {
        if let Some(switch) = self.time_or_off(key) {
            *into = switch.into();
        }
    }

    /// One of a few words; `named` knows what they mean.
    pub(crate) fn choice<T>(&self, key: &str, named: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let (setting, value) = self.given(key)?;
        let Some(text) = value.get_ref().as_str() else {
            return self.refuse(wrong_type(setting, value));
        };
        let meaning = named(text);
        if meaning.is_none() {
            self.mistakes
                .add(unknown_choice(setting, text, value.span()));
        }
        meaning
    }

    /// On or off, or on with settings of its own, which are those of `sections`.
    pub(crate) fn switch_or_table(
        &self,
        key: &str,
        sections: &'static [Section],
    ) -> Option<Switched<'t>> {
        let (setting, value) = self.given(key)?;
        match value.get_ref() {
            DeValue::String(text) => match &**text {
                "off" => Some(Switched::Off),
                "on" => Some(Switched::On),
                text => self.refuse(unknown_choice(setting, text, value.span())),
            },
            DeValue::Table(table) => {
                let head = format!("`{key}`");
                let typed = Self::new(sections, &head, table, self.mistakes);
                Some(Switched::Table(typed))
            }
            _ => self.refuse(wrong_type(setting, value)),
        }
    }

    /// Text with a form of its own.
    pub(crate) fn text<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Placed<T>> {
        let (setting, value) = self.given(key)?;
        self.parsed(setting, value, parse)
    }

    /// An array of such text; those that are wrong are left out.
    pub(crate) fn texts<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
    ) -> Vec<Placed<T>> {
        let Some((setting, value)) = self.given(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.mistakes.add(wrong_type(setting, value));
            return Vec::new();
        };
        array
            .iter()
            .filter_map(|value| match value.get_ref() {
                DeValue::String(_) => self.parsed(setting, value, &parse),
                _ => self.refuse(wrong_part(&format!("`{}`", setting.key), value)),
            })
            .collect()
    }

    /// A table whose values are strings, in the order of the file.
    pub(crate) fn pairs(&self, key: &str) -> Vec<(Placed<String>, Placed<String>)> {
        let Some((setting, value)) = self.given(key) else {
            return Vec::new();
        };
        let Some(table) = value.get_ref().as_table() else {
            self.mistakes.add(wrong_type(setting, value));
            return Vec::new();
        };
        let pair = |(name, value): (&Spanned<DeString<'_>>, &Value<'_>)| {
            let text = value.get_ref().as_str();
            if text.is_none() {
                let what = format!("`{}`: `{}`", setting.key, shown(name.get_ref()));
                self.mistakes.add(wrong_part(&what, value));
            }
            let name = Placed {
                value: name.get_ref().clone().into_owned(),
                span: name.span(),
            };
            text.map(|text| {
                (
                    name,
                    Placed {
                        value: text.to_owned(),
                        span: value.span(),
                    },
                )
            })
        };
        let mut pairs: Vec<_> = table.iter().filter_map(pair).collect();
        pairs.sort_by_key(|(name, _)| name.span.start);
        pairs
    }

    /// A table with the settings of these sections, called `head`.
    pub(crate) fn table(
        &self,
        key: &str,
        sections: &'static [Section],
        head: &str,
    ) -> Option<Self> {
        let (setting, value) = self.given(key)?;
        match value.get_ref().as_table() {
            Some(table) => Some(Self::new(sections, head, table, self.mistakes)),
            None => self.refuse(wrong_type(setting, value)),
        }
    }

    /// An array of such tables, and where each stands; those that are none are left out.
    pub(crate) fn tables(
        &self,
        key: &str,
        sections: &'static [Section],
        head: &str,
    ) -> Vec<Placed<Self>> {
        let Some((setting, value)) = self.given(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.mistakes.add(wrong_type(setting, value));
            return Vec::new();
        };
        let table = |value: &'t Value<'t>| match value.get_ref().as_table() {
            Some(table) => Some(Placed {
                value: Self::new(sections, head, table, self.mistakes),
                span: value.span(),
            }),
            None => self.refuse(wrong_type(setting, value)),
        };
        array.iter().filter_map(table).collect()
    }

    /// An array of text and of tables; those that are wrong are left out.
    pub(crate) fn texts_or_tables<T>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Invalid>,
        sections: &'static [Section],
        head: &str,
    ) -> Vec<TextOrTable<'t, T>> {
        let Some((setting, value)) = self.given(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.mistakes.add(wrong_type(setting, value));
            return Vec::new();
        };
        let entry = |value: &'t Value<'t>| match value.get_ref() {
            DeValue::String(_) => self.parsed(setting, value, &parse).map(TextOrTable::Text),
            DeValue::Table(table) => Some(TextOrTable::Table(Placed {
                value: Self::new(sections, head, table, self.mistakes),
                span: value.span(),
            })),
            _ => self.refuse(wrong_part(&format!("`{}`", setting.key), value)),
        };
        array.iter().filter_map(entry).collect()
    }

    /// Where the value of a key stands, whether it is right or wrong.
    pub(crate) fn place(&self, key: &str) -> Option<Range<usize>> {
        self.table.get(key).map(Spanned::span)
    }

    /// Whether an array is given that has nothing in it.
    pub(crate) fn is_empty(&self, key: &str) -> bool {
        let array = self
            .table
            .get(key)
            .and_then(|value| value.get_ref().as_array());
        array.is_some_and(|array| array.is_empty())
    }

    fn given(&self, key: &str) -> Option<(&'static Setting, &'t Value<'t>)> {
        let setting = settings::find(self.sections, key);
        debug_assert!(
            setting.is_some(),
            "`{key}` is read and not in the table of settings"
        );
        Some((setting?, self.table.get(key)?))
    }

    fn parsed<T>(
        &self,
        setting: &Setting,
        value: &Value<'_>,
        parse: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Option<Placed<T>> {
        let Some(text) = value.get_ref().as_str() else {
            return self.refuse(wrong_type(setting, value));
        };
        match parse(text) {
            Ok(parsed) => Some(Placed {
                value: parsed,
                span: value.span(),
            }),
            Err(invalid) => self.refuse(not_valid(text, value.span(), invalid)),
        }
    }

    fn number_or_off<N: TryFrom<u64>>(&self, key: &str) -> Option<Switch<N>> {
        let (setting, value) = self.given(key)?;
        let number = match (setting.kind, value.get_ref()) {
            (kind, DeValue::String(text)) if text == "off" && kind.may_be_off() => {
                return Some(Switch::Off);
            }
            (_, DeValue::Integer(integer)) => to_u64(integer),
            (Kind::Bytes { .. }, DeValue::String(text)) => match parse_size(text) {
                Ok(bytes) => Some(bytes),
                Err(invalid) => return self.refuse(not_valid(text, value.span(), invalid)),
            },
            _ => return self.refuse(wrong_type(setting, value)),
        };
        let (Kind::Count { min, max, .. } | Kind::Bytes { min, max }) = setting.kind else {
            return None;
        };
        let fitting = number.filter(|number| (min..=max).contains(number));
        match fitting.and_then(|number| N::try_from(number).ok()) {
            Some(number) => Some(Switch::On(number)),
            None => self.refuse(out_of_range(setting, value.span())),
        }
    }

    fn time_or_off(&self, key: &str) -> Option<Switch<Duration>> {
        let (setting, value) = self.given(key)?;
        let Kind::Time { min, max, off } = setting.kind else {
            return None;
        };
        let text = match value.get_ref() {
            DeValue::String(text) if text == "off" && off => return Some(Switch::Off),
            DeValue::String(text) if text == "off" => {
                return self.refuse(never_off(setting, value.span()));
            }
            DeValue::String(text) => text,
            _ => return self.refuse(wrong_type(setting, value)),
        };
        match parse_time(text) {
            Ok(time) if (min..=max).contains(&time) => Some(Switch::On(time)),
            Ok(_) => self.refuse(out_of_range(setting, value.span())),
            Err(invalid) => self.refuse(not_valid(text, value.span(), invalid)),
        }
    }

    /// Records a mistake; there is nothing to read then.
    fn refuse<T>(&self, mistake: Mistake) -> Option<T> {
        self.mistakes.add(mistake);
        None
    }
}

/// One of what stands in an array of both.
pub(crate) enum TextOrTable<'t, T> {
    Text(Placed<T>),
    Table(Placed<Typed<'t>>),
}

/// What a key that is a switch or a table says.
pub(crate) enum Switched<'t> {
    Off,
    On,
    Table(Typed<'t>),
}

enum Switch<T> {
    On(T),
    Off,
}

impl<T> From<Switch<T>> for Option<T> {
    fn from(switch: Switch<T>) -> Self {
        match switch {
            Switch::On(value) => Some(value),
            Switch::Off => None,
        }
    }
}

/// `None` for negative numbers and those past 64 bits: no setting reaches that far.
fn to_u64(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn unknown_key(sections: &[Section], head: &str, key: &str, span: Range<usize>) -> Mistake {
    let mistake = Mistake::at(
        span,
        format!("unknown key `{}` in {head}", shown(key)),
        "no setting has this name",
    );
    let here = || {
        settings::all()
            .filter(|setting| sections.contains(&setting.section))
            .map(|setting| setting.key)
    };
    if let Some(elsewhere) = settings::all().find(|setting| setting.key == key) {
        mistake.with_help(format!("`{key}` belongs in {}", elsewhere.section.title()))
    } else if let Some(word) = nearest(key, here()) {
        mistake.with_help(format!("did you mean `{word}`?"))
    } else {
        mistake.with_help(format!(
            "the settings of {head} are {}",
            here().collect::<Vec<_>>().join(", ")
        ))
    }
}

fn wrong_type(setting: &Setting, value: &Value<'_>) -> Mistake {
    let label = format!(
        "expected {}, found {}",
        setting.kind.expected(),
        found(value)
    );
    let mistake = Mistake::at(
        value.span(),
        format!("wrong type for `{}`", setting.key),
        label,
    );
    match (setting.kind, value.get_ref()) {
        (Kind::Time { .. }, DeValue::Integer(number)) if to_u64(number).is_some() => mistake
            .with_help(format!(
                "write the unit: \"{number}s\" for seconds, \"{number}ms\" for milliseconds"
            )),
        (Kind::Flag, DeValue::String(text)) if matches!(&**text, "true" | "false") => {
            mistake.with_help(format!("write {text} without quotes"))
        }
        (kind, DeValue::Boolean(false)) if kind.may_be_off() => mistake.with_help("write \"off\""),
        (Kind::SwitchOrTable(_), DeValue::Boolean(on)) => {
            mistake.with_help(if *on { "write \"on\"" } else { "write \"off\"" })
        }
        (Kind::Count { .. }, DeValue::String(text)) if text.parse::<u64>().is_ok() => {
            mistake.with_help(format!("write {text} without quotes"))
        }
        (Kind::Texts(_) | Kind::TextsOrTables(_), DeValue::String(text)) => {
            mistake.with_help(format!("put it into brackets: [\"{}\"]", shown(text)))
        }
        _ => mistake,
    }
}

/// A part of an array or of an inline table, which has to be a string.
fn wrong_part(what: &str, value: &Value<'_>) -> Mistake {
    let title = format!("wrong type in {what}");
    let label = format!("expected a string, found {}", found(value));
    let mistake = Mistake::at(value.span(), title, label);
    match value.get_ref() {
        DeValue::Integer(number) => mistake.with_help(format!("put it into quotes: \"{number}\"")),
        DeValue::Boolean(flag) => mistake.with_help(format!("put it into quotes: \"{flag}\"")),
        _ => mistake,
    }
}

/// The type of a value, with its article.
pub(crate) fn found(value: &Value<'_>) -> String {
    let name = value.get_ref().type_str();
    let article = if name.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

fn out_of_range(setting: &Setting, span: Range<usize>) -> Mistake {
    Mistake::at(
        span,
        format!("`{}` is out of range", setting.key),
        format!("expected {}", setting.kind.expected()),
    )
}

fn never_off(setting: &Setting, span: Range<usize>) -> Mistake {
    Mistake::at(
        span,
        format!("`{}` cannot be off", setting.key),
        format!("expected {}", setting.kind.expected()),
    )
}

fn unknown_choice(setting: &Setting, text: &str, span: Range<usize>) -> Mistake {
    let title = format!("unknown value \"{}\" for `{}`", shown(text), setting.key);
    let mistake = Mistake::at(span, title, format!("expected {}", setting.kind.expected()));
    let words = match setting.kind {
        Kind::Choice(words) => words,
        Kind::SwitchOrTable(_) => &["off", "on"],
        _ => return mistake,
    };
    match nearest(text, words.iter().copied()) {
        Some(word) => mistake.with_help(format!("did you mean \"{word}\"?")),
        None => mistake,
    }
}

/// Text that has not the form it should have.
pub(crate) fn not_valid(text: &str, span: Range<usize>, invalid: Invalid) -> Mistake {
    Mistake::at(
        span,
        format!("\"{}\" is not {}", shown(text), invalid.kind()),
        invalid.expected(),
    )
}
