//! One stream, from its head to its end: a request and its answer, or a session.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use bytes::Bytes;
use futures_util::future::OptionFuture;
use h2::server::SendResponse;
use http::header::{ALLOW, EXPECT, HeaderMap, HeaderValue, RETRY_AFTER};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::client::{Client, Clients};
use super::inbound::Inbound;
use super::outlet::Outlet;
use super::reply::{self, Pace};
use super::request::normalize;
use super::stream::H2Stream;
use crate::address::Seated;
use crate::answer::{Answer, Denied, Reply, plain};
use crate::body::RequestBody;
use crate::connection::Connection;
use crate::failures::network;
use crate::forwarded;
use crate::handshake::Opened;
use crate::http::join;
use crate::listener::Listener;
use crate::peer::Peer;
use crate::request::{Asker, Outcome, Progress};
use crate::shared::Shared;

/// What the streams of a connection have in common.
pub(super) struct Streams {
    pub(super) peer: Peer,
    pub(super) seated: Seated,
    pub(super) listener: Arc<Listener>,
    pub(super) shared: Arc<Shared>,
    pace: Pace,
    /// The place that the connection itself has, where it is one client's: it is that of its first session.
    own_place: Arc<Semaphore>,
    /// Set: each stream has deadlines of its own.
    answers: Arc<AtomicBool>,
    clients: Clients,
    /// The peer takes too many of its requests back, and is nobody's proxy.
    pub(super) flooded: CancellationToken,
}

impl Streams {
    pub(super) fn new(
        peer: Peer,
        seated: Seated,
        listener: Arc<Listener>,
        shared: Arc<Shared>,
        outlet: Arc<Outlet>,
    ) -> Arc<Self> {
        let open_max = listener.http2_streams_max;
        Arc::new(Self {
            clients: match peer.is_proxy(&listener) {
                true => Clients::many(open_max),
                false => Clients::one(Instant::now(), open_max),
            },
            peer,
            seated,
            pace: Pace {
                within: listener.transfer_timeout,
                outlet,
            },
            listener,
            shared,
            own_place: Arc::new(Semaphore::new(1)),
            answers: Arc::new(AtomicBool::new(true)),
            flooded: CancellationToken::new(),
        })
    }

    pub(super) fn outlet(&self) -> &Outlet {
        &self.pace.outlet
    }

    /// Who asks, and the place that is then to be counted for its address.
    fn asker(&self, seated: Option<Seated>) -> Asker {
        Asker {
            peer: self.peer.clone(),
            listener: Arc::clone(&self.listener),
            shared: Arc::clone(&self.shared),
            answers: Arc::clone(&self.answers),
            progress: Mutex::new(Progress {
                seated,
                ..Progress::default()
            }),
        }
    }

    /// Where a session is counted: with its connection if it is the first there, or for its address.
    fn place(&self) -> (Option<OwnedSemaphorePermit>, Option<Seated>) {
        if let Some(seated) = self.seated.shared() {
            return (None, Some(seated));
        }
        match Arc::clone(&self.own_place).try_acquire_owned() {
            Ok(own) => (Some(own), None),
            Err(_) => (None, Some(self.seated.another())),
        }
    }

    /// Whose request this is. One that says so unreadably is refused later; it is its proxy's.
    fn client(&self, headers: &HeaderMap) -> Arc<Client> {
        let address = || {
            let remote = self.peer.remote;
            let seen = forwarded::seen(remote, headers, &self.listener.trusted_proxies);
            network(seen.map_or(remote, |seen| seen.address).ip())
        };
        self.clients.of(address, Instant::now())
    }

    /// Waits for an answer to be made, for as long as the peer waits for it. `None`: it does not. `asked` says when the
    /// peer is to send a body.
    async fn unless_reset<T>(
        &self,
        client: &Client,
        respond: &mut SendResponse<Bytes>,
        mut asked: Option<oneshot::Receiver<()>>,
        answering: impl Future<Output = T>,
    ) -> Option<T> {
        let mut answering = pin!(answering);
        loop {
            tokio::select! {
            biased;
            reset = poll_fn(|cx| respond.poll_reset(cx)) => {
                let remote = self.peer.remote;
                debug!(%remote, ?reset, "a request was taken back");
                // Where it is we who end the connection, its streams are as if they were reset.
                if reset.is_ok()
                    && !self.outlet().is_over()
                    && !client.takes_back(Instant::now())
                    && matches!(self.clients, Clients::One(_))
                {
                    self.flooded.cancel();
                }
                return None;
            }
            Some(Ok(())) = OptionFuture::from(asked.as_mut()), if asked.is_some() => {
                asked = None;
                go_on(respond);
            }
            answered = &mut answering => return Some(answered),
            }
        }
    }
}

/// The place of a session, until it is over.
struct Taken {
    _own: Option<OwnedSemaphorePermit>,
    _seated: Option<Seated>,
}

/// Serves one stream to its end. Not an `async fn`, as for a connection: this one too lives as long as a session.
pub(super) fn serve(
    streams: Arc<Streams>,
    request: Request<Inbound>,
    respond: SendResponse<Bytes>,
) -> impl Future<Output = ()> + Send {
    // Boxed: the handshake's state is gone when the session lives.
    let opening = Box::pin(begin(streams, request, respond));
    async move {
        let Some((connection, place)) = opening.await else {
            return;
        };
        connection.run().await;
        drop(place);
    }
}

