//! From a request to its answer: what holds for every path, and who is asked at this one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue, TRANSFER_ENCODING,
    UPGRADE,
};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use parking_lot::Mutex;
use tracing::debug;

use crate::access;
use crate::address::Seated;
use crate::answer::{Answer, Body, Denied, Reply, plain};
use crate::asked::Asked;
use crate::authority::Authority;
use crate::body::{Remains, RequestBody};
use crate::exchange::exchange;
use crate::forwarded::{self, Seen};
use crate::handshake::{self, Admitted, Opened};
use crate::listener::Listener;
use crate::page::Page;
use crate::peer::Peer;
use crate::route::Found;
use crate::shared::Shared;
use crate::tls::Established;

/// Whoever sends requests on one connection, and what becomes of it.
pub(crate) struct Asker {
    pub(crate) peer: Peer,
    pub(crate) listener: Arc<Listener>,
    pub(crate) shared: Arc<Shared>,
    /// Set once the connection is one of plain HTTP, and so lasts longer than a handshake.
    pub(crate) answers: Arc<AtomicBool>,
    pub(crate) progress: Mutex<Progress>,
}

/// What a connection has on its way to being a session.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) seated: Option<Seated>,
    pub(crate) admitted: Option<Admitted>,
    /// The peer may still be sending a body that nobody reads.
    pub(crate) sends_on: bool,
}

/// What becomes of a request, in either version of HTTP.
pub(crate) enum Outcome<B> {
    /// An answer of our own: nothing at its path has seen the request.
    Refused(Answer),
    /// What stands at the path answers, and this is left of the request's body.
    Answered(Reply, Remains<B>),
    /// A session that is open as soon as its client is told so.
    Opened(Box<Opened>),
}

/// Has a request answered, by us or by what stands at its path.
pub(crate) async fn serve<B: RequestBody>(asker: &Asker, request: Request<B>) -> Outcome<B> {
    let (head, body) = request.into_parts();
    let found = asker.shared.routes.find(head.uri.path());
    match examine(asker, &head, found.as_ref()).await {
        Err(answer) => Outcome::Refused(answer),
        Ok(seen) => match found {
            // As `examine` says.
            None => Outcome::Refused(nothing_here()),
            Some(found) => serve_at(asker, (head, body), &found, seen).await,
        },
    }
}

/// What has to be right for any path. Whom it comes from; or the answer, also that of a page.
async fn examine(asker: &Asker, request: &Parts, found: Option<&Found>) -> Result<Seen, Answer> {
    let Asker {
        listener, shared, ..
    } = asker;
    if request.headers.contains_key(TRANSFER_ENCODING) && !takes_body(request, found) {
        // One whose end others may see elsewhere is no mere surplus.
        return Err(plain(StatusCode::BAD_REQUEST, "a request here has no body"));
    }
    if !names_one_host(request) {
        let text = "the request names one host in its first line and another in its `Host`";
        return Err(plain(StatusCode::BAD_REQUEST, text));
    }
    let seen = see(listener, request, &asker.peer, &asker.progress);
    let seen = seen.map_err(|(status, text)| plain(status, text))?;
    let path = request.uri.path();
    if let Some(page) = listener.pages.get(path)
        && !request.headers.contains_key(UPGRADE)
        && !handshake::is_extended_connect(request)
    {
        return Err(
            match access::to_listener(listener, request, seen.address, shared).await {
                Ok(_) => show(page, &request.method),
                Err(answer) => *answer,
            },
        );
    }
    if found.is_none() {
        return Err(nothing_here());
    }
    if shared.stopping.is_cancelled() {
        let text = "the host is stopping";
        return Err(plain(StatusCode::SERVICE_UNAVAILABLE, text));
    }
    Ok(seen)
}

