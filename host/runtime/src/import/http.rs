//! `wasi:http`, with limits to what a request keeps of a guest's words before anybody looks at them, and fields that keep no more than
//! they have.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::p2::HeaderResult;
use wasmtime_wasi_http::p2::bindings::http::types::{
    HeaderError, HostFields as _, HostOutgoingRequest as _, Method,
};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;
use wasmtime_wasi_http::{FieldMap, WasiHttpCtxView, WasiHttpView as _};

use crate::http::fitted;
use crate::limits::{AUTHORITY_BYTES_MAX, FIELDS_BYTES_MAX, METHOD_BYTES_MAX, PATH_BYTES_MAX};
use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap("[method]outgoing-request.set-method", set_method)?;
    types.func_wrap("[method]outgoing-request.set-authority", set_authority)?;
    types.func_wrap("[method]outgoing-request.set-path-with-query", set_path)?;
    types.func_wrap("[method]fields.set", set_field)?;
    types.func_wrap("[method]fields.delete", delete_field)?;
    linker.allow_shadowing(false);
    Ok(())
}

type Store<'a> = StoreContextMut<'a, Guest>;

type Request = Resource<HostOutgoingRequest>;

/// Whether the guest's text is taken.
type Taken = std::result::Result<(), ()>;

fn set_method(mut store: Store<'_>, (request, method): (Request, Method)) -> Result<(Taken,)> {
    match &method {
        Method::Other(name) if name.len() > METHOD_BYTES_MAX => Ok((Err(()),)),
        _ => Ok((store.data_mut().http().set_method(request, method)?,)),
    }
}

fn set_authority(mut store: Store<'_>, (request, text): (Request, Text)) -> Result<(Taken,)> {
    if is_longer(&text, AUTHORITY_BYTES_MAX) {
        return Ok((Err(()),));
    }
    Ok((store.data_mut().http().set_authority(request, text)?,))
}

fn set_path(mut store: Store<'_>, (request, text): (Request, Text)) -> Result<(Taken,)> {
    if is_longer(&text, PATH_BYTES_MAX) {
        return Ok((Err(()),));
    }
    let mut http = store.data_mut().http();
    Ok((http.set_path_with_query(request, text)?,))
}

type Fields = Resource<FieldMap>;

/// Whether the fields were changed.
type Changed = std::result::Result<(), HeaderError>;

fn set_field(
    mut store: Store<'_>,
    (fields, name, values): (Fields, String, Vec<Vec<u8>>),
) -> Result<(Changed,)> {
    shrinking(store.data_mut().http(), fields, |view, fields| {
        view.set(fields, name, values)
    })
}

fn delete_field(mut store: Store<'_>, (fields, name): (Fields, String)) -> Result<(Changed,)> {
    shrinking(store.data_mut().http(), fields, |view, fields| {
        view.delete(fields, name)
    })
}

/// Does what may take something away. A map keeps the room of what it once had, which is counted for nobody: here that
/// is given back.
fn shrinking(
    mut view: WasiHttpCtxView<'_>,
    fields: Fields,
    change: impl FnOnce(&mut WasiHttpCtxView<'_>, Fields) -> HeaderResult<()>,
) -> Result<(Changed,)> {
    let rep = fields.rep();
    let before = view.table.get(&fields)?.len();
    if let Err(error) = change(&mut view, fields) {
        return Ok((Err(error.downcast()?),));
    }
    let map = view.table.get_mut(&Fields::new_borrow(rep))?;
    if map.len() < before {
        *map = FieldMap::new_immutable(view.hooks, fitted(map));
        map.set_mutable(FIELDS_BYTES_MAX);
    }
    Ok((Ok(()),))
}

type Text = Option<String>;

fn is_longer(text: &Text, bytes_max: usize) -> bool {
    text.as_ref().is_some_and(|text| text.len() > bytes_max)
}

/// As the crate of `wasi:http` defines it: what is defined here stands in that instance's stead for every version.
const TYPES: &str = "wasi:http/types@0.2.12";
