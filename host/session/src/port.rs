//! The seam: what a path can have behind it.
//!
//! `net` calls these traits and does not know what implements them; `runtime` and the native
//! [`echo`](crate::echo) implement them and do not know that sockets exist.

use std::net::SocketAddr;
use std::pin::Pin;
use std::slice;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use wasket_ws::Event;

use crate::{Hub, Outbox, Principal, Session};

/// Something that serves sessions on a path.
pub trait Service: Send + Sync {
    /// Where this service's sessions meet.
    fn hub(&self) -> &Arc<Hub>;

    /// Decides on an opening handshake before it is answered, and reserves what the session will need:
    /// a service without room refuses here with 503. The session is still connecting, and not yet in
    /// the hub. Dropping the [`Admission`], or the future, gives everything back.
    fn admit<'a>(
        &'a self,
        session: &'a Arc<Session>,
    ) -> Pin<Box<dyn Future<Output = Result<Admission, Refusal>> + Send + 'a>>;
}

/// A session may open.
pub struct Admission {
    /// The agreed subprotocol: one of those offered.
    pub protocol: Option<Box<str>>,
    /// Added to the 101 answer. Valid field names and values; hop-by-hop and `sec-websocket-*` fields
    /// are the host's own and are left out there.
    pub headers: Vec<(String, String)>,
    /// Replaces the principal that the host established.
    pub principal: Option<Principal>,
    /// Serves the session from now on.
    pub seat: Box<dyn Seat>,
}

/// The opening handshake is answered with this instead of 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 300-599.
    pub status: u16,
    /// Added to the answer.
    pub headers: Vec<(String, String)>,
    /// What the client reads.
    pub body: Vec<u8>,
}

impl Refusal {
    /// A refusal with a line of plain text for the client.
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "text/plain; charset=utf-8".into())],
            body: format!("{text}\n").into_bytes(),
        }
    }
}

/// What serves one session, owned by the task that owns the connection. Calls never overlap and come in
/// this order: `open`; any of `receive`, `timer`, `wake`; `error` at most once; `close`, after which it is dropped.
///
/// While a returned future is pending, the connection goes on answering control frames and writing what
/// was [published](Outbox::publish) or queued by others; so a seat publishes before it waits. After an
/// `Err` (or after the future was dropped unfinished) no further call is made.
pub trait Seat: Send {
    /// The session is open; others can see it.
    fn open<'a>(&'a mut self, outbox: &'a mut Outbox) -> Call<'a>;

    /// Everything that one read brought, in the order of the wire. A seat stops taking from the inbox
    /// when its session [was shut](Session::is_shut).
    fn receive<'a>(&'a mut self, inbox: Inbox<'a>, outbox: &'a mut Outbox) -> Call<'a>;

    /// A timer of this session is due.
    fn timer<'a>(&'a mut self, token: u64, outbox: &'a mut Outbox) -> Call<'a>;

    /// Somebody [woke](Session::wake_seat) the seat, or its outbox, where it [had no room](Outbox::has_room), has drained
    /// to half.
    fn wake<'a>(&'a mut self, outbox: &'a mut Outbox) -> Call<'a> {
        let _ = outbox;
        Box::pin(std::future::ready(Ok(())))
    }

    /// The session met trouble; `close` follows.
    fn error<'a>(&'a mut self, error: SessionError, outbox: &'a mut Outbox) -> Call<'a>;

    /// The session is over: once for every `open` that returned `Ok`, unless a later call failed.
    fn close<'a>(&'a mut self, close: CloseEvent, outbox: &'a mut Outbox) -> Call<'a>;

    /// Whether the inbox should carry pings and pongs.
    fn wants_control(&self) -> bool {
        false
    }
}

/// One boxed future a read, not a message: its cost vanishes behind the system calls.
pub type Call<'a> = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send + 'a>>;

/// The seat cannot go on; its session closes with 1011. The seat has logged the details: a client is
/// told nothing of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The guest trapped or exited.
    Trap,
    /// The guest ran longer than an event may.
    Time,
    /// The guest ran and waited longer than an event may.
    WallTime,
    /// The guest went past one of its memory limits.
    Memory,
    /// Something on our side.
    Host,
}

/// Messages (and, for a seat that wants them, pings and pongs) of one session that arrived together:
/// borrowed from the connection's buffer, unmasked and checked.
#[derive(Clone, Debug)]
pub struct Inbox<'a> {
    events: slice::Iter<'a, Event<'a>>,
}

