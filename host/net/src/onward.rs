//! HTTP/1.1: the answer to a request, and whether its connection may have another one.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, EXPECT, HeaderMap, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Either};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use wasket_session::{BodyFault, HttpBody};

use crate::answer::{self, Answer, Reply, plain};
use crate::body::Onward;
use crate::exchange::one_host;
use crate::request::{Asker, Outcome, serve};

/// Answers a request. An answer of our own ends the connection: what a peer sends behind a refused upgrade is never
/// read as a request. (hyper's own switch would put `close` on the 101 too.)
pub(crate) async fn answer(asker: &Arc<Asker>, request: Request<Incoming>) -> Reply {
    let (head, body) = request.into_parts();
    let has_body = !body.is_end_stream();
    asker.progress.lock().sends_on = has_body;
    if head.method == Method::CONNECT {
        // hyper takes a success for the begin of a tunnel.
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "this is not a proxy");
        let allow = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allow);
        return ending(answer);
    }
    let lasts = lasts(&head);
    let awaits_leave = head.headers.contains_key(EXPECT);
    match serve(asker, Request::from_parts(head, body)).await {
        Outcome::Refused(answer) => ending(answer),
        Outcome::Answered(mut reply, remains) => {
            if reply.body().is_end_stream() {
                remains.take_back();
            }
            let onward = remains.discard(awaits_leave).await;
            asker.progress.lock().sends_on = has_body && onward != Onward::Next;
            if !lasts || onward == Onward::End || asker.shared.stopping.is_cancelled() {
                end_connection(reply.headers_mut());
            }
            let reply = reply.map(|body| match body {
                Either::Right(body) if onward == Onward::Reading => {
                    Either::Right(remains.until_answered(body))
                }
                body => body,
            });
            match asker.peer.is_proxy(&asker.listener) {
                true => reply.map(|body| Either::Right(UnderWay::on(asker, body))),
                false => reply,
            }
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

/// An answer to a client of a proxy, for which the connection counts until it is out: idle ones are the proxy's.
struct UnderWay {
    answer: HttpBody,
    asker: Arc<Asker>,
}

impl UnderWay {
    fn on(asker: &Arc<Asker>, answer: Either<answer::Body, HttpBody>) -> HttpBody {
        let answer = match answer {
            Either::Left(answer) => answer.map_err(|never| match never {}).boxed_unsync(),
            Either::Right(answer) => answer,
        };
        let asker = Arc::clone(asker);
        Self { answer, asker }.boxed_unsync()
    }
}

impl Body for UnderWay {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        Pin::new(&mut self.get_mut().answer).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.size_hint()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        if let Some(seated) = &mut self.asker.progress.lock().seated {
            seated.unsettle();
        }
    }
}

/// Whether a request may be followed by another on its connection, as far as it tells. Behind one that asks for an
/// upgrade a peer may send what is not HTTP. Where a length stood beside `Transfer-Encoding`, others may have believed
/// that: hyper goes by the chunks and ends the connection (RFC 9112, section 6.3). To refuse all of these one would have
/// to parse heads, and bodies to find the next head, before hyper does: it takes the length out without a trace.
fn lasts(request: &Parts) -> bool {
    request.version == Version::HTTP_11
        && one_host(request).is_ok()
        && !request.headers.contains_key(UPGRADE)
        && is_plainly_framed(&request.headers)
}

/// Whether nobody can think that the body ends elsewhere.
fn is_plainly_framed(headers: &HeaderMap) -> bool {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    }
}