/// Answers a request. If that opened a session, it has joined its service.
async fn begin(
    streams: Arc<Streams>,
    request: Request<Inbound>,
    respond: SendResponse<Bytes>,
) -> Option<(Box<Connection<H2Stream>>, Taken)> {
    let method = request.method().clone();
    let streams = &*streams;
    let client = streams.client(request.headers());
    if streams.clients.refuse(&client, Instant::now()) {
        reply::send(respond, &method, too_many(streams), &streams.pace).await;
        return None;
    }
    match normalize(request) {
        Err(denied) => reply::send(respond, &method, refusal(denied), &streams.pace).await,
        Ok(request) if method == Method::CONNECT => {
            return open(streams, &client, request, respond).await;
        }
        Ok(request) => exchange(streams, &client, request, respond).await,
    }
    None
}

/// For one of a proxy's clients that has taken too many requests back.
fn too_many(streams: &Streams) -> Answer {
    let (remote, text) = (
        streams.peer.remote,
        "refused: a client behind an HTTP/2 proxy took too many requests back",
    );
    match streams.shared.flooded() {
        Some(count) => warn!(%remote, count, "{text}"),
        None => debug!(%remote, "{text}"),
    }
    let text = "too many requests were taken back; try again later";
    let mut answer = plain(StatusCode::TOO_MANY_REQUESTS, text);
    let retry_after = HeaderValue::from_static("1");
    answer.headers_mut().insert(RETRY_AFTER, retry_after);
    answer
}

fn refusal((status, text): Denied) -> Answer {
    let mut answer = plain(status, text);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let allow = HeaderValue::from_static("GET, HEAD");
        answer.headers_mut().insert(ALLOW, allow);
    }
    answer
}

/// A plain request. What is left of its body when it is answered, h2 tells the peer to keep.
async fn exchange(
    streams: &Streams,
    client: &Client,
    mut request: Request<Inbound>,
    mut respond: SendResponse<Bytes>,
) {
    let method = request.method().clone();
    // Those of a proxy are of many clients; others are of the one whose connection it is.
    let asker = streams.asker(streams.seated.shared());
    let asked = expects(&request).then(|| request.body_mut().when_asked());
    let answering = crate::request::serve(&asker, request);
    let Some(outcome) = streams
        .unless_reset(client, &mut respond, asked, answering)
        .await
    else {
        return;
    };
    if let Some(reply) = answered(outcome) {
        reply::send(respond, &method, reply, &streams.pace).await;
    }
}

/// Whether the body of a request comes only when it is asked for.
fn expects(request: &Request<Inbound>) -> bool {
    let expected = request.headers().get(EXPECT);
    expected.is_some_and(|what| what.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

/// Asks for the body (RFC 9110, section 10.1.1).
fn go_on(respond: &mut SendResponse<Bytes>) {
    let mut answer = Response::new(());
    *answer.status_mut() = StatusCode::CONTINUE;
    if let Err(error) = respond.send_informational(answer) {
        debug!(%error, "nobody waits to send a body");
    }
}

fn answered<B: RequestBody>(outcome: Outcome<B>) -> Option<Reply> {
    match outcome {
        Outcome::Refused(answer) => Some(answer.map(Either::Left)),
        // The service may read on while it answers, and no longer.
        Outcome::Answered(reply, remains) => Some(reply.map(|body| match body {
            Either::Right(body) => Either::Right(remains.until_answered(body)),
            ours => ours,
        })),
        // No plain request is an opening handshake here.
        Outcome::Opened(_) => None,
    }
}

/// A request to open a session, known to be one.
async fn open(
    streams: &Streams,
    client: &Client,
    request: Request<Inbound>,
    mut respond: SendResponse<Bytes>,
) -> Option<(Box<Connection<H2Stream>>, Taken)> {
    let (head, inbound) = request.into_parts();
    let (own, seated) = streams.place();
    let asker = streams.asker(seated);
    let opening = admit(client, &asker, Request::from_parts(head, Empty::new()));
    let outcome = streams
        .unless_reset(client, &mut respond, None, opening)
        .await?;
    let Opened {
        answer, admitted, ..
    } = match outcome {
        Ok(Outcome::Opened(opened)) => *opened,
        Ok(other) => {
            let reply = answered(other)?;
            reply::send(respond, &Method::CONNECT, reply, &streams.pace).await;
            return None;
        }
        Err(answer) => {
            reply::send(respond, &Method::CONNECT, answer, &streams.pace).await;
            return None;
        }
    };
    let (mut head, _) = answer.into_parts();
    reply::complete(&mut head.headers);
    let sent = respond.send_response(Response::from_parts(head, ()), false);
    match sent {
        Ok(send) => {
            let io = H2Stream::new(inbound, send, &streams.pace.outlet);
            let place = Taken {
                _own: own,
                _seated: asker.progress.lock().seated.take(),
            };
            Some((join(io, &[], admitted, &streams.shared), place))
        }
        Err(error) => {
            debug!(remote = %streams.peer.remote, %error, "nobody waits for a session any more");
            None
        }
    }
}

/// Has a session admitted, when it is this one's turn.
async fn admit(
    client: &Client,
    asker: &Asker,
    request: Request<Empty<Bytes>>,
) -> Result<Outcome<Empty<Bytes>>, Answer> {
    let within = asker.listener.handshake_timeout;
    match tokio::time::timeout(within, client.openings.acquire()).await {
        Ok(_turn) => Ok(crate::request::serve(asker, request).await),
        Err(_) => {
            let text = "too many sessions are being opened at once";
            Err(plain(StatusCode::SERVICE_UNAVAILABLE, text))
        }
    }
}
