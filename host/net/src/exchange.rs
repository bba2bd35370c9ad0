//! A plain HTTP request and its answer, at a path that has somebody for it.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::Either;
use hyper::body::Incoming;
use tracing::{debug, warn};
use wasket_session::{BodyFault, HttpRequest, HttpService, Principal};

use crate::answer::{Answer, Reply, dress, plain};
use crate::asked::Asked;
use crate::body::{self, Onward};
use crate::hosts::Hosts;
use crate::listener::Listener;
use crate::route::{Found, HttpPlace};
use crate::shared::Shared;

/// Answers a request. Whether the connection may have another one is in the answer: it says `Connection: close`, or not.
pub(crate) async fn exchange(
    shared: &Shared,
    listener: &Listener,
    request: Request<Incoming>,
    place: &HttpPlace,
    found: Found,
    asked: Asked<'_>,
) -> Reply {
    let lasts = lasts(&request);
    let awaits_leave = request.headers().contains_key(EXPECT);
    let (method, remote) = (request.method().clone(), asked.remote);
    let (mut reply, onward) =
        match admitted(shared, listener, &request, place, &found, &asked).await {
            Err(answer) => {
                let nobody = body::arriving(request.into_body(), 0, listener.transfer_timeout).1;
                (answer.map(Either::Left), nobody.discard(awaits_leave).await)
            }
            Ok((service, principal)) => {
                let bytes_max = service.body_bytes_max();
                let message = Message {
                    found: &found,
                    asked,
                    principal,
                };
                let (request, remains) =
                    message.of(request, place, shared, bytes_max, listener.transfer_timeout);
                let reply = clean(service.answer(request).await).map(Either::Right);
                (reply, remains.discard(awaits_leave).await)
            }
        };
    if let Onward::Fault(fault) = &onward
        && let Some(answer) = at_fault(fault)
    {
        reply = answer.map(Either::Left);
    }
    dress(reply.headers_mut(), &place.response_headers);
    if !lasts || onward != Onward::Next || shared.stopping.is_cancelled() {
        end_connection(reply.headers_mut());
    }
    let (service, path, status) = (&*place.name, &found.path, reply.status().as_u16());
    debug!(target: "wasket::http", service, %remote, %method, ?path, status, "answered");
    reply
}

/// The connection ends with this answer.
pub(crate) fn end_connection(headers: &mut HeaderMap) {
    let close = HeaderValue::from_static("close");
    headers.entry(CONNECTION).or_insert(close);
}

/// Whether a request may be followed by another on its connection, as far as it tells. Behind one that asks for an
/// upgrade a peer may send what is not HTTP. What is chunked might have a length beside it, of which hyper does not
/// tell, and which others may have believed (RFC 9112, section 6.1).
fn lasts(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    request.version() == Version::HTTP_11
        && one_host(request).is_ok()
        && !headers.contains_key(UPGRADE)
        && !headers.contains_key(TRANSFER_ENCODING)
}

/// Who answers whom; or the answer to one who may not come.
async fn admitted<'p>(
    shared: &Shared,
    listener: &Listener,
    request: &Request<Incoming>,
    place: &'p HttpPlace,
    found: &Found,
    asked: &Asked<'_>,
) -> Result<(&'p Arc<dyn HttpService>, Option<Principal>), Answer> {
    if let Err(text) = one_host(request) {
        return Err(plain(StatusCode::BAD_REQUEST, text));
    }
    if !allows(shared, &place.name, &place.hosts, asked) {
        let text = "this service does not answer for this host";
        return Err(plain(StatusCode::BAD_REQUEST, text));
    }
    let remote = asked.remote;
    let login = place.access.admit(listener, request, remote, shared).await;
    let login = login.map_err(|answer| *answer)?;
    match &place.service {
        Some(service) => Ok((service, login)),
        None => {
            debug!(service = &*place.name, path = ?found.path, "it did not load");
            let text = "this service is not available";
            Err(plain(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

/// RFC 9112, section 3.2.
fn one_host(request: &Request<Incoming>) -> Result<(), &'static str> {
    match request.headers().get_all(HOST).iter().count() {
        1 => Ok(()),
        0 if request.version() != Version::HTTP_11 => Ok(()),
        0 => Err("the request names no host: its `Host` is missing"),
        _ => Err("the request has more than one `Host`"),
    }
}

/// Whether the host that was asked for is one of a service's.
pub(crate) fn allows(
    shared: &Shared,
    service: &Arc<str>,
    hosts: &Hosts,
    asked: &Asked<'_>,
) -> bool {
    let (authority, remote) = (&asked.authority, &asked.remote);
    let allowed = hosts.allow(authority, asked.secure);
    if !allowed {
        let text = "host refused; the setting `hosts` would allow it";
        let count = shared.refused(service, "hosts");
        let service = &**service;
        match count {
            Some(count) => warn!(service, %remote, ?authority, count, "{text}"),
            None => debug!(service, %remote, ?authority, "{text}"),
        }
    }
    allowed
}

struct Message<'a> {
    found: &'a Found,
    asked: Asked<'a>,
    principal: Option<Principal>,
}

impl Message<'_> {
    /// A request as a service gets it, and what will be left of its body.
    fn of(
        self,
        request: Request<Incoming>,
        place: &HttpPlace,
        shared: &Shared,
        body_bytes_max: u64,
        within: std::time::Duration,
    ) -> (HttpRequest, body::Remains) {
        let (mut head, incoming) = request.into_parts();
        let (body, remains) = body::arriving(incoming, body_bytes_max, within);
        if self.principal.is_some() {
            // A password that the host has looked at is not for guests.
            head.headers.remove(AUTHORIZATION);
        }
        // hyper's own: a service has nothing to upgrade.
        head.extensions = http::Extensions::new();
        let tls = self.asked.tls;
        let principal = self
            .principal
            .or_else(|| tls.and_then(|tls| tls.principal.clone()));
        let remote_address: SocketAddr = self.asked.remote;
        let request = HttpRequest {
            message: Request::from_parts(head, body),
            service: Arc::clone(&place.name),
            authority: self.asked.authority.into(),
            path: self.found.path.as_str().into(),
            parameters: self.found.parameters.clone().into(),
            principal,
            remote_address,
            secure: self.asked.secure,
            properties: Arc::clone(tls.map_or(&shared.properties, |tls| &tls.properties)),
        };
        (request, remains)
    }
}

/// A service's answer without what is the host's own to say.
fn clean<B>(mut answer: Response<B>) -> Response<B> {
    if answer.status().is_informational() {
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
    }
    let own = |name: &HeaderName| {
        name != CONTENT_LENGTH && wasket_ws::handshake::is_reserved(name.as_str())
    };
    let taken: Vec<HeaderName> = answer
        .headers()
        .keys()
        .filter(|n| own(n))
        .cloned()
        .collect();
    for name in taken {
        answer.headers_mut().remove(name);
    }
    answer
}

/// What the peer is told of a body that the service could not read to its end.
fn at_fault(fault: &BodyFault) -> Option<Answer> {
    match fault {
        BodyFault::TooLong => {
            let text = "the body is longer than this service takes";
            Some(plain(StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        BodyFault::Slow => {
            let text = "the body did not come in time";
            Some(plain(StatusCode::REQUEST_TIMEOUT, text))
        }
        // Nobody is there to read it.
        BodyFault::Broken(_) => None,
    }
}
