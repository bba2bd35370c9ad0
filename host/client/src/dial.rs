//! From a name to a socket: the addresses of both families race (RFC 8305).

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until, timeout_at};
use url::Host;

use crate::Error;
use crate::clock::after;
use crate::error::ConnectFault;
use crate::observe::{Observer, Step};

/// Says whether an address may be dialled.
pub(crate) type Allow = std::sync::Arc<dyn Fn(SocketAddr) -> bool + Send + Sync>;

/// What dialling has to know.
#[derive(Clone, Copy)]
pub(crate) struct Dial<'c> {
    pub(crate) allow: Option<&'c Allow>,
    pub(crate) within: Duration,
    pub(crate) no_delay: bool,
    pub(crate) observer: &'c Observer,
}

impl Dial<'_> {
    /// Connects to the first address that answers. Every address was allowed before it is dialled, and no name is
    /// looked up again after that.
    pub(crate) async fn connect(self, host: &Host, port: u16) -> Result<TcpStream, Error> {
        let deadline = Instant::from_std(after(self.within));
        let addresses = timeout_at(deadline, addresses(host, port)).await;
        let addresses = match addresses {
            Ok(Ok(addresses)) => canonical(addresses),
            Ok(Err(source)) => return Err(unresolved(host, source)),
            Err(_) => return Err(unresolved(host, io::ErrorKind::TimedOut.into())),
        };
        self.observer.see(&Step::Resolved(&addresses));
        let failed = |fault| Error::Connect {
            to: format!("{host}:{port}"),
            fault,
        };
        let allowed = self.allowed(&addresses).map_err(failed)?;
        let dial = |address| {
            self.observer.see(&Step::Dialling(address));
            TcpStream::connect(address)
        };
        let stream = match timeout_at(deadline, race(&allowed, STAGGER, dial)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
                return Err(failed(ConnectFault::Refused));
            }
            Ok(Err(error)) => return Err(failed(ConnectFault::Failed(error))),
            Err(_) => return Err(failed(ConnectFault::TimedOut(self.within))),
        };
        self.set_up(&stream)
            .map_err(|error| failed(ConnectFault::Failed(error)))?;
        if let Ok(peer) = stream.peer_addr() {
            self.observer.see(&Step::Connected(peer));
        }
        Ok(stream)
    }

    fn set_up(self, stream: &TcpStream) -> io::Result<()> {
        // Without it megabytes go to the kernel before the first of them is read: a slow server is then asked for a sign
        // of life behind them all, and that it takes something shows twice a minute. No reason to fail where some sandbox
        // does not know it.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES);
        stream.set_nodelay(self.no_delay)
    }

    fn allowed(self, addresses: &[SocketAddr]) -> Result<Vec<SocketAddr>, ConnectFault> {
        let Some(allow) = self.allow else {
            return Ok(addresses.to_vec());
        };
        let allowed: Vec<_> = addresses.iter().copied().filter(|it| allow(*it)).collect();
        match (allowed.as_slice(), addresses) {
            ([], [first, ..]) => Err(ConnectFault::NotAllowed(*first)),
            _ => Ok(allowed),
        }
    }
}

fn unresolved(host: &Host, source: io::Error) -> Error {
    Error::Resolve {
        host: host.to_string(),
        source,
    }
}

/// At least one, families in turn.
async fn addresses(host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
    let name = match host {
        Host::Ipv4(address) => return Ok(vec![SocketAddr::new(IpAddr::V4(*address), port)]),
        Host::Ipv6(address) => return Ok(vec![SocketAddr::new(IpAddr::V6(*address), port)]),
        Host::Domain(name) => name.as_str(),
    };
    let found = look_up(&LOOKUPS, name, port).await?;
    match found.is_empty() {
        true => Err(io::Error::new(io::ErrorKind::NotFound, "no address found")),
        false => Ok(in_turn(&found)),
    }
}

/// Asks the operating system, which may keep a thread for long, also after nobody waits any more: a resolver that does not
/// answer shall not have all the threads that others want.
async fn look_up(
    lookups: &'static Semaphore,
    name: &str,
    port: u16,
) -> io::Result<Vec<SocketAddr>> {
    let permit = lookups.acquire().await.map_err(io::Error::other)?;
    let name = name.to_owned();
    let look = move || {
        let found = (name.as_str(), port).to_socket_addrs();
        drop(permit);
        found.map(Iterator::collect)
    };
    spawn_blocking(look).await?
}

/// An IPv4 address that is written as one of IPv6 leads where the IPv4 address does, so as that it is judged.
fn canonical(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    for address in &mut addresses {
        address.set_ip(address.ip().to_canonical());
    }
    addresses
}

/// The resolver's order, but one of each family after the other (RFC 8305 section 4).
fn in_turn(found: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_first_kind =
        |it: &&SocketAddr| found.first().is_some_and(|f| f.is_ipv4() == it.is_ipv4());
    let mut first = found.iter().filter(is_first_kind);
    let mut second = found.iter().filter(|it| !is_first_kind(it));
    let mut ordered = Vec::with_capacity(found.len());
    while ordered.len() < found.len() {
        ordered.extend(first.next());
        ordered.extend(second.next());
    }
    ordered.truncate(ADDRESSES_MAX);
    ordered
}

