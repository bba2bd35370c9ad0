//! From a request to a session: the checks before it is answered, in the order of what they cost.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::header::{
    AUTHORIZATION, CONNECTION, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use http::request::Parts;
use http::{Method, Response, StatusCode, Version};
use tracing::{debug, info, warn};
use wasket_session::{
    Admission, Deflate, Headers, Hub, Opening, Principal, Refusal, Seat, Session,
};
use wasket_ws::handshake::{self, Offer};

use crate::answer::{Answer, Body, Denied, dress, plain};
use crate::asked::Asked;
use crate::exchange::{allows, misdirected};
use crate::route::{Found, Place};
use crate::shared::Shared;
use crate::tls::Established;
use crate::{Listener, Origins};

/// A session that was admitted, waiting for its answer to be written.
pub(crate) struct Admitted {
    pub(crate) session: Arc<Session>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) seat: Box<dyn Seat>,
    /// The session's place in its service.
    pub(crate) reserved: wasket_session::Reserved,
}

/// A session that was admitted, and what its client is told.
pub(crate) struct Opened {
    /// Of status 200, and without what only a switch of protocols needs.
    pub(crate) answer: Answer,
    /// The `Sec-WebSocket-Accept` of that switch.
    accept: Option<String>,
    pub(crate) admitted: Admitted,
}

impl Opened {
    /// The answer of HTTP/1.1: 101.
    pub(crate) fn switching(self) -> (Answer, Admitted) {
        let Self {
            mut answer,
            accept,
            admitted,
        } = self;
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let own = answer.headers_mut();
        own.insert(UPGRADE, HeaderValue::from_static("websocket"));
        own.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        if let Some(Ok(accept)) = accept.as_deref().map(HeaderValue::from_str) {
            own.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        (answer, admitted)
    }
}

/// Opens a session for a request for a service's path, or says why not.
pub(crate) async fn open(
    shared: &Shared,
    request: &Parts,
    place: &Place,
    found: &Found,
    listener: &Listener,
    asked: Asked<'_>,
) -> Result<Opened, Answer> {
    let mut opened = admit(shared, request, place, found, listener, asked).await;
    match &mut opened {
        Ok(Opened { answer, .. }) | Err(answer) => {
            dress(answer.headers_mut(), &place.response_headers);
        }
    }
    opened
}

async fn admit(
    shared: &Shared,
    request: &Parts,
    place: &Place,
    found: &Found,
    listener: &Listener,
    asked: Asked<'_>,
) -> Result<Opened, Answer> {
    let offer = examine(request).map_err(|refusal| refused(&refusal))?;
    let tls = asked.tls;
    check_source(shared, request, place, &asked).map_err(|(status, text)| plain(status, text))?;
    let login = place
        .access
        .admit(listener, request, asked.remote, shared)
        .await;
    let login = login.map_err(|answer| *answer)?;
    let Some(service) = place.service.clone() else {
        return Err(plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "this service is not available",
        ));
    };
    let hub = Arc::clone(service.hub());
    let Some(reserved) = hub.reserve() else {
        debug!(
            service = &*place.name,
            "session refused: `sessions_max` are open"
        );
        return Err(plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "this service is full",
        ));
    };
    let deflate = hub
        .compression()
        .and_then(|c| c.negotiate(&offer.extensions));
    let opening = opening(shared, request, place, found, &offer, asked, login);
    let session = connecting(shared, &hub, opening, deflate);
    let admission = service.admit(&session).await;
    let Admission {
        protocol,
        headers,
        principal,
        seat,
    } = admission.map_err(|r| refusal(&r))?;
    let extensions = session.deflate().map(Deflate::answer);
    let answer = agreed(protocol.as_deref(), extensions, &headers);
    session.open(protocol, principal);
    log_open(&session, request.version, tls, &answer);
    let admitted = Admitted {
        session,
        hub,
        seat,
        reserved,
    };
    Ok(Opened {
        answer,
        accept: offer.accept,
        admitted,
    })
}

/// Whether the host is one of ours, and the page one that may come.
fn check_source(
    shared: &Shared,
    request: &Parts,
    place: &Place,
    asked: &Asked<'_>,
) -> Result<(), Denied> {
    if !allows(shared, &place.name, &place.hosts, asked) {
        let text = "this service does not answer for this host";
        return Err((misdirected(request), text));
    }
    if !welcomes(shared, request, &place.name, &place.origins, asked) {
        let text = "this origin may not open sessions here";
        return Err((StatusCode::FORBIDDEN, text));
    }
    Ok(())
}

/// Whether the page that a request comes from, if it comes from one, may send it.
pub(crate) fn welcomes(
    shared: &Shared,
    request: &Parts,
    service: &Arc<str>,
    origins: &Origins,
    asked: &Asked<'_>,
) -> bool {
    let Some(origin) = foreign_origin(request, origins, asked) else {
        return true;
    };
    let (remote, authority) = (&asked.remote, &asked.authority);
    let text = "origin refused; the setting `origins` would allow it";
    let count = shared.refused(service, "origins");
    let service = &**service;
    match count {
        Some(count) => warn!(service, %remote, ?origin, ?authority, count, "{text}"),
        None => debug!(service, %remote, ?origin, ?authority, "{text}"),
    }
    false
}

