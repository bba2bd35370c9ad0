//! The HTTP/1.1 side of a connection: one request, which is answered or becomes a session.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue,
    TRANSFER_ENCODING,
};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tracing::debug;
use wasket_ws as ws;

use crate::access;
use crate::address::Seated;
use crate::answer::{Answer, Body, Denied, plain};
use crate::arrival::Arrived;
use crate::authority::Authority;
use crate::connection::Connection;
use crate::forwarded::{self, Seen};
use crate::handshake::{self, Admitted};
use crate::line::Line;
use crate::linger::hang_up;
use crate::listener::Listener;
use crate::page::Page;
use crate::peer::Peer;
use crate::shared::Shared;
use crate::tls::Established;

/// Serves one accepted connection to its end, and gives its place back. Not an `async fn`: such a future
/// would keep its arguments for as long as it lives, and this one lives as long as the session.
/// `arriving` is what comes before any request.
pub(crate) fn serve<I, A>(
    arriving: A,
    remote: SocketAddr,
    listener: Arc<Listener>,
    shared: Arc<Shared>,
) -> impl Future<Output = ()> + Send
where
    A: Future<Output = Option<Arrived<I>>> + Send,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // Boxed: the handshake's state is gone when the session lives.
    let opening = Box::pin(begin(arriving, remote, listener, shared));
    async move {
        let Some((connection, seated)) = opening.await else {
            return;
        };
        connection.run().await;
        drop(seated);
    }
}

/// From an accepted connection to an open session that has joined its service.
async fn begin<I, A>(
    arriving: A,
    remote: SocketAddr,
    listener: Arc<Listener>,
    shared: Arc<Shared>,
) -> Option<(Box<Connection<I>>, Seated)>
where
    A: Future<Output = Option<Arrived<I>>> + Send,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let within = listener.handshake_timeout;
    let opening = async { open(arriving.await?, listener, &shared).await };
    let Ok(opened) = tokio::time::timeout(within, opening).await else {
        debug!(%remote, "cut off: no opening handshake within `handshake_timeout`");
        return None;
    };
    let Opened {
        io,
        early,
        admitted,
        seated,
    } = opened?;
    let Admitted {
        session,
        hub,
        seat,
        reserved,
    } = admitted;
    let ws = protocol(&session);
    let line = Line::new(io, ws, session, Arc::clone(&shared.clock)).with_unread(&early);
    let connection = Box::new(Connection::join(line, hub, seat, reserved));
    // Looked at after joining: whoever stops the host tells those that have joined.
    if shared.stopping.is_cancelled() {
        connection.line.shut(shared.farewell());
    }
    Some((connection, seated))
}

fn protocol(session: &wasket_session::Session) -> ws::Connection {
    let limits = session.limits();
    let ws = ws::Connection::new(
        ws::Role::Server,
        ws::Limits {
            message_bytes_max: limits.message_bytes_max,
            fragments_max: limits.fragments_max,
        },
        ws::Timing {
            ping_every: limits.ping_every,
            pong_within: limits.pong_timeout,
            close_within: limits.close_timeout,
        },
        Instant::now(),
    );
    match session.deflate() {
        Some(deflate) => ws.with_inflate(deflate.inflate()),
        None => ws,
    }
}

/// Runs HTTP until the 101 answer is out: the socket comes back, with what was read beyond the request.
async fn open<I>(
    arrived: Arrived<I>,
    listener: Arc<Listener>,
    shared: &Arc<Shared>,
) -> Option<Opened<I>>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Arrived { io, peer, seated } = arrived;
    let (remote, peer) = (peer.remote, Arc::new(peer));
    let progress = Arc::new(Mutex::new(Progress {
        seated: Some(seated),
        admitted: None,
    }));
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(listener.request_head_timeout)
        .max_buf_size(listener.request_head_bytes_max);
    let service = service_fn({
        let (progress, shared) = (Arc::clone(&progress), Arc::clone(shared));
        move |request: Request<Incoming>| {
            let (progress, shared, listener, peer) = (
                Arc::clone(&progress),
                Arc::clone(&shared),
                Arc::clone(&listener),
                Arc::clone(&peer),
            );
            Box::pin(async move {
                let mut answer = answer(&shared, &listener, &request, &peer, &progress).await;
                end_connection(&mut answer);
                Ok::<_, Infallible>(answer)
            })
        }
    });
    let mut connection = builder.serve_connection(TokioIo::new(io), service);
    let served =
        std::future::poll_fn(|cx| Pin::new(&mut connection).poll_without_shutdown(cx)).await;
    if let Err(error) = served {
        debug!(%remote, %error, "no opening handshake");
    }
    let parts = connection.into_parts();
    let mut io = parts.io.into_inner();
    let Progress { seated, admitted } = std::mem::take(&mut *progress.lock());
    let Some(admitted) = admitted else {
        hang_up(&mut io, LINGER).await;
        // Only now: who is hung up on is still a connection.
        drop(seated);
        return None;
    };
    Some(Opened {
        io,
        early: parts.read_buf,
        admitted,
        seated: seated?,
    })
}

