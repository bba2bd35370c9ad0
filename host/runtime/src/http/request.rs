//! A request as a guest of `wasi:http` sees it, with what the host knows of who sent it.

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use wasket_session::{BodyFault, HttpRequest, Principal};
use wasmtime_wasi_http::Error;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

/// A body as a guest reads it.
pub(super) type Incoming = http_body_util::combinators::UnsyncBoxBody<Bytes, Error>;

/// `None` where the host that was asked for can be no header's value.
pub(super) fn incoming(request: HttpRequest) -> Option<(Scheme, Request<Incoming>)> {
    let scheme = match request.secure {
        true => Scheme::Https,
        false => Scheme::Http,
    };
    let (mut head, body) = request.message.into_parts();
    let target = head.uri.path_and_query().cloned();
    head.uri = Uri::from(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
    let headers = &mut head.headers;
    let authority = match &*request.authority {
        "" => HeaderValue::from_static("localhost"),
        authority => HeaderValue::from_str(authority).ok()?,
    };
    authority.to_str().ok()?;
    headers.insert(header::HOST, authority);
    remove_ours(headers);
    if let Some(principal) = &request.principal {
        introduce(principal, headers);
    }
    set(headers, REMOTE_ADDRESS, &request.remote_address.to_string());
    let body = body.map_frame(cleaned).map_err(|why| fault(&why));
    let body = body.boxed_unsync();
    Some((scheme, Request::from_parts(head, body)))
}

/// What a client says in our name. Much reads `_` and `-` as the same.
fn remove_ours(headers: &mut HeaderMap) {
    let is_ours = |name: &&HeaderName| {
        let start = name.as_str().get(..OURS.len());
        start.is_some_and(|start| start.replace('_', "-") == OURS)
    };
    let claimed: Vec<HeaderName> = headers.keys().filter(is_ours).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
}

/// Many read trailers as more of the head's fields.
fn cleaned(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            remove_ours(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}

fn introduce(principal: &Principal, headers: &mut HeaderMap) {
    set(headers, PRINCIPAL, &encoded(&principal.name));
    let roles: Vec<String> = principal.roles.iter().map(|role| encoded(role)).collect();
    if !roles.is_empty() {
        set(headers, ROLES, &roles.join(","));
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    // What is encoded is visible ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

fn fault(fault: &BodyFault) -> Error {
    match fault {
        BodyFault::TooLong => Error::HttpRequestBodySize(None),
        BodyFault::Slow => Error::ConnectionReadTimeout,
        BodyFault::Broken(_) => Error::HttpProtocolError,
    }
}

/// How everything begins that the host says of a request.
const OURS: &str = "x-wasket-";
const PRINCIPAL: &str = "x-wasket-principal";
const ROLES: &str = "x-wasket-roles";
const REMOTE_ADDRESS: &str = "x-wasket-remote-address";

/// Beside what is not ASCII: what could be read as more than text, and what divides roles.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b',');

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn request(uri: &str, authority: &str, principal: Option<Principal>) -> HttpRequest {
        let body = http_body_util::Empty::new().map_err(|never| match never {});
        HttpRequest {
            message: Request::builder()
                .uri(uri)
                .header("host", "wrong")
                .header("x-wasket-principal", "root")
                .header("X_Wasket-Roles", "admin")
                .header("x_wasket_anything", "1")
                .header("x-wasketing", "kept")
                .body(body.boxed_unsync())
                .expect("a request"),
            service: "test".into(),
            authority: authority.into(),
            path: "/".into(),
            parameters: Box::default(),
            principal,
            remote_address: ([127, 0, 0, 1], 9).into(),
            secure: true,
            properties: Arc::default(),
        }
    }

    fn ours(request: &Request<Incoming>) -> Vec<(&str, &str)> {
        let fields = request.headers().iter();
        let ours = fields.filter(|(name, _)| name.as_str().starts_with("x"));
        ours.map(|(name, value)| (name.as_str(), value.to_str().expect("ASCII")))
            .collect()
    }

    // hardening H26, parity H2
    #[test]
    fn who_asks_is_for_the_host_to_say() {
        let principal = Principal {
            name: "ada \u{e9}\r\n".into(),
            roles: vec!["a,b".into(), "c%".into()],
            claims: Vec::new(),
        };
        let (_, known) = incoming(request("/", "a.example", Some(principal))).expect("a host");
        let mut fields = ours(&known);
        fields.sort_unstable();
        let expected = [
            ("x-wasket-principal", "ada%20%C3%A9%0D%0A"),
            ("x-wasket-remote-address", "127.0.0.1:9"),
            ("x-wasket-roles", "a%2Cb,c%25"),
            ("x-wasketing", "kept"),
        ];
        assert_eq!(fields, expected);
        let (_, unknown) = incoming(request("/", "a.example", None)).expect("a host");
        assert!(!unknown.headers().contains_key(PRINCIPAL));
        assert!(!unknown.headers().contains_key(ROLES));
    }

    // hardening H26, parity H2
    #[tokio::test]
    async fn nor_does_a_client_say_who_asks_behind_its_body() {
        let mut asked = request("/", "a.example", None);
        let trailers = HeaderMap::from_iter(
            [
                (HeaderName::from_static(PRINCIPAL), "root"),
                (HeaderName::from_static("x_wasket-roles"), "admin"),
                (HeaderName::from_static("x-sum"), "4"),
            ]
            .map(|(name, value)| (name, HeaderValue::from_static(value))),
        );
        let body = http_body_util::Full::new(Bytes::from_static(b"body"));
        let body = body.with_trailers(std::future::ready(Some(Ok(trailers))));
        *asked.message.body_mut() = body.map_err(|never| match never {}).boxed_unsync();
        let (_, seen) = incoming(asked).expect("a host");
        let seen = seen.into_body().collect().await.expect("a body");
        let found = seen.trailers().expect("trailers").keys();
        assert_eq!(found.collect::<Vec<_>>(), ["x-sum"]);
        assert_eq!(seen.to_bytes(), "body");
    }

    #[test]
    fn the_target_is_a_path_and_the_host_the_one_that_was_seen() {
        for (uri, authority, target, host) in [
            ("http://evil.example/x?y", "a.example", "/x?y", "a.example"),
            ("/x", "", "/x", "localhost"),
            ("*", "a.example:81", "*", "a.example:81"),
        ] {
            let (_, request) = incoming(request(uri, authority, None)).expect("a host");
            assert_eq!(request.uri(), target);
            assert_eq!(request.headers()[header::HOST], host);
        }
        assert!(incoming(request("/", "a\u{e9}", None)).is_none());
    }
}
