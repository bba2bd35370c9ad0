//! A connection, and its HTTP/1.1 side: requests, each of which is answered, up to one that becomes a session.
//!
//! A connection goes on behind an answer only where a service for plain HTTP gave it (see `exchange`); every
//! other answer ends it.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tracing::debug;
use wasket_ws as ws;

use crate::address::Seated;
use crate::arrival::Arrived;
use crate::connection::Connection;
use crate::handshake::Admitted;
use crate::http2;
use crate::line::Line;
use crate::linger::{Linger, Reset, hang_up};
use crate::listener::Listener;
use crate::onward::answer;
use crate::patience::Patient;
use crate::request::{Asker, Progress};
use crate::shared::Shared;

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
    I: AsyncRead + AsyncWrite + Reset + Unpin + Send + 'static,
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
    I: AsyncRead + AsyncWrite + Reset + Unpin + Send + 'static,
{
    let within = listener.handshake_timeout;
    let answers = Arc::new(AtomicBool::new(false));
    let opening = async {
        let arrived = arriving.await?;
        if arrived.http2 {
            // Its sessions have tasks of their own.
            Box::pin(http2::serve(arrived, listener, &shared, &answers)).await;
            return None;
        }
        open(arrived, listener, &shared, &answers).await
    };
    let Ok(opened) = unless(&answers, within, opening).await else {
        debug!(%remote, "cut off: no opening handshake within `handshake_timeout`");
        return None;
    };
    let Opened {
        io,
        early,
        admitted,
        seated,
    } = opened?;
    Some((join(io, &early, admitted, &shared), seated))
}

/// Has a session join its service, once its client was told that it is open. `early`: what was read of it by then.
pub(crate) fn join<I: AsyncRead + AsyncWrite + Unpin>(
    io: I,
    early: &[u8],
    admitted: Admitted,
    shared: &Shared,
) -> Box<Connection<I>> {
    let Admitted {
        session,
        hub,
        seat,
        reserved,
    } = admitted;
    let ws = protocol(&session);
    let line = Line::new(io, ws, session, Arc::clone(&shared.clock)).with_unread(early);
    let connection = Box::new(Connection::join(line, hub, seat, reserved));
    // Looked at after joining: whoever stops the host tells those that have joined.
    if shared.stopping.is_cancelled() {
        connection.line.shut(shared.farewell());
    }
    connection
}

/// Waits so long, unless this is set by then: after that, every wait has a deadline of its own.
async fn unless<T>(
    answers: &AtomicBool,
    within: Duration,
    opening: impl Future<Output = T>,
) -> Result<T, tokio::time::error::Elapsed> {
    let mut opening = std::pin::pin!(opening);
    match tokio::time::timeout(within, opening.as_mut()).await {
        Err(_) if answers.load(Ordering::Relaxed) => Ok(opening.await),
        other => other,
    }
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

/// Runs HTTP until the 101 answer is out: the socket comes back, with what was read beyond the request. `answers` is
/// set once the connection is one of plain HTTP, and so lasts longer than a handshake.
async fn open<I>(
    arrived: Arrived<I>,
    listener: Arc<Listener>,
    shared: &Arc<Shared>,
    answers: &Arc<AtomicBool>,
) -> Option<Opened<I>>
where
    I: AsyncRead + AsyncWrite + Reset + Unpin + Send + 'static,
{
    let Arrived {
        io, peer, seated, ..
    } = arrived;
    let remote = peer.remote;
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(listener.request_head_timeout)
        .max_buf_size(listener.request_head_bytes_max);
    let io = TokioIo::new(Patient::new(io, listener.transfer_timeout));
    let asker = Arc::new(Asker {
        peer,
        listener,
        shared: Arc::clone(shared),
        answers: Arc::clone(answers),
        progress: Mutex::new(Progress {
            seated: Some(seated),
            ..Progress::default()
        }),
    });
    let service = service_fn({
        let asker = Arc::clone(&asker);
        move |request: Request<Incoming>| {
            let asker = Arc::clone(&asker);
            Box::pin(async move { Ok::<_, Infallible>(answer(&asker, request).await) })
        }
    });
    let mut connection = builder.serve_connection(io, service);
    let served = {
        let mut stopping = std::pin::pin!(shared.stopping.cancelled());
        let mut told = false;
        std::future::poll_fn(|cx| {
            loop {
                let served = Pin::new(&mut connection).poll_without_shutdown(cx);
                let tells = !told && served.is_pending() && answers.load(Ordering::Relaxed);
                if !tells || stopping.as_mut().poll(cx).is_pending() {
                    return served;
                }
                told = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        })
        .await
    };
    let parts = connection.into_parts();
    let mut io = parts.io.into_inner().into_inner();
    if let Err(error) = served {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        let what = if answers.load(Ordering::Relaxed) {
            "an HTTP connection ended early"
        } else {
            "no opening handshake"
        };
        debug!(%remote, %error, cause, "{what}");
        if is_cut_short(&error) {
            io.reset_when_dropped();
            return None;
        }
        if error.is_timeout() && !parts.read_buf.is_empty() {
            // hyper says nothing. Where nothing came, nobody waits for an answer.
            let _ = tokio::time::timeout(ANSWER_WITHIN, io.write_all(REQUEST_TIMEOUT)).await;
        }
    }
    let Progress {
        seated,
        admitted,
        sends_on,
    } = std::mem::take(&mut *asker.progress.lock());
    let Some(admitted) = admitted else {
        let linger = if sends_on {
            Linger::BODY
        } else {
            Linger::BRIEF
        };
        tokio::select! {
            biased;
            () = hang_up(&mut io, linger) => {}
            // The host does not wait for who reads no answer while it sends.
            () = stopped(shared) => {}
        }
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

/// Over when the host stops, and a peer that was told something has had a moment to read it.
async fn stopped(shared: &Shared) {
    shared.stopping.cancelled().await;
    tokio::time::sleep(Linger::BRIEF.within).await;
}

/// Whether an answer has begun that will have no end: it failed, or its peer took nothing of it for too long. A peer that
/// has no length for it would take an end of the connection for the answer's.
fn is_cut_short(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error);
    let source = source.and_then(|source| source.downcast_ref::<io::Error>());
    error.is_user()
        || error.is_body_write_aborted()
        || source.is_some_and(|source| source.kind() == io::ErrorKind::TimedOut)
}

/// A connection whose 101 answer is out.
struct Opened<I> {
    io: I,
    /// What was read beyond the request.
    early: Bytes,
    admitted: Admitted,
    seated: Seated,
}

const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// To somebody who has begun to ask.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;
    use wasket_session::IdSource;

    use super::*;
    use crate::address::{Crowd, Full};
    use crate::peer::Peer;

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
            http2: false,
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
