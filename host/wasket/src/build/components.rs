//! Components, loaded once each, and what a plan makes of them.

use super::http::Guest;
use super::{Made, Serves};
use crate::stores::Stores;
use crate::{granted, outward};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wasket_config::ServiceName;
use wasket_config::plan::{self, Behavior, Native};
use wasket_runtime::{Component, Digest, GuestService, Need, Outbound, Runtime, Settings};
use wasket_session::echo::Echo;
use wasket_session::ws::deflate::Terms;
use wasket_session::{Account, Compression, Hub, IdSource, Limits, SlowReader};

/// The engine that runs a host's components.
pub(crate) fn runtime(host: &plan::Host) -> Result<Runtime, wasket_runtime::Error> {
    Runtime::new(Settings {
        instances_max: host.instances_max,
        epoch_tick: host.epoch_tick,
        cache_directory: cache_of(host),
    })
}

/// Where compiled components are kept, if they are.
pub(crate) fn cache_of(host: &plan::Host) -> Option<PathBuf> {
    let directory = || host.cache_directory.clone().or_else(cache_directory);
    host.cache.then(directory).flatten()
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
    /// What the sessions of each service share.
    hubs: HashMap<ServiceName, Arc<Hub>>,
    /// What the outboxes of all services hold.
    queued: Arc<Account>,
    /// What compression with context takeover takes for the sessions of all services.
    takeover: Arc<Account>,
    /// What guests connect to, over all services.
    outbound: Outbound,
    /// What guests may open of key-value.
    stores: Stores,
}

impl<'p> Components<'p> {
    /// Connections of guests are named from the same source as sessions.
    pub(crate) fn new(host: &'p plan::Host, ids: Arc<IdSource>, stores: Stores) -> Self {
        Self {
            outbound: Outbound::new(ids, host.outbound_connections_max),
            stores,
            host,
            runtime: None,
            loaded: HashMap::new(),
            hubs: HashMap::new(),
            queued: Account::new(host.queued_bytes_max),
            takeover: Account::new(host.context_takeover_bytes_max),
        }
    }

    /// What guests connect to.
    pub(crate) fn outbound(&self) -> &Outbound {
        &self.outbound
    }

    /// What guests may open of key-value.
    pub(crate) fn stores(&self) -> &Stores {
        &self.stores
    }

    pub(super) async fn service(&mut self, plan: &plan::Service) -> Made {
        let hub = self.hub(plan);
        match &plan.behavior {
            Behavior::Native(Native::Echo) => Ok(Serves {
                sessions: Arc::new(Echo::new(hub)),
                http: None,
            }),
            Behavior::Component { file, sha256 } => {
                let runtime = self.runtime()?;
                let pin = sha256.map(|digest| Digest(*digest.as_bytes()));
                let component = self.component(&runtime, file, pin).await?;
                let config = plan.config.iter().cloned().collect();
                let limits = guest_limits(&plan.limits);
                let guest = Guest {
                    name: &plan.name,
                    config: &plan.config,
                    connect: &plan.connect,
                    stores: &plan.stores,
                    capabilities: &plan.capabilities,
                    limits: &plan.limits,
                    requests: &plan.requests,
                };
                let http = component.http().map(|component| {
                    let hub = Arc::clone(&hub);
                    guest.of(&component, hub, self).map(Arc::new)
                });
                let service = GuestService::new(&runtime, &component, hub, config, limits)?;
                let grants = outward::grants(&plan.connect)?;
                let connections_max = plan.limits.connections_per_session_max;
                let service = service.with_connections(&self.outbound, grants, connections_max);
                let service = service.with_stores(self.stores.grants(&plan.stores)?);
                let capabilities = granted::capabilities(&runtime, &plan.capabilities)?;
                let service = service.with_capabilities(capabilities);
                Ok(Serves {
                    sessions: Arc::new(service),
                    http: http.transpose()?,
                })
            }
        }
    }

    /// What the sessions of a service share; made when it is first asked for.
    pub(super) fn hub(&mut self, plan: &plan::Service) -> Arc<Hub> {
        if let Some(hub) = self.hubs.get(&plan.name) {
            return Arc::clone(hub);
        }
        let protocols = plan.protocols.iter().map(ToString::to_string).collect();
        let hub = Arc::new(self.new_hub(plan.name.as_str(), &plan.limits, protocols));
        self.hubs.insert(plan.name.clone(), Arc::clone(&hub));
        hub
    }

    pub(super) fn new_hub(&self, name: &str, limits: &plan::Limits, protocols: Vec<String>) -> Hub {
        let compression = limits.compression.as_ref();
        let compression = compression.map(|plan| compression_of(plan, &self.takeover));
        let hub = Hub::new(name, session_limits(limits), protocols).within(&self.queued);
        hub.with_compression(compression)
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

    /// What settings have to grant to the component of a service, if it loaded.
    pub(crate) fn needs(&self, plan: &plan::Service) -> Vec<Need> {
        let Behavior::Component { file, sha256 } = &plan.behavior else {
            return Vec::new();
        };
        let pin = sha256.map(|digest| Digest(*digest.as_bytes()));
        let loaded = self.loaded.get(&(file.clone(), pin));
        loaded.map(Component::needs).unwrap_or_default()
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
}
