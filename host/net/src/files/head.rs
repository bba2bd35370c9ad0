//! What is said of a file.

use std::ops::Range;
use std::time::SystemTime;

use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderName, HeaderValue, LAST_MODIFIED, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};
use mime_guess::mime;

use super::FileSettings;
use super::conditions::Validators;
use super::encoding::Coding;
use super::root::Opened;
use crate::answer::{Answer, plain};

pub(super) struct Head {
    pub(super) validators: Validators,
    /// Also of an answer without content.
    fields: Vec<(HeaderName, HeaderValue)>,
    /// Of the content.
    content: Vec<(HeaderName, HeaderValue)>,
}

impl Head {
    pub(super) fn of(
        settings: &FileSettings,
        names: &[String],
        file: &Opened,
        coding: Option<Coding>,
        now: SystemTime,
    ) -> Self {
        let variant = coding.map_or(String::new(), |coding| coding.ending().replace('.', "-"));
        let validators = Validators::of(file.bytes, file.times, &variant, now);
        let mut fields = Vec::new();
        fields.extend(value(ETAG, &validators.etag));
        let modified = validators.modified.map(httpdate::fmt_http_date);
        fields.extend(modified.and_then(|date| value(LAST_MODIFIED, &date)));
        let cache = settings.cache_control.iter().cloned();
        fields.extend(cache.map(|cache| (CACHE_CONTROL, cache)));
        if settings.precompressed {
            fields.extend(value(VARY, "accept-encoding"));
        }
        let mut content = Vec::new();
        content.extend(value(CONTENT_TYPE, &media_type(names)));
        content.extend(value(X_CONTENT_TYPE_OPTIONS, "nosniff"));
        content.extend(value(ACCEPT_RANGES, "bytes"));
        content.extend(coding.and_then(|coding| value(CONTENT_ENCODING, coding.name())));
        Self {
            validators,
            fields,
            content,
        }
    }

    pub(super) fn onto<B>(&self, mut answer: Response<B>) -> Response<B> {
        answer.headers_mut().extend(self.fields.iter().cloned());
        answer
    }

    /// The answer has these of so many bytes.
    pub(super) fn with_content<B>(
        &self,
        mut answer: Response<B>,
        range: Range<u64>,
        bytes: u64,
    ) -> Response<B> {
        let part = answer.status() == StatusCode::PARTIAL_CONTENT;
        let headers = answer.headers_mut();
        headers.extend(self.content.iter().cloned());
        headers.insert(CONTENT_LENGTH, (range.end - range.start).into());
        if part {
            let text = format!("bytes {}-{}/{bytes}", range.start, range.end - 1);
            headers.extend(value(CONTENT_RANGE, &text));
        }
        answer
    }
}

/// Nothing of what was asked for is in the file.
pub(super) fn unsatisfiable(bytes: u64) -> Answer {
    let text = "the file does not reach that far";
    let mut answer = plain(StatusCode::RANGE_NOT_SATISFIABLE, text);
    let range = value(CONTENT_RANGE, &format!("bytes */{bytes}"));
    answer.headers_mut().extend(range);
    answer
}

/// By the ending of the name. Text is taken for UTF-8, as everything is today.
fn media_type(names: &[String]) -> String {
    let name = names.last().map_or("", String::as_str);
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    if guess.type_() == mime::TEXT && guess.get_param(mime::CHARSET).is_none() {
        format!("{guess}; charset=utf-8")
    } else {
        guess.to_string()
    }
}

fn value(name: HeaderName, text: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((name, HeaderValue::from_str(text).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    // parity H1
    #[test]
    fn endings_say_the_type() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("a.CSS", "text/css; charset=utf-8"),
            ("a.js", "text/javascript; charset=utf-8"),
            ("a.mjs", "application/javascript"),
            ("a.json", "application/json"),
            ("a.svg", "image/svg+xml"),
            ("a.png", "image/png"),
            ("a.wasm", "application/wasm"),
            ("a.woff2", "font/woff2"),
            ("a.webmanifest", "application/manifest+json"),
            ("a.tar.gz", "application/gzip"),
            ("a.b", "application/octet-stream"),
            ("README", "application/octet-stream"),
        ] {
            assert_eq!(media_type(&[name.to_owned()]), expected, "{name}");
        }
    }
}
