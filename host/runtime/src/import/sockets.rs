//! `wasi:sockets`: each socket is counted as a connection, and the operator hears of what is refused.

use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::ResolveAddressStream;
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, Host as _, IpAddressFamily};
use wasmtime_wasi::p2::bindings::sockets::tcp::HostTcpSocket;
use wasmtime_wasi::p2::bindings::sockets::tcp_create_socket::Host as _;
use wasmtime_wasi::p2::bindings::sockets::udp::HostUdpSocket;
use wasmtime_wasi::p2::bindings::sockets::udp_create_socket::Host as _;
use wasmtime_wasi::p2::{Network, SocketResult, TcpSocket, UdpSocket};
use wasmtime_wasi::sockets::WasiSocketsView as _;

use crate::store::Guest;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut create = linker.instance("wasi:sockets/tcp-create-socket@0.2.12")?;
    create.func_wrap("create-tcp-socket", create_tcp_socket)?;
    let mut create = linker.instance("wasi:sockets/udp-create-socket@0.2.12")?;
    create.func_wrap_async("create-udp-socket", |store, (family,)| {
        Box::new(create_udp_socket(store, family))
    })?;
    let mut tcp = linker.instance("wasi:sockets/tcp@0.2.12")?;
    tcp.resource(
        "tcp-socket",
        ResourceType::host::<TcpSocket>(),
        drop_tcp_socket,
    )?;
    let mut udp = linker.instance("wasi:sockets/udp@0.2.12")?;
    udp.resource(
        "udp-socket",
        ResourceType::host::<UdpSocket>(),
        drop_udp_socket,
    )?;
    let mut names = linker.instance("wasi:sockets/ip-name-lookup@0.2.12")?;
    names.func_wrap("resolve-addresses", resolve_addresses)
}

type Store<'a> = StoreContextMut<'a, Guest>;

type Answer<T> = Result<(std::result::Result<Resource<T>, ErrorCode>,)>;

fn create_tcp_socket(mut store: Store<'_>, (family,): (IpAddressFamily,)) -> Answer<TcpSocket> {
    let guest = store.data_mut();
    if let Err(refused) = guest.take_socket_place() {
        return Ok((Err(refused),));
    }
    let made = guest.sockets().create_tcp_socket(family);
    answer(guest, made)
}

async fn create_udp_socket(mut store: Store<'_>, family: IpAddressFamily) -> Answer<UdpSocket> {
    let guest = store.data_mut();
    if let Err(refused) = guest.take_socket_place() {
        return Ok((Err(refused),));
    }
    let made = guest.sockets().create_udp_socket(family).await;
    answer(guest, made)
}

/// The place of one that was not made is free again.
fn answer<T>(guest: &mut Guest, made: SocketResult<Resource<T>>) -> Answer<T> {
    Ok((match made {
        Ok(socket) => Ok(socket),
        Err(error) => {
            guest.give_socket_place();
            Err(guest.sockets().convert_error_code(error)?)
        }
    },))
}

fn drop_tcp_socket(mut store: Store<'_>, socket: u32) -> Result<()> {
    let guest = store.data_mut();
    let socket = Resource::<TcpSocket>::new_own(socket);
    HostTcpSocket::drop(&mut guest.sockets(), socket)?;
    guest.give_socket_place();
    Ok(())
}

fn drop_udp_socket(mut store: Store<'_>, socket: u32) -> Result<()> {
    let guest = store.data_mut();
    let socket = Resource::<UdpSocket>::new_own(socket);
    HostUdpSocket::drop(&mut guest.sockets(), socket)?;
    guest.give_socket_place();
    Ok(())
}

/// Nobody's name is looked up: whoever answers for it would choose the address.
fn resolve_addresses(
    mut store: Store<'_>,
    (_, name): (Resource<Network>, String),
) -> Answer<ResolveAddressStream> {
    store.data_mut().refuse_name(&name);
    Ok((Err(ErrorCode::PermanentResolverFailure),))
}
