//! A component as a service, behind the port.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use wasket_session::{Admission, Hub, Refusal, Service, Session};

use crate::budget::Budget;
use crate::capability::Capabilities;
use crate::error::Error;
use crate::export::OnHandshake;
use crate::handshake::{self, Answer};
use crate::instance::{Instance, NoInstance};
use crate::keyvalue::Stores;
use crate::log::TARGET;
use crate::outbound::{Grant, Granted, Outbound};
use crate::refusal::Seldom;
use crate::seat::GuestSeat;
use crate::store::Shared;
use crate::wire::Request;
use crate::{Component, Limits, Runtime};

/// Serves every session of one service with an instance of its own.
pub struct GuestService {
    runtime: Runtime,
    component: Component,
    shared: Arc<Shared>,
    full_told: Seldom,
}

impl GuestService {
    /// A service of this component. `config` is what the guest reads through `wasi:config/store`.
    ///
    /// # Errors
    /// When a limit is past what the host has room for.
    pub fn new(
        runtime: &Runtime,
        component: &Component,
        hub: Arc<Hub>,
        config: BTreeMap<String, String>,
        limits: Limits,
    ) -> Result<Self, Error> {
        limits.check()?;
        component.fits(&limits)?;
        let name = Arc::clone(hub.service());
        let shared = Shared::new(name, hub, config, limits, Budget::EVENT);
        Ok(Self {
            runtime: runtime.clone(),
            component: component.clone(),
            shared: Arc::new(shared),
            full_told: Seldom::default(),
        })
    }

    /// Lets its guests connect to what these grants cover, each with so many connections at once. Done before it
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

    /// Grants its guests this beside connections. Done before it serves anybody, and with sockets after
    /// [`with_connections`](Self::with_connections), as which they count.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        capabilities.hold_for(&mut self.shared);
        self
    }

    /// What it runs.
    #[must_use]
    pub fn component(&self) -> &Component {
        &self.component
    }

    async fn seat(&self, session: &Arc<Session>) -> Result<Admission, Refusal> {
        let permit = self.runtime.reserve(self.component.weight());
        let permit = permit.ok_or_else(|| self.full(NoInstance::Full))?;
        let pre = self.component.pre();
        let made = Instance::new(&self.runtime, &self.shared, session, pre, permit).await;
        let mut instance = made.map_err(|why| match why {
            NoInstance::Failed => unavailable(),
            why => self.full(why),
        })?;
        let lifecycle = self.component.exports().lifecycle.as_ref();
        if !instance.start(lifecycle).await {
            return Err(unavailable());
        }
        let answer = self.handshake(&mut instance, session).await?;
        let exports = Arc::clone(self.component.exports());
        let seat = GuestSeat::new(instance, exports).map_err(|_| unavailable())?;
        Ok(Admission {
            protocol: answer.protocol,
            headers: answer.headers,
            principal: answer.principal,
            seat: Box::new(seat),
        })
    }

    /// `handshake.on-handshake`, or what the service's settings say.
    async fn handshake(
        &self,
        instance: &mut Instance,
        session: &Session,
    ) -> Result<Answer, Refusal> {
        let opening = session.opening();
        let Some(on_handshake) = &self.component.exports().on_handshake else {
            return Ok(Answer {
                protocol: self.shared.hub.choose_protocol(opening),
                headers: Vec::new(),
                principal: None,
            });
        };
        let request = Request::new(opening, session.principal());
        let params: OnHandshake = (session.id().get(), request);
        let (answer,) = instance
            .call_rare("on-handshake", on_handshake, params)
            .await
            .map_err(|_| failed())?;
        let answer = match answer {
            Ok(acceptance) => handshake::accept(acceptance, opening),
            Err(rejection) => match handshake::reject(rejection) {
                Ok(refusal) => return Err(refusal),
                Err(wrong) => Err(wrong),
            },
        };
        answer.map_err(|wrong| {
            if self.shared.failures.are_news(&self.shared.name) {
                tracing::error!(
                    target: TARGET,
                    service = &*self.shared.name,
                    session = session.id().get(),
                    event = "on-handshake",
                    "the guest's answer cannot be sent: {wrong}"
                );
            }
            failed()
        })
    }

    #[cold]
    fn full(&self, why: NoInstance) -> Refusal {
        if self.full_told.is_news() {
            let mend = match why {
                NoInstance::Unmapped => {
                    "the system gives no more memory mappings; raise vm.max_map_count"
                }
                _ => "raise it, and vm.max_map_count with it",
            };
            tracing::warn!(
                service = &*self.shared.name,
                "no room for another instance: sessions are refused with 503 (instances_max = {}; {mend})",
                self.runtime.instances_max()
            );
        }
        let mut refusal = Refusal::text(503, "The service is full. Try again later.");
        refusal.headers.push(("retry-after".into(), "5".into()));
        refusal
    }
}

impl Service for GuestService {
    fn hub(&self) -> &Arc<Hub> {
        &self.shared.hub
    }

    fn admit<'a>(
        &'a self,
        session: &'a Arc<Session>,
    ) -> Pin<Box<dyn Future<Output = Result<Admission, Refusal>> + Send + 'a>> {
        Box::pin(self.seat(session))
    }
}

fn unavailable() -> Refusal {
    Refusal::text(503, "The service is not available.")
}

fn failed() -> Refusal {
    Refusal::text(500, "The service failed.")
}