fn log_open(session: &Session, version: Version, tls: Option<&Established>, answer: &Answer) {
    let extensions = answer.headers().get(SEC_WEBSOCKET_EXTENSIONS);
    info!(
        target: "wasket::session",
        service = &*session.opening().service,
        session = session.id().get(),
        remote = %session.opening().remote_address,
        tls = tls.map(|tls| tls.version),
        http = (version == Version::HTTP_2).then_some("2"),
        protocol = session.protocol(),
        principal = session.principal().map(|principal| principal.name.as_str()),
        extensions = extensions.and_then(|extensions| extensions.to_str().ok()),
        "open"
    );
}

fn examine(request: &Parts) -> Result<Offer, handshake::Refusal> {
    let headers: Vec<_> = request
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .collect();
    if is_extended_connect(request) {
        return handshake::examine_extended(headers.iter().copied());
    }
    let minor_version = u8::from(request.version >= Version::HTTP_11);
    handshake::examine(
        request.method.as_str(),
        minor_version,
        headers.iter().copied(),
    )
}

/// Whether a request opens a session as a stream of HTTP/2 (RFC 8441): of those that CONNECT, `http2` lets no others pass.
pub(crate) fn is_extended_connect(request: &Parts) -> bool {
    request.version == Version::HTTP_2 && request.method == Method::CONNECT
}

fn refused(refusal: &handshake::Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
    let mut answer = plain(status, &refusal.to_string());
    for (name, value) in refusal.headers() {
        insert(&mut answer, name, value);
    }
    if refusal.status() == StatusCode::UPGRADE_REQUIRED.as_u16() {
        // RFC 9110, section 7.8: an `Upgrade` field goes with the connection option of its name.
        insert(&mut answer, "connection", "upgrade, close");
    }
    answer
}

/// The origin that may not come, if there is one. Several `Origin` fields are as good as a foreign one.
fn foreign_origin<'r>(
    request: &'r Parts,
    origins: &Origins,
    asked: &Asked<'_>,
) -> Option<&'r HeaderValue> {
    let mut named = request.headers.get_all(ORIGIN).iter();
    let first = named.next()?;
    let alone = named.next().is_none();
    let allowed = alone && origins.allow(first.as_bytes(), &asked.authority, asked.secure);
    (!allowed).then_some(first)
}

fn opening(
    shared: &Shared,
    request: &Parts,
    place: &Place,
    found: &Found,
    offer: &Offer,
    asked: Asked<'_>,
    login: Option<Principal>,
) -> Opening {
    let tls = asked.tls;
    // A password that the host has looked at is not for guests. Where nobody asked for it, it is meant for them.
    let is_for_host = |name: &HeaderName| login.is_some() && name == AUTHORIZATION;
    let headers = request.headers.iter();
    let headers = headers.filter(|(name, _)| !is_for_host(name));
    let headers = Headers::new(headers.map(|(name, value)| (name.as_str(), value.as_bytes())));
    let principal = login.or_else(|| tls.and_then(|tls| tls.principal.clone()));
    let target = request
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    Opening {
        service: Arc::clone(&place.name),
        // As `examine` requires, or `examine_extended`.
        method: match is_extended_connect(request) {
            true => "CONNECT",
            false => "GET",
        },
        authority: asked.authority.into(),
        target: target.into(),
        path: found.path.as_str().into(),
        parameters: found.parameters.clone().into(),
        headers,
        protocols: offer.protocols.iter().map(|p| p.as_str().into()).collect(),
        principal: principal.map(Box::new),
        remote_address: asked.remote,
        secure: asked.secure,
        properties: shared.properties(request.version, tls),
    }
}

/// A session that waits to be admitted. Its guest can read what was agreed on as a property.
fn connecting(
    shared: &Shared,
    hub: &Hub,
    mut opening: Opening,
    deflate: Option<Box<Deflate>>,
) -> Arc<Session> {
    if let Some(deflate) = &deflate {
        let extensions = ("extensions".into(), deflate.answer().into());
        let known = opening.properties.iter().cloned();
        opening.properties = known.chain([extensions]).collect();
    }
    let id = shared.ids.next(SystemTime::now());
    let now_ms = shared.clock.unix_ms(Instant::now());
    Arc::new(Session::new(id, hub, opening, now_ms).with_deflate(deflate))
}

/// What a client is told of its session, whatever the version of HTTP.
fn agreed(
    protocol: Option<&str>,
    extensions: Option<&str>,
    headers: &[(String, String)],
) -> Answer {
    let mut answer = Response::new(Body::default());
    append_all(&mut answer, headers);
    let own = answer.headers_mut();
    if let Some(Ok(protocol)) = protocol.map(HeaderValue::from_str) {
        own.insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    if let Some(Ok(extensions)) = extensions.map(HeaderValue::from_str) {
        own.insert(SEC_WEBSOCKET_EXTENSIONS, extensions);
    }
    answer
}

fn refusal(refusal: &Refusal) -> Answer {
    let status = StatusCode::from_u16(refusal.status)
        .ok()
        .filter(|status| (300..=599).contains(&status.as_u16()))
        .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = Response::new(Body::from(refusal.body.clone()));
    *answer.status_mut() = status;
    append_all(&mut answer, &refusal.headers);
    answer
}

fn append_all(answer: &mut Answer, headers: &[(String, String)]) {
    for (name, value) in headers {
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value))
        else {
            // The seat checks what its guest says; this is the last line.
            continue;
        };
        if !handshake::is_reserved(name.as_str()) {
            answer.headers_mut().append(name, value);
        }
    }
}

fn insert(answer: &mut Answer, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
        answer.headers_mut().insert(name, value);
    }
}
