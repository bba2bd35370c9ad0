//! A guest while it runs: one store and the instance in it, and the one way to call it.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use wasket_session::{Fault, Outbox, Session};
use wasmtime::Store;
use wasmtime::component::{
    self, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Lower, TypedFunc,
};

use crate::Runtime;
use crate::budget::{Budget, Meter};
use crate::export::{Lifecycle, Started};
use crate::fault::Failure;
use crate::log::{TARGET, logged};
use crate::store::{Guest, Shared};
use crate::text::escaped;

/// The unit of failure: after a fault its store is dead, and nothing calls it again.
pub(crate) struct Instance {
    store: Store<Guest>,
    instance: component::Instance,
    meter: Arc<Meter>,
    failed: bool,
    /// Given back after the store, whose place in the pool it stands for.
    _permit: OwnedSemaphorePermit,
}

impl Instance {
    /// Makes an instance for a session. Code that runs while it is made has the budget of an event.
    pub(crate) async fn new(
        runtime: &Runtime,
        shared: &Arc<Shared>,
        session: &Arc<Session>,
        pre: &InstancePre<Guest>,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, NoInstance> {
        let mut store = Guest::store(runtime, shared, session);
        let meter = Arc::clone(store.data().meter());
        let making = pre.instantiate_async(&mut store);
        let made = meter.run(shared.limits.allowance(1), making).await;
        let failure = match made {
            Ok(Ok(instance)) => {
                return Ok(Self {
                    store,
                    instance,
                    meter,
                    failed: false,
                    _permit: permit,
                });
            }
            Ok(Err(e)) if e.is::<wasmtime::PoolConcurrencyLimitError>() => {
                return Err(NoInstance::Full);
            }
            Ok(Err(e)) if e.downcast_ref() == Some(&rustix::io::Errno::NOMEM) => {
                return Err(NoInstance::Unmapped);
            }
            Ok(Err(_)) if store.data().holds_too_much() => Failure::of_holding(),
            Ok(Err(e)) => Failure::of(&e, shared.budget),
            Err(spent) => Failure::of_spent(spent, shared.budget),
        };
        report(&store, "instantiate", &failure);
        Err(NoInstance::Failed)
    }

    pub(crate) fn guest(&self) -> &Guest {
        self.store.data()
    }

    pub(crate) fn guest_mut(&mut self) -> &mut Guest {
        self.store.data_mut()
    }

    /// Lends the connection's buffer to the guest, or takes it back: for the time of an event.
    pub(crate) fn swap_outbox(&mut self, outbox: &mut Outbox) {
        self.store.data_mut().swap_outbox(outbox);
    }

    /// The guest has its worker from now on.
    pub(crate) fn begin_run(&mut self) {
        self.store.set_epoch_deadline(1);
        self.store.data_mut().begin_run();
    }

    /// An exported function, whose types were checked at load.
    pub(crate) fn function<P, R>(
        &mut self,
        index: &ComponentExportIndex,
    ) -> Result<TypedFunc<P, R>, Fault>
    where
        P: ComponentNamedList + Lower,
        R: ComponentNamedList + Lift,
    {
        self.instance
            .get_typed_func(&mut self.store, index)
            .map_err(|e| self.fail("look up", |budget| Failure::of(&e, budget)))
    }

    /// Calls the guest for one event or for several, within the budgets of so many.
    #[inline]
    pub(crate) async fn call<P, R>(
        &mut self,
        event: &'static str,
        events: u32,
        function: &TypedFunc<P, R>,
        params: P,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        if self.failed {
            return Err(Fault::Trap);
        }
        let guest = self.store.data_mut();
        guest.begin_call(events);
        let allowance = guest.shared().limits.allowance(events);
        let call = function.call_async(&mut self.store, params);
        match self.meter.run(allowance, call).await {
            Ok(Ok(results)) => Ok(results),
            Ok(Err(e)) => Err(self.fail(event, |budget| Failure::of(&e, budget))),
            Err(spent) => Err(self.fail(event, |budget| Failure::of_spent(spent, budget))),
        }
    }

    /// The same for a function that is called once or rarely.
    pub(crate) async fn call_rare<P, R>(
        &mut self,
        event: &'static str,
        index: &ComponentExportIndex,
        params: P,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let function = self.function(index)?;
        self.begin_run();
        self.call(event, 1, &function, params).await
    }

    /// `lifecycle.on-start`, if there is one. An instance that does not want to serve is as good as none.
    pub(crate) async fn start(&mut self, lifecycle: Option<&Lifecycle>) -> bool {
        let Some(lifecycle) = lifecycle else {
            return true;
        };
        let started = self
            .call_rare::<(), Started>("on-start", &lifecycle.on_start, ())
            .await;
        let Ok((Err(reason),)) = started else {
            return started.is_ok();
        };
        let guest = self.guest();
        if !guest.shared().failures.are_news(&guest.shared().name) {
            return false;
        }
        tracing::error!(
            target: TARGET,
            service = &*guest.shared().name,
            session = logged(guest.session().id()),
            event = "on-start",
            "the guest does not start: {}",
            escaped(&reason)
        );
        false
    }

    #[cold]
    fn fail(&mut self, event: &'static str, failure: impl FnOnce(Budget) -> Failure) -> Fault {
        self.failed = true;
        let failure = match self.guest().holds_too_much() {
            true => Failure::of_holding(),
            false => failure(self.guest().shared().budget),
        };
        report(&self.store, event, &failure);
        failure.fault
    }
}

#[cold]
fn report(store: &Store<Guest>, event: &'static str, failure: &Failure) {
    let guest = store.data();
    let service = &guest.shared().name;
    if !guest.shared().failures.are_news(service) {
        return;
    }
    failure.log(service, guest.session().id(), event, &guest.recent_stderr());
}

/// Why there is no instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoInstance {
    /// The host has no room for another one.
    Full,
    /// The system gives no memory mappings for another one.
    Unmapped,
    /// The guest failed while it was made; logged.
    Failed,
}
