//! What an instance has of WASI: made when its guest first touches it, so that one which never does pays nothing.

use std::any::Any;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use wasket_session::SessionId;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::WasiCtx;
use wasmtime_wasi::p2::ReaddirIterator;
use wasmtime_wasi::p2::bindings::sockets::network::ErrorCode;
use wasmtime_wasi::sockets::SocketAddrUse;

use crate::files::{Files, Full};
use crate::http::{Held, abandon};
use crate::limits::{
    FILES_MAX, FILES_OF_SERVICE_MAX, LISTINGS_MAX, RANDOM_BYTES_MAX, RESOURCES_MAX,
};
use crate::log::{GuestLog, Stream};
use crate::stdio::GuestOutput;
use crate::store::{Guest, Shared};

pub(crate) struct Wasi {
    pub(crate) ctx: WasiCtx,
    /// Made when the guest first touches HTTP.
    pub(crate) http: Option<Box<Held>>,
    pub(crate) table: ResourceTable,
    pub(crate) log: Arc<GuestLog>,
    /// Of each socket, what it takes of the connections that the host may have.
    sockets: Vec<OwnedSemaphorePermit>,
    files: Files,
}

impl Wasi {
    /// With what the service grants; there are no arguments, and stdin is closed.
    pub(crate) fn new(shared: &Arc<Shared>, session: SessionId) -> Self {
        let log = Arc::new(GuestLog::new(Arc::clone(&shared.log), session));
        let output = |stream| GuestOutput {
            log: Arc::clone(&log),
            stream,
        };
        let has_sockets = shared.capabilities.has_sockets();
        let mut builder = WasiCtx::builder();
        builder
            .stdout(output(Stream::Stdout))
            .stderr(output(Stream::Stderr))
            .allow_tcp(has_sockets)
            .allow_udp(has_sockets)
            .allow_ip_name_lookup(false)
            .max_random_size(RANDOM_BYTES_MAX);
        if has_sockets {
            let shared = Arc::clone(shared);
            builder.socket_addr_check(move |address, usage| {
                Box::pin(ready(shared.lets_use(session, address, usage)))
            });
        }
        let mut ctx = builder.build();
        if let Some(filesystem) = shared.capabilities.filesystem() {
            ctx.filesystem().clone_from(filesystem);
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(RESOURCES_MAX);
        Self {
            ctx,
            table,
            log,
            http: None,
            sockets: Vec::new(),
            files: Files::new(&shared.files),
        }
    }

    /// How many sockets there are.
    pub(crate) fn sockets(&self) -> usize {
        self.sockets.len()
    }

    fn listings(&mut self) -> usize {
        let is_listing = |entry: &&mut (dyn Any + Send)| entry.is::<ReaddirIterator>();
        self.table.iter_mut().filter(is_listing).count()
    }
}

/// However a guest ends.
impl Drop for Wasi {
    fn drop(&mut self) {
        abandon(&mut self.table);
    }
}

impl Shared {
    /// Sockets are for reaching what is granted: nobody connects to a guest, and it chooses no port.
    fn lets_use(&self, session: SessionId, address: SocketAddr, usage: SocketAddrUse) -> bool {
        let is_granted = match usage {
            SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => address.port() == 0,
            SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => false,
            SocketAddrUse::TcpConnect | SocketAddrUse::UdpSend => {
                self.capabilities.reaches(address)
            }
            // Anybody may send, and none of it reaches the guest.
            SocketAddrUse::UdpReceive => return self.capabilities.reaches(address),
        };
        if !is_granted {
            let what = match usage {
                SocketAddrUse::TcpBind | SocketAddrUse::UdpBind => "be bound to",
                SocketAddrUse::TcpConnect => "connect to",
                SocketAddrUse::UdpSend => "send to",
                _ => "listen on",
            };
            self.refusals
                .tell_socket(&self.name, session, what, address);
        }
        is_granted
    }
}

impl Guest {
    /// Takes room for another file or stream of one, if there is some. Each may have the host hold a descriptor and 64 KiB.
    pub(crate) fn take_file_place(&mut self) -> bool {
        let wasi = self.wasi();
        match wasi.files.reserve(&mut wasi.table) {
            Ok(()) => return true,
            Err(Full::Instance) => self.refuse_holding("files and streams", FILES_MAX),
            Err(Full::Service) => self.refuse_holding(
                "files and streams together with the service's other guests",
                FILES_OF_SERVICE_MAX,
            ),
        }
        false
    }

    /// Counts what it holds, after a place was taken, or something closed.
    pub(crate) fn count_files(&mut self) {
        let wasi = self.wasi();
        wasi.files.count(&mut wasi.table);
    }

    /// A resource that it holds is a stream of a file.
    pub(crate) fn hold_stream(&mut self, stream: u32) {
        self.wasi().files.begun(stream);
    }

    /// Whether it has room for another list of a directory's entries.
    pub(crate) fn may_hold_listing(&mut self) -> bool {
        let has_room = self.wasi().listings() < LISTINGS_MAX;
        if !has_room {
            self.refuse_holding("lists of directories", LISTINGS_MAX);
        }
        has_room
    }

    #[cold]
    fn refuse_holding(&self, what: &'static str, max: usize) {
        let (shared, session) = (self.shared(), self.session().id());
        let (service, refusals) = (&shared.name, &shared.refusals);
        refusals.tell_held(service, session, what, max);
    }

    /// Room for a socket: one of the guest's connections to the outside, and of the host's.
    pub(crate) fn take_socket_place(&mut self) -> Result<(), ErrorCode> {
        let shared = Arc::clone(self.shared());
        let granted = shared.granted.as_ref();
        let Some(granted) = granted.filter(|_| shared.capabilities.has_sockets()) else {
            let session = self.session().id();
            shared.refusals.tell_no_sockets(&shared.name, session);
            return Err(ErrorCode::AccessDenied);
        };
        if self.connected() >= granted.connections_max {
            self.refuse("connections_per_session_max", granted.connections_max);
            return Err(ErrorCode::NewSocketLimit);
        }
        let Some(place) = granted.outbound.place() else {
            let max = granted.outbound.connections_max();
            self.refuse("outbound_connections_max", max);
            return Err(ErrorCode::NewSocketLimit);
        };
        self.wasi().sockets.push(place);
        Ok(())
    }

    /// One of its sockets is gone.
    pub(crate) fn give_socket_place(&mut self) {
        self.wasi().sockets.pop();
    }

    /// Tells the operator that the guest wants to look up a name.
    #[cold]
    pub(crate) fn refuse_name(&self, name: &str) {
        let (shared, session) = (self.shared(), self.session().id());
        shared.refusals.tell_name(&shared.name, session, name);
    }

    /// Tells the operator that the guest wants to write where it may read.
    #[cold]
    pub(crate) fn refuse_writing(&self) {
        let (shared, session) = (self.shared(), self.session().id());
        if shared.capabilities.has_read_only() {
            shared.refusals.tell_writing(&shared.name, session);
        }
    }

    /// Notes that the guest asks for what most ask for at their start, whether they need it or not.
    #[cold]
    pub(crate) fn note_ungranted(&self, setting: &'static str) {
        let (shared, session) = (self.shared(), self.session().id());
        shared.refusals.note(&shared.name, session, setting);
    }
}
