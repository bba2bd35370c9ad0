//! Files that guests hold open: so many an instance and so many a service, as each takes a descriptor, which the host's
//! connections need too.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::Descriptor;
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream};

use crate::limits::{FILES_MAX, FILES_OF_SERVICE_MAX};

/// What one instance holds, as it was counted last.
pub(crate) struct Files {
    of_service: Arc<AtomicUsize>,
    /// Streams of files: each keeps its file open, even when the descriptor is gone.
    streams: Vec<u32>,
    counted: usize,
}

/// Who holds as much as it may.
pub(crate) enum Full {
    Instance,
    Service,
}

impl Files {
    pub(crate) fn new(of_service: &Arc<AtomicUsize>) -> Self {
        Self {
            of_service: Arc::clone(of_service),
            streams: Vec::new(),
            counted: 0,
        }
    }

    /// Room for one more; what does not come about is [counted](Self::count) out again.
    pub(crate) fn reserve(&mut self, table: &mut ResourceTable) -> Result<(), Full> {
        self.count(table);
        if self.counted >= FILES_MAX {
            return Err(Full::Instance);
        }
        let held = self.of_service.fetch_add(1, Ordering::Relaxed);
        if held >= FILES_OF_SERVICE_MAX {
            self.of_service.fetch_sub(1, Ordering::Relaxed);
            return Err(Full::Service);
        }
        self.counted += 1;
        Ok(())
    }

    /// The resource of this number is a stream of a file.
    pub(crate) fn begun(&mut self, stream: u32) {
        self.streams.push(stream);
    }

    /// Counts what there is now.
    pub(crate) fn count(&mut self, table: &mut ResourceTable) {
        self.streams.retain(|stream| {
            let entry = table.get_any_mut(*stream);
            entry.is_ok_and(|entry| entry.is::<DynInputStream>() || entry.is::<DynOutputStream>())
        });
        let files = table.iter_mut().filter(|entry| is_open(&**entry));
        let now = files.count() + self.streams.len();
        match now.checked_sub(self.counted) {
            Some(more) => self.of_service.fetch_add(more, Ordering::Relaxed),
            None => self
                .of_service
                .fetch_sub(self.counted - now, Ordering::Relaxed),
        };
        self.counted = now;
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.of_service.fetch_sub(self.counted, Ordering::Relaxed);
    }
}

/// Whether it has a descriptor of its own: granted directories share theirs.
fn is_open(entry: &(dyn Any + Send)) -> bool {
    match entry.downcast_ref() {
        Some(Descriptor::File(_)) => true,
        Some(Descriptor::Dir(directory)) => Arc::strong_count(&directory.dir) == 1,
        None => false,
    }
}
