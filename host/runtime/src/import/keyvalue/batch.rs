//! `wasi:keyvalue/batch`: here, each reads one state of the store, and writes all or nothing.

use wasket_store::{Error, Row, Write, check_batch, check_key, check_value};
use wasmtime::Result;
use wasmtime::component::{Linker, LinkerInstance, Resource, WasmList, WasmStr};

use super::{Ctx, Pending, Said, Stored, begin, key_of, said};
use crate::keyvalue::{Bucket, Granted};
use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut first = linker.instance("wasi:keyvalue/batch@0.2.0-draft")?;
    add_both(&mut first)?;
    first.func_wrap_async("get-many", |ctx, (bucket, keys): Keys| {
        let pair = |key, value: Option<Vec<u8>>| value.map(|value| (key, value));
        Box::new(get_many(ctx, bucket, keys, pair))
    })?;
    let mut second = linker.instance("wasi:keyvalue/batch@0.2.0-draft2")?;
    add_both(&mut second)?;
    second.func_wrap_async("get-many", |ctx, (bucket, keys): Keys| {
        Box::new(get_many(ctx, bucket, keys, |key, value| (key, value)))
    })
}

/// What both drafts have alike.
fn add_both(to: &mut LinkerInstance<'_, Guest>) -> Result<()> {
    to.func_wrap_async("set-many", set_many)?;
    to.func_wrap_async("delete-many", delete_many)
}

type Keys = (Resource<Bucket>, WasmList<WasmStr>);

async fn get_many<T>(
    mut ctx: Ctx<'_>,
    bucket: Resource<Bucket>,
    keys: WasmList<WasmStr>,
    pair: impl Fn(String, Option<Vec<u8>>) -> T,
) -> Result<Said<Vec<T>>> {
    let of = begin(&mut ctx, &bucket)?;
    let keys = keys_of(&mut ctx, &keys)?;
    let read = async {
        let keys = keys?;
        let rows = of.store.read(keys.clone()).await?;
        let value = |row: Option<Row>| row.map(|row| row.value);
        let pairs = keys.into_iter().zip(rows);
        Ok(pairs.map(|(key, row)| pair(key, value(row))).collect())
    };
    let read = read.await;
    Ok((said(&ctx, &of, read),))
}

type Pairs = WasmList<(WasmStr, WasmList<u8>)>;

fn set_many<'a>(mut ctx: Ctx<'a>, (bucket, pairs): (Resource<Bucket>, Pairs)) -> Pending<'a, ()> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let pairs = pairs_of(&mut ctx, &pairs)?;
        let written = set_all(&mut ctx, &of, pairs).await;
        Ok((said(&ctx, &of, written),))
    })
}

async fn set_all(ctx: &mut Ctx<'_>, of: &Granted, pairs: Stored<Listed>) -> Stored<()> {
    let (pairs, bytes) = pairs?;
    let room = of.store.room(bytes).await?;
    let copied = pairs
        .into_iter()
        .map(|(key, value)| (key, value.as_le_slice(&*ctx).to_vec()));
    let set = Write::Set(copied.collect());
    of.store.write(set, room).await.map(drop)
}

fn delete_many<'a>(mut ctx: Ctx<'a>, (bucket, keys): Keys) -> Pending<'a, ()> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let keys = keys_of(&mut ctx, &keys)?;
        let written = async {
            let keys = keys?;
            let room = of.store.room(keys.iter().map(String::len).sum()).await?;
            of.store.write(Write::Delete(keys), room).await
        };
        let written = written.await;
        Ok((said(&ctx, &of, written.map(drop)),))
    })
}

/// Keys, if they are neither too many nor too long.
fn keys_of(ctx: &mut Ctx<'_>, keys: &WasmList<WasmStr>) -> Result<Stored<Vec<String>>> {
    if let Err(error) = check_batch(keys.len(), 0) {
        return Ok(Err(error));
    }
    let listed: Vec<WasmStr> = keys.iter(&mut *ctx)?.collect::<Result<_>>()?;
    let mut copied = Vec::with_capacity(listed.len());
    for key in &listed {
        match key_of(ctx, key)? {
            Ok(key) => copied.push(key),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(Ok(copied))
}

/// Keys, with values that are still the guest's, and how many bytes they have.
type Listed = (Vec<(String, WasmList<u8>)>, usize);

/// Pairs, if they are neither too many nor too large.
fn pairs_of(ctx: &mut Ctx<'_>, pairs: &Pairs) -> Result<Stored<Listed>> {
    if let Err(error) = check_batch(pairs.len(), 0) {
        return Ok(Err(error));
    }
    let listed: Vec<_> = pairs.iter(&mut *ctx)?.collect::<Result<_>>()?;
    let mut bytes = 0;
    let mut copied = Vec::with_capacity(listed.len());
    for (key, value) in listed {
        let key = key.to_str(&*ctx)?;
        bytes += key.len() + value.len();
        let checked: Stored<()> = check_key(key.len())
            .and_then(|()| check_value(value.len()))
            .and_then(|()| check_batch(copied.len() + 1, bytes));
        match checked {
            Ok(()) => copied.push((key.into_owned(), value)),
            Err(error) => return Ok(Err::<Listed, Error>(error)),
        }
    }
    Ok(Ok((copied, bytes)))
}
