//! What belongs to one instance: the data in its store, kept small, for every open session has one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use wasket_session::{Hub, Outbox, ReadyState, Session, SessionId};
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

use crate::budget::{Budget, Meter};
use crate::capability::Capabilities;
use crate::http::{Held, abandon};
use crate::keyvalue::{Opened, Stores};
use crate::limits::{
    CORE_INSTANCES_MAX, HANDLES_MAX, HOSTCALL_BYTES_MORE, MEMORIES_MAX, TABLES_MAX,
};
use crate::log::LogBudget;
use crate::outbound::{Arrived, Connections, Granted, Link};
use crate::quota::{Exceeded, Quota};
use crate::refusal::{Failures, Refusals};
use crate::turns::Turns;
use crate::wasi::Wasi;
use crate::{Limits, Runtime};

/// What all instances of one service share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// What the log calls it: not always its hub's name.
    pub(crate) name: Arc<str>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) limits: Limits,
    pub(crate) budget: Budget,
    pub(crate) log: Arc<LogBudget>,
    pub(crate) refusals: Refusals,
    pub(crate) failures: Failures,
    /// Of answers to requests: clients that send or read badly shall hide no others.
    pub(crate) answer_failures: Failures,
    /// `None` where nothing of the outside is granted.
    pub(crate) granted: Option<Granted>,
    /// What is granted of key-value.
    pub(crate) stores: Stores,
    pub(crate) capabilities: Capabilities,
    /// How many its guests hold open.
    pub(crate) files: Arc<AtomicUsize>,
}

impl Shared {
    /// With nothing granted.
    pub(crate) fn new(
        name: Arc<str>,
        hub: Arc<Hub>,
        config: BTreeMap<String, String>,
        limits: Limits,
        budget: Budget,
    ) -> Self {
        let log = LogBudget::new(Arc::clone(&name), limits.log_bytes_per_second_max);
        Self {
            name,
            hub,
            config,
            limits,
            budget,
            log: Arc::new(log),
            refusals: Refusals::default(),
            failures: Failures::default(),
            answer_failures: Failures::default(),
            granted: None,
            stores: Stores::default(),
            capabilities: Capabilities::default(),
            files: Arc::default(),
        }
    }
}

/// The data of a store.
pub(crate) struct Guest {
    shared: Arc<Shared>,
    session: Arc<Session>,
    /// Out only while an import of ours reads the guest's memory.
    outbox: Option<Outbox>,
    memory_bytes: usize,
    table_elements: usize,
    turns: Turns,
    quota: Quota,
    meter: Arc<Meter>,
    /// Made when the guest first touches WASI.
    wasi: Option<Box<Wasi>>,
    /// Made when the guest first connects.
    connections: Option<Box<Connections>>,
    /// Made when the guest first opens a key-value store.
    opened: Option<Box<Opened>>,
}

impl Guest {
    /// A store for an instance that will serve this session, with all its limits.
    pub(crate) fn store(
        runtime: &Runtime,
        shared: &Arc<Shared>,
        session: &Arc<Session>,
    ) -> Store<Self> {
        let memory_bytes_max = shared.limits.memory_bytes_max;
        let hostcall_bytes_max = memory_bytes_max.saturating_add(HOSTCALL_BYTES_MORE);
        let mut store = Store::new(
            runtime.engine(),
            Self {
                shared: Arc::clone(shared),
                session: Arc::clone(session),
                outbox: Some(Outbox::new(Arc::clone(session))),
                memory_bytes: 0,
                table_elements: 0,
                turns: Turns::new(shared.limits.event_time, runtime.epoch_tick()),
                quota: Quota::new(),
                meter: Arc::new(Meter::new(runtime.lanes())),
                wasi: None,
                connections: None,
                opened: None,
            },
        );
        store.limiter(|guest| guest);
        store.set_hostcall_fuel(hostcall_bytes_max);
        store.set_max_component_handles(HANDLES_MAX);
        store.epoch_deadline_callback(|mut store| store.data_mut().step());
        store.set_epoch_deadline(1);
        store
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.shared.hub
    }

