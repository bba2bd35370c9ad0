//! What a guest holds of HTTP on the host's side: so much and no more, and it ends when the guest does.

use std::any::{Any, TypeId};
use std::mem;
use std::sync::Arc;

use wasket_session::SessionId;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::p2::body::{
    HostFutureTrailers, HostIncomingBody, HostOutgoingBody, StreamContext,
};
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostIncomingRequest, HostIncomingResponse, HostOutgoingRequest,
    HostOutgoingResponse,
};
use wasmtime_wasi_http::{FieldMap, WasiHttpCtx, WasiHttpCtxView};

use super::Outgoing;
use crate::limits::{FIELDS_BYTES_MAX, HTTP_RESOURCES_MAX};
use crate::store::Shared;

/// Made when a guest first touches HTTP.
pub(crate) struct Held {
    ctx: WasiHttpCtx,
    outgoing: Outgoing,
    is_over: bool,
    /// What a guest sees that holds too much: a call that finds nothing ends it.
    nothing: ResourceTable,
}

impl Held {
    pub(crate) fn new(shared: Arc<Shared>, session: SessionId) -> Self {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(FIELDS_BYTES_MAX);
        let mut nothing = ResourceTable::new();
        nothing.set_max_capacity(0);
        Self {
            ctx,
            outgoing: Outgoing::new(shared, session),
            is_over: false,
            nothing,
        }
    }

    /// For one call of the guest, which has so many connections of another kind.
    pub(crate) fn view<'a>(
        &'a mut self,
        table: &'a mut ResourceTable,
        links: usize,
    ) -> WasiHttpCtxView<'a> {
        self.outgoing.beside(links);
        self.is_over = self.is_over || is_over(table);
        WasiHttpCtxView {
            hooks: &mut self.outgoing,
            table: match self.is_over {
                true => &mut self.nothing,
                false => table,
            },
            ctx: &mut self.ctx,
        }
    }

    /// Whether the guest was ended for what it holds.
    pub(crate) fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many of the guest's requests have not come to their end, both ways.
    pub(crate) fn open(&self) -> usize {
        self.outgoing.open()
    }
}

/// Whoever reads what the guest has begun to write hears that it does not go on: a body whose writer is gone would else
/// end as if it were whole.
pub(crate) fn abandon(table: &mut ResourceTable) {
    for body in table.iter_mut().filter_map(<dyn Any + Send>::downcast_mut) {
        let (ended, _) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
        mem::replace::<HostOutgoingBody>(body, ended).abort();
    }
}

fn is_over(table: &mut ResourceTable) -> bool {
    // Of all kinds there are seldom as many.
    table.iter_mut().count() > HTTP_RESOURCES_MAX
        && table.iter_mut().filter(|it| is_of_http(&**it)).count() > HTTP_RESOURCES_MAX
}

/// Whether it may be of more than a few hundred bytes.
fn is_of_http(entry: &(dyn Any + Send)) -> bool {
    [
        TypeId::of::<FieldMap>(),
        TypeId::of::<HostIncomingRequest>(),
        TypeId::of::<HostIncomingResponse>(),
        TypeId::of::<HostIncomingBody>(),
        TypeId::of::<HostFutureTrailers>(),
        TypeId::of::<HostFutureIncomingResponse>(),
        TypeId::of::<HostOutgoingRequest>(),
        TypeId::of::<HostOutgoingResponse>(),
        TypeId::of::<HostOutgoingBody>(),
    ]
    .contains(&entry.type_id())
}
