//! Answers.

use std::io::Write as _;

use wasip2::clocks::monotonic_clock;
use wasip2::http::types::{Fields, OutgoingBody, OutgoingResponse, ResponseOutparam};
use wasip2::io::streams::OutputStream;

/// The head of an answer, and its body to write.
pub(crate) fn head(
    out: ResponseOutparam,
    status: u16,
    headers: &[(&str, &str)],
) -> Option<OutgoingBody> {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value.as_bytes()).ok()?;
    }
    let response = OutgoingResponse::new(fields);
    response.set_status_code(status).ok()?;
    let body = response.body().ok()?;
    ResponseOutparam::set(out, Ok(response));
    Some(body)
}

/// Whether all of it was taken.
pub(crate) fn write(stream: &mut OutputStream, bytes: &[u8]) -> bool {
    stream.write_all(bytes).is_ok()
}

/// A whole answer.
pub(crate) fn text(out: ResponseOutparam, status: u16, text: &str) {
    let body = head(out, status, &[("content-type", "text/plain")]);
    let Some(body) = body else { return };
    if let Ok(mut stream) = body.write() {
        write(&mut stream, text.as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
}

pub(crate) fn sleep(ms: u64) {
    monotonic_clock::subscribe_duration(ms * 1_000_000).block();
}
