use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

/// Counts failed logins by address, within a minute from the first. A network of IPv6 (64 bits) is one address: who
/// has one has all of them.
pub(crate) struct Failures {
    max: Option<u32>,
    minutes: Mutex<Minutes>,
}

/// Bounded; the oldest go first, so that room is made without looking at all of them.
#[derive(Default)]
struct Minutes {
    by_address: HashMap<IpAddr, Minute>,
    /// When each minute began, in this order, and whose it is.
    order: VecDeque<(u64, IpAddr)>,
}

struct Minute {
    from_ms: u64,
    count: u32,
}

impl Failures {
    /// `None` counts nothing.
    pub(crate) fn new(max: Option<u32>) -> Self {
        Self {
            max,
            minutes: Mutex::default(),
        }
    }

    /// For how many milliseconds more the address is refused.
    pub(crate) fn refused_for(&self, address: IpAddr, now_ms: u64) -> Option<u64> {
        let max = self.max?;
        let minutes = self.minutes.lock();
        let minute = minutes.by_address.get(&network(address))?;
        let left_ms = minute.left_ms(now_ms);
        (minute.count >= max && left_ms > 0).then_some(left_ms)
    }

    /// Counts one. True when from now on the address is refused.
    pub(crate) fn note(&self, address: IpAddr, now_ms: u64) -> bool {
        let Some(max) = self.max else {
            return false;
        };
        let count = self.minutes.lock().count(network(address), now_ms);
        count == max
    }
}

impl Minutes {
    /// How many there are now in the address's minute, one more than before.
    fn count(&mut self, address: IpAddr, now_ms: u64) -> u32 {
        while let Some((from_ms, _)) = self.order.front()
            && now_ms.saturating_sub(*from_ms) >= MINUTE_MS
        {
            self.forget_oldest();
        }
        // Whoever has as many addresses needs no more attempts from one of them.
        if self.order.len() >= ADDRESSES_MAX && !self.by_address.contains_key(&address) {
            self.forget_oldest();
        }
        let minute = self.by_address.entry(address).or_insert_with(|| {
            self.order.push_back((now_ms, address));
            Minute {
                from_ms: now_ms,
                count: 0,
            }
        });
        minute.count = minute.count.saturating_add(1);
        minute.count
    }

    fn forget_oldest(&mut self) {
        if let Some((_, address)) = self.order.pop_front() {
            self.by_address.remove(&address);
        }
    }
}

impl Minute {
    fn left_ms(&self, now_ms: u64) -> u64 {
        MINUTE_MS.saturating_sub(now_ms.saturating_sub(self.from_ms))
    }
}

/// The address that all count as who have it or could: who has a network of IPv6 has all of its addresses.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

const MINUTE_MS: u64 = 60_000;
/// About 6 MiB.
const ADDRESSES_MAX: usize = 65_536;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    // hardening H26
    #[test]
    fn an_address_is_refused_for_the_rest_of_its_minute() {
        let failures = Failures::new(Some(2));
        let address = IpAddr::from([10, 0, 0, 1]);
        assert!(!failures.note(address, 1000));
        assert_eq!(failures.refused_for(address, 1000), None);
        assert!(failures.note(address, 2000));
        assert!(!failures.note(address, 2001));
        assert_eq!(failures.refused_for(address, 3000), Some(58_000));
        let mapped = Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped();
        assert!(failures.refused_for(mapped.into(), 3000).is_some());
        assert_eq!(failures.refused_for([10, 0, 0, 2].into(), 3000), None);
        assert_eq!(failures.refused_for(address, 61_000), None);
        assert!(!failures.note(address, 61_000));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let failures = Failures::new(Some(1));
        failures.note("2001:db8::1".parse().unwrap(), 0);
        let refused = |text: &str| failures.refused_for(text.parse().unwrap(), 0).is_some();
        assert!(refused("2001:db8::ffff:1") && !refused("2001:db8:0:1::1"));
    }

    // hardening H26
    #[test]
    fn the_table_is_bounded() {
        let failures = Failures::new(Some(1));
        let address = |n: u32| IpAddr::from(Ipv4Addr::from_bits(n));
        let many = u32::try_from(ADDRESSES_MAX).unwrap() + 100;
        for n in 0..many {
            failures.note(address(n), 0);
        }
        let len = || {
            let minutes = failures.minutes.lock();
            assert_eq!(minutes.by_address.len(), minutes.order.len());
            minutes.order.len()
        };
        assert_eq!(len(), ADDRESSES_MAX);
        let is_refused = |n| failures.refused_for(address(n), 0).is_some();
        // The oldest have made room.
        assert!((0..100).all(|n| !is_refused(n)));
        assert!((100..many).all(is_refused));
        failures.note(address(many), MINUTE_MS - 1);
        assert_eq!(len(), ADDRESSES_MAX);
        failures.note(address(many + 1), MINUTE_MS);
        assert_eq!(len(), 2);
    }

    // hardening H26
    #[test]
    fn an_address_that_is_known_makes_no_room() {
        let failures = Failures::new(Some(3));
        let address = |n: u32| IpAddr::from(Ipv4Addr::from_bits(n));
        for n in 0..u32::try_from(ADDRESSES_MAX).unwrap() {
            failures.note(address(n), 0);
        }
        failures.note(address(7), 0);
        assert!(failures.note(address(7), 0), "the third of a known address");
        assert_eq!(failures.minutes.lock().order.len(), ADDRESSES_MAX);
    }

    #[test]
    fn off_counts_nothing() {
        let failures = Failures::new(None);
        assert!(!failures.note([10, 0, 0, 1].into(), 0));
        assert!(failures.minutes.lock().order.is_empty());
    }
}
