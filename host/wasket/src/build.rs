//! From a plan, which is plain data, to the rooms' constructors.

mod components;
mod http;

use crate::login::Logins;
use crate::{certificates, try_page};
use ::http::{HeaderName, HeaderValue};
pub(crate) use components::{Components, cache_of, guest_limits, runtime};
pub(crate) use http::BuiltHttp;
use std::collections::HashMap;
use std::sync::Arc;
use wasket_config::plan::{self, Plan};
use wasket_config::{Header, HostName, Origin};
use wasket_net::{
    FileSettings, Files, Hosts, HttpPlace, Listener, Network, Networks, Origins, Place, Reads,
    Route, Routes,
};
use wasket_runtime::GuestHttp;
use wasket_session::Service;

/// A service of the plan and what became of it.
pub(crate) struct Built<'p> {
    pub(crate) plan: &'p plan::Service,
    /// What serves, or why it cannot.
    pub(crate) service: Made,
}

impl Built<'_> {
    /// Whether its component answers plain requests as well.
    pub(crate) fn answers_http(&self) -> bool {
        let serves = self.service.as_ref().ok();
        serves.is_some_and(|serves| serves.http.is_some())
    }
}

type Made = Result<Serves, wasket_runtime::Error>;

/// What serves.
pub(crate) struct Serves {
    sessions: Arc<dyn Service>,
    /// The same component, for plain requests, where it answers them.
    pub(crate) http: Option<Arc<GuestHttp>>,
}

/// What a plan says, made.
pub(crate) struct Everything<'p> {
    /// Services, in the order of the plan.
    pub(crate) services: Vec<Built<'p>>,
    /// Components for plain HTTP, in the order of the plan.
    pub(crate) http: Vec<BuiltHttp<'p>>,
}

impl Everything<'_> {
    /// Services whose component answers plain requests as well.
    pub(crate) fn handlers(&self) -> impl Iterator<Item = &plan::Service> {
        let answering = self.services.iter().filter(|built| built.answers_http());
        answering.map(|built| built.plan)
    }

    /// All that answer plain requests.
    pub(crate) fn guests(&self) -> impl Iterator<Item = &Arc<GuestHttp>> {
        let services = self.services.iter();
        let beside = services.filter_map(|built| built.service.as_ref().ok()?.http.as_ref());
        beside.chain(
            self.http
                .iter()
                .filter_map(|built| built.service.as_ref().ok()),
        )
    }
}

/// Makes everything that the plan has for a path, but files. What cannot be made keeps nothing else from serving.
///
/// # Errors
/// When the engine that runs components does not start.
pub(crate) async fn everything<'p>(
    plan: &'p Plan,
    components: &mut Components<'p>,
) -> Result<Everything<'p>, wasket_runtime::Error> {
    Ok(Everything {
        services: services(plan, components).await?,
        http: http::all(plan, components).await?,
    })
}

/// Makes every service of the plan. One that cannot be made keeps none of the others from serving.
///
/// # Errors
/// When the engine that runs components does not start.
async fn services<'p>(
    plan: &'p Plan,
    components: &mut Components<'p>,
) -> Result<Vec<Built<'p>>, wasket_runtime::Error> {
    let mut built = Vec::with_capacity(plan.services.len());
    for service in &plan.services {
        let made = match components.service(service).await {
            Err(error @ wasket_runtime::Error::Engine { .. }) => return Err(error),
            made => made,
        };
        built.push(Built {
            plan: service,
            service: made,
        });
    }
    Ok(built)
}

/// The routing table of services. Those that cannot serve are in it too: their paths answer 503.
pub(crate) fn routes(
    built: &Everything<'_>,
    files: &[plan::Files],
    logins: &Logins,
) -> anyhow::Result<Routes> {
    let mut routes = Routes::default();
    for Built { plan, service } in &built.services {
        let route = Route::parse(&plan.route.to_string())?;
        let serves = service.as_ref().ok();
        if let Some(guest) = serves.and_then(|serves| serves.http.as_ref()) {
            let handler = http::beside_sessions(plan, guest, logins.of_service(plan)?)?;
            routes.add_http(route.clone(), Arc::new(handler));
        }
        let place = Place {
            name: plan.name.as_str().into(),
            service: serves.map(|serves| Arc::clone(&serves.sessions)),
            hosts: hosts(&plan.hosts)?,
            origins: origins(&plan.origins)?,
            access: logins.of_service(plan)?,
            response_headers: response_headers(&plan.response_headers)?,
        };
        routes.add(route, place);
    }
    // These go before what a service's component answers by the way.
    for http in &built.http {
        http::add(&mut routes, http, logins)?;
    }
    let reads = Reads::new();
    for files in files {
        add_files(&mut routes, files, &reads, logins)?;
    }
    Ok(routes)
}

