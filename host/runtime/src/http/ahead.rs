//! What is read of an answer before the guest asks for it.

use std::future::ready;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

use super::errand::own;
use super::held::fields;

/// A body, of which the beginning may have been read.
pub(super) struct Ahead {
    /// Copied, for a frame keeps all of the buffer that it was read into.
    read: Vec<u8>,
    rest: WasiBody,
}

impl Ahead {
    pub(super) fn new(rest: WasiBody) -> Self {
        let read = Vec::new();
        Self { read, rest }
    }

    /// Reads on, unless it is known to be long. Whether all of it is here, and short: then it needs its connection no more.
    pub(super) fn poll_short(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        while self.size_hint().lower() <= SHORT_BYTES_MAX as u64 {
            let end = match ready!(Pin::new(&mut self.rest).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        self.read.extend_from_slice(&data);
                        continue;
                    }
                    Err(frame) => frame.into_trailers().ok().map(Ok),
                },
                Some(Err(fault)) => Some(Err(fault)),
                None => None,
            };
            return Poll::Ready(self.end(end));
        }
        Poll::Ready(false)
    }

    /// The same when nobody brings more of it any more: if it has no end, it ends with a fault.
    pub(super) fn is_short(&mut self) -> bool {
        let short = std::future::poll_fn(|cx| self.poll_short(cx)).now_or_never();
        short.unwrap_or_else(|| self.end(Some(Err(Error::ConnectionTerminated))))
    }

    /// It has come to this end, which is kept until it is asked for.
    fn end(&mut self, mut end: Option<Result<HeaderMap, Error>>) -> bool {
        self.read.shrink_to_fit();
        let mut kept = self.read.len();
        if let Some(Ok(trailers)) = &mut end {
            own(trailers);
            kept += fields(trailers);
        }
        let nothing = Empty::new().map_err(|never| match never {});
        self.rest = nothing.with_trailers(ready(end)).boxed_unsync();
        kept <= SHORT_BYTES_MAX
    }
}

impl Body for Ahead {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.read.is_empty() {
            return Pin::new(&mut self.rest).poll_frame(cx);
        }
        let read = Bytes::from(mem::take(&mut self.read));
        Poll::Ready(Some(Ok(Frame::data(read))))
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, read) = (self.rest.size_hint(), self.read.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

/// What may be kept of an answer for a guest that need not look at it soon.
pub(super) const SHORT_BYTES_MAX: usize = 8 << 10;
