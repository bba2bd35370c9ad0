//! What a guest holds of HTTP on the host's side: so much and no more, and it ends when the guest does.

use std::any::Any;
use std::mem;
use std::sync::Arc;

use http::HeaderMap;
use wasket_session::SessionId;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::p2::body::{
    HostFutureTrailers, HostIncomingBody, HostOutgoingBody, StreamContext,
};
use wasmtime_wasi_http::p2::types::{
    HostFutureIncomingResponse, HostIncomingResponse, HostOutgoingRequest, HostOutgoingResponse,
};
use wasmtime_wasi_http::{FieldMap, WasiHttpCtx, WasiHttpCtxView};

use super::Outgoing;
use super::ahead::SHORT_BYTES_MAX;
use super::outgoing::BODY_BYTES_MAX;
use crate::limits::{FIELDS_BYTES_MAX, HEAD_BYTES_MAX, HTTP_BYTES_MAX};
use crate::store::Shared;

/// Made when a guest first touches HTTP.
pub(crate) struct Held {
    ctx: WasiHttpCtx,
    outgoing: Outgoing,
    is_over: bool,
    calls: usize,
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
            calls: 0,
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
        self.calls = self.calls.wrapping_add(1);
        if self.calls.is_multiple_of(CALLS_A_LOOK) {
            self.is_over = self.is_over || is_over(table);
        }
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
    let held = table.iter_mut().map(|entry| bytes(&*entry));
    held.sum::<usize>() > HTTP_BYTES_MAX
}

/// What the host holds for it, where that is much. An answer is its head and what is short of its body, for a longer one has
/// a place; and languages that collect garbage give no handle back for long.
fn bytes(entry: &(dyn Any + Send)) -> usize {
    if let Some(map) = entry.downcast_ref::<FieldMap>() {
        fields(map)
    } else if entry.is::<HostOutgoingBody>() {
        BODY_BYTES_MAX
    } else if let Some(request) = entry.downcast_ref::<HostOutgoingRequest>() {
        let texts = [&request.authority, &request.path_with_query];
        let texts = texts.into_iter().flatten().map(String::len).sum::<usize>();
        body(request.body.is_some()) + fields(&request.headers) + texts
    } else if let Some(response) = entry.downcast_ref::<HostOutgoingResponse>() {
        body(response.body.is_some()) + fields(&response.headers)
    } else if let Some(response) = entry.downcast_ref::<HostIncomingResponse>() {
        fields(&response.headers) + response.body.as_ref().map_or(0, |_| SHORT_BYTES_MAX)
    } else if entry.is::<HostIncomingBody>() {
        SHORT_BYTES_MAX
    } else if let Some(trailers) = entry.downcast_ref::<HostFutureTrailers>() {
        match trailers {
            // The whole body, which nobody has read.
            HostFutureTrailers::Waiting(_) => SHORT_BYTES_MAX,
            HostFutureTrailers::Done(Ok(Some(map))) => fields(map),
            _ => 0,
        }
    } else {
        match entry.downcast_ref::<HostFutureIncomingResponse>() {
            // Of what nobody has asked for yet, it is not known whether it has come.
            Some(HostFutureIncomingResponse::Pending(_)) => HEAD_BYTES_MAX + SHORT_BYTES_MAX,
            Some(HostFutureIncomingResponse::Ready(Ok((response, _)))) => {
                fields(response.headers()) + SHORT_BYTES_MAX
            }
            _ => 0,
        }
    }
}

/// Whoever writes a body may have gone while it waits to be sent.
fn body(is_there: bool) -> usize {
    if is_there { BODY_BYTES_MAX } else { 0 }
}

/// The texts, and the table: that has room for more names, and may have several values of each.
pub(super) fn fields(map: &HeaderMap) -> usize {
    let texts = map
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len());
    texts.sum::<usize>() + map.len().max(map.capacity()) * FIELD_BYTES
}

/// The same fields without room for others, of which a table that has become smaller keeps as much as it ever had.
pub(crate) fn fitted(map: &HeaderMap) -> HeaderMap {
    let mut fitted = HeaderMap::with_capacity(map.keys_len());
    for (name, value) in map {
        fitted.append(name.clone(), value.clone());
    }
    fitted
}

/// What a table takes for a field besides its texts.
const FIELD_BYTES: usize = 128;

/// A guest may hold thousands of handles, so it is not looked at for each call: meanwhile each adds a body at most.
const CALLS_A_LOOK: usize = 64;

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use http_body_util::{BodyExt as _, Full};

    use super::*;

    /// So many fields, which differ.
    fn many(count: u32) -> HeaderMap {
        let name = |n| HeaderName::try_from(format!("x-{n}")).unwrap();
        let value = HeaderValue::from_static("value");
        (0..count).map(|n| (name(n), value.clone())).collect()
    }

    // hardening H28
    #[test]
    fn fields_that_are_gone_count_while_their_room_is_there() {
        let mut map = many(400);
        let names: Vec<_> = map.keys().cloned().collect();
        for name in &names[1..] {
            map.remove(name);
        }
        map.append(&names[0], HeaderValue::from_static("another"));
        let smaller = fitted(&map);
        assert_eq!(smaller, map);
        assert!(fields(&map) > 400 * FIELD_BYTES);
        assert!(fields(&smaller) < 10 * FIELD_BYTES);
        assert_eq!(fields(&HeaderMap::new()), 0);
    }

    // hardening H28
    #[test]
    fn what_nobody_has_read_of_an_answer_counts_whoever_holds_it() {
        let body = || {
            let body = Full::new("ok".into()).map_err(|never| match never {});
            HostIncomingBody::new(body.boxed_unsync())
        };
        assert_eq!(bytes(&body()), SHORT_BYTES_MAX);
        assert_eq!(bytes(&HostFutureTrailers::Waiting(body())), SHORT_BYTES_MAX);
        assert_eq!(bytes(&HostFutureTrailers::Done(Ok(None))), 0);
    }
}
