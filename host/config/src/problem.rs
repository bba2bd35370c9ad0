//! Mistakes in a configuration, shown as a compiler shows errors: where, the offending text, what was expected.

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// Every mistake of one file: the operator has to change it. `Display` writes them for people, without colours.
#[derive(Debug)]
pub struct Problems {
    file: String,
    text: String,
    mistakes: Vec<Mistake>,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    title: String,
    mark: Option<Mark>,
    other: Option<Mark>,
    help: Option<String>,
}

/// Bytes of the file, and what is to be said about them.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    span: Range<usize>,
    label: String,
}

/// Where a mistake begins; both count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Problems {
    pub(crate) fn new(file: &str, text: &str, mut mistakes: Vec<Mistake>) -> Self {
        let start = |mistake: &Mistake| mistake.mark.as_ref().map(|mark| mark.span.start);
        mistakes.sort_by_key(|mistake| start(mistake).unwrap_or(usize::MAX));
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            mistakes,
        }
    }

    /// The mistakes in the order of the file; at least one.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Where a mistake of this file begins; `None` when it is about the file as a whole.
    pub fn position(&self, mistake: &Mistake) -> Option<Position> {
        let before = self.text.get(..mistake.mark.as_ref()?.span.start)?;
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Some(Position {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..)?.chars().count() + 1,
        })
    }

    /// All of it with colours, for a terminal.
    pub fn coloured(&self) -> String {
        self.render(&Renderer::styled())
    }

    fn render(&self, renderer: &Renderer) -> String {
        let shown: Vec<String> = self
            .mistakes
            .iter()
            .map(|mistake| renderer.render(&[self.group(mistake)]))
            .collect();
        shown.join("\n\n")
    }

    fn group<'a>(&'a self, mistake: &'a Mistake) -> Group<'a> {
        let title = Level::ERROR.primary_title(mistake.title.as_str());
        let group = match &mistake.mark {
            None => title.element(Origin::path(self.file.as_str())),
            Some(mark) => {
                let mark = AnnotationKind::Primary
                    .span(mark.span.clone())
                    .label(mark.label.as_str());
                let other = mistake.other.as_ref();
                let other = other.map(|mark| {
                    AnnotationKind::Context
                        .span(mark.span.clone())
                        .label(mark.label.as_str())
                });
                let snippet = Snippet::source(self.text.as_str()).path(self.file.as_str());
                title.element(snippet.annotation(mark).annotations(other))
            }
        };
        match &mistake.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(&Renderer::plain()))
    }
}

impl std::error::Error for Problems {}

impl Mistake {
    /// What is wrong, in one line.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What was expected at its position.
    pub fn label(&self) -> Option<&str> {
        self.mark.as_ref().map(|mark| mark.label.as_str())
    }

    /// What to do about it.
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// A mistake in these bytes.
    pub(crate) fn at(
        span: Range<usize>,
        title: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        let mark = Mark {
            span,
            label: label.into(),
        };
        Self {
            title: title.into(),
            mark: Some(mark),
            other: None,
            help: None,
        }
    }

    /// A mistake of the file as a whole.
    pub(crate) fn whole(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            mark: None,
            other: None,
            help: None,
        }
    }

    /// Points at other bytes too, those that the first ones contradict.
    pub(crate) fn and_at(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.other = Some(Mark {
            span,
            label: label.into(),
        });
        self
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Where mistakes are collected while a file is read to its end.
#[derive(Debug, Default)]
pub(crate) struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    pub(crate) fn add(&self, mistake: Mistake) {
        self.0.borrow_mut().push(mistake);
    }

    pub(crate) fn into_inner(self) -> Vec<Mistake> {
        self.0.into_inner()
    }
}

/// What stands in a file, for a line of ours: escaped, and cut to a length that leaves the line readable.
pub(crate) fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 48;
    let mut shown: String = text
        .chars()
        .take(CHARACTERS_MAX)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(CHARACTERS_MAX).is_some() {
        shown.push_str("...");
    }
    shown
}
