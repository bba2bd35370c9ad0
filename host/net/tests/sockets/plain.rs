//! A server that answers plain HTTP too, by native services that do one thing each.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::task::JoinHandle;
use wasket_net::{
    Access, FileSettings, Files, Hosts, HttpPlace, Listener, Origins, Place, Reads, Route, Routes,
    Server, ServerHandle,
};
use wasket_session::echo::Echo;
use wasket_session::{
    Answering, BodyFault, HttpBody, HttpRequest, HttpService, Hub, IdSource, Limits,
};

/// `/read` answers method, path and body, `/unread` reads no body, `/none` takes none, `/endless` sends for ever, `/both`
/// is an echo too, and `/gone` did not load. `/echo` is an echo only.
pub(crate) struct Plain {
    pub(crate) address: SocketAddr,
    /// An endless body was dropped.
    pub(crate) dropped: Arc<AtomicBool>,
    handle: ServerHandle,
    task: JoinHandle<usize>,
}

impl Plain {
    pub(crate) fn start(
        change: impl FnOnce(&mut Listener),
        change_place: impl Fn(&mut HttpPlace),
    ) -> Self {
        let (routes, dropped) = routes(change_place);
        Self::serve(routes, dropped, change)
    }

    /// The files of a directory, at `/` and below.
    pub(crate) fn files(settings: FileSettings) -> Self {
        let place = Arc::new(HttpPlace {
            name: "files".into(),
            service: Some(Arc::new(Files::new(settings, Reads::new()))),
            hosts: Hosts::default(),
            origins: Origins::Any,
            access: Access::default(),
            response_headers: Vec::new(),
        });
        let mut routes = Routes::default();
        for route in ["/", "/*"] {
            routes.add_http(Route::parse(route).unwrap(), Arc::clone(&place));
        }
        Self::serve(routes, Arc::default(), |_| {})
    }

    /// A service of the test's own, at `/own`, and what else `start` has.
    pub(crate) fn own(
        answer: impl Fn(HttpRequest) -> Response<HttpBody> + Send + Sync + 'static,
        change: impl FnOnce(&mut Listener),
    ) -> Self {
        let place = HttpPlace {
            name: "own".into(),
            service: Some(Arc::new(Own(answer))),
            hosts: Hosts::default(),
            origins: Origins::default(),
            access: Access::default(),
            response_headers: Vec::new(),
        };
        let (mut routes, dropped) = routes(|_| {});
        routes.add_http(Route::parse("/own").unwrap(), Arc::new(place));
        Self::serve(routes, dropped, change)
    }

    fn serve(routes: Routes, dropped: Arc<AtomicBool>, change: impl FnOnce(&mut Listener)) -> Self {
        let mut listener = Listener::new(SocketAddr::from(([127, 0, 0, 1], 0)));
        change(&mut listener);
        let server = Server::bind(vec![listener], routes, IdSource::new(0)).unwrap();
        Self {
            address: server.addresses()[0],
            dropped,
            handle: server.handle(),
            task: tokio::spawn(server.run(Duration::from_secs(10))),
        }
    }

    /// Stops it; how many connections did not end in time.
    pub(crate) async fn stop(self) -> usize {
        self.handle.stop();
        self.task.await.unwrap()
    }
}

/// What stands where, and what is set when an endless body was dropped.
fn routes(change_place: impl Fn(&mut HttpPlace)) -> (Routes, Arc<AtomicBool>) {
    let dropped = Arc::new(AtomicBool::new(false));
    let mut routes = Routes::default();
    for (path, does) in [
        ("/read", Some(Does::Read)),
        ("/both", Some(Does::Read)),
        ("/unread", Some(Does::NotRead)),
        ("/none", Some(Does::TakeNone)),
        ("/slow", Some(Does::Wait)),
        ("/endless", Some(Does::Send(Arc::clone(&dropped)))),
        ("/gone", None),
    ] {
        let mut place = HttpPlace {
            name: path.trim_start_matches('/').into(),
            service: does.map(|does| Arc::new(does) as Arc<dyn HttpService>),
            hosts: Hosts::default(),
            origins: Origins::default(),
            access: Access::default(),
            response_headers: vec![("x-served-by".parse().unwrap(), "wasket".parse().unwrap())],
        };
        change_place(&mut place);
        routes.add_http(Route::parse(path).unwrap(), Arc::new(place));
    }
    for path in ["/both", "/echo"] {
        let hub = Arc::new(Hub::new("echo", Limits::default(), Vec::new()));
        let place = Place {
            name: "echo".into(),
            service: Some(Arc::new(Echo::new(hub))),
            hosts: Hosts::default(),
            origins: Origins::default(),
            access: Access::default(),
            response_headers: Vec::new(),
        };
        routes.add(Route::parse(path).unwrap(), place);
    }
    (routes, dropped)
}

/// The longest body that is taken, but for `/none`.
pub(crate) const BODY_BYTES_MAX: u64 = 200_000;

enum Does {
    Read,
    NotRead,
    TakeNone,
    Wait,
    Send(Arc<AtomicBool>),
}

impl HttpService for Does {
    fn body_bytes_max(&self) -> u64 {
        match self {
            Self::TakeNone => 0,
            _ => BODY_BYTES_MAX,
        }
    }

    fn answer<'a>(&'a self, request: HttpRequest) -> Answering<'a> {
        let mut said = format!(
            "{} {} {} ",
            request.message.method(),
            request.service,
            request.message.uri()
        );
        Box::pin(async move {
            match self {
                Self::Read => match request.message.into_body().collect().await {
                    Ok(body) => said += &String::from_utf8_lossy(&body.to_bytes()),
                    Err(fault) => said += &fault.to_string(),
                },
                Self::Wait => tokio::time::sleep(Duration::from_millis(800)).await,
                Self::NotRead | Self::TakeNone => {}
                Self::Send(dropped) => {
                    let body = Endless(Arc::clone(dropped));
                    return Response::new(body.boxed_unsync());
                }
            }
            let mut answer = Response::new(whole(said));
            // The host's own: a service that says it is not heard.
            let headers = answer.headers_mut();
            headers.insert("connection", "upgrade".parse().unwrap());
            headers.insert("upgrade", "websocket".parse().unwrap());
            answer
        })
    }
}

struct Own<F>(F);

impl<F: Fn(HttpRequest) -> Response<HttpBody> + Send + Sync> HttpService for Own<F> {
    fn body_bytes_max(&self) -> u64 {
        BODY_BYTES_MAX
    }

    fn answer<'a>(&'a self, request: HttpRequest) -> Answering<'a> {
        let answer = (self.0)(request);
        Box::pin(std::future::ready(answer))
    }
}

pub(crate) fn whole(text: String) -> HttpBody {
    Full::new(Bytes::from(text))
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Sends as much as is taken, and says when it is dropped.
struct Endless(Arc<AtomicBool>);

impl Body for Endless {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 << 10])))))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