impl<'a> Inbox<'a> {
    /// An inbox of these events. Close frames among them are passed over.
    #[must_use]
    pub fn new(events: &'a [Event<'a>]) -> Self {
        Self {
            events: events.iter(),
        }
    }

    /// How many events are left, at most.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Iterator for Inbox<'a> {
    type Item = &'a Event<'a>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.events.find(|event| !matches!(event, Event::Close(_)))
    }
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// The client.
    Peer,
    /// The service's code.
    Guest,
    /// This host: a limit, a shutdown, a fault.
    Host,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseEvent {
    /// 1005 when the peer gave none, 1006 when the connection was lost.
    pub code: u16,
    /// At most 123 bytes.
    pub reason: String,
    /// Both sides completed the closing handshake.
    pub clean: bool,
    /// Who ended it.
    pub by: Party,
}

/// Why a session met trouble; it closes afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// The peer broke the protocol.
    Protocol(String),
    /// The peer went past a limit of the service.
    Limit(String),
    /// The connection failed.
    Connection(String),
}

/// Something that answers plain HTTP requests on a path. Sessions may have the same path: a request that asks for
/// `Upgrade: websocket` is theirs, every other one comes here.
pub trait HttpService: Send + Sync {
    /// The longest body of a request that it takes, in bytes; a longer one is answered 413. With 0 it takes none: what
    /// comes nevertheless is never read as anything else, and `Transfer-Encoding` is answered 400.
    fn body_bytes_max(&self) -> u64;

    /// Answers one request, with a status from 200 to 599. A request for `HEAD` is answered like one for `GET`, with an
    /// empty body and perhaps the `content-length` of the other; elsewhere that field counts only where the body does not
    /// know its length itself, and what goes beyond it is cut off. Fields that belong to the connection are the host's own and
    /// are left out there.
    ///
    /// This future, and then the body of the answer, are dropped when their connection ends, or the peer has ended its side
    /// of it. While nothing is written that may show late: over HTTP/1.1 whatever else the peer has sent, as much as
    /// one byte, hides it. So what waits here has a deadline of its own.
    ///
    /// The body of the request ends with that of the answer, for who still reads it in [`BodyFault::Broken`]; what is left
    /// of it when the service drops it is thrown away. Where it fails before the answer has begun, the peer is told that, in
    /// the place of the answer; afterwards it is only the service that knows.
    fn answer<'a>(&'a self, request: HttpRequest) -> Answering<'a>;
}

/// One boxed future a request.
pub type Answering<'a> = Pin<Box<dyn Future<Output = http::Response<HttpBody>> + Send + 'a>>;

/// A body that comes bit by bit. Whoever reads it sets the pace.
pub type HttpBody = UnsyncBoxBody<Bytes, BodyFault>;

/// A request, and what the host knows of who sent it.
#[derive(Debug)]
pub struct HttpRequest {
    /// Method, target and fields as they came, but for `authorization` where the host has done the login. The body is
    /// never longer than the service takes, and never waits longer for its peer than the listener allows.
    pub message: http::Request<HttpBody>,
    /// The name of the service.
    pub service: Arc<str>,
    /// The Host header, seen through trusted proxies.
    pub authority: Box<str>,
    /// Percent-decoded, without the query.
    pub path: Box<str>,
    /// What the route's `{name}` and `*` parts matched, decoded.
    pub parameters: Box<[(Box<str>, Box<str>)]>,
    /// Who is asking, as far as the host knows.
    pub principal: Option<Principal>,
    /// The peer, seen through trusted proxies.
    pub remote_address: SocketAddr,
    /// Whether the connection is encrypted.
    pub secure: bool,
    /// What else the host knows, such as `http-version`.
    pub properties: Arc<[(Box<str>, Box<str>)]>,
}

/// Why a body ends before its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyFault {
    /// The peer sends more than the service takes; it is answered 413, unless the answer has begun.
    #[error("the body is longer than the service takes")]
    TooLong,
    /// The peer sends nothing for too long; it is answered 408, unless the answer has begun.
    #[error("the peer stopped sending the body")]
    Slow,
    /// The connection, or what the body is made from, failed; or the request is over.
    #[error("{0}")]
    Broken(String),
}
