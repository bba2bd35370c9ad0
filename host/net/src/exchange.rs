//! A plain HTTP request and its answer, at a path that has somebody for it.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body_util::Either;
use hyper::body::Body as _;
use tracing::{debug, warn};
use wasket_session::{BodyFault, HttpBody, HttpRequest, HttpService, Principal};

use crate::answer::{Answer, Reply, dress, plain};
use crate::asked::Asked;
use crate::body::{self, Remains, RequestBody};
use crate::handshake::welcomes;
use crate::hosts::Hosts;
use crate::listener::Listener;
use crate::route::{Found, HttpPlace};
use crate::shared::Shared;

/// Answers a request. What its service has left of its body tells how the connection goes on.
pub(crate) async fn exchange<B: RequestBody>(
    shared: &Shared,
    listener: &Listener,
    (head, body): (Parts, B),
    place: &HttpPlace,
    found: &Found,
    asked: Asked<'_>,
) -> (Reply, Remains<B>) {
    let (method, remote) = (head.method.clone(), asked.remote);
    let (mut reply, remains) = match admitted(shared, listener, &head, place, found, &asked).await {
        Err(answer) => (answer.map(Either::Left), Remains::unread(body)),
        Ok((service, principal)) => {
            let (body, remains) =
                body::arriving(body, service.body_bytes_max(), listener.transfer_timeout);
            let message = Request::from_parts(head, body);
            let request = told(message, shared, place, found, asked, principal);
            let reply = clean(service.answer(request).await, &method).map(Either::Right);
            (reply, remains)
        }
    };
    if let Some(answer) = remains.fault().as_ref().and_then(at_fault) {
        reply = answer.map(Either::Left);
    }
    dress(reply.headers_mut(), &place.response_headers);
    let (service, path, status) = (&*place.name, &found.path, reply.status().as_u16());
    debug!(target: "wasket::http", service, %remote, %method, ?path, status, "answered");
    (reply, remains)
}

/// Who answers whom; or the answer to one who may not come.
async fn admitted<'p>(
    shared: &Shared,
    listener: &Listener,
    request: &Parts,
    place: &'p HttpPlace,
    found: &Found,
    asked: &Asked<'_>,
) -> Result<(&'p Arc<dyn HttpService>, Option<Principal>), Answer> {
    if let Err(text) = one_host(request) {
        return Err(plain(StatusCode::BAD_REQUEST, text));
    }
    if !allows(shared, &place.name, &place.hosts, asked) {
        let text = "this service does not answer for this host";
        return Err(plain(misdirected(request), text));
    }
    let only_reads = matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !only_reads && !welcomes(shared, request, &place.name, &place.origins, asked) {
        let text = "pages of this origin may change nothing here";
        return Err(plain(StatusCode::FORBIDDEN, text));
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

/// RFC 9112, section 3.2. HTTP/1.0 did not ask for one yet.
pub(crate) fn one_host(request: &Parts) -> Result<(), &'static str> {
    match request.headers.get_all(HOST).iter().count() {
        1 => Ok(()),
        0 if request.version == Version::HTTP_10 => Ok(()),
        0 => Err("the request names no host: its `Host` is missing"),
        _ => Err("the request has more than one `Host`"),
    }
}

/// What a request for a host of somebody else is answered. Over HTTP/2 a client may have come by the connection of
/// another host whose certificate has this name too: 421 has it try by one of its own (RFC 9110, section 15.5.20).
pub(crate) fn misdirected(request: &Parts) -> StatusCode {
    match request.version {
        Version::HTTP_2 => StatusCode::MISDIRECTED_REQUEST,
        _ => StatusCode::BAD_REQUEST,
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

/// A request as a service gets it.
fn told(
    mut message: Request<HttpBody>,
    shared: &Shared,
    place: &HttpPlace,
    found: &Found,
    asked: Asked<'_>,
    login: Option<Principal>,
) -> HttpRequest {
    if login.is_some() {
        // A password that the host has looked at is not for guests.
        message.headers_mut().remove(AUTHORIZATION);
    }
    // The server's own: a service has nothing to upgrade.
    message.extensions_mut().clear();
    let tls = asked.tls;
    let properties = shared.properties(message.version(), tls);
    HttpRequest {
        message,
        service: Arc::clone(&place.name),
        authority: asked.authority.into(),
        path: found.path.as_str().into(),
        parameters: found.parameters.clone().into(),
        principal: login.or_else(|| tls.and_then(|tls| tls.principal.clone())),
        remote_address: asked.remote,
        secure: asked.secure,
        properties,
    }
}

/// A service's answer without what is the host's own to say.
fn clean(mut answer: Response<HttpBody>, method: &Method) -> Response<HttpBody> {
    if answer.status().is_informational() {
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
    }
    let length = length_to_tell(&answer, method);
    let own = |name: &HeaderName| wasket_ws::handshake::is_reserved(name.as_str());
    let fields = answer.headers().keys();
    let taken: Vec<HeaderName> = fields.filter(|name| own(name)).cloned().collect();
    for name in taken {
        answer.headers_mut().remove(name);
    }
    if let Some(length) = length {
        answer.headers_mut().insert(CONTENT_LENGTH, length);
    }
    answer
}

/// The `Content-Length` of a service that is worth telling: one plain number, for an answer whose body it does not belie.
/// The server writes the length of a body that has one itself, and cuts off what is beyond one that it was told; where it
/// was told another one than the body's, what is sent would end in the next answer, or begin it.
fn length_to_tell(answer: &Response<HttpBody>, method: &Method) -> Option<HeaderValue> {
    let mut lengths = answer.headers().get_all(CONTENT_LENGTH).iter();
    let (length, None) = (lengths.next()?, lengths.next()) else {
        return None;
    };
    let is_number = || {
        let text = length.to_str().unwrap_or_default();
        text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u64>().is_ok()
    };
    let is_alone = method == Method::HEAD || answer.body().size_hint().exact().is_none();
    (is_alone && is_number()).then(|| length.clone())
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