/// What a connection has on its way to being a session.
#[derive(Default)]
struct Progress {
    seated: Option<Seated>,
    admitted: Option<Admitted>,
}

/// A connection whose 101 answer is out.
struct Opened<I> {
    io: I,
    /// What was read beyond the request.
    early: Bytes,
    admitted: Admitted,
    seated: Seated,
}

/// One request a connection. A refused upgrade ends it, so that what a peer sends behind it is never read
/// as a request. (hyper's own switch would put `close` on the 101 too.)
fn end_connection(answer: &mut Answer) {
    if answer.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        answer.headers_mut().entry(CONNECTION).or_insert(close);
    }
}

async fn answer(
    shared: &Shared,
    listener: &Listener,
    request: &Request<Incoming>,
    peer: &Peer,
    progress: &Mutex<Progress>,
) -> Answer {
    if request.headers().contains_key(TRANSFER_ENCODING) {
        // Nothing here takes a body. One whose end others may see elsewhere is no mere surplus.
        return plain(StatusCode::BAD_REQUEST, "a request here has no body");
    }
    if !names_one_host(request) {
        let text = "the request names one host in its first line and another in its `Host`";
        return plain(StatusCode::BAD_REQUEST, text);
    }
    let seen = match see(listener, request, peer, progress) {
        Ok(seen) => seen,
        Err((status, text)) => return plain(status, text),
    };
    let path = request.uri().path();
    if let Some(page) = listener.pages.get(path)
        && !request.headers().contains_key(http::header::UPGRADE)
    {
        return match access::to_listener(listener, request, seen.address, shared).await {
            Ok(_) => show(page, request.method()),
            Err(answer) => *answer,
        };
    }
    let Some(found) = shared.routes.find(path) else {
        return plain(StatusCode::NOT_FOUND, "there is no service at this path");
    };
    if shared.stopping.is_cancelled() {
        return plain(StatusCode::SERVICE_UNAVAILABLE, "the host is stopping");
    }
    let tls = peer.tls.as_ref();
    let of_proxy = tls.filter(|_| seen.relayed).map(Established::of_proxy);
    let tls = of_proxy.as_ref().or(tls);
    match handshake::upgrade(shared, request, found, listener, seen, tls).await {
        Ok((answer, session)) => {
            progress.lock().admitted = Some(session);
            answer
        }
        Err(answer) => answer,
    }
}

/// Whether a target in absolute form is of the host that `Host` names, as a client has to send it (RFC 9112, section
/// 3.2.2). Who forwards requests may have looked at either.
fn names_one_host(request: &Request<Incoming>) -> bool {
    let (Some(scheme), Some(target)) = (request.uri().scheme_str(), request.uri().authority())
    else {
        return true;
    };
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| Authority::parse(host.to_str().ok()?));
    let target = Authority::parse(target.as_str());
    target.is_some_and(|target| host.is_some_and(|host| host.is(&target, scheme)))
}

/// Who is asking, and whether so many of them may.
fn see(
    listener: &Listener,
    request: &Request<Incoming>,
    peer: &Peer,
    progress: &Mutex<Progress>,
) -> Result<Seen, Denied> {
    let remote = peer.remote;
    let seen = if peer.unnamed {
        Ok(Seen::direct(remote))
    } else {
        forwarded::seen(remote, request.headers(), &listener.trusted_proxies)
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

const LINGER: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use wasket_session::IdSource;

    use super::*;
    use crate::address::{Crowd, Full};

    // hardening H4: whoever is refused and stays takes a place of `connections_max` for as long as it costs one.
    #[tokio::test]
    async fn a_refused_peer_keeps_its_place_until_it_is_gone() {
        let crowd = Crowd::new(1, None);
        let remote = SocketAddr::from(([127, 0, 0, 1], 9));
        let (mut client, io) = tokio::io::duplex(4096);
        let arrived = Arrived {
            io,
            peer: Peer {
                remote,
                unnamed: false,
                tls: None,
            },
            seated: crowd.enter().unwrap(),
        };
        let serving = serve(
            std::future::ready(Some(arrived)),
            remote,
            Arc::new(Listener::new(remote)),
            Arc::new(Shared::new(crate::Routes::default(), IdSource::new(0))),
        );
        let serving = tokio::spawn(serving);
        let request = b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404 "), "{answer}");
        assert_eq!(crowd.enter().unwrap_err(), Full::Listener);
        drop(client);
        serving.await.unwrap();
        assert!(crowd.enter().is_ok());
    }

    // The task of a connection holds this. Nothing of the handshake is to be in it.
    #[test]
    fn the_handshake_leaves_nothing_in_the_task() {
        let serve = size_of_output(serve::<TcpStream, std::future::Ready<_>>);
        assert!(serve <= 352, "{serve}");
    }

    fn size_of_output<A, B, C, D, F>(_: fn(A, B, C, D) -> F) -> usize {
        size_of::<F>()
    }
}
