//! What guests are granted beside connections: directories, environment variables, addresses for `wasi:sockets`.

mod directory;
mod socket;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use wasmtime_wasi::filesystem::WasiFilesystemCtx;

use crate::store::Shared;
use crate::{Error, Runtime};

pub use directory::{Directory, share_files};
pub use socket::SocketRange;

/// What the guests of one component are granted beside connections. By default, nothing.
#[derive(Default)]
pub struct Capabilities {
    /// Opened once, and shared by all instances.
    filesystem: Option<WasiFilesystemCtx>,
    /// Whether a guest may write to all of them.
    all_writable: bool,
    environment: Vec<(String, String)>,
    sockets: Vec<SocketRange>,
}

impl Capabilities {
    /// Opens these directories, which takes a descriptor each, however many instances there will be. Names of
    /// variables are without `=` and NUL, values without NUL. Blocks.
    ///
    /// # Errors
    /// When a directory cannot be opened, or is, holds or lies in the host's cache of compiled components: a guest that
    /// could write there would have the host run what it likes.
    pub fn open(
        runtime: &Runtime,
        directories: &[Directory],
        environment: Vec<(String, String)>,
        sockets: Vec<SocketRange>,
    ) -> Result<Self, Error> {
        let cache = runtime.cache().map(crate::cache::Cache::directory);
        let opened = (!directories.is_empty()).then(|| directory::open(directories, cache));
        Ok(Self {
            filesystem: opened.transpose()?,
            all_writable: directories.iter().all(|directory| directory.writable),
            environment,
            sockets,
        })
    }

    /// Holds for all instances of a component, of which there are none yet.
    pub(crate) fn hold_for(self, shared: &mut Arc<Shared>) {
        if let Some(shared) = Arc::get_mut(shared) {
            shared.capabilities = self;
        }
    }

    /// The directories, if there are any.
    pub(crate) fn filesystem(&self) -> Option<&WasiFilesystemCtx> {
        self.filesystem.as_ref()
    }

    /// Whether there is a directory that guests may only read.
    pub(crate) fn has_read_only(&self) -> bool {
        self.filesystem.is_some() && !self.all_writable
    }

    pub(crate) fn environment(&self) -> &[(String, String)] {
        &self.environment
    }

    /// Whether guests may make sockets at all.
    pub(crate) fn has_sockets(&self) -> bool {
        !self.sockets.is_empty()
    }

    /// Whether guests may reach this address.
    pub(crate) fn reaches(&self, address: SocketAddr) -> bool {
        self.sockets.iter().any(|range| range.contains(address))
    }
}

/// Values of variables may be secrets.
impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.environment.iter().map(|(name, _)| name);
        f.debug_struct("Capabilities")
            .field("environment", &names.collect::<Vec<_>>())
            .field("sockets", &self.sockets)
            .finish_non_exhaustive()
    }
}