    /// The session that the instance serves.
    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    pub(crate) fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// The session that a guest means: its own, or another of its service.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Session>> {
        if self.is_own(id) {
            return Some(Arc::clone(&self.session));
        }
        self.hub().session(SessionId::new(id)?)
    }

    /// Whether the id is that of the session which the instance serves.
    #[inline]
    pub(crate) fn is_own(&self, id: u64) -> bool {
        self.session.id().get() == id
    }

    /// The outbox of the session, unless it is out.
    #[inline]
    pub(crate) fn outbox(&mut self) -> Option<&mut Outbox> {
        self.outbox.as_mut()
    }

    /// Takes the outbox out, so that it can be filled from the guest's memory, which is borrowed from the
    /// same store.
    #[inline]
    pub(crate) fn take_outbox(&mut self) -> wasmtime::Result<Outbox> {
        match self.outbox.take() {
            Some(outbox) => Ok(outbox),
            None => Err(wasmtime::format_err!("the outbox is in use")),
        }
    }

    #[inline]
    pub(crate) fn put_outbox(&mut self, outbox: Outbox) {
        self.outbox = Some(outbox);
    }

    /// Exchanges the buffers with the outbox of the connection, for the time of an event.
    pub(crate) fn swap_outbox(&mut self, other: &mut Outbox) {
        if let Some(outbox) = &mut self.outbox {
            outbox.swap(other);
        }
    }

    /// The guest has its worker from now on.
    pub(crate) fn begin_run(&mut self) {
        self.turns.begin_run();
    }

    /// A call for so many events begins, with a budget of its own.
    #[inline]
    pub(crate) fn begin_call(&mut self, events: u32) {
        self.turns.begin_call(events);
        self.quota.reset(events);
    }

    /// Whether the present event may queue a message for so many other sessions. Where it may not, the
    /// operator is told why.
    pub(crate) fn may_deliver(&self, receivers: usize, bytes: usize) -> bool {
        let limits = &self.shared.limits;
        match self.quota.take(receivers, bytes, limits) {
            Ok(()) => true,
            Err(Exceeded::Deliveries) => {
                self.refuse("event_deliveries_max", limits.event_deliveries_max);
                false
            }
            Err(Exceeded::Bytes) => {
                self.refuse("event_bytes_max", limits.event_bytes_max);
                false
            }
        }
    }

    /// The connections that the guest has begun.
    pub(crate) fn connections(&mut self) -> &mut Connections {
        self.connections.get_or_insert_default()
    }

    /// How many there are, with the requests that are on their way or whose answers it has not read to the end, and with its
    /// sockets.
    pub(crate) fn connected(&self) -> usize {
        let http = self.wasi.as_ref().and_then(|wasi| wasi.http.as_ref());
        self.connected_otherwise() + http.map_or(0, |http| http.open())
    }

    /// Its connections but for requests: sessions elsewhere, and sockets.
    fn connected_otherwise(&self) -> usize {
        let links = self.connections.as_ref().map_or(0, |it| it.len());
        links + self.wasi.as_ref().map_or(0, |wasi| wasi.sockets())
    }

    /// Them, if there are any.
    #[inline]
    pub(crate) fn open_connections(&self) -> Option<&Connections> {
        self.connections.as_deref().filter(|it| it.len() > 0)
    }

    /// The connection with this id, if it is this guest's.
    pub(crate) fn link(&self, id: u64) -> Option<&Arc<Link>> {
        self.connections.as_deref()?.find(id)
    }

    /// The next thing that a connection brings. Nothing, while the session has no room for as much: what a guest
    /// sends on shall not have it wait, for it would hear nothing of its session meanwhile.
    pub(crate) fn next_arrived(&mut self) -> Option<(SessionId, Arrived)> {
        let (connections, outbox) = (self.connections.as_mut()?, &mut self.outbox);
        connections.next(|bytes| match outbox {
            // A peer that has closed takes nothing any more, and holds nothing back.
            Some(outbox) => self.session.state() != ReadyState::Open || outbox.has_room(bytes),
            None => true,
        })
    }

    /// Tells the operator that the guest wants to connect to what it is not granted.
    #[cold]
    pub(crate) fn refuse_target(&self, url: &url::Url) {
        let (service, session) = (&self.shared.name, self.session.id());
        let refusals = &self.shared.refusals;
        refusals.tell_target(service, session, &url[..url::Position::BeforePath]);
    }

    /// What the guest has open of key-value.
    pub(crate) fn opened(&mut self) -> &mut Opened {
        self.opened.get_or_insert_default()
    }

    /// Tells the operator that the guest wants to open a store that it is not granted.
    #[cold]
    pub(crate) fn refuse_store(&self, identifier: &str) {
        let (service, session) = (&self.shared.name, self.session.id());
        let refusals = &self.shared.refusals;
        refusals.tell_store(service, session, identifier);
    }

    /// Tells the operator of a store that is full, or does not work.
    pub(crate) fn tell_of_store(&self, store: &str, error: &wasket_store::Error) {
        let (service, session) = (&self.shared.name, self.session.id());
        let refusals = &self.shared.refusals;
        refusals.tell_of_store(service, session, store, error);
    }

    /// Tells the operator which setting a guest met.
    #[cold]
    pub(crate) fn refuse(&self, setting: &'static str, max: usize) {
        let (service, session) = (&self.shared.name, self.session.id());
        self.shared.refusals.tell(service, session, setting, max);
    }

    /// What was accepted until now goes out: the guest is about to wait.
    pub(crate) fn publish(&mut self) {
        if let Some(outbox) = &mut self.outbox {
            outbox.publish();
        }
    }

    /// Its last lines on stderr.
    pub(crate) fn recent_stderr(&self) -> Vec<Box<str>> {
        self.wasi
            .as_ref()
            .map(|wasi| wasi.log.recent_stderr())
            .unwrap_or_default()
    }

    /// Whether it was ended for what it holds of HTTP.
    pub(crate) fn holds_too_much(&self) -> bool {
        let http = self.wasi.as_ref().and_then(|wasi| wasi.http.as_ref());
        http.is_some_and(|http| http.is_over())
    }

    /// What it has begun to write, and neither finished nor given up, is broken off.
    pub(crate) fn abandon_bodies(&mut self) {
        if let Some(wasi) = &mut self.wasi {
            abandon(&mut wasi.table);
        }
    }

    fn step(&mut self) -> wasmtime::Result<UpdateDeadline> {
        let next = self.turns.step(&self.meter)?;
        if matches!(next, UpdateDeadline::Yield(_)) {
            // What was accepted goes out before others get their turn.
            self.publish();
        }
        Ok(next)
    }

    pub(crate) fn wasi(&mut self) -> &mut Wasi {
        let (shared, session) = (&self.shared, &self.session);
        self.wasi
            .get_or_insert_with(|| Box::new(Wasi::new(shared, session.id())))
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Any call of WASI may wait, and only here can it be known before.
        self.publish();
        let wasi = self.wasi();
        WasiCtxView {
            ctx: &mut wasi.ctx,
            table: &mut wasi.table,
        }
    }
}

