//! `wasi:http`, with limits to what a request keeps of a guest's words before anybody looks at them.

use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi_http::WasiHttpView as _;
use wasmtime_wasi_http::p2::bindings::http::types::{HostOutgoingRequest as _, Method};
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;

use crate::limits::{AUTHORITY_BYTES_MAX, METHOD_BYTES_MAX, PATH_BYTES_MAX};
use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
    linker.allow_shadowing(true);
    let mut types = linker.instance(TYPES)?;
    types.func_wrap("[method]outgoing-request.set-method", set_method)?;
    types.func_wrap("[method]outgoing-request.set-authority", set_authority)?;
    types.func_wrap("[method]outgoing-request.set-path-with-query", set_path)?;
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

type Text = Option<String>;

fn is_longer(text: &Text, bytes_max: usize) -> bool {
    text.as_ref().is_some_and(|text| text.len() > bytes_max)
}

/// As the crate of `wasi:http` defines it: what is defined here stands in that instance's stead for every version.
const TYPES: &str = "wasi:http/types@0.2.12";
