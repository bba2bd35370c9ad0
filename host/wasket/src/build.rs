//! From a plan, which is plain data, to the rooms' constructors.

use crate::login::Logins;
use crate::{certificates, outward, try_page};
use http::{HeaderName, HeaderValue};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasket_config::plan::{self, Behavior, Native, Plan};
use wasket_config::{Header, HostName, Origin};
use wasket_net::{
    FileSettings, Files, Hosts, HttpPlace, Listener, Network, Networks, Origins, Place, Route,
    Routes,
};
use wasket_runtime::{Component, Digest, GuestService, Outbound, Runtime, Settings};
use wasket_session::echo::Echo;
use wasket_session::ws::deflate::Terms;
use wasket_session::{Account, Compression, Hub, IdSource, Limits, Service, SlowReader};

/// A service of the plan and what became of it.
pub(crate) struct Built<'p> {
    pub(crate) plan: &'p plan::Service,
    /// What serves, or why it cannot.
    pub(crate) service: Made,
}

type Made = Result<Arc<dyn Service>, wasket_runtime::Error>;

/// Makes every service of the plan. One that cannot be made keeps none of the others from serving.
///
/// # Errors
/// When the engine that runs components does not start.
pub(crate) async fn services<'p>(
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
    built: &[Built<'_>],
    files: &[plan::Files],
    logins: &Logins,
) -> anyhow::Result<Routes> {
    let mut routes = Routes::default();
    for Built { plan, service } in built {
        let route = Route::parse(&plan.route.to_string())?;
        let place = Place {
            name: plan.name.as_str().into(),
            service: service.as_ref().ok().cloned(),
            hosts: hosts(&plan.hosts)?,
            origins: origins(&plan.origins)?,
            access: logins.of_service(plan)?,
            response_headers: response_headers(&plan.response_headers)?,
        };
        routes.add(route, place);
    }
    for files in files {
        add_files(&mut routes, files, logins)?;
    }
    Ok(routes)
}

/// A directory stands at its path, and its files below.
fn add_files(routes: &mut Routes, plan: &plan::Files, logins: &Logins) -> anyhow::Result<()> {
    let path = plan.route.to_string();
    let cache_control = plan.cache_control.as_ref().map(|value| value.parse());
    let files = Files::new(FileSettings {
        directory: plan.directory.clone(),
        mount_segments: plan.route.segments().len(),
        index: plan.index.clone(),
        cache_control: cache_control.transpose()?,
        precompressed: plan.precompressed,
        dot_files: plan.dot_files,
    });
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
pub(crate) fn listeners(plan: &Plan, logins: &Logins) -> anyhow::Result<Vec<Listener>> {
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
            trusted_proxies: trusted_proxies(listener),
            proxy_protocol: listener.proxy_protocol,
            tls: tls
                .transpose()
                .map_err(|unusable| certificates::error(&unusable))?,
            auth: logins.of_listener(listener)?,
            pages: if listener.try_page {
                HashMap::from([("/".to_owned(), try_page::page(&plan.services))])
            } else {
                HashMap::new()
            },
        })
    };
    plan.listeners.iter().map(listener).collect()
}

/// The engine that runs a host's components.
pub(crate) fn runtime(host: &plan::Host) -> Result<Runtime, wasket_runtime::Error> {
    let directory = || host.cache_directory.clone().or_else(cache_directory);
    Runtime::new(Settings {
        instances_max: host.instances_max,
        epoch_tick: host.epoch_tick,
        cache_directory: host.cache.then(directory).flatten(),
    })
}

/// `wasket` below the user's cache directory. `None` where the user has no home: then nothing is kept.
fn cache_directory() -> Option<PathBuf> {
    let absolute =
        |name| Some(PathBuf::from(std::env::var_os(name)?)).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    caches.map(|caches| caches.join("wasket"))
}

/// Components by what they were loaded from: a file that stands on several paths is compiled once.
pub(crate) struct Components<'p> {
    host: &'p plan::Host,
    /// Made for the first component: it reserves much address space.
    runtime: Option<Runtime>,
    loaded: HashMap<(PathBuf, Option<Digest>), Component>,
    /// What the outboxes of all services hold.
    queued: Arc<Account>,
    /// What compression with context takeover takes for the sessions of all services.
    takeover: Arc<Account>,
    /// What guests connect to, over all services.
    outbound: Outbound,
}

impl<'p> Components<'p> {
    /// Connections of guests are named from the same source as sessions.
    pub(crate) fn new(host: &'p plan::Host, ids: Arc<IdSource>) -> Self {
        Self {
            outbound: Outbound::new(ids, host.outbound_connections_max),
            host,
            runtime: None,
            loaded: HashMap::new(),
            queued: Account::new(host.queued_bytes_max),
            takeover: Account::new(host.context_takeover_bytes_max),
        }
    }

