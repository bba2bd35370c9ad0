//! What HEAD is told of a body that it does not get.

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method, Response};
use http_body_util::{BodyExt as _, Full};
use wasket_session::HttpRequest;

use crate::h2_client::{H2, request};
use crate::plain::Plain;
use crate::support::Peer;

/// Knows its length when the query says so; makes no body for HEAD unless the query asks for it.
fn answer(request: &HttpRequest) -> Response<wasket_session::HttpBody> {
    let query = request.message.uri().query().unwrap_or_default();
    let makes = request.message.method() != Method::HEAD || query.contains("made");
    let body = Full::from(Bytes::from_static(if makes { b"hello" } else { b"" }));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    if query.contains("known") {
        let length = HeaderValue::from_static("5");
        answer.headers_mut().insert(CONTENT_LENGTH, length);
    }
    answer
}

// RFC 9110, section 8.6; parity H2 H3
#[tokio::test]
async fn the_length_of_a_body_that_was_not_made_is_not_said_to_be_nothing() {
    let server = Plain::own(|request| answer(&request), |_| {});
    for (query, length) in [
        ("", None),
        ("known", Some("5")),
        ("made", Some("5")),
        ("made,known", Some("5")),
    ] {
        let mut client = H2::connect(server.address).await;
        let asked = request("HEAD", &format!("/own?{query}"), &[]);
        let told = client.ask(asked, b"").await;
        let found = told.headers.get("content-length");
        assert_eq!(found.map(|it| it.to_str().unwrap()), length, "{query}");
        let asked = request("GET", &format!("/own?{query}"), &[]);
        let told = client.ask(asked, b"").await;
        assert_eq!(told.headers["content-length"], "5", "{query}");

        let mut peer = Peer::connect(server.address).await;
        let asked = format!("HEAD /own?{query} HTTP/1.1\r\nHost: a\r\n\r\n");
        let head = peer.ask(&asked).await.to_ascii_lowercase();
        let found = head
            .lines()
            .find_map(|it| it.strip_prefix("content-length: "));
        assert_eq!(found, length, "{head}");
    }
}
