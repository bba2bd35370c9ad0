//! `wasi:keyvalue/atomics`.

use std::sync::Arc;

use wasket_store::{Error, Number, Write, Written, check_value};
use wasmtime::Result;
use wasmtime::component::{
    ComponentType, Linker, Lower, Resource, ResourceType, WasmList, WasmStr,
};

use super::store::only;
use super::{Ctx, KvError, Pending, Said, Stored, begin, key_of, said};
use crate::keyvalue::{Bucket, Cas};
use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut first = linker.instance("wasi:keyvalue/atomics@0.2.0-draft")?;
    first.func_wrap_async("increment", increment_unsigned)?;
    let mut second = linker.instance("wasi:keyvalue/atomics@0.2.0-draft2")?;
    second.func_wrap_async("increment", increment_signed)?;
    let cas = ResourceType::host::<Cas>();
    second.resource("cas", cas, |mut ctx, handle| {
        let handle = Resource::<Cas>::new_own(handle);
        ctx.data_mut().opened().take(handle).map(drop)
    })?;
    second.func_wrap_async("[static]cas.new", new_cas)?;
    second.func_wrap_async("[method]cas.current", current)?;
    second.func_wrap_async("swap", swap)
}

fn increment_unsigned<'a>(
    ctx: Ctx<'a>,
    (bucket, key, delta): (Resource<Bucket>, WasmStr, u64),
) -> Pending<'a, u64> {
    Box::new(increment(ctx, bucket, key, delta.into(), Number::Unsigned))
}

fn increment_signed<'a>(
    ctx: Ctx<'a>,
    (bucket, key, delta): (Resource<Bucket>, WasmStr, i64),
) -> Pending<'a, i64> {
    Box::new(increment(ctx, bucket, key, delta.into(), Number::Signed))
}

async fn increment<N: TryFrom<i128>>(
    mut ctx: Ctx<'_>,
    bucket: Resource<Bucket>,
    key: WasmStr,
    delta: i128,
    number: Number,
) -> Result<Said<N>> {
    let of = begin(&mut ctx, &bucket)?;
    let key = key_of(&ctx, &key)?;
    let sum = async {
        let key = key?;
        let room = of.store.room(key.len()).await?;
        let add = Write::Increment { key, delta, number };
        match of.store.write(add, room).await? {
            Written::Sum(sum) => N::try_from(sum).map_err(|_| Error::OutOfRange),
            Written::Done | Written::Changed(_) => Err(Error::NoNumber),
        }
    };
    let sum = sum.await;
    Ok((said(&ctx, &of, sum),))
}

/// The swap will happen if the key does not change from now on.
fn new_cas<'a>(
    mut ctx: Ctx<'a>,
    (bucket, key): (Resource<Bucket>, WasmStr),
) -> Pending<'a, Resource<Cas>> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let key = key_of(&ctx, &key)?;
        let cas = async {
            let key = key?;
            let revision = of.store.revision(key.clone()).await?;
            Ok(Cas {
                of: Arc::clone(&of),
                key,
                revision,
            })
        };
        let cas = cas.await;
        let cas = said(&ctx, &of, cas);
        let add = |cas| Ok(ctx.data_mut().opened().add(cas)?);
        Ok((cas.and_then(add),))
    })
}

/// What the key has now; the swap will happen if that does not change.
fn current<'a>(mut ctx: Ctx<'a>, (handle,): (Resource<Cas>,)) -> Pending<'a, Option<Vec<u8>>> {
    Box::new(async move {
        ctx.data_mut().publish();
        let cas = ctx.data_mut().opened().find(&handle)?;
        let (of, key) = (Arc::clone(&cas.of), cas.key.clone());
        let rows = of.store.read(vec![key]).await;
        if let Ok(rows) = &rows {
            let row = rows.first().and_then(Option::as_ref);
            let revision = row.map(|row| row.revision);
            ctx.data_mut().opened().find_mut(&handle)?.revision = revision;
        }
        Ok((said(&ctx, &of, rows.map(only)),))
    })
}

/// `cas-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum CasError {
    #[component(name = "store-error")]
    Store(KvError),
    #[component(name = "cas-failed")]
    Failed(Resource<Cas>),
}

type Swapped = (std::result::Result<(), CasError>,);

fn swap<'a>(
    mut ctx: Ctx<'a>,
    (handle, value): (Resource<Cas>, WasmList<u8>),
) -> Box<dyn Future<Output = Result<Swapped>> + Send + 'a> {
    Box::new(async move {
        ctx.data_mut().publish();
        let mut cas = ctx.data_mut().opened().take(handle)?;
        let written = swap_one(&mut ctx, &cas, &value).await;
        let swapped = match said(&ctx, &cas.of, written) {
            Ok(Written::Changed(revision)) => {
                cas.revision = revision;
                let handle = ctx.data_mut().opened().add(cas);
                Err(handle.map_or_else(|full| CasError::Store(full.into()), CasError::Failed))
            }
            Ok(_) => Ok(()),
            Err(error) => Err(CasError::Store(error)),
        };
        Ok((swapped,))
    })
}

async fn swap_one(ctx: &mut Ctx<'_>, cas: &Cas, value: &WasmList<u8>) -> Stored<Written> {
    check_value(value.len())?;
    let room = cas.of.store.room(cas.key.len() + value.len()).await?;
    let swap = Write::Swap {
        key: cas.key.clone(),
        revision: cas.revision,
        value: value.as_le_slice(&*ctx).to_vec(),
    };
    cas.of.store.write(swap, room).await
}
