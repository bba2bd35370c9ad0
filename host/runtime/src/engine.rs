//! The one engine of the host.

use std::fmt;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::component::Linker;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

use crate::cache::Cache;
use crate::error::Error;
use crate::import;
use crate::lanes::Lanes;
use crate::limits::{
    MEMORIES_MAX, MEMORY_BYTES_MAX, PARTS_PER_INSTANCE, Settings, TABLE_ELEMENTS_MAX, TABLES_MAX,
};
use crate::store::Guest;
use crate::ticker::Ticker;
use crate::turns::step;

/// Runs components: one engine, one pool of instances, one ticker. Cloning it shares them.
#[derive(Clone)]
pub struct Runtime {
    parts: Arc<Parts>,
}

struct Parts {
    linker: Linker<Guest>,
    places: Arc<Semaphore>,
    lanes: Arc<Lanes>,
    cache: Option<Cache>,
    settings: Settings,
    _ticker: Ticker,
    engine: Engine,
}

impl Runtime {
    /// Reserves the address space for `instances_max` instances, and starts the ticker's thread. Memory
    /// is taken when instances touch it.
    ///
    /// # Errors
    /// When the machine does not give so much address space or so many memory mappings.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let engine = |e: wasmtime::Error| Error::Engine {
            reason: format!("{e:#}; a smaller instances_max needs less"),
        };
        warn_of_few_mappings(settings.instances_max);
        let wasm = Engine::new(&config(&settings)).map_err(engine)?;
        let mut linker = Linker::new(&wasm);
        import::add_to_linker(&mut linker).map_err(engine)?;
        let ticker =
            Ticker::start(&wasm, step(settings.epoch_tick)).map_err(|e| Error::Engine {
                reason: format!("no thread for its ticker: {e}"),
            })?;
        let lanes =
            Lanes::new(slow_places(), settings.epoch_tick, ticker.pulse()).map_err(|e| {
                Error::Engine {
                    reason: format!("no threads for long calls: {e}"),
                }
            })?;
        let cache = settings.cache_directory.as_ref();
        Ok(Self {
            parts: Arc::new(Parts {
                linker,
                places: Arc::new(Semaphore::new(settings.instances_max as usize)),
                lanes: Arc::new(lanes),
                cache: cache.map(|directory| Cache::new(directory.clone(), &wasm)),
                settings,
                _ticker: ticker,
                engine: wasm,
            }),
        })
    }

    /// How many more instances there is room for.
    #[must_use]
    pub fn instances_free(&self) -> usize {
        self.parts.places.available_permits()
    }

    /// How many instances may live at the same time.
    #[must_use]
    pub fn instances_max(&self) -> u32 {
        self.parts.settings.instances_max
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.parts.engine
    }

    pub(crate) fn linker(&self) -> &Linker<Guest> {
        &self.parts.linker
    }

    pub(crate) fn cache(&self) -> Option<&Cache> {
        self.parts.cache.as_ref()
    }

    /// How long a guest that needs long runs at a time.
    pub(crate) fn epoch_tick(&self) -> Duration {
        self.parts.settings.epoch_tick
    }

    /// Where calls take their turns.
    pub(crate) fn lanes(&self) -> Arc<Lanes> {
        Arc::clone(&self.parts.lanes)
    }

    /// Room for an instance that takes so many places; `None` when the host is full.
    pub(crate) fn reserve(&self, places: u32) -> Option<OwnedSemaphorePermit> {
        let all = Arc::clone(&self.parts.places);
        all.try_acquire_many_owned(places).ok()
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime")
            .field("settings", &self.parts.settings)
            .field("instances_free", &self.instances_free())
            .finish_non_exhaustive()
    }
}

fn config(settings: &Settings) -> Config {
    let mut config = Config::new();
    config
        // Nothing of ours is async to the guest, and having it on more than doubles a call's cost.
        .concurrency_support(false)
        .epoch_interruption(true)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        // The defaults would reserve 4 GiB for every instance: 39 TiB for 10,000.
        .memory_reservation(MEMORY_BYTES_MAX as u64)
        .memory_guard_size(64 << 10)
        .memory_reservation_for_growth(0)
        // Else a stack keeps all that the deepest recursion on it has touched, and one guest's values lie there
        // while another runs.
        .async_stack_zeroing(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
    config
}

fn pool(settings: &Settings) -> PoolingAllocationConfig {
    let instances = settings.instances_max;
    let parts = instances.saturating_mul(PARTS_PER_INSTANCE);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(parts)
        .total_memories(instances)
        .total_tables(parts)
        .total_stacks(instances)
        .max_memory_size(MEMORY_BYTES_MAX)
        .max_memories_per_component(MEMORIES_MAX)
        .max_tables_per_component(TABLES_MAX)
        .max_tables_per_module(TABLES_MAX)
        .max_memories_per_module(MEMORIES_MAX)
        .table_elements(TABLE_ELEMENTS_MAX)
        // The page that every call touches is zeroed, what is below is given back.
        .async_stack_keep_resident(4 << 10)
        // A batch would keep what dropped instances had touched, up to 32 MiB each, and then give it back at once.
        .decommit_batch_size(1);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        // Without the scan, keeping pages zeroes untouched ones and so makes them resident.
        pool.pagemap_scan(Enabled::Yes)
            .linear_memory_keep_resident(64 << 10)
            .table_keep_resident(4 << 10);
    }
    pool
}

/// Long calls take at most half of the workers, so that short ones always find one.
fn slow_places() -> usize {
    let workers = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (workers / 2).max(1)
}

/// Says beforehand that the system will refuse mappings, and what to do: an instance then fails in the
/// middle of being made.
fn warn_of_few_mappings(instances_max: u32) {
    let setting = std::fs::read_to_string("/proc/sys/vm/max_map_count");
    let Some(there) = setting
        .ok()
        .and_then(|text| text.trim().parse::<u64>().ok())
    else {
        return;
    };
    let needed = u64::from(instances_max) * MAPPINGS_PER_INSTANCE + MAPPINGS_OF_THE_HOST;
    if needed > there {
        tracing::warn!(
            "instances_max = {instances_max} may need {needed} memory mappings and the system gives {there}: \
             `sysctl vm.max_map_count={needed}`, or set instances_max to {}",
            there.saturating_sub(MAPPINGS_OF_THE_HOST) / MAPPINGS_PER_INSTANCE
        );
    }
}

/// Two are made with the pool (a stack and its guard), four with the instance (measured with a Rust guest).
const MAPPINGS_PER_INSTANCE: u64 = 6;

/// Threads, libraries, compiled code, and the rest.
const MAPPINGS_OF_THE_HOST: u64 = 2_000;
