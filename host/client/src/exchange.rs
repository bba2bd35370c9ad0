//! One request and its answer, over a stream of its own.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};

use crate::clock::after;
use crate::error::{BODY_BYTES_MAX, Rejection};

/// What came back.
pub(crate) enum Answer<S> {
    /// 101, or 2xx to CONNECT: the stream is ours, and what was read of it behind the answer.
    Upgraded {
        status: StatusCode,
        headers: HeaderMap,
        stream: S,
        read_ahead: Bytes,
    },
    /// Anything else.
    Other(Box<Rejection>),
}

/// Why nothing came back that can be used.
pub(crate) enum Unanswered {
    TimedOut,
    /// In TLS 1.3 a server says after the handshake that it does not want this client.
    Tls(rustls::Error),
    Malformed(String),
}

/// Sends a request and reads its answer, all within a time. The body of an answer that came in time is cut where it
/// does not.
pub(crate) async fn exchange<S>(
    stream: S,
    request: Request<Empty<Bytes>>,
    within: Duration,
) -> Result<Answer<S>, Unanswered>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let deadline = Instant::from_std(after(within));
    let headers = request.headers();
    let was_identified = headers.contains_key(header::AUTHORIZATION)
        || headers.contains_key(header::PROXY_AUTHORIZATION);
    let handshake = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .title_case_headers(true)
        .handshake(TokioIo::new(stream));
    let (mut requests, connection) = handshake.await.map_err(malformed)?;
    let answer = async {
        let answered = timeout_at(deadline, requests.send_request(request)).await;
        let response = answered
            .map_err(|_| Unanswered::TimedOut)?
            .map_err(malformed)?;
        // 101, and 2xx to CONNECT.
        match response.extensions().get::<OnUpgrade>().is_some() {
            true => upgraded(response, deadline).await,
            false => {
                let rejection = Rejection {
                    was_identified,
                    ..rejection(response, deadline).await
                };
                Ok(Answer::Other(Box::new(rejection)))
            }
        }
    };
    drive(connection.with_upgrades(), answer).await
}

/// Runs `answer` while the connection runs beside it.
async fn drive<T>(connection: impl Future, answer: impl Future<Output = T>) -> T {
    let mut connection = pin!(connection);
    let mut answer = pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        never = async {
            // Its end, good or bad, shows in the answer.
            connection.as_mut().await;
            pending::<Infallible>().await
        } => match never {},
    }
}

async fn upgraded<S>(
    mut response: http::Response<Incoming>,
    deadline: Instant,
) -> Result<Answer<S>, Unanswered>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let upgraded = timeout_at(deadline, hyper::upgrade::on(&mut response)).await;
    let upgraded = upgraded
        .map_err(|_| Unanswered::TimedOut)?
        .map_err(malformed)?;
    let parts = upgraded
        .downcast::<TokioIo<S>>()
        .map_err(|_| Unanswered::Malformed("it cannot be upgraded".to_owned()))?;
    let (head, _) = response.into_parts();
    Ok(Answer::Upgraded {
        status: head.status,
        headers: head.headers,
        stream: parts.io.into_inner(),
        read_ahead: parts.read_buf,
    })
}

async fn rejection(response: http::Response<Incoming>, deadline: Instant) -> Rejection {
    let (head, body) = response.into_parts();
    let (body, is_cut) = beginning(body, deadline).await;
    Rejection {
        status: head.status,
        headers: head.headers,
        body,
        is_cut,
        was_identified: false,
    }
}

/// As much of a body as is kept, and whether there is more, or was to be.
async fn beginning(mut body: Incoming, deadline: Instant) -> (Bytes, bool) {
    let mut kept = BytesMut::new();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(None) => return (kept.freeze(), false),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return (kept.freeze(), true),
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let room = BODY_BYTES_MAX - kept.len();
        let fits = data.get(..room.min(data.len())).unwrap_or_default();
        kept.extend_from_slice(fits);
        if data.len() > room {
            return (kept.freeze(), true);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn malformed(error: hyper::Error) -> Unanswered {
    let io = std::error::Error::source(&error).and_then(|it| it.downcast_ref::<io::Error>());
    let inner = io.and_then(io::Error::get_ref);
    if let Some(tls) = inner.and_then(|it| it.downcast_ref::<rustls::Error>()) {
        return Unanswered::Tls(tls.clone());
    }
    let text = match std::error::Error::source(&error) {
        Some(source) => format!("{error}: {source}"),
        None if error.is_incomplete_message() => {
            "the connection ended before the answer".to_owned()
        }
        None => error.to_string(),
    };
    Unanswered::Malformed(text)
}

/// The largest head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// The most headers of an answer.
const HEADERS_MAX: usize = 100;
