//! File descriptors: every connection takes one.

use rustix::process::{Resource, getrlimit, setrlimit};
use tracing::{info, warn};
use wasket_config::plan::Listener;

/// Takes as many as the system gives, and says so when the listeners' settings promise more.
pub(crate) fn raise_limit(listeners: &[Listener]) {
    if let Err(error) = raise() {
        warn!(%error, "the limit of open files cannot be raised");
    }
    let promised: usize = listeners
        .iter()
        .map(|listener| listener.connections_max)
        .sum();
    let needed = u64::try_from(promised)
        .unwrap_or(u64::MAX)
        .saturating_add(OWN);
    match getrlimit(Resource::Nofile).current {
        Some(given) if given < needed => info!(
            given,
            needed,
            "fewer open files than `connections_max` needs: raise the limit (`ulimit -n`, or LimitNOFILE= in a \
             systemd unit), or lower `connections_max`"
        ),
        _ => {}
    }
}

/// Takes as many as the system gives.
///
/// The soft limit is kept low for programs that use `select`; it is common to raise it for others.
pub(crate) fn raise() -> std::io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}

/// For listeners, components, the log and the like.
const OWN: u64 = 64;
