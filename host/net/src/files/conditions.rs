//! Whether a client has the file already, or only wants a part of it (RFC 9110, sections 13 and 14).

use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{
    IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::{HeaderMap, HeaderName, Method};

use super::range::{self, Asked};
use super::root::Times;

/// What tells one version of a file from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Validators {
    /// `"..."`, or `W/"..."` while a change might leave it as it is.
    pub(super) etag: String,
    /// To the second.
    pub(super) modified: Option<SystemTime>,
    /// Another version may have the same time.
    recent: bool,
}

/// How a request for a file is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Whole,
    Part(Range<u64>),
    NotModified,
    PreconditionFailed,
    Unsatisfiable,
}

impl Validators {
    /// Those of a file of this length and these times. `variant` tells what was made of one file apart.
    pub(super) fn of(bytes: u64, times: Times, variant: &str, now: SystemTime) -> Self {
        let changed = times.anything.or(times.content);
        let is_settled = |at: SystemTime| {
            let age = now.duration_since(at);
            age.is_ok_and(|age| age >= SETTLED_AFTER)
        };
        let recent = changed.is_none()
            || [times.content, times.anything]
                .into_iter()
                .flatten()
                .any(|at| !is_settled(at));
        let weak = if recent { "W/" } else { "" };
        let stamp = changed.and_then(since_epoch);
        let stamp = stamp.map_or(0, |stamp| stamp.as_nanos());
        // Never later than the answer's own date (RFC 9110, section 8.8.2.1).
        let modified = times.content.map(|content| content.min(now));
        let modified = modified.and_then(since_epoch);
        Self {
            etag: format!("{weak}\"{stamp:x}-{bytes:x}{variant}\""),
            modified: modified.map(|age| UNIX_EPOCH + Duration::from_secs(age.as_secs())),
            recent,
        }
    }

    fn matches(&self, field: &[u8], strongly: bool) -> bool {
        let Ok(field) = str::from_utf8(field) else {
            return false;
        };
        let own = self.opaque();
        field.split(',').map(str::trim).any(|other| {
            let (weak, opaque) = match other.strip_prefix("W/") {
                Some(opaque) => (true, opaque),
                None => (false, other),
            };
            other == "*" || opaque == own && !(strongly && (weak || self.recent))
        })
    }

    fn opaque(&self) -> &str {
        self.etag.strip_prefix("W/").unwrap_or(&self.etag)
    }
}

fn since_epoch(time: SystemTime) -> Option<Duration> {
    time.duration_since(UNIX_EPOCH).ok()
}

/// Decides for GET and HEAD, in the order of RFC 9110, section 13.2.2.
pub(super) fn decide(
    method: &Method,
    headers: &HeaderMap,
    validators: &Validators,
    bytes: u64,
) -> Decision {
    let date = |name: HeaderName| {
        let text = headers.get(name)?.to_str().ok()?;
        Some((httpdate::parse_http_date(text).ok()?, validators.modified?))
    };
    let tags = |name: HeaderName, strongly| {
        let mut fields = headers.get_all(name).iter().peekable();
        fields.peek()?;
        Some(fields.any(|field| validators.matches(field.as_bytes(), strongly)))
    };
    let holds = match tags(IF_MATCH, true) {
        Some(matches) => matches,
        None => date(IF_UNMODIFIED_SINCE).is_none_or(|(date, modified)| modified <= date),
    };
    if !holds {
        return Decision::PreconditionFailed;
    }
    let has_it = match tags(IF_NONE_MATCH, false) {
        Some(matches) => matches,
        None => date(IF_MODIFIED_SINCE).is_some_and(|(date, modified)| modified <= date),
    };
    if has_it {
        return Decision::NotModified;
    }
    let mut ranges = headers.get_all(RANGE).iter();
    match (ranges.next(), ranges.next()) {
        (Some(range), None) if method == Method::GET && goes_on(headers, validators) => {
            match range::read(range.as_bytes(), bytes) {
                Asked::Part(range) => Decision::Part(range),
                Asked::Nothing => Decision::Unsatisfiable,
                Asked::Other => Decision::Whole,
            }
        }
        _ => Decision::Whole,
    }
}

/// Whether a part would belong to what the client has: `If-Range`.
fn goes_on(headers: &HeaderMap, validators: &Validators) -> bool {
    let Some(field) = headers.get(IF_RANGE) else {
        return true;
    };
    if validators.recent {
        return false;
    }
    let is_date = || {
        let date = httpdate::parse_http_date(field.to_str().ok()?).ok()?;
        Some(validators.modified == Some(date))
    };
    field.as_bytes() == validators.etag.as_bytes() || is_date() == Some(true)
}

