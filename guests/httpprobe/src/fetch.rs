//! Requests to the outside.

use std::fmt::Write as _;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, ResponseOutparam, Scheme,
};

use crate::answer::{sleep, text, write};
use crate::query::Query;

pub(crate) fn fetch(out: ResponseOutparam, query: &Query) {
    let said = match send(query).and_then(|future| wait(&future)) {
        Ok(response) => told(&response, query),
        Err(error) => format!("error={error:?}"),
    };
    text(out, 200, &said);
}

pub(crate) fn hold(out: ResponseOutparam, query: &Query) {
    let held = send(query).and_then(|future| wait(&future));
    eprintln!("holding {}", held.is_ok());
    sleep(query.number("ms"));
    text(
        out,
        200,
        &held.map_or_else(|error| format!("error={error:?}"), |_| "held".into()),
    );
}

/// Leaves in the middle of what it sends.
pub(crate) fn leave(query: &Query) {
    let request = request(query).expect("a request");
    let body = request.body().expect("a body");
    let sent = outgoing_handler::handle(request, None);
    if let Ok(mut stream) = body.write() {
        write(&mut stream, b"half");
    }
    sleep(query.number("ms"));
    panic!("in the middle of {}", sent.is_ok());
}

pub(crate) fn fetches(out: ResponseOutparam, query: &Query) {
    let sent: Vec<_> = (0..query.number("count")).map(|_| send(query)).collect();
    let outcomes = sent.iter().map(|sent| match sent {
        Ok(future) => wait(future).map(|response| response.status()),
        Err(error) => Err(error.clone()),
    });
    let mut said = String::new();
    for outcome in outcomes {
        let _ = match outcome {
            Ok(status) => writeln!(said, "status={status}"),
            Err(error) => writeln!(said, "error={error:?}"),
        };
    }
    text(out, 200, &said);
}

fn send(query: &Query) -> Result<FutureIncomingResponse, ErrorCode> {
    let request = request(query)?;
    let body = request
        .body()
        .map_err(|()| ErrorCode::HttpRequestUriInvalid)?;
    let future = outgoing_handler::handle(request, Some(options(query)))?;
    if let Ok(mut stream) = body.write() {
        write(&mut stream, query.text("body").as_bytes());
    }
    let _ = OutgoingBody::finish(body, None);
    Ok(future)
}

fn request(query: &Query) -> Result<OutgoingRequest, ErrorCode> {
    let fields = Fields::new();
    if let Some((name, value)) = query.find("header").and_then(|field| field.split_once(':')) {
        let invalid = |_| ErrorCode::InternalError(Some("the header is refused".into()));
        fields.append(name, value.as_bytes()).map_err(invalid)?;
    }
    let request = OutgoingRequest::new(fields);
    let refused = |()| ErrorCode::HttpRequestUriInvalid;
    let method = match query.find("method") {
        None | Some("GET") => Method::Get,
        Some("POST") => Method::Post,
        Some(other) => Method::Other(other.to_owned()),
    };
    request.set_method(&method).map_err(refused)?;
    let url = query.text("url");
    let (scheme, rest) = url
        .split_once("://")
        .ok_or(ErrorCode::HttpRequestUriInvalid)?;
    let (authority, path) = match rest.find(['/', '?']) {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    request.set_scheme(Some(&scheme)).map_err(refused)?;
    request.set_authority(Some(authority)).map_err(refused)?;
    request.set_path_with_query(Some(path)).map_err(refused)?;
    Ok(request)
}

fn options(query: &Query) -> RequestOptions {
    let options = RequestOptions::new();
    let ns = |name: &str| query.find(name).map(|_| query.number(name) * 1_000_000);
    let _ = options.set_connect_timeout(ns("connect-ms"));
    let _ = options.set_first_byte_timeout(ns("first-ms"));
    let _ = options.set_between_bytes_timeout(ns("between-ms"));
    options
}

fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, ErrorCode> {
    loop {
        match future.get() {
            Some(Ok(response)) => return response,
            Some(Err(())) => return Err(ErrorCode::InternalError(None)),
            None => future.subscribe().block(),
        }
    }
}

/// No more of the body than `limit` says, if it does.
fn told(response: &IncomingResponse, query: &Query) -> String {
    let mut said = format!("status={}\n", response.status());
    for (name, value) in response.headers().entries() {
        let _ = writeln!(said, "{name}={}", String::from_utf8_lossy(&value));
    }
    let limit = query.find("limit").and_then(|limit| limit.parse().ok());
    let limit: u64 = limit.unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let stream = response.consume().and_then(|body| {
        let stream = body.stream()?;
        Ok((body, stream))
    });
    let Ok((_body, stream)) = stream else {
        return said;
    };
    while (bytes.len() as u64) < limit {
        match stream.blocking_read((limit - bytes.len() as u64).min(64 << 10)) {
            Ok(piece) => bytes.extend(piece),
            Err(wasip2::io::streams::StreamError::Closed) => break,
            Err(wasip2::io::streams::StreamError::LastOperationFailed(error)) => {
                let _ = writeln!(said, "broken={}", error.to_debug_string());
                break;
            }
        }
    }
    let _ = writeln!(said, "body={}", String::from_utf8_lossy(&bytes));
    said
}
