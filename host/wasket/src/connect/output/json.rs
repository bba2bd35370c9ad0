//! Events as programs read them: one JSON object a line. The fields are promises: docs/connect.md lists them.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use serde::Serialize;
use wasket_client::{By, Closed, Error, Message, Response};
use wasket_runtime::is_unsafe;

/// One event.
#[derive(Serialize)]
struct Line<'e> {
    event: &'static str,
    /// Milliseconds since 1970.
    time_ms: u64,
    #[serde(flatten)]
    what: What<'e>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum What<'e> {
    Opened {
        url: &'e str,
        peer: Option<String>,
        protocol: Option<&'e str>,
        extensions: Vec<&'e str>,
        headers: Vec<(&'e str, String)>,
    },
    Text {
        r#type: &'static str,
        bytes: usize,
        data: &'e str,
    },
    Binary {
        r#type: &'static str,
        bytes: usize,
        data: String,
    },
    Control {
        bytes: usize,
        data: String,
    },
    Closed {
        code: u16,
        reason: &'e str,
        clean: bool,
        by: &'static str,
        error: Option<String>,
    },
    Error {
        phase: String,
        error: String,
        status: Option<u16>,
        headers: Option<Vec<(&'e str, String)>>,
        body: Option<String>,
    },
    Reconnecting {
        after_ms: u64,
    },
}

pub(super) fn opened(response: &Response) -> String {
    line(
        "opened",
        What::Opened {
            url: response.url(),
            peer: response.peer().map(|peer| peer.to_string()),
            protocol: response.protocol(),
            extensions: response.extensions().collect(),
            headers: fields(response.headers()),
        },
    )
}

pub(super) fn message(message: &Message) -> String {
    let bytes = message.as_bytes().len();
    let what = match message {
        Message::Text(text) => What::Text {
            r#type: "text",
            bytes,
            data: text,
        },
        Message::Binary(data) => What::Binary {
            r#type: "binary",
            bytes,
            data: STANDARD.encode(data),
        },
    };
    line("message", what)
}

/// `event` is `ping` or `pong`.
pub(super) fn control(event: &'static str, payload: &[u8]) -> String {
    let what = What::Control {
        bytes: payload.len(),
        data: STANDARD.encode(payload),
    };
    line(event, what)
}

pub(super) fn closed(closed: &Closed) -> String {
    line(
        "closed",
        What::Closed {
            code: closed.code,
            reason: &closed.reason,
            clean: closed.clean,
            by: match closed.by {
                By::Us => "us",
                By::Peer => "server",
                By::Network => "network",
            },
            error: closed.fault.as_ref().map(ToString::to_string),
        },
    )
}

pub(super) fn failed(error: &Error) -> String {
    let rejection = error.rejection();
    line(
        "error",
        What::Error {
            phase: error.phase().to_string().to_lowercase(),
            error: error.to_string(),
            status: rejection.map(|rejection| rejection.status.as_u16()),
            headers: rejection.map(|rejection| fields(&rejection.headers)),
            body: rejection.map(|rejection| String::from_utf8_lossy(&rejection.body).into_owned()),
        },
    )
}

/// Something of ours that failed.
pub(super) fn mishap(error: &str) -> String {
    line(
        "error",
        What::Error {
            phase: "local".to_owned(),
            error: error.to_owned(),
            status: None,
            headers: None,
            body: None,
        },
    )
}

pub(super) fn waiting(time: Duration) -> String {
    let what = What::Reconnecting {
        after_ms: milliseconds(time),
    };
    line("reconnecting", what)
}

fn line(event: &'static str, what: What<'_>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let line = Line {
        event,
        time_ms: milliseconds(now.unwrap_or_default()),
        what,
    };
    // Strings and numbers: nothing that JSON has no form for.
    harmless(serde_json::to_string(&line).unwrap_or_default())
}

/// JSON that steers no terminal and reorders nothing on it: what would stands in strings, where an escape means the same.
fn harmless(json: String) -> String {
    if !json.contains(is_unsafe) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn fields(headers: &HeaderMap) -> Vec<(&str, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.as_str(), value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Without its time.
    fn parsed(line: &str) -> Value {
        assert!(!line.contains('\n'), "{line}");
        let mut value: Value = serde_json::from_str(line).unwrap();
        let time = value.as_object_mut().unwrap().remove("time_ms").unwrap();
        assert!(time.as_u64().unwrap() > 1_600_000_000_000);
        value
    }

    // parity W13, hardening H31
    #[test]
    fn an_event_is_one_line_with_the_documented_fields() {
        let text = Message::Text("a\n\"\u{e9}".to_owned());
        assert_eq!(
            parsed(&message(&text)),
            json!({"event": "message", "type": "text", "bytes": 5, "data": "a\n\"\u{e9}"})
        );
        let nasty = "\u{7f}\u{9b}31m\u{202e}\u{2028}\u{feff}\u{1b}";
        let line = message(&Message::Text(nasty.to_owned()));
        assert!(line.is_ascii() && !line.contains('\u{7f}'), "{line}");
        assert_eq!(parsed(&line)["data"], nasty);
        let binary = Message::Binary(vec![0, 255].into());
        assert_eq!(
            parsed(&message(&binary)),
            json!({"event": "message", "type": "binary", "bytes": 2, "data": "AP8="})
        );
        assert_eq!(
            parsed(&control("ping", b"a")),
            json!({"event": "ping", "bytes": 1, "data": "YQ=="})
        );
        let end = Closed {
            code: 1006,
            reason: String::new(),
            clean: false,
            by: By::Network,
            fault: Some(wasket_client::Fault::Gone),
        };
        assert_eq!(
            parsed(&closed(&end)),
            json!({"event": "closed", "code": 1006, "reason": "", "clean": false, "by": "network",
                   "error": "the server ended the connection without a close frame"})
        );
        assert_eq!(
            parsed(&waiting(Duration::from_millis(1500))),
            json!({"event": "reconnecting", "after_ms": 1500})
        );
        assert_eq!(
            parsed(&mishap("no")),
            json!({"event": "error", "phase": "local", "error": "no",
                   "status": null, "headers": null, "body": null})
        );
    }
}
