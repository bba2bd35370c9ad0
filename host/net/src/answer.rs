use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;

pub(crate) type Body = Full<Bytes>;

/// What a request is answered with.
pub(crate) type Answer = Response<Body>;

/// Why there is no session: an answer of this status and line of text.
pub(crate) type Denied = (StatusCode, &'static str);

/// An answer of one line of text.
pub(crate) fn plain(status: StatusCode, text: &str) -> Answer {
    let mut answer = Response::new(Body::from(format!("{text}\n")));
    *answer.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, text);
    answer
}
