use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::Mutex;

/// Counts the connections of one listener, in all and by address, and says when there are enough.
#[derive(Debug)]
pub(crate) struct Crowd {
    connections_max: usize,
    per_address_max: Option<usize>,
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    connections: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// One connection's place; dropping it makes room.
#[derive(Debug)]
pub(crate) struct Seated {
    crowd: Arc<Crowd>,
    address: IpAddr,
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
        })
    }

    pub(crate) fn enter(self: &Arc<Self>, address: IpAddr) -> Result<Seated, Full> {
        let address = address.to_canonical();
        let mut present = self.present.lock();
        if present.connections >= self.connections_max {
            return Err(Full::Listener);
        }
        if let Some(max) = self.per_address_max {
            let count = present.by_address.entry(address).or_default();
            if *count >= max {
                return Err(Full::Address);
            }
            *count += 1;
        }
        present.connections += 1;
        Ok(Seated {
            crowd: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        let mut present = self.crowd.present.lock();
        present.connections -= 1;
        if let Some(count) = present.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                present.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold_at_their_edge_and_give_room_back() {
        let crowd = Crowd::new(3, Some(2));
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let first = crowd.enter(a).unwrap();
        let _second = crowd.enter(a).unwrap();
        assert_eq!(crowd.enter(a).unwrap_err(), Full::Address);
        let mapped = IpAddr::V6(std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped());
        assert_eq!(crowd.enter(mapped).unwrap_err(), Full::Address);
        let _third = crowd.enter(b).unwrap();
        assert_eq!(crowd.enter(b).unwrap_err(), Full::Listener);
        drop(first);
        assert!(crowd.enter(a).is_ok());
        assert_eq!(crowd.present.lock().by_address.len(), 2);
    }
}
