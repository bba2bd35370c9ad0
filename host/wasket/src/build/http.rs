//! Components that answer plain HTTP: those of `[http.NAME]`, and behaviors that do so too.

use super::{Components, guest_limits, hosts, origins, response_headers};
use crate::login::Logins;
use crate::{granted, outward};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use wasket_config::plan::{self, Plan};
use wasket_config::{ServiceName, StoreName};
use wasket_net::{Access, HttpPlace, Route, Routes};
use wasket_runtime::{Digest, Error, GuestHttp, HttpComponent, HttpLimits};
use wasket_session::{HttpService, Hub};

/// A table `[http.NAME]` of the plan and what became of it.
pub(crate) struct BuiltHttp<'p> {
    pub(crate) plan: &'p plan::Http,
    /// What answers, or why it cannot.
    pub(crate) service: Result<Arc<GuestHttp>, Error>,
}

/// Makes all of them. One that cannot be made keeps none of the others from answering.
///
/// # Errors
/// When the engine that runs components does not start.
pub(crate) async fn all<'p>(
    plan: &'p Plan,
    components: &mut Components<'p>,
) -> Result<Vec<BuiltHttp<'p>>, Error> {
    let mut built = Vec::with_capacity(plan.http.len());
    for http in &plan.http {
        let hub = hub(plan, http, components);
        let service = match one(http, hub, components).await {
            Err(error @ Error::Engine { .. }) => return Err(error),
            made => made.map(Arc::new),
        };
        built.push(BuiltHttp {
            plan: http,
            service,
        });
    }
    Ok(built)
}

async fn one(
    plan: &plan::Http,
    hub: Arc<Hub>,
    components: &mut Components<'_>,
) -> Result<GuestHttp, Error> {
    let runtime = components.runtime()?;
    let pin = plan.sha256.map(|digest| Digest(*digest.as_bytes()));
    let component = runtime.load_http(&plan.component, pin).await?;
    let guest = Guest {
        name: &plan.name,
        config: &plan.config,
        connect: &plan.connect,
        stores: &plan.stores,
        capabilities: &plan.capabilities,
        limits: &plan.limits,
        requests: &plan.requests,
    };
    guest.of(&component, hub, components)
}

/// What one component needs to answer requests.
pub(super) struct Guest<'p> {
    pub(super) name: &'p ServiceName,
    pub(super) config: &'p [(String, String)],
    pub(super) connect: &'p [plan::Connect],
    pub(super) stores: &'p [(String, StoreName)],
    pub(super) capabilities: &'p plan::Capabilities,
    pub(super) limits: &'p plan::Limits,
    pub(super) requests: &'p plan::Requests,
}

impl Guest<'_> {
    pub(super) fn of(
        &self,
        component: &HttpComponent,
        hub: Arc<Hub>,
        components: &mut Components<'_>,
    ) -> Result<GuestHttp, Error> {
        let runtime = components.runtime()?;
        let config: BTreeMap<_, _> = self.config.iter().cloned().collect();
        let http = HttpLimits {
            body_bytes_max: self.requests.body_bytes_max,
            requests_max: self.requests.requests_max,
        };
        let limits = request_limits(self.limits, self.requests);
        let name = self.name.as_str();
        let guest = GuestHttp::new(&runtime, component, name, hub, config, limits, http)?;
        let grants = outward::grants(self.connect)?;
        let connections_max = self.limits.connections_per_session_max;
        let stores = components.stores().grants(self.stores)?;
        let guest = guest.with_connections(components.outbound(), grants, connections_max);
        let capabilities = granted::capabilities(&runtime, self.capabilities)?;
        Ok(guest.with_stores(stores).with_capabilities(capabilities))
    }
}

/// A request has the limits of an event, but for its times.
fn request_limits(limits: &plan::Limits, requests: &plan::Requests) -> wasket_runtime::Limits {
    wasket_runtime::Limits {
        event_time: requests.request_time,
        event_wall_time: requests.request_wall_time.unwrap_or(FOREVER),
        ..guest_limits(limits)
    }
}

/// Longer than any process runs, and no more than clocks can count to.
const FOREVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The sessions that a component sees: of the service that it publishes to, of the one on its path, or none.
fn hub(plan: &Plan, http: &plan::Http, components: &mut Components<'_>) -> Arc<Hub> {
    let named = |service: &&plan::Service| http.publishes_to.as_ref() == Some(&service.name);
    let beside = |service: &&plan::Service| service.route.matches_the_same_as(&http.route);
    let services = || plan.services.iter();
    let service = match &http.publishes_to {
        Some(_) => services().find(named),
        None => services().find(beside),
    };
    match service {
        Some(service) => components.hub(service),
        None => Arc::new(components.new_hub(http.name.as_str(), &http.limits, Vec::new())),
    }
}

/// Puts what answers on its paths. What did not load is there too, and answers 503.
pub(super) fn add(
    routes: &mut Routes,
    built: &BuiltHttp<'_>,
    logins: &Logins,
) -> anyhow::Result<()> {
    let BuiltHttp { plan, service } = built;
    let service = service.as_ref().ok().map(Arc::clone);
    let place = HttpPlace {
        name: plan.name.as_str().into(),
        service: service.map(|guest| guest as Arc<dyn HttpService>),
        hosts: hosts(&plan.hosts)?,
        origins: origins(&plan.origins)?,
        access: logins.of_http(plan)?,
        response_headers: response_headers(&plan.response_headers)?,
    };
    routes.add_http(Route::parse(&plan.route.to_string())?, Arc::new(place));
    Ok(())
}

/// The same for the component of a service, on the service's own terms.
pub(super) fn beside_sessions(
    plan: &plan::Service,
    guest: &Arc<GuestHttp>,
    access: Access,
) -> anyhow::Result<HttpPlace> {
    let guest = Arc::clone(guest);
    Ok(HttpPlace {
        name: plan.name.as_str().into(),
        service: Some(guest),
        hosts: hosts(&plan.hosts)?,
        origins: origins(&plan.origins)?,
        access,
        response_headers: response_headers(&plan.response_headers)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_times_of_its_own() {
        let mut requests = plan::Requests::default();
        let limits = plan::Limits::default();
        let of_request = request_limits(&limits, &requests);
        assert_eq!(of_request.event_time, Duration::from_secs(1));
        assert_eq!(of_request.event_wall_time, Duration::from_secs(60));
        requests.request_wall_time = None;
        assert_eq!(request_limits(&limits, &requests).event_wall_time, FOREVER);
        let expected = guest_limits(&limits);
        assert_eq!(of_request.memory_bytes_max, expected.memory_bytes_max);
    }
}
