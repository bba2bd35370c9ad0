//! `wasi:keyvalue/store`.

use std::sync::Arc;

use wasket_store::{Page, Row, Write, check_value};
use wasmtime::Result;
use wasmtime::component::{
    ComponentType, Linker, LinkerInstance, Lower, Resource, ResourceType, WasmList, WasmStr,
};

use super::{Ctx, KvError, Pending, Said, Stored, begin, key_of, said};
use crate::keyvalue::{Bucket, Granted};
use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut first = linker.instance("wasi:keyvalue/store@0.2.0-draft")?;
    add_both(&mut first)?;
    first.func_wrap_async("[method]bucket.list-keys", list_by_number)?;
    let mut second = linker.instance("wasi:keyvalue/store@0.2.0-draft2")?;
    add_both(&mut second)?;
    second.func_wrap_async("[method]bucket.list-keys", list_by_key)
}

/// What both drafts have alike.
fn add_both(to: &mut LinkerInstance<'_, Guest>) -> Result<()> {
    let bucket = ResourceType::host::<Bucket>();
    to.resource("bucket", bucket, |mut ctx, handle| {
        let handle = Resource::<Bucket>::new_own(handle);
        ctx.data_mut().opened().take(handle).map(drop)
    })?;
    to.func_wrap("open", open)?;
    to.func_wrap_async("[method]bucket.get", get)?;
    to.func_wrap_async("[method]bucket.set", set)?;
    to.func_wrap_async("[method]bucket.delete", delete)?;
    to.func_wrap_async("[method]bucket.exists", exists)
}

fn open(mut ctx: Ctx<'_>, (identifier,): (WasmStr,)) -> Result<Said<Resource<Bucket>>> {
    let identifier = identifier.to_str(&ctx)?;
    let Some(granted) = ctx.data().shared().stores.find(&identifier) else {
        ctx.data().refuse_store(&identifier);
        return Ok((Err(KvError::NoSuchStore),));
    };
    let bucket = Bucket(Arc::clone(granted));
    drop(identifier);
    let handle = ctx.data_mut().opened().add(bucket);
    Ok((handle.map_err(KvError::from),))
}

fn get<'a>(
    mut ctx: Ctx<'a>,
    (bucket, key): (Resource<Bucket>, WasmStr),
) -> Pending<'a, Option<Vec<u8>>> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let rows = match key_of(&ctx, &key)? {
            Ok(key) => of.store.read(vec![key]).await,
            Err(error) => Err(error),
        };
        Ok((said(&ctx, &of, rows.map(only)),))
    })
}

fn set<'a>(
    mut ctx: Ctx<'a>,
    (bucket, key, value): (Resource<Bucket>, WasmStr, WasmList<u8>),
) -> Pending<'a, ()> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let key = key_of(&ctx, &key)?;
        let written = set_one(&mut ctx, &of, key, &value).await;
        Ok((said(&ctx, &of, written),))
    })
}

async fn set_one(
    ctx: &mut Ctx<'_>,
    of: &Granted,
    key: Stored<String>,
    value: &WasmList<u8>,
) -> Stored<()> {
    let key = key?;
    check_value(value.len())?;
    let room = of.store.room(key.len() + value.len()).await?;
    let value = value.as_le_slice(&*ctx).to_vec();
    let written = of.store.write(Write::Set(vec![(key, value)]), room);
    written.await.map(drop)
}

fn delete<'a>(mut ctx: Ctx<'a>, (bucket, key): (Resource<Bucket>, WasmStr)) -> Pending<'a, ()> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let key = key_of(&ctx, &key)?;
        let written = async {
            let key = key?;
            let room = of.store.room(key.len()).await?;
            of.store.write(Write::Delete(vec![key]), room).await
        };
        let written = written.await;
        Ok((said(&ctx, &of, written.map(drop)),))
    })
}

fn exists<'a>(mut ctx: Ctx<'a>, (bucket, key): (Resource<Bucket>, WasmStr)) -> Pending<'a, bool> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let revision = match key_of(&ctx, &key)? {
            Ok(key) => of.store.revision(key).await,
            Err(error) => Err(error),
        };
        Ok((said(&ctx, &of, revision.map(|revision| revision.is_some())),))
    })
}

/// `key-response` of the first draft, whose cursors are numbers: they lead on from where this instance remembers.
#[derive(ComponentType, Lower)]
#[component(record)]
struct NumberedPage {
    keys: Vec<String>,
    cursor: Option<u64>,
}

fn list_by_number<'a>(
    mut ctx: Ctx<'a>,
    (bucket, cursor): (Resource<Bucket>, Option<u64>),
) -> Pending<'a, NumberedPage> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let after = match cursor {
            None => None,
            Some(cursor) => match ctx.data_mut().opened().end(cursor) {
                Some(end) => Some(end.to_owned()),
                None => return Ok((Err(KvError::Other(FORGOTTEN.into())),)),
            },
        };
        let page = of.store.keys(after).await;
        let numbered = page.map(|page| NumberedPage {
            cursor: end_of(&page).map(|end| ctx.data_mut().opened().remember(end)),
            keys: page.keys,
        });
        Ok((said(&ctx, &of, numbered),))
    })
}

/// `key-response` of the second draft, whose cursors are the keys where pages end.
#[derive(ComponentType, Lower)]
#[component(record)]
struct NamedPage {
    keys: Vec<String>,
    cursor: Option<String>,
}

fn list_by_key<'a>(
    mut ctx: Ctx<'a>,
    (bucket, cursor): (Resource<Bucket>, Option<WasmStr>),
) -> Pending<'a, NamedPage> {
    Box::new(async move {
        let of = begin(&mut ctx, &bucket)?;
        let after: Stored<Option<String>> = match &cursor {
            None => Ok(None),
            Some(cursor) => key_of(&ctx, cursor)?.map(Some),
        };
        let page = match after {
            Ok(after) => of.store.keys(after).await,
            Err(error) => Err(error),
        };
        let named = page.map(|page| NamedPage {
            cursor: end_of(&page),
            keys: page.keys,
        });
        Ok((said(&ctx, &of, named),))
    })
}

/// Where the next page begins, if there is one.
fn end_of(page: &Page) -> Option<String> {
    page.keys.last().filter(|_| page.has_more).cloned()
}

/// The value of the one key that was asked for.
pub(super) fn only(rows: Vec<Option<Row>>) -> Option<Vec<u8>> {
    let row = rows.into_iter().next().flatten();
    row.map(|row| row.value)
}

const FORGOTTEN: &str = "this cursor is not known (any more): list the keys from the beginning";
