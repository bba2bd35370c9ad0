//! The answer to a request, as it goes over its stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::header::{CONTENT_LENGTH, DATE, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::{Body, Frame};
use tracing::debug;

use super::outlet::{Outlet, Turn};

/// What answers have to wait for.
pub(super) struct Pace {
    /// How long a peer may take nothing of an answer, or of others before it less than [`STEADY_BYTES`].
    pub(super) within: Duration,
    pub(super) outlet: Arc<Outlet>,
}

/// Answers a request. Over when h2 has all of it, when the peer has had enough, or when the peer takes nothing for too
/// long.
pub(super) async fn send<B>(
    mut respond: SendResponse<Bytes>,
    method: &Method,
    reply: Response<B>,
    pace: &Pace,
) where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let (mut head, mut body) = reply.into_parts();
    let bodiless = matches!(
        head.status,
        StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
    );
    if head.status == StatusCode::NO_CONTENT {
        // RFC 9110, section 8.6; hyper leaves it out, too.
        head.headers.remove(CONTENT_LENGTH);
    }
    let ends = bodiless || method == Method::HEAD || body.is_end_stream();
    // A service need not make the body that HEAD leaves out: that there is none says nothing of GET's (RFC 9110, section 8.6).
    let length = body.size_hint().exact();
    let length = length.filter(|length| !bodiless && (method != Method::HEAD || *length > 0));
    if let Some(length) = length {
        let length = || HeaderValue::from(length);
        head.headers.entry(CONTENT_LENGTH).or_insert_with(length);
    }
    complete(&mut head.headers);
    let mut stream = match respond.send_response(Response::from_parts(head, ()), ends) {
        Ok(stream) => stream,
        Err(error) => return debug!(%error, "an answer that nobody waits for"),
    };
    if ends {
        return;
    }
    let sent = pipe(&mut stream, &mut body, pace).await;
    if let Err(reason) = sent {
        stream.send_reset(reason);
    }
}

/// The head of an answer, without what is of connections and with the time.
pub(super) fn complete(headers: &mut HeaderMap) {
    without_connection(headers);
    let now = || HeaderValue::from_str(&httpdate::fmt_http_date(SystemTime::now()));
    if !headers.contains_key(DATE)
        && let Ok(now) = now()
    {
        headers.insert(DATE, now);
    }
}

fn without_connection(fields: &mut HeaderMap) {
    for name in OF_CONNECTIONS {
        fields.remove(name);
    }
}

/// Sends a body to its end. `Err`: the stream is to be reset, if it is not yet.
async fn pipe<B>(stream: &mut SendStream<Bytes>, body: &mut B, pace: &Pace) -> Result<(), Reason>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    let mut turn = Turn::at(&pace.outlet);
    while let Some(frame) = poll_fn(|cx| poll_next(cx, stream, body)).await? {
        match frame.into_data() {
            Ok(mut bytes) => {
                let ends = body.is_end_stream();
                while !bytes.is_empty() {
                    let room = wait(stream, &mut turn, bytes.len(), pace).await?;
                    let part = bytes.split_to(room);
                    let last = ends && bytes.is_empty();
                    let sent = turn.send(stream, part, last);
                    sent.map_err(|error| gone(&error))?;
                    if last {
                        return Ok(());
                    }
                }
            }
            Err(frame) => {
                if let Ok(mut trailers) = frame.into_trailers() {
                    without_connection(&mut trailers);
                    return stream.send_trailers(trailers).map_err(|error| gone(&error));
                }
            }
        }
    }
    stream
        .send_data(Bytes::new(), true)
        .map_err(|error| gone(&error))
}

/// The next part of a body, unless the peer wants no more of it.
fn poll_next<B>(
    cx: &mut Context<'_>,
    stream: &mut SendStream<Bytes>,
    body: &mut B,
) -> Poll<Result<Option<Frame<Bytes>>, Reason>>
where
    B: Body<Data = Bytes, Error: std::fmt::Display> + Unpin,
{
    if stream.poll_reset(cx).is_ready() {
        return Poll::Ready(Err(Reason::CANCEL));
    }
    match ready!(Pin::new(body).poll_frame(cx)) {
        Some(Ok(frame)) => Poll::Ready(Ok(Some(frame))),
        Some(Err(error)) => {
            debug!(%error, "the body of an answer ended early");
            Poll::Ready(Err(Reason::INTERNAL_ERROR))
        }
        None => Poll::Ready(Ok(None)),
    }
}

