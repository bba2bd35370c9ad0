//! `wasi:http/incoming-handler`, by the bindings of the crate `wasip2`.

use crate::answer::{Answer, METHOD, publish};
use std::io::{Read, Write};
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Publish;

impl Guest for Publish {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let answer = match request.method() {
            Method::Post => posted(&request),
            _ => Answer::not_allowed(),
        };
        respond(out, &answer);
    }
}

#[allow(unsafe_code, reason = "generated")]
mod exported {
    use super::Publish;
    wasip2::http::proxy::export!(Publish);
}

fn posted(request: &IncomingRequest) -> Answer {
    let target = request.path_with_query().unwrap_or_default();
    match body(request) {
        Some(body) => publish(&target, body),
        None => Answer::broken(),
    }
}

/// All of it: the host bounds it (`body_bytes_max`). `None` when it broke off.
fn body(request: &IncomingRequest) -> Option<Vec<u8>> {
    let body = request.consume().ok()?;
    let mut bytes = Vec::new();
    body.stream().ok()?.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// A client that has gone is no fault: nothing is done about one that does not take its answer.
fn respond(out: ResponseOutparam, answer: &Answer) {
    let fields = Fields::new();
    let _ = fields.append("content-type", b"text/plain; charset=utf-8");
    let line = format!("{}\n", answer.line);
    let _ = fields.append("content-length", line.len().to_string().as_bytes());
    let _ = fields.append("x-content-type-options", b"nosniff");
    if answer.status == 405 {
        let _ = fields.append("allow", METHOD.as_bytes());
    }
    let response = OutgoingResponse::new(fields);
    let _ = response.set_status_code(answer.status);
    let body = response.body();
    ResponseOutparam::set(out, Ok(response));
    if let Ok(body) = body {
        if let Ok(mut stream) = body.write() {
            let _ = stream.write_all(line.as_bytes());
        }
        let _ = OutgoingBody::finish(body, None);
    }
}
