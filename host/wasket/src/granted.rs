//! What components are granted beside connections: from the plan, with what it names of this host.

use crate::build::cache_of;
use std::path::Path;
use wasket_config::Objection;
use wasket_config::plan::{self, Plan};
use wasket_runtime::{Capabilities, Directory, Error, Runtime, SocketRange, share_files};

/// The capabilities of a service, or of a component of plain HTTP.
///
/// # Errors
/// When a directory cannot be opened, or a variable is not there any more.
pub(crate) fn capabilities(
    runtime: &Runtime,
    plan: &plan::Capabilities,
) -> Result<Capabilities, Error> {
    let directories = plan.directories.iter().map(|plan| Directory {
        path: plan.path.to_string(),
        directory: plan.directory.clone(),
        writable: plan.writable,
    });
    let directories: Vec<_> = directories.collect();
    let mut environment = plan.environment.clone();
    for name in &plan.environment_from {
        let value = std::env::var(name).map_err(|error| Error::Variable {
            name: name.clone(),
            what: error.to_string(),
        })?;
        environment.push((name.clone(), value));
    }
    let sockets = plan.sockets.iter().filter_map(|range| {
        let network = range.network();
        SocketRange::new(network.address(), network.prefix_bits(), range.ports())
    });
    Capabilities::open(runtime, &directories, environment, sockets.collect())
}

/// What is wrong with directories although they are there.
pub(crate) fn objections(plan: &Plan) -> Vec<Objection> {
    let Some(cache) = cache_of(&plan.host) else {
        return Vec::new();
    };
    let services = plan.services.iter().map(|service| &service.capabilities);
    let all = services.chain(plan.http.iter().map(|http| &http.capabilities));
    all.flat_map(|granted| &granted.directories)
        .filter(|granted| share_files(&granted.directory, &cache))
        .map(|granted| objection(&granted.directory, &cache))
        .collect()
}

fn objection(directory: &Path, cache: &Path) -> Objection {
    Objection {
        file: directory.to_owned(),
        fault: "is, holds or lies in the host's cache of compiled components".to_owned(),
        help: format!(
            "grant another directory, or set `cache_directory` of [host], which is {}",
            cache.display()
        ),
    }
}
