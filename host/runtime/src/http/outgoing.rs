//! Requests of guests to the outside: which may go, and what goes.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, Request, Uri, Version, header};
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;
use url::{Position, Url};
use wasket_session::SessionId;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::errand::{Asked, Errand, Sent, Way};
use crate::outbound::{Grant, Granted};
use crate::store::Shared;

/// What the host says to the requests of one guest.
pub(crate) struct Outgoing {
    shared: Arc<Shared>,
    session: SessionId,
    /// As many as there are of it besides this one are on their way.
    errands: Arc<()>,
    /// Connections of another kind, which count too.
    links: usize,
    unread_max: Duration,
}

/// Room for a request, until all of it has gone and its answer has been read: as long as it has a connection.
pub(super) struct Place {
    _of_the_host: OwnedSemaphorePermit,
    _of_the_guest: Arc<()>,
}

impl Outgoing {
    pub(crate) fn new(shared: Arc<Shared>, session: SessionId) -> Self {
        Self {
            shared,
            session,
            errands: Arc::default(),
            links: 0,
            unread_max: UNREAD_MAX,
        }
    }

    /// How many requests are on their way, or have answers that were not read to the end.
    pub(crate) fn open(&self) -> usize {
        Arc::strong_count(&self.errands).saturating_sub(1)
    }

    /// The guest has so many connections of another kind.
    pub(crate) fn beside(&mut self, links: usize) {
        self.links = links;
    }

    /// What was judged is what will be sent: nothing of the guest's own text of the URL goes further than here.
    fn judge(&self, request: Request<WasiBody>) -> Result<Errand, Error> {
        let (mut head, body) = request.into_parts();
        // What TRACE brings back may be what a proxy on the way knows of the host.
        if matches!(head.method, Method::CONNECT | Method::TRACE) {
            return Err(Error::HttpRequestMethodInvalid);
        }
        let invalid = || Error::HttpRequestUriInvalid;
        let url = Url::parse(&head.uri.to_string()).map_err(|_| invalid())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid());
        }
        let (granted, grant) = self.grant(&url)?;
        head.uri = Uri::try_from(&url[Position::BeforePath..Position::AfterQuery])
            .map_err(|_| invalid())?;
        let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
        head.headers
            .insert(header::HOST, host.map_err(|_| invalid())?);
        head.version = Version::HTTP_11;
        let connect = grant.dial(&url).map_err(|_| invalid())?;
        let place = Arc::new(self.place(granted)?);
        let body = Asked::new(body, &place).boxed_unsync();
        let way = Way {
            shared: Arc::clone(&self.shared),
            session: self.session,
            connect,
            method: head.method.clone(),
            url,
        };
        Ok(Errand {
            way,
            place,
            request: Request::from_parts(head, body),
            unread: self.unread_max,
        })
    }

    fn grant(&self, url: &Url) -> Result<(&Granted, &Grant), Error> {
        let granted = self.shared.granted.as_ref();
        granted
            .and_then(|granted| Some((granted, granted.find(url)?)))
            .ok_or_else(|| {
                let (service, refusals) = (&self.shared.name, &self.shared.refusals);
                refusals.tell_target(service, self.session, &url[..Position::BeforePath]);
                Error::HttpRequestDenied
            })
    }

    fn place(&self, granted: &Granted) -> Result<Place, Error> {
        let max = granted.connections_max;
        if self.open() + self.links >= max {
            return Err(self.refuse("connections_per_session_max", max));
        }
        let of_the_host = granted.outbound.place().ok_or_else(|| {
            let max = granted.outbound.connections_max();
            self.refuse("outbound_connections_max", max)
        })?;
        Ok(Place {
            _of_the_host: of_the_host,
            _of_the_guest: Arc::clone(&self.errands),
        })
    }

    #[cold]
    fn refuse(&self, setting: &'static str, max: usize) -> Error {
        let refusals = &self.shared.refusals;
        refusals.tell(&self.shared.name, self.session, setting, max);
        Error::ConnectionLimitReached
    }
}

