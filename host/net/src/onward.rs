//! HTTP/1.1: the answer to a request, and whether its connection may have another one.

use http::header::{CONNECTION, EXPECT, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Request, Version};
use http_body_util::Either;
use hyper::body::Incoming;

use crate::answer::{Answer, Reply};
use crate::body::Onward;
use crate::exchange::one_host;
use crate::request::{Asker, Outcome, serve};

/// Answers a request. An answer of our own ends the connection: what a peer sends behind a refused upgrade is never
/// read as a request. (hyper's own switch would put `close` on the 101 too.)
pub(crate) async fn answer(asker: &Asker, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let lasts = lasts(&head);
    let awaits_leave = head.headers.contains_key(EXPECT);
    match serve(asker, Request::from_parts(head, body)).await {
        Outcome::Refused(answer) => ending(answer),
        Outcome::Answered(mut reply, remains) => {
            let onward = remains.discard(awaits_leave).await;
            if !lasts || onward != Onward::Next || asker.shared.stopping.is_cancelled() {
                end_connection(reply.headers_mut());
            }
            reply
        }
        Outcome::Opened(opened) => {
            let (answer, admitted) = opened.switching();
            asker.progress.lock().admitted = Some(admitted);
            answer.map(Either::Left)
        }
    }
}

fn ending(mut answer: Answer) -> Reply {
    end_connection(answer.headers_mut());
    answer.map(Either::Left)
}

/// The connection ends with this answer.
fn end_connection(headers: &mut HeaderMap) {
    let close = HeaderValue::from_static("close");
    headers.entry(CONNECTION).or_insert(close);
}

/// Whether a request may be followed by another on its connection, as far as it tells. Behind one that asks for an
/// upgrade a peer may send what is not HTTP. What is chunked might have a length beside it, of which hyper does not
/// tell, and which others may have believed (RFC 9112, section 6.1).
fn lasts(request: &Parts) -> bool {
    let headers = &request.headers;
    request.version == Version::HTTP_11
        && one_host(request).is_ok()
        && !headers.contains_key(UPGRADE)
        && !headers.contains_key(TRANSFER_ENCODING)
}
