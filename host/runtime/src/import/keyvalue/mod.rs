//! `wasi:keyvalue`: two drafts of it, which differ in shape, over one store.
//!
//! Everything that reaches a store may wait, in the guest's fibre: within `event_wall_time`, and after what the guest has
//! sent so far went out. The limits of keys, values and batches are looked at before anything is copied.

mod atomics;
mod batch;
mod store;

use std::sync::Arc;

use wasket_store::{Error, check_key};
use wasmtime::component::{ComponentType, Linker, Lower, Resource, ResourceTableError, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::keyvalue::{Bucket, Granted};
use crate::limits::KEYVALUE_HANDLES_MAX;
use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    store::add_to_linker(linker)?;
    atomics::add_to_linker(linker)?;
    batch::add_to_linker(linker)
}

type Ctx<'a> = StoreContextMut<'a, Guest>;

/// What the guest is answered, sooner or later.
type Pending<'a, T> = Box<dyn Future<Output = Result<Said<T>>> + Send + 'a>;

/// What a store answers.
type Stored<T> = std::result::Result<T, Error>;

/// What the guest hears of it.
type Said<T> = (std::result::Result<T, KvError>,);

/// `error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum KvError {
    #[component(name = "no-such-store")]
    NoSuchStore,
    #[component(name = "access-denied")]
    #[expect(dead_code, reason = "part of the interface's type")]
    AccessDenied,
    #[component(name = "other")]
    Other(String),
}

impl From<ResourceTableError> for KvError {
    fn from(_: ResourceTableError) -> Self {
        Self::Other(format!(
            "too many handles: an instance has {KEYVALUE_HANDLES_MAX} at once"
        ))
    }
}

impl From<Error> for KvError {
    fn from(error: Error) -> Self {
        // What the disk says is for the operator.
        Self::Other(match error {
            Error::Failed(_) => "the store does not work".to_owned(),
            error => error.to_string(),
        })
    }
}

/// The store behind a bucket. What was accepted until now goes out, for the guest may wait.
fn begin(ctx: &mut Ctx<'_>, bucket: &Resource<Bucket>) -> Result<Arc<Granted>> {
    ctx.data_mut().publish();
    Ok(Arc::clone(&ctx.data_mut().opened().find(bucket)?.0))
}

/// A key, if it is not too long.
fn key_of(ctx: &Ctx<'_>, key: &WasmStr) -> Result<Stored<String>> {
    let key = key.to_str(ctx)?;
    Ok(check_key(key.len()).map(|()| key.into_owned()))
}

/// What the guest is told; and the operator, seldom, where it is for him.
fn said<T>(ctx: &Ctx<'_>, of: &Granted, answer: Stored<T>) -> std::result::Result<T, KvError> {
    answer.map_err(|error| {
        ctx.data().tell_of_store(&of.name, &error);
        error.into()
    })
}
