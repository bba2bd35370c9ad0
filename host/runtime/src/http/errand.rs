//! A request on its way: one connection, one answer, no redirects.

use std::future::ready;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{HeaderMap, HeaderValue, Method, Request, Response};
use hyper::body::{Body, Frame, SizeHint};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tracing::Level;
use url::{Position, Url};
use wasket_client::{Connect, ConnectFault, Stream, TlsFault};
use wasket_session::SessionId;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

use super::fetched::{Patience, tie};
use super::outgoing::Place;
use crate::limits::HEAD_BYTES_MAX;
use crate::log::emit;
use crate::store::Shared;

/// A request that may go.
pub(super) struct Errand {
    pub(super) way: Way,
    pub(super) place: Arc<Place>,
    pub(super) request: Request<WasiBody>,
    /// How long the guest may leave the answer unread.
    pub(super) unread: Duration,
}

/// How it goes to where.
pub(super) struct Way {
    pub(super) shared: Arc<Shared>,
    pub(super) session: SessionId,
    pub(super) connect: Connect,
    pub(super) method: Method,
    pub(super) url: Url,
}

/// An answer, and what keeps its connection going.
pub(super) type Sent = (
    Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);

impl Errand {
    /// Ends when the head of the answer is there.
    pub(super) async fn run(self, options: RequestOptions) -> Result<Sent, Error> {
        let Self {
            way,
            place,
            request,
            unread,
        } = self;
        let patience =
            |of_the_guest: Option<Duration>| of_the_guest.unwrap_or(PATIENCE).min(PATIENCE);
        let stream = way.dial(patience(options.connect_timeout)).await?;
        let made = http1::Builder::new()
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .handshake(TokioIo::new(stream))
            .await;
        let (mut sender, connection) = made.map_err(|error| error_of(&error))?;
        let mut connection = Box::pin(connection);
        let within = patience(options.first_byte_timeout);
        let sending = pin!(timeout(within, sender.send_request(request)));
        let (sent, goes_on) = match select(sending, &mut connection).await {
            Either::Left((sent, _)) => (sent, true),
            Either::Right((_, sending)) => (sending.await, false),
        };
        let sent = sent.map_err(|_| Error::ConnectionReadTimeout)?;
        let mut response = sent.map_err(|error| error_of(&error))?;
        if response.status().is_informational() {
            // Nothing was asked that it could switch to.
            return Err(Error::HttpProtocolError);
        }
        own(response.headers_mut());
        let patience = Patience {
            between: patience(options.between_bytes_timeout),
            unread,
        };
        let (response, unread) = tie(response, patience, place);
        let goes_on = async move {
            // How it ends is seen in the body.
            match goes_on {
                true => unread.keep(connection).await,
                false => unread.keep(ready(())).await,
            }
            Ok(())
        };
        Ok((response, Box::new(goes_on)))
    }
}

/// A value as it was read keeps all of what was read with it.
pub(super) fn own(fields: &mut HeaderMap) {
    for value in fields.values_mut() {
        if let Ok(own) = HeaderValue::from_bytes(value.as_bytes()) {
            *value = own;
        }
    }
}

impl Way {
    async fn dial(&self, within: Duration) -> Result<Stream, Error> {
        let dialled = timeout(within, self.connect.dial()).await;
        let dialled = dialled.map_err(|_| Error::ConnectionTimeout)?;
        let shown = &self.url[..Position::AfterPath];
        let (log, session) = (&self.shared.log, self.session);
        match dialled {
            Ok((stream, peer)) => {
                let peer = peer.map_or_else(String::new, |peer| format!(" at {peer}"));
                let method = &self.method;
                let text = format!("the guest's request goes out: {method} {shown}{peer}");
                emit(log, session, Level::DEBUG, "", &text);
                Ok(stream)
            }
            Err(why) => {
                let text = format!("the guest's request to {shown} does not go out: {why}");
                emit(log, session, Level::WARN, "", &text);
                Err(error_of_dialling(&why))
            }
        }
    }
}

/// What the guest sends. Its connection drops it when all of it is on its way.
pub(super) struct Asked {
    inner: WasiBody,
    _place: Arc<Place>,
}

impl Asked {
    pub(super) fn new(inner: WasiBody, place: &Arc<Place>) -> Self {
        let _place = Arc::clone(place);
        Self { inner, _place }
    }
}

impl Body for Asked {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pub(super) fn error_of(error: &hyper::Error) -> Error {
    if error.is_parse_too_large() {
        Error::HttpResponseHeaderSectionSize(None)
    } else if error.is_incomplete_message() {
        Error::HttpResponseIncomplete
    } else if error.is_closed() || error.is_canceled() {
        Error::ConnectionTerminated
    } else {
        Error::HttpProtocolError
    }
}

fn error_of_dialling(error: &wasket_client::Error) -> Error {
    use wasket_client::Error as E;
    match error {
        E::Resolve { source, .. } if source.kind() == std::io::ErrorKind::TimedOut => {
            Error::DnsTimeout
        }
        E::Resolve { .. } => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        E::Connect { fault, .. } => match fault {
            ConnectFault::Refused => Error::ConnectionRefused,
            ConnectFault::TimedOut(_) => Error::ConnectionTimeout,
            ConnectFault::NotAllowed(_) => Error::DestinationIpProhibited,
            _ => Error::DestinationUnavailable,
        },
        E::Tls { fault, .. } => match fault {
            TlsFault::NoRoots => Error::ConfigurationError,
            TlsFault::Certificate(_) => Error::TlsCertificateError,
            TlsFault::TimedOut(_) => Error::ConnectionTimeout,
            _ => Error::TlsProtocolError,
        },
        // A proxy that does not let it through.
        _ => Error::DestinationUnavailable,
    }
}

/// For a connection, for the first byte of an answer, and between two: where the guest says nothing else, and at most. The
/// time of a request ends sooner, but a session may wait from one event to another.
const PATIENCE: Duration = Duration::from_secs(600);

const HEADERS_MAX: usize = 100;
