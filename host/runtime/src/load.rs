//! From a file to a component that is ready to be instantiated.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{self, InstancePre};

use crate::Runtime;
use crate::error::{Digest, Error, Kind, Mismatch};
use crate::export::{BEHAVIOR, Exports, HANDLER, wrong_world};
use crate::http::HttpComponent;
use crate::imports;
use crate::inspect::Need;
use crate::limits::{Limits, PARTS_PER_INSTANCE};
use crate::store::Guest;

/// A component that fits the contract. Cloning it shares the compiled code.
#[derive(Clone)]
pub struct Component {
    parts: Arc<Parts<Exports>>,
}

/// What is known of a loaded component, and where in it what is needed is.
pub(crate) struct Parts<E> {
    pub(crate) path: PathBuf,
    pub(crate) digest: Digest,
    pub(crate) pre: InstancePre<Guest>,
    pub(crate) exports: Arc<E>,
    pub(crate) weight: u32,
}

/// A file's bytes, read once: what was hashed is what is compiled.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) digest: Digest,
}

impl Runtime {
    /// Loads a component: from the cache, or by compiling it, off the async workers. Needs a tokio runtime
    /// around it.
    ///
    /// # Errors
    /// When the file cannot be read, is not the pinned one, is no component, or does not fit the contract.
    pub async fn load(&self, path: &Path, pin: Option<Digest>) -> Result<Component, Error> {
        let parts = self.load_parts(path, pin, Exports::find).await?;
        Ok(parts.into())
    }

    /// The same for a component that is needed for other exports.
    pub(crate) async fn load_parts<E: Send + Sync + 'static>(
        &self,
        path: &Path,
        pin: Option<Digest>,
        find: fn(&InstancePre<Guest>) -> Result<E, Mismatch>,
    ) -> Result<Parts<E>, Error> {
        let path = path.to_owned();
        self.blocking(move |runtime| Source::read(&path, pin)?.load(runtime, find))
            .await
    }

    /// The same for bytes that are at hand; `name` stands for the file in errors.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub async fn load_bytes(&self, name: &Path, bytes: Vec<u8>) -> Result<Component, Error> {
        let parts = self.load_parts_of(name, bytes, Exports::find);
        Ok(parts.await?.into())
    }

    pub(crate) async fn load_parts_of<E: Send + Sync + 'static>(
        &self,
        name: &Path,
        bytes: Vec<u8>,
        find: fn(&InstancePre<Guest>) -> Result<E, Mismatch>,
    ) -> Result<Parts<E>, Error> {
        let source = Source::new(name.to_owned(), bytes);
        self.blocking(move |runtime| source.load(runtime, find))
            .await
    }

    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let runtime = self.clone();
        tokio::task::spawn_blocking(move || work(&runtime))
            .await
            .map_err(|e| Error::Engine {
                reason: format!("the compiler ended early: {e}"),
            })?
    }
}

impl Component {
    /// What of its imports settings have to grant.
    #[must_use]
    pub fn needs(&self) -> Vec<Need> {
        imports::needs(self.pre().component())
    }

    /// The file it came from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.parts.path
    }

    /// The SHA-256 of the file's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.parts.digest
    }

    pub(crate) fn pre(&self) -> &InstancePre<Guest> {
        &self.parts.pre
    }

    pub(crate) fn exports(&self) -> &Arc<Exports> {
        &self.parts.exports
    }

    /// The same component as what answers plain requests, if it exports `wasi:http/incoming-handler`.
    #[must_use]
    pub fn http(&self) -> Option<HttpComponent> {
        let handler = self.exports().handler.clone()?;
        Some(self.parts.with(handler).into())
    }

    /// How many places of the pool an instance takes: one, unless it has several memories or many tables.
    pub(crate) fn weight(&self) -> u32 {
        self.parts.weight
    }

    /// Whether an instance can begin at all within these limits.
    pub(crate) fn fits(&self, limits: &Limits) -> Result<(), Error> {
        self.parts.fits(limits)
    }
}

impl From<Parts<Exports>> for Component {
    fn from(parts: Parts<Exports>) -> Self {
        Self {
            parts: Arc::new(parts),
        }
    }
}

impl<E> Parts<E> {
    /// The same component, for other exports of it.
    pub(crate) fn with<F>(&self, exports: F) -> Parts<F> {
        Parts {
            path: self.path.clone(),
            digest: self.digest,
            pre: self.pre.clone(),
            exports: Arc::new(exports),
            weight: self.weight,
        }
    }

