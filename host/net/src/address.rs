use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tracing::warn;

use crate::counted::Counted;

/// Counts the connections of one listener, in all and by address, and says when there are enough.
#[derive(Debug)]
pub(crate) struct Crowd {
    connections_max: usize,
    per_address_max: Option<usize>,
    present: Mutex<Present>,
    /// Connections that found no place.
    turned_away: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Present {
    connections: usize,
    by_address: HashMap<IpAddr, usize>,
}

impl Present {
    fn one_less_of(&mut self, address: IpAddr) {
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }
}

/// One connection's place, or that of one who shares it; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Seated {
    crowd: Arc<Crowd>,
    /// It is somebody's on a connection which has a place already.
    shares: bool,
    /// Whose connection it is, once that is known and counted.
    address: Option<IpAddr>,
}

/// Why a connection is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Listener,
    Address,
}

impl Crowd {
    pub(crate) fn new(connections_max: usize, per_address_max: Option<usize>) -> Arc<Self> {
        Arc::new(Self {
            connections_max,
            per_address_max,
            present: Mutex::default(),
            turned_away: Mutex::default(),
        })
    }

    /// A place for a connection of whomever.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Seated, Full> {
        let mut present = self.present.lock();
        if present.connections >= self.connections_max {
            return Err(Full::Listener);
        }
        present.connections += 1;
        Ok(Seated {
            crowd: Arc::clone(self),
            shares: false,
            address: None,
        })
    }

    /// Tells the operator, once a second at most.
    pub(crate) fn turn_away(&self, full: Full, listener: SocketAddr, remote: SocketAddr) {
        let Some(count) = self.turned_away.lock().more(Instant::now()) else {
            return;
        };
        let setting = match full {
            Full::Listener => "connections_max",
            Full::Address => "connections_per_address_max",
        };
        warn!(%listener, %remote, setting, count, "connections turned away");
    }
}

impl Seated {
    /// Counts it among those of this address, and no more among those of another: behind a trusted proxy, whose
    /// connection it is shows late, and may change from one request to the next.
    pub(crate) fn settle(&mut self, address: IpAddr) -> Result<(), Full> {
        let Some(max) = self.crowd.per_address_max else {
            return Ok(());
        };
        let address = address.to_canonical();
        if self.address == Some(address) {
            return Ok(());
        }
        let mut present = self.crowd.present.lock();
        let count = present.by_address.get(&address).copied().unwrap_or(0);
        if count >= max {
            return Err(Full::Address);
        }
        present.by_address.insert(address, count + 1);
        if let Some(before) = self.address.replace(address) {
            present.one_less_of(before);
        }
        Ok(())
    }

    /// Counts it for nobody: whose it was has nothing under way on it any more, and whose it will be is not known.
    pub(crate) fn unsettle(&mut self) {
        if let Some(before) = self.address.take() {
            self.crowd.present.lock().one_less_of(before);
        }
    }

    /// A place on this connection for one of those that a trusted proxy speaks for: it is counted for its address, not
    /// as a connection. `None` where the whole connection is somebody's, and counted as that.
    pub(crate) fn shared(&self) -> Option<Self> {
        self.address.is_none().then(|| self.another())
    }

    /// A place on this connection for one more session, which is counted for its address: over HTTP/1.1 it would have had
    /// a connection of its own.
    pub(crate) fn another(&self) -> Self {
        Self {
            crowd: Arc::clone(&self.crowd),
            shares: true,
            address: None,
        }
    }

    /// The crowd that it is one of.
    pub(crate) fn crowd(&self) -> &Crowd {
        &self.crowd
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let mut present = self.crowd.present.lock();
        present.connections -= usize::from(!self.shares);
        if let Some(address) = self.address {
            present.one_less_of(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(crowd: &Arc<Crowd>, address: IpAddr) -> Result<Seated, Full> {
        let mut seated = crowd.enter()?;
        seated.settle(address).map(|()| seated)
    }

    #[test]
    fn both_limits_hold_at_their_edge_and_give_room_back() {
        let crowd = Crowd::new(3, Some(2));
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = enter(&crowd, a).unwrap();
        let _second = enter(&crowd, a).unwrap();
        assert_eq!(enter(&crowd, a).unwrap_err(), Full::Address);
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
        assert_eq!(enter(&crowd, mapped).unwrap_err(), Full::Address);
        let _third = enter(&crowd, b).unwrap();
        assert_eq!(enter(&crowd, b).unwrap_err(), Full::Listener);
        drop(first);
        assert!(enter(&crowd, a).is_ok());
        assert_eq!(crowd.present.lock().by_address.len(), 2);
    }

    // hardening H25: whoever comes by one connection of a proxy does not count for less.
    #[test]
    fn those_who_share_a_connection_are_counted_by_their_addresses() {
        let crowd = Crowd::new(2, Some(1));
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let proxy = crowd.enter().unwrap();
        let [mut first, mut second, mut third] = [(); 3].map(|()| proxy.shared().unwrap());
        first.settle(a).unwrap();
        assert_eq!(second.settle(a), Err(Full::Address));
        third.settle(b).unwrap();
        assert_eq!(crowd.present.lock().connections, 1);
        let direct = enter(&crowd, b);
        assert_eq!(direct.unwrap_err(), Full::Address);
        drop((first, second));
        let own = enter(&crowd, a).unwrap();
        assert!(own.shared().is_none());
        assert_eq!(own.another().settle(a), Err(Full::Address));
        drop((proxy, third, own));
        let present = crowd.present.lock();
        assert_eq!((present.connections, present.by_address.len()), (0, 0));
    }

    #[test]
    fn a_connection_is_counted_for_the_address_it_had_last() {
        let crowd = Crowd::new(10, Some(1));
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let (mut first, mut second) = (crowd.enter().unwrap(), crowd.enter().unwrap());
        first.settle(a).unwrap();
        first.settle(a).unwrap();
        assert_eq!(second.settle(a), Err(Full::Address));
        first.settle(b).unwrap();
        second.settle(a).unwrap();
        // Refused, it stays whose it was.
        assert_eq!(first.settle(a), Err(Full::Address));
        assert_eq!(crowd.enter().unwrap().settle(b), Err(Full::Address));
        // It may be nobody's.
        first.unsettle();
        first.unsettle();
        crowd.enter().unwrap().settle(b).unwrap();
        first.settle(b).unwrap();
        drop((first, second));
        let present = crowd.present.lock();
        assert_eq!((present.connections, present.by_address.len()), (0, 0));
    }
}
