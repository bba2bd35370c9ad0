//! A component that answers plain HTTP, behind the port: an instance for each request.
//!
//! The guest of a request runs in a task of its own. What net drops (the future of the answer, then its body) holds
//! the guest on a leash until the answer is whole; from there on the guest may work on for a minute.

mod ahead;
mod answer;
mod component;
mod errand;
mod fetched;
mod held;
mod outgoing;
mod request;
mod task;

use std::collections::BTreeMap;
use std::sync::Arc;

use ::http::{Method, Response, StatusCode};
use tokio::sync::{Semaphore, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasket_session::{Answering, HttpBody, HttpRequest, HttpService, Hub};
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

pub use component::HttpComponent;
pub(crate) use held::{Held, abandon, fitted};

use crate::budget::Budget;
use crate::capability::Capabilities;
use crate::error::Error;
use crate::keyvalue::Stores;
use crate::log::TARGET;
use crate::outbound::{Grant, Granted, Outbound};
use crate::refusal::Seldom;
use crate::store::Shared;
use crate::text::{escaped, start_of};
use crate::{Limits, Runtime};
use answer::plain;
use outgoing::Outgoing;
use task::{Ended, Task};

/// What requests may cost beside the [`Limits`] of the instances that answer them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// The longest body of a request, in bytes.
    pub body_bytes_max: u64,
    /// Requests whose guests may run at the same time; one more is answered 503.
    pub requests_max: usize,
}

/// Answers every request with an instance of its own.
pub struct GuestHttp {
    runtime: Runtime,
    component: HttpComponent,
    shared: Arc<Shared>,
    limits: HttpLimits,
    requests: Arc<Semaphore>,
    tasks: TaskTracker,
    full_told: Seldom,
}