/// Times of files are those of the clock's ticks: what changes twice within one looks as if it had changed once.
const SETTLED_AFTER: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const AT: u64 = 784_111_777;
    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const EARLIER: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
    const LATER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn times(content: SystemTime) -> Times {
        Times {
            content: Some(content),
            anything: None,
        }
    }

    fn decided(method: &Method, fields: &[(&'static str, &str)], now: u64) -> Decision {
        let seconds = |n| UNIX_EPOCH + Duration::from_secs(n);
        let modified = seconds(AT) + Duration::from_millis(5);
        let validators = Validators::of(100, times(modified), "", seconds(now));
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let value = value.replace("TAG", validators.opaque());
            headers.append(*name, value.parse().unwrap());
        }
        decide(method, &headers, &validators, 100)
    }

    // parity H1
    #[test]
    fn conditions_hold_in_the_order_of_the_rfc() {
        use Decision::{NotModified, Part, PreconditionFailed, Unsatisfiable, Whole};
        let range = ("range", "bytes=10-19");
        let cases: [(&[(&'static str, &str)], Decision); 24] = [
            (&[], Whole),
            (&[("if-none-match", "TAG")], NotModified),
            (&[("if-none-match", "W/TAG")], NotModified),
            (&[("if-none-match", "\"x\", TAG")], NotModified),
            (
                &[("if-none-match", "\"x\""), ("if-none-match", "TAG")],
                NotModified,
            ),
            (&[("if-none-match", "*")], NotModified),
            (&[("if-none-match", "\"x\"")], Whole),
            // A tag goes before a time.
            (
                &[("if-none-match", "\"x\""), ("if-modified-since", LATER)],
                Whole,
            ),
            (&[("if-modified-since", DATE)], NotModified),
            (&[("if-modified-since", EARLIER)], Whole),
            (&[("if-modified-since", "yesterday")], Whole),
            (&[("if-match", "TAG")], Whole),
            (&[("if-match", "*")], Whole),
            (&[("if-match", "W/TAG")], PreconditionFailed),
            (&[("if-match", "\"x\"")], PreconditionFailed),
            (&[("if-unmodified-since", DATE)], Whole),
            (&[("if-unmodified-since", EARLIER)], PreconditionFailed),
            (
                &[("if-match", "TAG"), ("if-unmodified-since", EARLIER)],
                Whole,
            ),
            (&[range], Part(10..20)),
            (&[range, range], Whole),
            (&[range, ("if-range", "TAG")], Part(10..20)),
            (&[range, ("if-range", "\"x\"")], Whole),
            (&[range, ("if-none-match", "TAG")], NotModified),
            (&[("range", "bytes=100-")], Unsatisfiable),
        ];
        for (fields, expected) in cases {
            assert_eq!(
                decided(&Method::GET, fields, AT + 60),
                expected,
                "{fields:?}"
            );
        }
        assert_eq!(decided(&Method::HEAD, &[range], AT + 60), Whole);
        let dated = [range, ("if-range", DATE)];
        assert_eq!(decided(&Method::GET, &dated, AT + 60), Part(10..20));
        let other = [range, ("if-range", LATER)];
        assert_eq!(decided(&Method::GET, &other, AT + 60), Whole);
    }

    // parity H1
    #[test]
    fn a_file_that_just_changed_is_compared_weakly() {
        let range = ("range", "bytes=10-19");
        for now in [0, AT, AT + 1] {
            let part = [range, ("if-range", "TAG")];
            assert_eq!(decided(&Method::GET, &part, now), Decision::Whole);
            let had = [("if-none-match", "TAG")];
            assert_eq!(decided(&Method::GET, &had, now), Decision::NotModified);
            let strong = [("if-match", "TAG")];
            assert_eq!(
                decided(&Method::GET, &strong, now),
                Decision::PreconditionFailed
            );
        }
        let unknown = Times {
            content: None,
            anything: None,
        };
        let none = Validators::of(1, unknown, "-br", UNIX_EPOCH);
        assert_eq!((&*none.etag, none.modified), ("W/\"0-1-br\"", None));
    }

    // parity H1: builds and deployments set the time of a file's content, all to one.
    #[test]
    fn a_file_whose_time_was_set_back_is_another_one() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let changed = |seconds| Times {
            content: Some(at(1)),
            anything: Some(at(seconds)),
        };
        let [one, other] = [AT, AT + 7].map(|changed_at| {
            let validators = Validators::of(9, changed(changed_at), "", at(AT + 60));
            assert!(!validators.recent && validators.modified == Some(at(1)));
            validators.etag
        });
        assert_ne!(one, other);
        assert!(Validators::of(9, changed(AT), "", at(AT + 1)).recent);
    }

    #[test]
    fn no_file_was_modified_later_than_now() {
        let now = UNIX_EPOCH + Duration::from_secs(AT);
        for later_by in [5, 300_000_000_000] {
            let later = now + Duration::from_secs(later_by);
            let validators = Validators::of(9, times(later), "", now);
            assert_eq!(validators.modified, Some(now));
            assert!(validators.recent);
        }
    }
}