    /// Whether an instance can begin at all within these limits.
    pub(crate) fn fits(&self, limits: &Limits) -> Result<(), Error> {
        let Some(needs) = self.pre.component().resources_required() else {
            return Ok(());
        };
        let pages = needs.max_initial_memory_size.unwrap_or(0);
        let sizes = [
            (
                "bytes of memory to begin with (memory_bytes_max)",
                pages.saturating_mul(WASM_PAGE_BYTES),
                limits.memory_bytes_max as u64,
            ),
            (
                "table elements to begin with (table_elements_max)",
                needs.max_initial_table_size.unwrap_or(0),
                limits.table_elements_max as u64,
            ),
        ];
        for (what, value, max) in sizes {
            if value > max {
                return Err(Error::World {
                    path: self.path.clone(),
                    mismatch: Mismatch::Size { what, value, max },
                });
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Component {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Component").field(&self.parts).finish()
    }
}

impl<E> std::fmt::Debug for Parts<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts")
            .field("path", &self.path)
            .field("digest", &self.digest)
            .field("weight", &self.weight)
            .finish_non_exhaustive()
    }
}

impl Source {
    pub(crate) fn read(path: &Path, pin: Option<Digest>) -> Result<Self, Error> {
        let bytes = std::fs::read(path).map_err(|source| Error::Read {
            path: path.to_owned(),
            source,
        })?;
        let source = Self::new(path.to_owned(), bytes);
        match pin {
            Some(expected) if expected != source.digest => Err(Error::Pin {
                path: source.path,
                expected,
                found: source.digest,
            }),
            _ => Ok(source),
        }
    }

    fn new(path: PathBuf, bytes: Vec<u8>) -> Self {
        let digest = Digest(Sha256::digest(&bytes).into());
        Self {
            path,
            bytes,
            digest,
        }
    }

    fn load<E>(
        self,
        runtime: &Runtime,
        find: impl FnOnce(&InstancePre<Guest>) -> Result<E, Mismatch>,
    ) -> Result<Parts<E>, Error> {
        let compiled = self.compile(runtime)?;
        let missing = imports::missing(&compiled);
        if !missing.is_empty() {
            return Err(Error::Missing {
                path: self.path,
                missing,
            });
        }
        let world = |mismatch| Error::World {
            path: self.path.clone(),
            mismatch,
        };
        let linked = runtime.linker().instantiate_pre(&compiled);
        let pre = linked.map_err(|e| {
            world(Mismatch::Import {
                reason: format!("{e:#}"),
            })
        })?;
        let exports = Arc::new(find(&pre).map_err(world)?);
        let weight = weight(&compiled);
        if weight > runtime.instances_max() {
            return Err(world(Mismatch::Size {
                what: "places for its memories and tables (instances_max)",
                value: weight.into(),
                max: runtime.instances_max().into(),
            }));
        }
        Ok(Parts {
            path: self.path,
            digest: self.digest,
            pre,
            exports,
            weight,
        })
    }

    /// The compiled component, with its kind checked but not its fit.
    pub(crate) fn compile(&self, runtime: &Runtime) -> Result<component::Component, Error> {
        self.kind()?;
        let engine = runtime.engine();
        let cache = runtime.cache();
        if let Some(component) = cache.and_then(|c| c.load(engine, &self.digest)) {
            return Ok(component);
        }
        let compiled = component::Component::new(engine, &self.bytes);
        let component = compiled.map_err(|e| Error::Invalid {
            path: self.path.clone(),
            reason: format!("{e:#}"),
        })?;
        if is_wit_package(&component) {
            return Err(self.other_kind(Kind::WitPackage));
        }
        if let Some(cache) = cache {
            cache.store(&self.digest, &component);
        }
        Ok(component)
    }

    /// That the bytes begin as a component does (or are the text of one).
    fn kind(&self) -> Result<(), Error> {
        if Engine::detect_precompiled(&self.bytes).is_some() {
            return Err(self.other_kind(Kind::Precompiled));
        }
        match self.bytes.get(..8) {
            Some(b"\0asm\x0d\0\x01\0") => Ok(()),
            Some(b"\0asm\x01\0\0\0") => Err(self.other_kind(Kind::CoreModule)),
            _ => match str::from_utf8(&self.bytes).map(str::trim_start) {
                Ok(text) if text.starts_with("(component") => Ok(()),
                Ok(text) if text.starts_with("(module") => Err(self.other_kind(Kind::CoreModule)),
                _ => Err(self.other_kind(Kind::NotWasm)),
            },
        }
    }

    fn other_kind(&self, what: Kind) -> Error {
        Error::Kind {
            path: self.path.clone(),
            what,
        }
    }
}

/// A package of interfaces exports nothing but types.
fn is_wit_package(component: &component::Component) -> bool {
    let ty = component.component_type();
    let mut exports = ty.exports(component.engine()).peekable();
    exports.peek().is_some()
        && exports.all(|(_, item)| {
            matches!(
                item.ty,
                ComponentItem::Type(_) | ComponentItem::Component(_)
            )
        })
}

fn weight(component: &component::Component) -> u32 {
    let Some(needs) = component.resources_required() else {
        return 1;
    };
    needs
        .num_memories
        .max(needs.num_tables.div_ceil(PARTS_PER_INSTANCE))
        .max(1)
}

/// Why a component that does export something serves neither sessions nor plain requests; for those that cannot even be
/// linked.
pub(crate) fn world_mismatch(component: &component::Component) -> Option<Mismatch> {
    let worlds = [BEHAVIOR, HANDLER];
    let serves = |world: &str| component.get_export_index(None, world).is_some();
    if worlds.into_iter().any(serves) {
        return None;
    }
    let ty = component.component_type();
    let exports = ty.exports(component.engine());
    Some(wrong_world(
        exports.map(|(name, _)| name.to_owned()).collect(),
    ))
}

const WASM_PAGE_BYTES: u64 = 64 << 10;