impl GuestHttp {
    /// Answers with this component. `name` is what the log calls it; `hub` is where the sessions are that its guests
    /// see and send to; `config` is what they read through `wasi:config/store`. `event_time` and `event_wall_time` of the
    /// limits are those of a whole request, and the log calls them `request_time` and `request_wall_time`.
    ///
    /// # Errors
    /// When a limit is past what the host has room for, or an instance has no room within the limits.
    pub fn new(
        runtime: &Runtime,
        component: &HttpComponent,
        name: &str,
        hub: Arc<Hub>,
        config: BTreeMap<String, String>,
        limits: Limits,
        http: HttpLimits,
    ) -> Result<Self, Error> {
        limits.check()?;
        component.parts.fits(&limits)?;
        let shared = Shared::new(name.into(), hub, config, limits, Budget::REQUEST);
        let places = http.requests_max.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            runtime: runtime.clone(),
            component: component.clone(),
            shared: Arc::new(shared),
            limits: http,
            requests: Arc::new(Semaphore::new(places)),
            tasks: TaskTracker::new(),
            full_told: Seldom::default(),
        })
    }

    /// Lets its guests connect, and send requests, to what these grants cover: each so many at once. Done before it
    /// serves anybody.
    #[must_use]
    pub fn with_connections(
        mut self,
        outbound: &Outbound,
        grants: Vec<Grant>,
        connections_max: usize,
    ) -> Self {
        let granted = Granted::new(outbound, grants, connections_max);
        granted.hold_for(&mut self.shared);
        self
    }

    /// Lets its guests open these key-value stores. Done before it serves anybody.
    #[must_use]
    pub fn with_stores(mut self, stores: Stores) -> Self {
        stores.hold_for(&mut self.shared);
        self
    }

    /// Grants its guests this beside connections, as of a service.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        capabilities.hold_for(&mut self.shared);
        self
    }

    /// What it runs.
    #[must_use]
    pub fn component(&self) -> &HttpComponent {
        &self.component
    }

    /// How many more requests there is room for.
    #[must_use]
    pub fn requests_free(&self) -> usize {
        self.requests.available_permits()
    }

    /// Waits until no guest of a request runs any more. One that works on after its answer may do so for a minute; whoever
    /// cannot wait for that stops waiting.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn exchange(&self, request: HttpRequest) -> Response<HttpBody> {
        let Ok(place) = Arc::clone(&self.requests).try_acquire_owned() else {
            return self.full("requests_max", self.limits.requests_max);
        };
        let Some(permit) = self.runtime.reserve(self.component.parts.weight) else {
            return self.full_of_instances();
        };
        let is_head = request.message.method() == Method::HEAD;
        let Some((scheme, request)) = request::incoming(request) else {
            let text = "The host that is asked for is no name.";
            return plain(StatusCode::BAD_REQUEST, text);
        };
        let (sender, head) = oneshot::channel();
        let (reader, writer, writing) = answer::tie();
        let cancelled = CancellationToken::new();
        let leash = cancelled.clone().drop_guard();
        let task = Task {
            runtime: self.runtime.clone(),
            component: self.component.clone(),
            shared: Arc::clone(&self.shared),
            scheme,
            request,
            sender,
            permit,
            place,
            writer,
            writing,
        };
        let task = self.tasks.spawn(task.run(cancelled));
        match head.await {
            Ok(Ok(response)) => {
                let shared = Arc::clone(&self.shared);
                let answer = answer::of(response, is_head, leash, reader, shared);
                let text = |why| format!("the guest's answer cannot be sent: {why}");
                answer.unwrap_or_else(|why| self.unusable(&text(why)))
            }
            Ok(Err(code)) => {
                leash.disarm();
                self.failed(code)
            }
            Err(_) => match task.await {
                Ok(Ended::Full) => self.full_of_instances(),
                Ok(Ended::Unwilling) => {
                    let text = "The service is not available.";
                    plain(StatusCode::SERVICE_UNAVAILABLE, text)
                }
                Ok(Ended::Returned) => self.unusable("the guest returned and did not answer"),
                _ => plain(StatusCode::INTERNAL_SERVER_ERROR, FAILED),
            },
        }
    }

    /// The guest's answer is an error.
    #[cold]
    fn failed(&self, mut code: ErrorCode) -> Response<HttpBody> {
        answer::shorten(&mut code, ERROR_BYTES_MAX);
        let shown = start_of(format_args!("{code:?}"), ERROR_BYTES_MAX);
        let what = format!("the guest answers with an error: {}", escaped(&shown));
        tell(&self.shared, &what);
        plain(answer::status_of(&code), FAILED)
    }

    #[cold]
    fn unusable(&self, what: &str) -> Response<HttpBody> {
        tell(&self.shared, what);
        plain(StatusCode::INTERNAL_SERVER_ERROR, FAILED)
    }

    #[cold]
    fn full_of_instances(&self) -> Response<HttpBody> {
        self.full("instances_max", self.runtime.instances_max() as usize)
    }

    #[cold]
    fn full(&self, setting: &'static str, max: usize) -> Response<HttpBody> {
        if self.full_told.is_news() {
            tracing::warn!(
                service = &*self.shared.name,
                setting,
                "no room for another request: it is answered 503 ({setting} = {max})"
            );
        }
        let text = "The service is full. Try again later.";
        let mut answer = plain(StatusCode::SERVICE_UNAVAILABLE, text);
        let soon = ::http::HeaderValue::from_static("1");
        answer
            .headers_mut()
            .insert(::http::header::RETRY_AFTER, soon);
        answer
    }
}

impl HttpService for GuestHttp {
    fn body_bytes_max(&self) -> u64 {
        self.limits.body_bytes_max
    }

    fn answer<'a>(&'a self, request: HttpRequest) -> Answering<'a> {
        Box::pin(self.exchange(request))
    }
}

/// Tells the operator what is wrong with an answer.
#[cold]
fn tell(shared: &Shared, what: &str) {
    if shared.answer_failures.are_news(&shared.name) {
        let service = &*shared.name;
        tracing::error!(target: TARGET, service, event = "handle", "{what}");
    }
}

const ERROR_BYTES_MAX: usize = 1_024;
const FAILED: &str = "The service failed.";