/// A directory stands at its path, and its files below.
fn add_files(
    routes: &mut Routes,
    plan: &plan::Files,
    reads: &Reads,
    logins: &Logins,
) -> anyhow::Result<()> {
    let path = plan.route.to_string();
    let cache_control = plan.cache_control.as_ref().map(|value| value.parse());
    let settings = FileSettings {
        directory: plan.directory.clone(),
        mount_segments: plan.route.segments().len(),
        index: plan.index.clone(),
        cache_control: cache_control.transpose()?,
        precompressed: plan.precompressed,
        dot_files: plan.dot_files,
    };
    let files = Files::new(settings, reads.clone());
    let place = Arc::new(HttpPlace {
        name: plan.name.as_str().into(),
        service: Some(Arc::new(files)),
        hosts: hosts(&plan.hosts)?,
        // Nothing is changed there.
        origins: Origins::Any,
        access: logins.of_files(plan)?,
        response_headers: response_headers(&plan.response_headers)?,
    });
    routes.add_http(Route::parse(&path)?, Arc::clone(&place));
    let below = format!("{}/*", path.trim_end_matches('/'));
    routes.add_http(Route::parse(&below)?, place);
    Ok(())
}

/// The listeners of a plan, each with its certificates and its page if it has them.
pub(crate) fn listeners(
    plan: &Plan,
    built: &Everything<'_>,
    logins: &Logins,
) -> anyhow::Result<Vec<Listener>> {
    let listener = |listener: &plan::Listener| -> anyhow::Result<Listener> {
        let tls = listener.tls.as_ref().map(certificates::tls);
        Ok(Listener {
            address: listener.address,
            backlog: listener.backlog.into(),
            nodelay: listener.nodelay,
            reuse_address: listener.reuse_address,
            connections_max: listener.connections_max,
            connections_per_address_max: listener.connections_per_address_max,
            request_head_bytes_max: listener.request_head_bytes_max,
            request_head_timeout: listener.request_head_timeout,
            handshake_timeout: listener.handshake_timeout,
            transfer_timeout: listener.transfer_timeout,
            http2: listener.http2,
            http2_streams_max: listener.http2_streams_max,
            trusted_proxies: trusted_proxies(listener),
            proxy_protocol: listener.proxy_protocol,
            tls: tls
                .transpose()
                .map_err(|unusable| certificates::error(&unusable))?,
            auth: logins.of_listener(listener)?,
            pages: if listener.try_page {
                HashMap::from([("/".to_owned(), try_page::page(plan, built))])
            } else {
                HashMap::new()
            },
        })
    };
    plan.listeners.iter().map(listener).collect()
}

fn hosts(hosts: &[HostName]) -> anyhow::Result<Hosts> {
    let hosts: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
    Ok(Hosts::parse(&hosts)?)
}

/// A prefix of the plan is never longer than its address.
fn trusted_proxies(listener: &plan::Listener) -> Networks {
    let networks = listener.trusted_proxies.iter();
    networks
        .filter_map(|network| Network::new(network.address(), network.prefix_bits()))
        .collect()
}

fn origins(origins: &plan::Origins) -> anyhow::Result<Origins> {
    Ok(match origins {
        plan::Origins::SameHost => Origins::SameHost,
        plan::Origins::Any => Origins::Any,
        plan::Origins::Listed(listed) => {
            let listed: Vec<&str> = listed.iter().map(Origin::as_str).collect();
            Origins::parse(&listed)?
        }
    })
}

fn response_headers(headers: &[Header]) -> anyhow::Result<Vec<(HeaderName, HeaderValue)>> {
    headers
        .iter()
        .map(|header| Ok((header.name().parse()?, header.value().parse()?)))
        .collect()
}
#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    // parity S7
    #[test]
    fn what_the_configuration_takes_the_rooms_take() {
        let text = r#"
            [service.a]
            path = "/k\u00e4se brot/{some-name}/*"
            native = "echo"
            origins = ["https://a.example", "HTTP://[::1]:8080", "null", "https://xn--bcher-kva.example:443", "https://*.a.example"]
            hosts = ["a.example:1", "*.B.example", "[::1]:8080", "127.0.0.1", "a~b._c"]
            response_headers = { "X-A!#$%&'*+-.^_`|~" = "b \t~", "x-empty" = "" }
        "#;
        let plan = wasket_config::parse(text, "wasket.toml", Path::new("")).expect("valid");
        let service = &plan.services[0];
        assert!(Route::parse(&service.route.to_string()).is_ok());
        assert!(
            matches!(origins(&service.origins), Ok(Origins::Listed(listed)) if listed.len() == 5)
        );
        assert!(hosts(&service.hosts).is_ok_and(|hosts| hosts.allow("x.b.example", false)));
        assert_eq!(
            response_headers(&service.response_headers)
                .map(|headers| headers.len())
                .ok(),
            Some(2)
        );
    }
}
