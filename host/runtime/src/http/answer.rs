//! The answer of a guest on its way to the peer: whole, or visibly cut off.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::sync::DropGuard;
use wasket_session::{BodyFault, HttpBody};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::tell;
use crate::store::Shared;

/// What ties an answer's body to the guest that writes it: the ends of the reader and of the writer, and what goes when the
/// guest writes no more.
pub(super) fn tie() -> (Reader, Writer, Writing) {
    let (sender, receiver) = oneshot::channel();
    let (writing, written) = oneshot::channel();
    let reader = Reader {
        rest: sender,
        written: Some(written),
    };
    (reader, Writer(receiver), Writing { _ends: writing })
}

/// The end of whoever reads.
pub(super) struct Reader {
    /// Takes the body once nobody needs more of it.
    rest: oneshot::Sender<HyperOutgoingBody>,
    /// `None` once the guest writes no more.
    written: Option<oneshot::Receiver<()>>,
}

/// The end of the guest.
pub(super) struct Writer(oneshot::Receiver<HyperOutgoingBody>);

/// There while the guest may write: what is unfinished when it goes stays so, whatever the guest still holds.
pub(super) struct Writing {
    _ends: oneshot::Sender<()>,
}

impl Reader {
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(written) = &mut self.written {
            // Nothing is ever sent.
            let _ = ready!(Pin::new(written).poll(cx));
            self.written = None;
        }
        Poll::Ready(())
    }
}

impl Writer {
    /// Over when so much time has passed since nobody needs more of the answer. Meanwhile what the guest still writes of it
    /// is read, so that it can go on: as after a HEAD, which it need not have looked for. What has no end takes its time.
    pub(super) async fn outlived(self, within: Duration) {
        let rest = self.0.await;
        let drained = async {
            if let Ok(rest) = rest {
                drain(rest).await;
            }
            std::future::pending::<()>().await;
        };
        // It has no end of its own.
        let _ = timeout(within, drained).await;
    }
}

async fn drain(mut rest: HyperOutgoingBody) {
    while let Some(Ok(_)) = rest.frame().await {}
}

/// The answer as it goes to net. While there is something of its body to come, dropping it ends the guest.
pub(super) fn of(
    response: Response<HyperOutgoingBody>,
    is_head: bool,
    leash: DropGuard,
    reader: Reader,
    shared: Arc<Shared>,
) -> Result<Response<HttpBody>, Unsendable> {
    let (mut head, body) = response.into_parts();
    if !(200..600).contains(&head.status.as_u16()) {
        return Err(Unsendable::Status(head.status));
    }
    let length = length(&head.headers)?;
    let is_bare = is_head
        || matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    if head.status == StatusCode::NO_CONTENT {
        // RFC 9110, section 8.6.
        head.headers.remove(header::CONTENT_LENGTH);
    }
    if !is_bare && body.is_end_stream() && length.is_some_and(|length| length > 0) {
        return Err(Unsendable::Length);
    }
    let is_whole = is_bare || body.is_end_stream() || length == Some(0);
    let mut body = Streamed {
        inner: Some(body),
        left: length,
        leash: Some(leash),
        reader: Some(reader),
        shared,
    };
    if is_whole {
        body.release();
    }
    Ok(Response::from_parts(head, body.boxed_unsync()))
}

/// Why an answer cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsendable {
    #[error("its status is {0}, and not one from 200 to 599")]
    Status(StatusCode),
    #[error("its content-length is not that of its body")]
    Length,
}

/// What the guest says of its body's length.
fn length(headers: &HeaderMap) -> Result<Option<u64>, Unsendable> {
    let mut values = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    let digits = value.to_str().unwrap_or_default();
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse() {
        Ok(length) if is_number && values.next().is_none() => Ok(Some(length)),
        _ => Err(Unsendable::Length),
    }
}

