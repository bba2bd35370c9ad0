use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, VARY};
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use wasket_session::HttpBody;

pub(crate) type Body = Full<Bytes>;

/// What a request is answered with.
pub(crate) type Answer = Response<Body>;

/// The same, or what a service answers bit by bit.
pub(crate) type Reply = Response<Either<Body, HttpBody>>;

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

/// Adds a service's own header fields. What the answer already says goes before, but cookies add up, and so does what an
/// answer depends on.
pub(crate) fn dress(headers: &mut HeaderMap, own: &[(HeaderName, HeaderValue)]) {
    for (name, value) in own {
        if [SET_COOKIE, VARY].contains(name) || !headers.contains_key(name) {
            headers.append(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_depends_on_adds_up() {
        let field = |name: &'static str, value: &'static str| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        };
        let mut headers: HeaderMap = [
            field("vary", "accept-encoding"),
            field("cache-control", "no-cache"),
        ]
        .into_iter()
        .collect();
        let own = [field("vary", "origin"), field("cache-control", "no-store")];
        dress(&mut headers, &own);
        let all = |name| -> Vec<_> { headers.get_all(name).iter().collect() };
        assert_eq!(all("vary"), ["accept-encoding", "origin"]);
        assert_eq!(all("cache-control"), ["no-cache"]);
    }
}