    /// What guests connect to.
    pub(crate) fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    async fn service(&mut self, plan: &plan::Service) -> Made {
        let protocols = plan.protocols.iter().map(ToString::to_string).collect();
        let limits = session_limits(&plan.limits);
        let hub = Hub::new(plan.name.as_str(), limits, protocols).within(&self.queued);
        let compression = plan.limits.compression.as_ref();
        let compression = compression.map(|plan| compression_of(plan, &self.takeover));
        let hub = Arc::new(hub.with_compression(compression));
        match &plan.behavior {
            Behavior::Native(Native::Echo) => Ok(Arc::new(Echo::new(hub))),
            Behavior::Component { file, sha256 } => {
                let runtime = self.runtime()?;
                let pin = sha256.map(|digest| Digest(*digest.as_bytes()));
                let component = self.component(&runtime, file, pin).await?;
                let config = plan.config.iter().cloned().collect();
                let limits = guest_limits(&plan.limits);
                let service = GuestService::new(&runtime, &component, hub, config, limits)?;
                let grants = outward::grants(&plan.connect)?;
                let connections_max = plan.limits.connections_per_session_max;
                let service = service.with_connections(&self.outbound, grants, connections_max);
                Ok(Arc::new(service))
            }
        }
    }

    async fn component(
        &mut self,
        runtime: &Runtime,
        file: &Path,
        pin: Option<Digest>,
    ) -> Result<Component, wasket_runtime::Error> {
        let key = (file.to_owned(), pin);
        if let Some(component) = self.loaded.get(&key) {
            return Ok(component.clone());
        }
        let component = runtime.load(file, pin).await?;
        self.loaded.insert(key, component.clone());
        Ok(component)
    }

    /// Whether the component of a service imports connections to the outside, if it loaded.
    pub(crate) fn connects(&self, plan: &plan::Service) -> bool {
        let Behavior::Component { file, sha256 } = &plan.behavior else {
            return false;
        };
        let pin = sha256.map(|digest| Digest(*digest.as_bytes()));
        let loaded = self.loaded.get(&(file.clone(), pin));
        loaded.is_some_and(Component::connects)
    }

    pub(crate) fn runtime(&mut self) -> Result<Runtime, wasket_runtime::Error> {
        if let Some(runtime) = &self.runtime {
            return Ok(runtime.clone());
        }
        let made = runtime(self.host)?;
        self.runtime = Some(made.clone());
        Ok(made)
    }
}

fn session_limits(limits: &plan::Limits) -> Limits {
    Limits {
        sessions_max: limits.sessions_max,
        message_bytes_max: limits.message_bytes_max,
        fragments_max: limits.fragments_max,
        outbox_bytes_max: limits.outbox_bytes_max,
        queued_bytes_max: limits.service_queued_bytes_max,
        slow_reader_time: limits.slow_reader_time,
        slow_reader: match limits.slow_reader {
            plan::SlowReader::Close => SlowReader::Close,
            plan::SlowReader::Drop => SlowReader::Drop,
        },
        ping_every: limits.ping_every,
        pong_timeout: limits.pong_timeout,
        close_timeout: limits.close_timeout,
        write_timeout: limits.write_timeout,
        idle_timeout: limits.idle_timeout,
        lifetime_max: limits.lifetime_max,
        topics_max: limits.topics_per_session_max,
        timers_max: limits.timers_per_session_max,
    }
}

fn compression_of(plan: &plan::Compression, takeover: &Arc<Account>) -> Compression {
    Compression {
        terms: Terms {
            server_context_takeover: plan.server_context_takeover,
            client_context_takeover: plan.client_context_takeover,
            server_max_window_bits: plan.server_max_window_bits,
            client_max_window_bits: plan.client_max_window_bits,
        },
        level: plan.level,
        message_bytes_min: plan.message_bytes_min,
        memory: Arc::clone(takeover),
    }
}

pub(crate) fn guest_limits(limits: &plan::Limits) -> wasket_runtime::Limits {
    wasket_runtime::Limits {
        memory_bytes_max: limits.memory_bytes_max,
        table_elements_max: limits.table_elements_max,
        event_time: limits.event_time,
        event_wall_time: limits.event_wall_time,
        event_deliveries_max: limits.event_deliveries_max,
        event_bytes_max: limits.event_bytes_max,
        log_bytes_per_second_max: limits.log_bytes_per_second_max,
    }
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

    #[test]
    fn the_rooms_have_the_defaults_of_the_plan() {
        let limits = plan::Limits::default();
        assert_eq!(session_limits(&limits), Limits::default());
        assert_eq!(guest_limits(&limits), wasket_runtime::Limits::default());
        let terms = compression_of(&plan::Compression::default(), &Account::new(0)).terms;
        assert_eq!(terms, Terms::default());
    }

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