impl WasiHttpHooks for Outgoing {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Sent, Error>> + Send> {
        match self.judge(request) {
            Ok(errand) => Box::new(errand.run(options.unwrap_or_default())),
            Err(why) => Box::new(ready(Err(why))),
        }
    }

    /// It is set from what was judged.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn p2_outgoing_body_buffer_chunks(&mut self) -> usize {
        BODY_CHUNKS
    }

    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        BODY_CHUNK_BYTES_MAX
    }
}

/// A guest that has not begun to read an answer by then does not want it, and others want its place.
const UNREAD_MAX: Duration = Duration::from_secs(60);

/// What a guest may write of a body before somebody reads it: as many chunks and one more.
const BODY_CHUNKS: usize = 1;
const BODY_CHUNK_BYTES_MAX: usize = 64 << 10;
pub(super) const BODY_BYTES_MAX: usize = (BODY_CHUNKS + 1) * BODY_CHUNK_BYTES_MAX;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use http::Response;
    use http_body_util::Empty;
    use hyper::body::Body as _;
    use tokio::task::JoinHandle;
    use tokio::time::timeout;
    use wasket_session::{Hub, IdSource};
    use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};

    use super::*;
    use crate::Limits;
    use crate::budget::Budget;
    use crate::outbound::Outbound;

    /// May send one request at a time there.
    fn outgoing(url: &str) -> Outgoing {
        let limits = wasket_session::Limits::default();
        let hub = Arc::new(Hub::new("test", limits, Vec::new()));
        let config = BTreeMap::new();
        let limits = Limits::default();
        let mut shared = Shared::new("test".into(), hub, config, limits, Budget::REQUEST);
        shared.granted = Some(Granted {
            outbound: Outbound::new(Arc::new(IdSource::new(1)), 1),
            grants: vec![Grant::new(url).unwrap()],
            connections_max: 1,
        });
        Outgoing::new(Arc::new(shared), SessionId::new(1).unwrap())
    }

    /// Answers everybody so as soon as the head has come, and keeps what it has accepted.
    fn hasty(answer: &str) -> String {
        hasty_in(&[answer])
    }

    /// The same in pieces, with a pause before each but the first.
    fn hasty_in(pieces: &[&str]) -> String {
        let pieces: Vec<String> = pieces.iter().map(|&piece| piece.to_owned()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut kept = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    head.extend(byte);
                }
                for (n, piece) in pieces.iter().enumerate() {
                    thread::sleep(Duration::from_millis(if n > 0 { 5 } else { 0 }));
                    stream.write_all(piece.as_bytes()).unwrap();
                }
                kept.push(stream);
            }
        });
        format!("http://{address}/")
    }

    async fn send(outgoing: &mut Outgoing, url: &str, body: WasiBody) -> Result<Sent, Error> {
        let request = Request::post(url).body(body).unwrap();
        let sent = outgoing.send_request(request, None, Box::new(ready(Ok(()))));
        Box::into_pin(sent).await
    }

    /// An answer to what has no body, and its connection, which goes on.
    async fn ask(
        outgoing: &mut Outgoing,
        url: &str,
    ) -> (Response<WasiBody>, JoinHandle<Result<(), Error>>) {
        let nothing = Empty::new().map_err(|never| match never {});
        let sent = send(outgoing, url, nothing.boxed_unsync()).await;
        let (response, connection) = sent.unwrap();
        (response, tokio::spawn(Box::into_pin(connection)))
    }

    // hardening H29
    #[tokio::test]
    async fn a_place_is_taken_while_the_guest_goes_on_sending() {
        let url = hasty("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let mut outgoing = outgoing(&url);
        for finishes in [false, true] {
            let (writer, body) = HostOutgoingBody::new(StreamContext::Request, None, 1, 1);
            let (response, connection) = send(&mut outgoing, &url, body).await.unwrap();
            assert!(response.body().is_end_stream());
            let connection = tokio::spawn(Box::into_pin(connection));
            assert_eq!(outgoing.open(), 1, "what is sent has no end yet");
            let again = HostOutgoingBody::new(StreamContext::Request, None, 1, 1).1;
            let refused = send(&mut outgoing, &url, again).await;
            assert!(matches!(refused, Err(Error::ConnectionLimitReached)));
            match finishes {
                // Nothing is left to do: it ends of itself.
                true => writer.finish(None).unwrap(),
                // As when the guest drops the answer.
                false => connection.abort(),
            }
            let _ = connection.await;
            assert_eq!(outgoing.open(), 0);
        }
    }

    // hardening H29
    #[tokio::test]
    async fn an_answer_that_is_left_unread_loses_its_connection() {
        let url = hasty("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
        let mut outgoing = outgoing(&url);
        assert_eq!(outgoing.unread_max, Duration::from_secs(60));
        outgoing.unread_max = Duration::from_millis(20);
        let (response, connection) = ask(&mut outgoing, &url).await;
        let ended = timeout(PATIENCE, connection).await;
        ended.expect("it is not kept").unwrap().unwrap();
        assert_eq!(outgoing.open(), 0);
        let mut body = response.into_body();
        let left = body.frame().await.unwrap();
        assert!(matches!(left, Err(Error::ConnectionTerminated)), "{left:?}");
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn an_answer_that_is_short_and_here_needs_no_place() {
        for answer in [
            &["content-length: 2\r\n\r\nok"][..],
            &["content-length: 2\r\n\r\no", "k"],
            &["transfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"],
            &[
                "transfer-encoding: chunked\r\n\r\n1\r\no\r\n",
                "1\r\nk\r\n0\r\n\r\n",
            ],
        ] {
            let url = hasty_in(&[&["HTTP/1.1 200 OK\r\n"], answer].concat());
            let mut outgoing = outgoing(&url);
            let mut unread = Vec::new();
            for _ in 0..5 {
                let (response, connection) = ask(&mut outgoing, &url).await;
                assert!(is_given_back(&outgoing).await, "{answer:?}");
                unread.push((response, connection));
            }
            for (response, connection) in unread {
                let body = response.into_body().collect().await.unwrap();
                assert_eq!(body.to_bytes(), "ok", "{answer:?}");
                connection.abort();
            }
        }
    }

    #[tokio::test]
    async fn an_answer_that_came_unasked_has_the_end_that_it_had() {
        let url = hasty(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n",
        );
        let mut whole = outgoing(&url);
        let (response, _connection) = ask(&mut whole, &url).await;
        assert!(is_given_back(&whole).await);
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.trailers().unwrap()["x-sum"], "7");
        assert_eq!(body.to_bytes(), "ok");

        let url = hasty("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\nx");
        let mut broken = outgoing(&url);
        let (response, _connection) = ask(&mut broken, &url).await;
        assert!(is_given_back(&broken).await);
        let mut body = response.into_body();
        let read = body.frame().await.unwrap().unwrap();
        assert_eq!(read.into_data().unwrap(), "ok");
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }

    // hardening H29
    #[tokio::test]
    async fn an_answer_that_is_longer_keeps_its_place() {
        let url = long();
        let mut outgoing = outgoing(&url);
        let (response, _connection) = ask(&mut outgoing, &url).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(outgoing.open(), 1);
        let body = response.into_body().collect().await.unwrap();
        assert_eq!(body.to_bytes(), vec![b'a'; 40 * 1024]);
        assert!(is_given_back(&outgoing).await);
    }

    async fn is_given_back(outgoing: &Outgoing) -> bool {
        let is_given_back = async {
            while outgoing.open() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(PATIENCE, is_given_back).await.is_ok()
    }

    /// Answers with 40 KiB in chunks of one.
    fn long() -> String {
        let chunk = format!("400\r\n{}\r\n", "a".repeat(1024));
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        hasty_in(&[head, &chunk.repeat(40), "0\r\n\r\n"])
    }

    const PATIENCE: Duration = Duration::from_secs(30);
}
