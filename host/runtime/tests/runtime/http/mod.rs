//! Plain requests, answered by components.

mod answers;
mod ends;
mod fetches;
mod holds;
mod limits;
mod upstream;
mod wat;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, Full};
use tokio::sync::mpsc;
use wasket_runtime::{GuestHttp, HttpComponent, HttpLimits, Limits, Runtime};
use wasket_session::{BodyFault, HttpBody, HttpRequest, HttpService as _, Hub, Principal};

use crate::harness::{guest_file, runtime_of};

/// A service of the probe.
struct Bench {
    runtime: Runtime,
    service: GuestHttp,
    instances: usize,
    requests: usize,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Limits::default(), 4).await
    }

    async fn with(limits: Limits, requests_max: usize) -> Self {
        let runtime = runtime();
        let component = probe(&runtime).await;
        Self::serving(runtime, &component, limits, requests_max)
    }

    fn serving(
        runtime: Runtime,
        component: &HttpComponent,
        limits: Limits,
        requests_max: usize,
    ) -> Self {
        let hub = Hub::new("chat", wasket_session::Limits::default(), Vec::new());
        let service = service(&runtime, component, Arc::new(hub), limits, requests_max);
        Self {
            instances: runtime.instances_free(),
            requests: service.requests_free(),
            runtime,
            service,
        }
    }

    async fn get(&self, target: &str) -> Response<HttpBody> {
        self.service.answer(request("GET", target, none())).await
    }

    /// A status and a whole body.
    async fn text(&self, target: &str) -> (u16, String) {
        let answer = self.get(target).await;
        let status = answer.status().as_u16();
        (status, whole(answer).await.expect("a whole body"))
    }

    /// Every guest has gone, and has left nothing behind.
    async fn over(&self) {
        let ended = tokio::time::timeout(PATIENCE, self.service.ended());
        ended.await.expect("every guest ends");
        assert_eq!(self.runtime.instances_free(), self.instances);
        assert_eq!(self.service.requests_free(), self.requests);
    }
}

/// With a cache, for every test needs the same component.
fn runtime() -> Runtime {
    let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("components");
    runtime_of(8, Some(cache))
}

async fn probe(runtime: &Runtime) -> HttpComponent {
    let loaded = runtime.load_http(&guest_file("httpprobe"), None).await;
    loaded.unwrap_or_else(|e| panic!("{e}"))
}

fn service(
    runtime: &Runtime,
    component: &HttpComponent,
    hub: Arc<Hub>,
    limits: Limits,
    requests_max: usize,
) -> GuestHttp {
    let http = HttpLimits {
        body_bytes_max: 1 << 20,
        requests_max,
    };
    let config = BTreeMap::from([("color".to_owned(), "green".to_owned())]);
    let made = GuestHttp::new(runtime, component, "test", hub, config, limits, http);
    made.unwrap_or_else(|e| panic!("{e}"))
}

fn request(method: &str, target: &str, body: HttpBody) -> HttpRequest {
    let message = Request::builder().method(method).uri(target).body(body);
    HttpRequest {
        message: message.expect("a request"),
        service: "test".into(),
        authority: "a.example".into(),
        path: target.split('?').next().unwrap_or_default().into(),
        parameters: Box::default(),
        principal: Some(Principal {
            name: "ada".into(),
            roles: vec!["reader".into()],
            claims: Vec::new(),
        }),
        remote_address: ([127, 0, 0, 1], 9).into(),
        secure: false,
        properties: Arc::default(),
    }
}

fn none() -> HttpBody {
    text("")
}

fn text(text: &'static str) -> HttpBody {
    let body = Full::new(Bytes::from(text));
    body.map_err(|never| match never {}).boxed_unsync()
}

/// A body piece by piece, or with a fault in it.
fn pieces() -> (mpsc::Sender<Result<Bytes, BodyFault>>, HttpBody) {
    struct Pieces(mpsc::Receiver<Result<Bytes, BodyFault>>);
    impl http_body::Body for Pieces {
        type Data = Bytes;
        type Error = BodyFault;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
            let piece = self.0.poll_recv(cx);
            piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
        }
    }
    let (sender, receiver) = mpsc::channel(1);
    (sender, Pieces(receiver).boxed_unsync())
}

/// All of a body, as text; an error if it was cut off.
async fn whole(answer: Response<HttpBody>) -> Result<String, BodyFault> {
    let body = answer.into_body().collect().await?;
    Ok(String::from_utf8(body.to_bytes().to_vec()).expect("text"))
}

/// The next piece of an answer.
async fn piece(body: &mut HttpBody) -> Option<Result<Bytes, BodyFault>> {
    let frame = poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await;
    frame.map(|frame| frame.map(|frame| frame.into_data().expect("no trailers")))
}

const PATIENCE: Duration = Duration::from_secs(30);