impl WasiHttpView for Guest {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        // As of WASI.
        self.publish();
        let others = self.connected_otherwise();
        let (shared, session) = (&self.shared, self.session.id());
        let wasi = self
            .wasi
            .get_or_insert_with(|| Box::new(Wasi::new(shared, session)));
        let http = wasi
            .http
            .get_or_insert_with(|| Box::new(Held::new(Arc::clone(shared), session)));
        http.view(&mut wasi.table, others)
    }
}

/// Growth past a limit ends the guest with an error that names the limit: a guest that would be told
/// "no" instead mostly aborts without a reason.
impl ResourceLimiter for Guest {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let bytes = grown(self.memory_bytes, current, desired);
        if bytes > self.shared.limits.memory_bytes_max {
            return Err(OutOfMemory::Memory {
                bytes,
                max: self.shared.limits.memory_bytes_max,
            }
            .into());
        }
        self.memory_bytes = bytes;
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let elements = grown(self.table_elements, current, desired);
        if elements > self.shared.limits.table_elements_max {
            return Err(OutOfMemory::Table {
                elements,
                max: self.shared.limits.table_elements_max,
            }
            .into());
        }
        self.table_elements = elements;
        Ok(true)
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        Err(error)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}

/// The sum over all memories (or tables) when one of them grows.
fn grown(total: usize, current: usize, desired: usize) -> usize {
    total.saturating_add(desired.saturating_sub(current))
}

/// The guest went past one of its memory limits.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OutOfMemory {
    #[error("asked for {bytes} bytes of memory; memory_bytes_max is {max}")]
    Memory { bytes: usize, max: usize },
    #[error("asked for {elements} table elements; table_elements_max is {max}")]
    Table { elements: usize, max: usize },
}