/// The status that tells of a guest's error: what failed behind it is no failure of its own (RFC 9110, section 15.6).
pub(super) fn status_of(code: &ErrorCode) -> StatusCode {
    use ErrorCode as E;
    match code {
        E::DnsTimeout | E::ConnectionTimeout | E::HttpResponseTimeout => {
            StatusCode::GATEWAY_TIMEOUT
        }
        E::DnsError(_)
        | E::DestinationNotFound
        | E::DestinationUnavailable
        | E::DestinationIpProhibited
        | E::DestinationIpUnroutable
        | E::ConnectionRefused
        | E::ConnectionTerminated
        | E::ConnectionLimitReached
        | E::TlsProtocolError
        | E::TlsCertificateError
        | E::TlsAlertReceived(_)
        | E::HttpResponseIncomplete => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Cuts the guest's text in its error: that may be as large as its memory, and is walked through before any of it is shown.
pub(super) fn shorten(code: &mut ErrorCode, bytes_max: usize) {
    use ErrorCode as E;
    let text = match code {
        E::InternalError(text)
        | E::HttpResponseTransferCoding(text)
        | E::HttpResponseContentCoding(text) => text,
        E::DnsError(payload) => &mut payload.rcode,
        E::TlsAlertReceived(payload) => &mut payload.alert_message,
        E::HttpRequestHeaderSize(Some(field))
        | E::HttpRequestTrailerSize(field)
        | E::HttpResponseHeaderSize(field)
        | E::HttpResponseTrailerSize(field) => &mut field.field_name,
        _ => &mut None,
    };
    if let Some(text) = text {
        text.truncate(text.floor_char_boundary(bytes_max));
    }
}

/// An answer with a line of plain text.
pub(super) fn plain(status: StatusCode, text: &str) -> Response<HttpBody> {
    let body = Full::new(Bytes::from(format!("{text}\n")));
    let mut answer = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *answer.status_mut() = status;
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(header::CONTENT_TYPE, text);
    answer
}

/// A body as its guest writes it.
struct Streamed {
    /// `None` once no more of it is needed.
    inner: Option<HyperOutgoingBody>,
    /// What is still to come, where the guest has said it.
    left: Option<u64>,
    leash: Option<DropGuard>,
    reader: Option<Reader>,
    shared: Arc<Shared>,
}

impl Streamed {
    /// All of it is on its way: whatever else the guest does is no longer for the peer.
    fn release(&mut self) {
        self.leash.take().map(DropGuard::disarm);
        if let (Some(rest), Some(reader)) = (self.inner.take(), self.reader.take()) {
            // A guest that is gone already needs nothing.
            let _ = reader.rest.send(rest);
        }
    }

    /// The next frame, or the end: what is not there when the guest writes no more does not come.
    fn poll_inner(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unfinished>>> {
        let (Some(inner), Some(reader)) = (&mut self.inner, &mut self.reader) else {
            return Poll::Ready(None);
        };
        let mut frame = Pin::new(&mut *inner).poll_frame(cx);
        if frame.is_pending() {
            ready!(reader.poll_written(cx));
            frame = Pin::new(inner).poll_frame(cx);
        }
        match frame {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame))),
            Poll::Ready(None) => Poll::Ready(None),
            // However it is told: no guest can say more.
            Poll::Ready(Some(Err(_))) | Poll::Pending => Poll::Ready(Some(Err(Unfinished))),
        }
    }

    fn fail(&mut self, why: &str) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        self.inner = None;
        self.leash = None;
        tell(
            &self.shared,
            &format!("the guest's answer is cut off: {why}"),
        );
        Poll::Ready(Some(Err(BodyFault::Broken(why.into()))))
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        let frame = match ready!(this.poll_inner(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(Unfinished)) => {
                let written = this.reader.as_mut().map(|reader| reader.poll_written(cx));
                if let Some(Poll::Ready(())) = written {
                    // What it does yet is not for the peer.
                    this.leash.take().map(DropGuard::disarm);
                }
                return this.fail(UNFINISHED);
            }
            None => {
                this.release();
                return Poll::Ready(None);
            }
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
        if let Some(left) = this.left {
            let Some(left) = left.checked_sub(bytes) else {
                return this.fail(&Unsendable::Length.to_string());
            };
            this.left = Some(left);
            if left == 0 {
                // Nobody asks for more.
                this.release();
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.inner, self.left) {
            (None, _) => SizeHint::with_exact(0),
            (_, Some(left)) => SizeHint::with_exact(left),
            _ => SizeHint::default(),
        }
    }
}

struct Unfinished;

const UNFINISHED: &str = "it left a body unfinished";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::pin::pin;

    use tokio_util::sync::CancellationToken;
    use wasket_session::Hub;
    use wasmtime_wasi_http::p2::bindings::http::types::{
        DnsErrorPayload, FieldSizePayload, TlsAlertReceivedPayload,
    };
    use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

    use super::*;
    use crate::Limits;
    use crate::budget::Budget;

    // hardening H28
    #[tokio::test]
    async fn a_guest_outlives_its_answer_for_so_long() {
        let within = Duration::from_millis(1);
        let (reader, writer, _writing) = tie();
        let mut outlived = pin!(writer.outlived(within));
        let early = timeout(20 * within, outlived.as_mut()).await;
        assert!(early.is_err(), "the answer is still read");
        let (guest, rest) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
        let _ = reader.rest.send(rest);
        outlived.await;
        drop(guest);
        // One that was not needed, as beside an error.
        let (reader, writer, _writing) = tie();
        drop(reader);
        writer.outlived(within).await;
    }

    // hardening H28
    #[tokio::test]
    async fn an_answer_is_cut_when_its_guest_writes_no_more() {
        let hub = Arc::new(Hub::new("test", Default::default(), Vec::new()));
        let (config, limits) = (BTreeMap::new(), Limits::default());
        let shared = Shared::new("test".into(), hub, config, limits, Budget::REQUEST);
        let shared = Arc::new(shared);
        for is_cut in [true, false] {
            let (guest, body) = HostOutgoingBody::new(StreamContext::Response, None, 1, 9);
            let mut guest = Some(guest);
            let mut stream = guest
                .as_mut()
                .and_then(HostOutgoingBody::take_output_stream);
            let cancelled = CancellationToken::new();
            let (leash, (reader, _writer, writing)) = (cancelled.clone().drop_guard(), tie());
            let answer = of(
                Response::new(body),
                false,
                leash,
                reader,
                Arc::clone(&shared),
            );
            let mut body = answer.unwrap().into_body();
            let half = Bytes::from("half");
            stream.as_mut().unwrap().write(half.clone()).unwrap();
            if !is_cut {
                drop(stream.take());
                guest.take().unwrap().finish(None).unwrap();
            }
            drop(writing);
            let first = body.frame().await.unwrap().unwrap();
            assert_eq!(first.into_data().unwrap(), half);
            assert_eq!(body.frame().await.is_some_and(|end| end.is_err()), is_cut);
            drop(body);
            assert!(!cancelled.is_cancelled(), "it may go on with other things");
        }
    }

    #[test]
    fn errors_of_guests_are_shown_in_part() {
        let text = || Some("\u{e9}".repeat(1_000));
        let field = || FieldSizePayload {
            field_name: text(),
            field_size: None,
        };
        for mut code in [
            ErrorCode::InternalError(text()),
            ErrorCode::HttpResponseTransferCoding(text()),
            ErrorCode::HttpResponseContentCoding(text()),
            ErrorCode::HttpRequestHeaderSize(Some(field())),
            ErrorCode::HttpRequestTrailerSize(field()),
            ErrorCode::HttpResponseHeaderSize(field()),
            ErrorCode::HttpResponseTrailerSize(field()),
            ErrorCode::DnsError(DnsErrorPayload {
                rcode: text(),
                info_code: None,
            }),
            ErrorCode::TlsAlertReceived(TlsAlertReceivedPayload {
                alert_id: None,
                alert_message: text(),
            }),
        ] {
            shorten(&mut code, 9);
            let shown = format!("{code:?}");
            assert_eq!(shown.matches('\u{e9}').count(), 4, "{shown}");
        }
    }
}