/// Has a request answered by what stands at its path.
async fn serve_at<B: RequestBody>(
    asker: &Asker,
    (head, body): (Parts, B),
    found: &Found,
    seen: Seen,
) -> Outcome<B> {
    let Asker {
        listener, shared, ..
    } = asker;
    let tls = asker.peer.tls.as_ref();
    let of_proxy = tls.filter(|_| seen.relayed).map(Established::of_proxy);
    let asked = Asked::of(&head, seen, of_proxy.as_ref().or(tls));
    // One that means to be a plain request all the same may have an `Upgrade`, but never CONNECT.
    let may_open = found.place.is_some() || handshake::is_extended_connect(&head);
    let opening = may_open && asks_for_session(&head);
    match (&found.place, &found.http) {
        (_, Some(place)) if !opening => {
            asker.answers.store(true, Ordering::Relaxed);
            let (reply, remains) =
                exchange(shared, listener, (head, body), place, found, asked).await;
            Outcome::Answered(reply, remains)
        }
        (Some(place), _) => {
            let opening = handshake::open(shared, &head, place, found, listener, asked);
            match in_time(asker, opening).await {
                Ok(opened) => Outcome::Opened(Box::new(opened)),
                Err(answer) => Outcome::Refused(answer),
            }
        }
        (None, _) => Outcome::Refused(nothing_here()),
    }
}

/// Opens a session within a deadline of its own, where the connection as a whole has none any more.
async fn in_time(
    asker: &Asker,
    opening: impl Future<Output = Result<Opened, Answer>>,
) -> Result<Opened, Answer> {
    if !asker.answers.load(Ordering::Relaxed) {
        return opening.await;
    }
    let within = asker.listener.handshake_timeout;
    match tokio::time::timeout(within, opening).await {
        Ok(opened) => opened,
        Err(_) => {
            let text = "the handshake took too long";
            Err(plain(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}

fn nothing_here() -> Answer {
    plain(StatusCode::NOT_FOUND, "there is no service at this path")
}

/// Whether somebody at this path reads what comes behind the head.
fn takes_body(request: &Parts, found: Option<&Found>) -> bool {
    let Some(Found {
        place,
        http: Some(http),
        ..
    }) = found
    else {
        return false;
    };
    let takes = http
        .service
        .as_ref()
        .is_none_or(|service| service.body_bytes_max() > 0);
    takes && (place.is_none() || !asks_for_session(request))
}

/// Whether a request is an opening handshake, or means to be one.
fn asks_for_session(request: &Parts) -> bool {
    if handshake::is_extended_connect(request) {
        return true;
    }
    request.headers.get_all(UPGRADE).iter().any(|value| {
        let mut protocols = value.as_bytes().split(|byte| *byte == b',');
        protocols.any(|protocol| protocol.trim_ascii().eq_ignore_ascii_case(b"websocket"))
    })
}

/// Whether a target in absolute form is of the host that `Host` names, as a client has to send it (RFC 9112, section
/// 3.2.2). Who forwards requests may have looked at either.
fn names_one_host(request: &Parts) -> bool {
    let (Some(scheme), Some(target)) = (request.uri.scheme_str(), request.uri.authority()) else {
        return true;
    };
    let host = request.headers.get(HOST);
    let host = host.and_then(|host| Authority::parse(host.to_str().ok()?));
    let target = Authority::parse(target.as_str());
    target.is_some_and(|target| host.is_some_and(|host| host.is(&target, scheme)))
}

/// Who is asking, and whether so many of them may.
fn see(
    listener: &Listener,
    request: &Parts,
    peer: &Peer,
    progress: &Mutex<Progress>,
) -> Result<Seen, Denied> {
    let remote = peer.remote;
    let seen = if peer.unnamed {
        Ok(Seen::direct(remote))
    } else {
        forwarded::seen(remote, &request.headers, &listener.trusted_proxies)
    };
    let seen = seen.map_err(|error| {
        debug!(%remote, %error, "refused: what a trusted proxy says of the client");
        let text = "what the proxy says of the client cannot be read";
        (StatusCode::BAD_REQUEST, text)
    })?;
    if let Some(seated) = &mut progress.lock().seated
        && let Err(full) = seated.settle(seen.address.ip())
    {
        let crowd = seated.crowd();
        crowd.turn_away(full, listener.address, seen.address);
        let text = "too many connections from this address";
        return Err((StatusCode::SERVICE_UNAVAILABLE, text));
    }
    Ok(seen)
}

fn show(page: &Page, method: &Method) -> Answer {
    if method != Method::GET && method != Method::HEAD {
        let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
        let allow = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(http::header::ALLOW, allow);
        return answer;
    }
    let mut answer = Response::new(Body::new(page.body.clone()));
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(page.security_policy),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        "x-content-type-options",
        HeaderValue::from_static("nosniff"),
    );
    answer
}
