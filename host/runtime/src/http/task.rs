//! One request's guest, from its making to its end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio_util::sync::CancellationToken;
use wasket_session::Fault;
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

use super::HttpComponent;
use super::answer::{Writer, Writing};
use super::request::Incoming;
use crate::Runtime;
use crate::export::Handle;
use crate::instance::{Instance, NoInstance};
use crate::session;
use crate::store::Shared;

/// What a guest answers.
pub(super) type Answered = Result<Response<HyperOutgoingBody>, ErrorCode>;

/// What it takes to answer a request.
pub(super) struct Task {
    pub(super) runtime: Runtime,
    pub(super) component: HttpComponent,
    pub(super) shared: Arc<Shared>,
    pub(super) scheme: Scheme,
    pub(super) request: Request<Incoming>,
    pub(super) sender: oneshot::Sender<Answered>,
    pub(super) writer: Writer,
    pub(super) writing: Writing,
    /// The place of the instance.
    pub(super) permit: OwnedSemaphorePermit,
    /// The place of the request.
    pub(super) place: OwnedSemaphorePermit,
}

/// How it ended, as far as that makes a difference to a peer that was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The guest returned.
    Returned,
    /// The guest failed, and that has been logged; or it was cancelled.
    Failed,
    /// The host has no room for the instance.
    Full,
    /// The guest does not want to serve.
    Unwilling,
}

impl Task {
    /// Runs the guest, unless, or until, this is cancelled.
    pub(super) async fn run(self, cancelled: CancellationToken) -> Ended {
        let Self { place, .. } = self;
        let making = instance(&self.runtime, &self.component, &self.shared, self.permit);
        let mut instance = match cancelled.run_until_cancelled(making).await {
            Some(Ok(instance)) => instance,
            Some(Err(ended)) => return ended,
            None => return Ended::Failed,
        };
        let resources = resources(&mut instance, self.scheme, self.request, self.sender);
        let resources = match resources {
            Ok(resources) => resources,
            Err(why) => {
                let what = format!("the guest leaves no room for a request: {why}");
                super::tell(&self.shared, &what);
                return Ended::Failed;
            }
        };
        let within = self.shared.limits.event_wall_time.min(AFTER_ANSWER_MAX);
        let called = {
            let call = call(&mut instance, &self.component, resources, self.writing);
            let call = pin!(call);
            let outlived = pin!(self.writer.outlived(within));
            match cancelled.run_until_cancelled(select(call, outlived)).await {
                Some(Either::Left((returned, _))) => returned,
                Some(Either::Right(_)) => {
                    let what = format!("the guest still worked {within:?} after its answer");
                    super::tell(&self.shared, &what);
                    Err(Fault::WallTime)
                }
                None => Err(Fault::Host),
            }
        };
        // First the store: while the place is taken, so is what it stands for.
        drop(instance);
        drop(place);
        called.map_or(Ended::Failed, |()| Ended::Returned)
    }
}

async fn instance(
    runtime: &Runtime,
    component: &HttpComponent,
    shared: &Arc<Shared>,
    permit: OwnedSemaphorePermit,
) -> Result<Instance, Ended> {
    let parts = &component.parts;
    let session = session::nobody(&shared.hub).ok_or(Ended::Failed)?;
    let made = Instance::new(runtime, shared, &session, &parts.pre, permit).await;
    let mut instance = made.map_err(|why| match why {
        NoInstance::Failed => Ended::Failed,
        NoInstance::Full | NoInstance::Unmapped => Ended::Full,
    })?;
    match instance.start(parts.exports.lifecycle.as_ref()).await {
        true => Ok(instance),
        false => Err(Ended::Unwilling),
    }
}

/// An event of its own, and the last one.
async fn call(
    instance: &mut Instance,
    component: &HttpComponent,
    resources: Handle,
    writing: Writing,
) -> Result<(), Fault> {
    let exports = &component.parts.exports;
    let () = instance
        .call_rare("handle", &exports.handle, resources)
        .await?;
    match &exports.lifecycle {
        Some(lifecycle) => {
            // Its client need not wait for that, nor others for bodies that it began to send.
            drop(writing);
            instance.guest_mut().abandon_bodies();
            instance.call_rare("on-stop", &lifecycle.on_stop, ()).await
        }
        None => Ok(()),
    }
}

fn resources(
    instance: &mut Instance,
    scheme: Scheme,
    request: Request<Incoming>,
    sender: oneshot::Sender<Answered>,
) -> wasmtime::Result<Handle> {
    let mut http = instance.guest_mut().http();
    let request = http.new_incoming_request(scheme, request)?;
    Ok((request, http.new_response_outparam(sender)?))
}

/// How long a guest may work on when its answer is whole and nobody waits for it any more. Its time for the request may be
/// without an end, for answers that are.
const AFTER_ANSWER_MAX: Duration = Duration::from_secs(60);
