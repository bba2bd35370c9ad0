//! By plain HTTP: how many visitors a room has had.

use crate::store;
use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Counter;

impl Guest for Counter {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let room = path.rsplit('/').next().unwrap_or_default();
        let (status, line) = match store::count(room) {
            Ok(count) => (200, format!("{count} visitors\n")),
            Err(error) => (500, format!("{error}\n")),
        };
        let response = OutgoingResponse::new(Fields::new());
        let _ = response.set_status_code(status);
        let body = response.body();
        ResponseOutparam::set(out, Ok(response));
        if let Ok(body) = body {
            if let Ok(stream) = body.write() {
                // A client that does not wait for it is no fault.
                let _ = stream.blocking_write_and_flush(line.as_bytes());
            }
            let _ = OutgoingBody::finish(body, None);
        }
    }
}

#[allow(unsafe_code, reason = "generated")]
mod exported {
    use super::Counter;
    wasip2::http::proxy::export!(Counter);
}
