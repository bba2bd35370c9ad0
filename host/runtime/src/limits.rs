use std::path::PathBuf;
use std::time::Duration;

use crate::Error;
use crate::budget::Allowance;

/// What the whole host gives its guests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Instances that may live at the same time; a session beyond that is refused with 503. Every instance
    /// takes 6 memory mappings, so `vm.max_map_count` (65,530 by default) ends near 10,500 of them.
    pub instances_max: u32,
    /// How often running guests are looked at, and how long their turns are: what has run for longer stands back.
    pub epoch_tick: Duration,
    /// Where compiled components are kept; `None` compiles at every start. Only a directory of mode 0700
    /// that the host's user owns is used.
    pub cache_directory: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            instances_max: 10_000,
            epoch_tick: Duration::from_millis(5),
            cache_directory: None,
        }
    }
}

/// What one instance of a service may cost the host. Each is a setting of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Linear memory of an instance, in bytes: at most [`MEMORY_BYTES_MAX`].
    pub memory_bytes_max: usize,
    /// Elements of all tables of an instance: at most [`TABLE_ELEMENTS_MAX`] in one of them.
    pub table_elements_max: usize,
    /// How long the guest may run within one event, the host's functions that it calls included, in time of the
    /// processor: what others take of that is not counted, nor is waiting. An event that has waited for a minute in
    /// all has as much anew.
    pub event_time: Duration,
    /// How long an event may take in all once the guest began to wait. Waiting for the session's own peer to
    /// read is not counted: that is bounded by the session's `slow_reader_time`.
    pub event_wall_time: Duration,
    /// Messages that one event may queue for sessions other than its own, each counted for each of its
    /// receivers; the first broadcast of an event always goes.
    pub event_deliveries_max: usize,
    /// Bytes that one event may queue for sessions other than its own. Receivers of one message share its
    /// bytes, so they count once; the first message of an event always goes.
    pub event_bytes_max: usize,
    /// What all instances of the service may log in a second, in bytes; the rest is dropped and counted.
    pub log_bytes_per_second_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes_max: 32 << 20,
            table_elements_max: TABLE_ELEMENTS_MAX,
            event_time: Duration::from_millis(100),
            event_wall_time: Duration::from_secs(10),
            event_deliveries_max: 100_000,
            event_bytes_max: 2 << 20,
            log_bytes_per_second_max: 64 << 10,
        }
    }
}

impl Limits {
    /// For a call that is for so many events.
    #[inline]
    pub(crate) fn allowance(&self, events: u32) -> Allowance {
        Allowance {
            time: self.event_time,
            wall_time: self.event_wall_time,
            events,
        }
    }

    /// That they are within what the host has room for.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let bounds = [
            ("memory_bytes_max", self.memory_bytes_max, MEMORY_BYTES_MAX),
            (
                "table_elements_max",
                self.table_elements_max,
                TABLE_ELEMENTS_MAX,
            ),
        ];
        match bounds.into_iter().find(|(_, value, max)| value > max) {
            Some((setting, value, max)) => Err(Error::Setting {
                setting,
                value,
                max,
            }),
            None => Ok(()),
        }
    }
}

/// The linear memory that the host has room for in one instance, in bytes.
pub const MEMORY_BYTES_MAX: usize = 64 << 20;

/// The elements that the host has room for in one table.
pub const TABLE_ELEMENTS_MAX: usize = 20_000;

/// Core instances and tables that an instance has room for on average. Core instances are a counter.
/// A table slot is [`TABLE_ELEMENTS_MAX`] pointers of address space, 160 KB: 25.6 GB of it (of 128 TiB)
/// for 10,000 instances, of which the system backs only what was touched.
pub(crate) const PARTS_PER_INSTANCE: u32 = 16;

/// Linear memories of one component.
pub(crate) const MEMORIES_MAX: u32 = 8;

/// Core instances of one component.
pub(crate) const CORE_INSTANCES_MAX: u32 = 256;

/// Tables of one component.
pub(crate) const TABLES_MAX: u32 = 256;

/// Bytes that one call may make the host take from a guest, beyond as many as the guest's memory has. A message
/// counts, although it is read where it lies: one that is too large has its outcome, and is no failure.
pub(crate) const HOSTCALL_BYTES_MORE: usize = 2 << 20;

/// Handles of resources that a component may hold, those that it makes itself included. Python holds a few hundred,
/// JavaScript seven more for each request that it has sent, for it gives none back.
pub(crate) const HANDLES_MAX: usize = 8_192;

/// Resources of the host (streams, pollables, what HTTP consists of) that a guest may hold: some 300 bytes each, and
/// where that may be more it is bounded besides.
pub(crate) const RESOURCES_MAX: usize = 8_192;

/// What those of HTTP among them may hold (fields, requests, answers and their bodies), in bytes: each body that a guest
/// writes counts as what nobody may have read of it. It is half as much again where a guest wants to do harm.
pub(crate) const HTTP_BYTES_MAX: usize = 16 << 20;

/// The head of an answer that a guest is sent, or what is read of its body at once.
pub(crate) const HEAD_BYTES_MAX: usize = 64 << 10;

/// Files, directories and streams among them. A stream has a file open too, and may have read 64 KiB ahead, on a thread of its
/// own while it does.
pub(crate) const FILES_MAX: usize = 128;

/// The same of all guests of a service together.
pub(crate) const FILES_OF_SERVICE_MAX: usize = 1_024;

/// Lists of the entries of a directory, which are read as a whole.
pub(crate) const LISTINGS_MAX: usize = 8;

/// A path that a guest opens. Linux takes no longer one.
pub(crate) const FILE_PATH_BYTES_MAX: usize = 4_095;

/// Handles of `wasi:keyvalue` that a guest may hold, beside those: each keeps a key of up to 1 KiB.
pub(crate) const KEYVALUE_HANDLES_MAX: usize = 1_024;

/// Random bytes that a guest may ask for in one call.
pub(crate) const RANDOM_BYTES_MAX: u64 = 64 << 10;

/// What the header fields of a request or an answer that a guest makes may take, in bytes of the host's memory.
pub(crate) const FIELDS_BYTES_MAX: usize = 32 << 10;

/// The method of a request that a guest sends. The longest registered one has 17 bytes.
pub(crate) const METHOD_BYTES_MAX: usize = 32;

/// Its authority: a name of 255 bytes, a colon and a port.
pub(crate) const AUTHORITY_BYTES_MAX: usize = 261;

/// Its path and query. Servers take as much of them, and rarely more.
pub(crate) const PATH_BYTES_MAX: usize = 8 << 10;
