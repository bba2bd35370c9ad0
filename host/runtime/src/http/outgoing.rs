//! Requests of guests to the outside.

use std::sync::Arc;

use http::Request;
use wasket_session::SessionId;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::store::Shared;

/// What the host says to the requests of one guest.
pub(crate) struct Outgoing {
    shared: Arc<Shared>,
    session: SessionId,
}

impl Outgoing {
    pub(crate) fn new(shared: Arc<Shared>, session: SessionId) -> Self {
        Self { shared, session }
    }
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Sending {
        if let Ok(url) = url::Url::parse(&request.uri().to_string()) {
            let shown = &url[..url::Position::BeforePath];
            let (service, refusals) = (&self.shared.name, &self.shared.refusals);
            refusals.tell_target(service, self.session, shown);
        }
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        BODY_CHUNKS
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES_MAX
    }
}

type Sent = (
    http::Response<WasiBody>,
    Box<dyn Future<Output = Result<(), Error>> + Send>,
);
type Sending = Box<dyn Future<Output = Result<Sent, Error>> + Send>;

/// What a guest may write of a body before somebody reads it: as many chunks and one more.
const BODY_CHUNKS: usize = 1;
const BODY_CHUNK_BYTES_MAX: usize = 64 << 10;
