//! `wasi:filesystem`, with limits to what a guest holds of it, and a word to the operator about what it is refused.

use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::filesystem::{Descriptor, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorFlags, ErrorCode, Host as _, HostDescriptor, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsResult, ReaddirIterator};

use crate::limits::FILE_PATH_BYTES_MAX;
use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut preopens = linker.instance("wasi:filesystem/preopens@0.2.12")?;
    preopens.func_wrap("get-directories", get_directories)?;
    let mut types = linker.instance("wasi:filesystem/types@0.2.12")?;
    let descriptor = ResourceType::host::<Descriptor>();
    types.resource("descriptor", descriptor, drop_descriptor)?;
    types.func_wrap_async("[method]descriptor.open-at", |store, asked| {
        Box::new(open_at(store, asked))
    })?;
    types.func_wrap_async(
        "[method]descriptor.read-directory",
        |store, (directory,)| Box::new(read_directory(store, directory)),
    )?;
    types.func_wrap("[method]descriptor.read-via-stream", read_via_stream)?;
    types.func_wrap("[method]descriptor.write-via-stream", write_via_stream)?;
    types.func_wrap("[method]descriptor.append-via-stream", append_via_stream)
}

type Store<'a> = StoreContextMut<'a, Guest>;

type File = Resource<Descriptor>;

type Answer<T> = Result<(std::result::Result<T, ErrorCode>,)>;

fn get_directories(mut store: Store<'_>, (): ()) -> Result<(Vec<(File, String)>,)> {
    let guest = store.data_mut();
    if guest.shared().capabilities.filesystem().is_none() {
        guest.note_ungranted("directories");
        return Ok((Vec::new(),));
    }
    Ok((guest.filesystem().get_directories()?,))
}

type Asked = (File, PathFlags, String, OpenFlags, DescriptorFlags);

async fn open_at(mut store: Store<'_>, asked: Asked) -> Answer<File> {
    let (directory, path_flags, path, open_flags, flags) = asked;
    let guest = store.data_mut();
    if path.len() > FILE_PATH_BYTES_MAX {
        return Ok((Err(ErrorCode::NameTooLong),));
    }
    if !guest.take_file_place() {
        return Ok((Err(ErrorCode::Quota),));
    }
    let writes = OpenFlags::CREATE | OpenFlags::TRUNCATE;
    let writes = open_flags.intersects(writes) || flags.contains(DescriptorFlags::WRITE);
    let opened = guest
        .filesystem()
        .open_at(directory, path_flags, path, open_flags, flags)
        .await;
    guest.count_files();
    let answer = answer(guest, opened)?;
    if writes && matches!(answer.0, Err(ErrorCode::NotPermitted)) {
        guest.refuse_writing();
    }
    Ok(answer)
}

/// All of its entries are read at once, so a guest holds few.
async fn read_directory(
    mut store: Store<'_>,
    directory: File,
) -> Answer<Resource<ReaddirIterator>> {
    let guest = store.data_mut();
    if !guest.may_hold_listing() {
        return Ok((Err(ErrorCode::Quota),));
    }
    let listing = guest.filesystem().read_directory(directory).await;
    answer(guest, listing)
}

fn read_via_stream(
    mut store: Store<'_>,
    (file, offset): (File, u64),
) -> Answer<Resource<DynInputStream>> {
    let guest = store.data_mut();
    if !guest.take_file_place() {
        return Ok((Err(ErrorCode::Quota),));
    }
    let stream = guest.filesystem().read_via_stream(file, offset);
    stream_of(guest, stream)
}

fn write_via_stream(
    mut store: Store<'_>,
    (file, offset): (File, u64),
) -> Answer<Resource<DynOutputStream>> {
    let guest = store.data_mut();
    if !guest.take_file_place() {
        return Ok((Err(ErrorCode::Quota),));
    }
    let stream = guest.filesystem().write_via_stream(file, offset);
    stream_of(guest, stream)
}

fn append_via_stream(mut store: Store<'_>, (file,): (File,)) -> Answer<Resource<DynOutputStream>> {
    let guest = store.data_mut();
    if !guest.take_file_place() {
        return Ok((Err(ErrorCode::Quota),));
    }
    let stream = guest.filesystem().append_via_stream(file);
    stream_of(guest, stream)
}

fn stream_of<T>(guest: &mut Guest, begun: FsResult<Resource<T>>) -> Answer<Resource<T>> {
    if let Ok(stream) = &begun {
        guest.hold_stream(stream.rep());
    }
    guest.count_files();
    answer(guest, begun)
}

fn drop_descriptor(mut store: Store<'_>, file: u32) -> Result<()> {
    let guest = store.data_mut();
    let file = Resource::<Descriptor>::new_own(file);
    HostDescriptor::drop(&mut guest.filesystem(), file)?;
    guest.count_files();
    Ok(())
}

/// An error of the guest's is its answer; one of the host's ends it.
fn answer<T>(guest: &mut Guest, result: FsResult<T>) -> Answer<T> {
    Ok((match result {
        Ok(value) => Ok(value),
        Err(error) => Err(guest.filesystem().convert_error_code(error)?),
    },))
}