/// Waits until something may be sent, for as long as the peer takes what those before it send; how much, at most `wanted`.
async fn wait(
    stream: &mut SendStream<Bytes>,
    turn: &mut Turn,
    wanted: usize,
    pace: &Pace,
) -> Result<usize, Reason> {
    loop {
        let before = pace.outlet.taken();
        let waiting = poll_fn(|cx| turn.poll_part(cx, stream, wanted));
        if let Ok(waited) = tokio::time::timeout(pace.within, waiting).await {
            return waited.map_err(|error| gone(&error));
        }
        // Which of the windows are shut h2 does not tell: that of the connection opens for one after the other.
        if pace.outlet.taken().saturating_sub(before) < STEADY_BYTES {
            return Err(Reason::CANCEL);
        }
    }
}

fn gone(error: &h2::Error) -> Reason {
    debug!(%error, "the peer of an answer has left");
    Reason::CANCEL
}

/// RFC 9113, section 8.2.2.
const OF_CONNECTIONS: [&str; 5] = [
    "connection",
    "upgrade",
    "transfer-encoding",
    "keep-alive",
    "proxy-connection",
];
/// What a peer has to take of a connection for those who wait to wait on.
const STEADY_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Waker;

    use h2::{client, server};
    use http::Request;

    use super::*;
    use crate::http2::outlet::PART_BYTES;
    use crate::http2::portion::Portion;

    /// A body without end, that counts its parts.
    struct Endless(Arc<AtomicUsize>);

    impl Body for Endless {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let part = Bytes::from_static(&[7; PART_BYTES]);
            Poll::Ready(Some(Ok(Frame::data(part))))
        }
    }

    // hardening H25
    #[tokio::test]
    async fn who_has_waited_for_the_window_of_the_connection_waits_for_its_turn() {
        let (near, far) = tokio::io::duplex(1 << 20);
        let outlet = Arc::<Outlet>::default();
        let (near, allowance) = Portion::new(near, Arc::clone(&outlet));
        let mut client = client::Builder::new();
        client.initial_window_size(1 << 20);
        let (client, server) =
            tokio::join!(client.handshake::<_, Bytes>(far), server::handshake(near));
        let ((mut requests, mut client), mut server) = (client.unwrap(), server.unwrap());
        let pace = Pace {
            within: Duration::from_secs(60),
            outlet,
        };
        let parts = Arc::<AtomicUsize>::default();
        let (mut asked, mut answers) = (Vec::new(), Vec::new());
        for _ in 0..ANSWERS {
            let request = Request::get("http://a/").body(()).unwrap();
            asked.push(requests.send_request(request, true).unwrap());
        }
        let cx = &mut Context::from_waker(Waker::noop());
        tokio::task::unconstrained(async {
            // Until the connection's first 64 KiB are full.
            for _ in 0..50 {
                assert!(Pin::new(&mut client).poll(cx).is_pending());
                while let Poll::Ready(accepted) = server.poll_accept(cx) {
                    let (_, respond) = accepted.unwrap().unwrap();
                    let reply = Response::new(Endless(Arc::clone(&parts)));
                    answers.push(Box::pin(send(respond, &Method::GET, reply, &pace)));
                }
                allowance.renew();
                pace.outlet.rest();
                for answer in &mut answers {
                    assert!(answer.as_mut().poll(cx).is_pending());
                }
            }
            // Four were sent, and all have one to send.
            let before = parts.load(Ordering::Relaxed);
            assert!((ANSWERS + 3..=ANSWERS + 4).contains(&before), "{before}");
            client.set_target_window_size(10 << 20);
            for _ in 0..10 {
                assert!(Pin::new(&mut client).poll(cx).is_pending());
                assert!(server.poll_accept(cx).is_pending());
                allowance.renew();
                pace.outlet.rest();
            }
            // All may send by their windows; h2 takes no more than 256 KiB.
            for _ in 0..3 {
                for answer in &mut answers {
                    assert!(answer.as_mut().poll(cx).is_pending());
                }
            }
            let sent = parts.load(Ordering::Relaxed) - before;
            assert!((15..=17).contains(&sent), "{sent} parts");
        })
        .await;
    }

    const ANSWERS: usize = 40;
}