/// The first that connects; the next is tried when one fails, or has taken as long as the stagger.
async fn race<T, F>(
    addresses: &[SocketAddr],
    stagger: Duration,
    mut dial: impl FnMut(SocketAddr) -> F,
) -> io::Result<T>
where
    F: Future<Output = io::Result<T>>,
{
    let mut waiting = addresses.iter();
    let mut under_way = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "there is no address");
    loop {
        match waiting.next() {
            Some(address) => under_way.push(dial(*address)),
            None if under_way.is_empty() => return Err(last),
            None => {}
        }
        let more = waiting.len() > 0;
        let next = Instant::now() + stagger;
        tokio::select! {
            dialled = under_way.next() => match dialled {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last = error,
                None => {}
            },
            () = sleep_until(next), if more => {}
        }
    }
}

/// RFC 8305 section 5, Connection Attempt Delay.
const STAGGER: Duration = Duration::from_millis(250);

/// What the kernel takes of our output beyond what the server has room for.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 << 10;

/// Of the whole process. Who waits for one of them does so within its own deadline.
static LOOKUPS: Semaphore = Semaphore::const_new(LOOKUPS_MAX);

/// How many names are looked up at once.
const LOOKUPS_MAX: usize = 32;

/// A name may have more addresses than anybody wants to dial.
const ADDRESSES_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::pending;

    use super::*;

    fn address(last: u8, v6: bool) -> SocketAddr {
        match v6 {
            true => format!("[2001:db8::{last}]:80").parse().unwrap(),
            false => format!("192.0.2.{last}:80").parse().unwrap(),
        }
    }

    #[test]
    fn families_take_turns() {
        let (a, b, c) = (address(1, true), address(2, true), address(3, true));
        let (x, y) = (address(1, false), address(2, false));
        for (found, ordered) in [
            (vec![a, b, c, x, y], vec![a, x, b, y, c]),
            (vec![x, a, b], vec![x, a, b]),
            (vec![a, b], vec![a, b]),
            (vec![], vec![]),
        ] {
            assert_eq!(in_turn(&found), ordered);
        }
        assert_eq!(in_turn(&[a; 100]).len(), ADDRESSES_MAX);
    }

    #[tokio::test]
    async fn an_address_is_judged_however_it_is_written() {
        let allow: Allow = std::sync::Arc::new(|address| !address.ip().is_loopback());
        let dial = Dial {
            allow: Some(&allow),
            within: Duration::from_secs(10),
            no_delay: true,
            observer: &Observer::default(),
        };
        for text in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
            let error = dial.connect(&Host::parse(text).unwrap(), 9).await;
            assert!(
                matches!(
                    &error,
                    Err(Error::Connect {
                        fault: ConnectFault::NotAllowed(_),
                        ..
                    })
                ),
                "{text}: {error:?}"
            );
        }
    }

    #[tokio::test]
    async fn so_many_names_are_looked_up_at_once_and_no_more() {
        static NONE: Semaphore = Semaphore::const_new(0);
        let mut waits = Box::pin(look_up(&NONE, "localhost", 9));
        tokio::select! {
            biased;
            found = &mut waits => panic!("{found:?}"),
            () = std::future::ready(()) => {}
        }
        NONE.add_permits(1);
        let found = waits.await.unwrap();
        assert!(found.iter().all(|it| it.ip().is_loopback()), "{found:?}");
        // It was given back.
        assert!(!look_up(&NONE, "localhost", 9).await.unwrap().is_empty());
    }

    // parity W9
    #[tokio::test]
    async fn sockets_hold_back_what_is_asked_for_and_take_little_ahead() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0))
            .await
            .unwrap();
        let address = listener.local_addr().unwrap();
        for no_delay in [true, false] {
            let dial = Dial {
                allow: None,
                within: Duration::from_secs(10),
                no_delay,
                observer: &Observer::default(),
            };
            let host = Host::parse("127.0.0.1").unwrap();
            let stream = dial.connect(&host, address.port()).await.unwrap();
            assert_eq!(stream.nodelay().unwrap(), no_delay);
            #[cfg(target_os = "linux")]
            assert_eq!(
                socket2::SockRef::from(&stream).tcp_notsent_lowat().unwrap(),
                UNSENT_BYTES
            );
        }
    }

    #[tokio::test]
    async fn the_first_that_connects_wins() {
        enum Does {
            Hangs,
            Fails,
            Connects,
        }
        use Does::*;
        for (does, winner, dialled) in [
            (vec![Connects, Connects], Some(0), 1),
            (vec![Fails, Connects], Some(1), 2),
            (vec![Hangs, Connects], Some(1), 2),
            (vec![Hangs, Fails, Hangs, Connects, Connects], Some(3), 4),
            (vec![Fails, Fails], None, 2),
            (vec![], None, 0),
        ] {
            let addresses: Vec<_> = (0..does.len())
                .map(|n| address(u8::try_from(n).unwrap(), n % 2 == 0))
                .collect();
            let tried = RefCell::new(0);
            let dial = |address: SocketAddr| {
                *tried.borrow_mut() += 1;
                let at = addresses.iter().position(|it| *it == address).unwrap();
                let does = &does[at];
                async move {
                    match does {
                        Hangs => pending().await,
                        Fails => Err(io::ErrorKind::ConnectionRefused.into()),
                        Connects => Ok(at),
                    }
                }
            };
            let won = race(&addresses, Duration::from_millis(1), dial).await;
            assert_eq!(won.ok(), winner);
            assert_eq!(*tried.borrow(), dialled);
        }
    }
}
