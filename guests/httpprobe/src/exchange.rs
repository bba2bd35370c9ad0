//! What a service does.

use std::fmt::Write as _;

use wasip2::http::types::{Fields, IncomingRequest, OutgoingBody, ResponseOutparam};
use wasip2::io::streams::StreamError;

use crate::answer::{head, sleep, text, write};
use crate::query::Query;

pub(crate) fn seen(request: &IncomingRequest, out: ResponseOutparam) {
    let mut said = String::new();
    let _ = writeln!(said, "method={:?}", request.method());
    let _ = writeln!(
        said,
        "target={}",
        request.path_with_query().unwrap_or_default()
    );
    let _ = writeln!(said, "scheme={:?}", request.scheme());
    let _ = writeln!(
        said,
        "authority={}",
        request.authority().unwrap_or_default()
    );
    for (name, value) in request.headers().entries() {
        let _ = writeln!(said, "{name}={}", String::from_utf8_lossy(&value));
    }
    text(out, 200, &said);
}

pub(crate) fn read(request: &IncomingRequest, out: ResponseOutparam) {
    let Ok(body) = request.consume() else { return };
    let Ok(stream) = body.stream() else { return };
    let mut bytes = 0;
    let why = loop {
        match stream.blocking_read(64 << 10) {
            Ok(read) => bytes += read.len(),
            Err(why) => break why,
        }
    };
    match why {
        StreamError::Closed => text(out, 200, &format!("{bytes} bytes")),
        StreamError::LastOperationFailed(error) => {
            text(
                out,
                502,
                &format!("{bytes} bytes, then {}", error.to_debug_string()),
            );
        }
    }
}

/// Piece by piece: the next is read when the one before has been taken.
pub(crate) fn echo(request: &IncomingRequest, out: ResponseOutparam, length: Option<&str>) {
    let Ok(incoming) = request.consume() else {
        return;
    };
    let Ok(from) = incoming.stream() else { return };
    let length = length.map(|length| ("content-length", length));
    let Some(body) = head(out, 200, length.as_slice()) else {
        return;
    };
    let Ok(mut to) = body.write() else { return };
    let whole = loop {
        match from.blocking_read(64 << 10) {
            Ok(piece) if write(&mut to, &piece) => {}
            Err(StreamError::Closed) => break true,
            _ => break false,
        }
    };
    drop(to);
    if whole {
        let _ = OutgoingBody::finish(body, None);
    }
}

pub(crate) fn status(out: ResponseOutparam, query: &Query) {
    let status = u16::try_from(query.number("code")).unwrap_or_default();
    let length = query
        .find("length")
        .map(|length| ("content-length", length));
    if let Some(body) = head(out, status, length.as_slice()) {
        if let Ok(mut stream) = body.write() {
            write(&mut stream, query.text("text").as_bytes());
        }
        let _ = OutgoingBody::finish(body, None);
    }
}

pub(crate) fn trailers(out: ResponseOutparam) {
    let Some(body) = head(out, 200, &[("trailer", "x-sum")]) else {
        return;
    };
    if let Ok(mut stream) = body.write() {
        write(&mut stream, b"body");
    }
    let fields = Fields::new();
    let _ = fields.append("x-sum", b"4");
    let _ = OutgoingBody::finish(body, Some(fields));
}

pub(crate) fn slow(out: ResponseOutparam, query: &Query) {
    let Some(body) = head(out, 200, &[("content-type", "text/event-stream")]) else {
        return;
    };
    let Ok(mut stream) = body.write() else { return };
    for tick in 0..query.number("count") {
        if !write(&mut stream, format!("data: {tick}\n\n").as_bytes()) {
            break;
        }
        sleep(query.number("ms"));
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

pub(crate) fn flood(out: ResponseOutparam, query: &Query) {
    let Some(body) = head(out, 200, &[]) else {
        return;
    };
    let Ok(mut stream) = body.write() else { return };
    let mut left = query.number("bytes");
    let piece = vec![b'x'; 64 << 10];
    while left > 0 {
        let len = left.min(piece.len() as u64);
        if !write(&mut stream, &piece[..len as usize]) {
            break;
        }
        left -= len;
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

pub(crate) fn after(out: ResponseOutparam, query: &Query) {
    let status = query.find("status").and_then(|status| status.parse().ok());
    let body = head(out, status.unwrap_or(200), &[]);
    if let Some(body) = body {
        if let Ok(mut stream) = body.write() {
            write(&mut stream, &vec![b'x'; query.number("bytes") as usize]);
        }
        let _ = OutgoingBody::finish(body, None);
    }
    sleep(query.number("ms"));
    let _ = wasket_guest::broadcast(query.text("text"));
    eprintln!("worked on");
}
