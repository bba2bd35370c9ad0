use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use parking_lot::Mutex;

/// Counts failed logins by address, within a minute from the first. A network of IPv6 (64 bits) is one address: who
/// has one has all of them.
pub(crate) struct Failures {
    max: Option<u32>,
    minutes: Mutex<HashMap<IpAddr, Minute>>,
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
        let minute = minutes.get(&network(address))?;
        let left_ms = minute.left_ms(now_ms);
        (minute.count >= max && left_ms > 0).then_some(left_ms)
    }

    /// Counts one. True when from now on the address is refused.
    pub(crate) fn note(&self, address: IpAddr, now_ms: u64) -> bool {
        let Some(max) = self.max else {
            return false;
        };
        let mut minutes = self.minutes.lock();
        let address = network(address);
        if minutes.len() >= ADDRESSES_MAX && !minutes.contains_key(&address) {
            make_room(&mut minutes, now_ms);
        }
        let minute = minutes.entry(address).or_insert(Minute {
            from_ms: now_ms,
            count: 0,
        });
        if minute.left_ms(now_ms) == 0 {
            *minute = Minute {
                from_ms: now_ms,
                count: 0,
            };
        }
        minute.count = minute.count.saturating_add(1);
        minute.count == max
    }
}

impl Minute {
    fn left_ms(&self, now_ms: u64) -> u64 {
        MINUTE_MS.saturating_sub(now_ms.saturating_sub(self.from_ms))
    }
}

/// Forgets those whose minute is over; if there are none, anyone. Whoever has as many addresses needs no more
/// attempts from one of them.
fn make_room(minutes: &mut HashMap<IpAddr, Minute>, now_ms: u64) {
    minutes.retain(|_, minute| minute.left_ms(now_ms) > 0);
    if minutes.len() >= ADDRESSES_MAX
        && let Some(any) = minutes.keys().next().copied()
    {
        minutes.remove(&any);
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        v4 => v4,
    }
}

const MINUTE_MS: u64 = 60_000;
/// About 4 MiB.
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
        assert_eq!(failures.minutes.lock().len(), ADDRESSES_MAX);
        assert!(failures.refused_for(address(many - 1), 0).is_some());
        failures.note(address(many), MINUTE_MS);
        assert_eq!(failures.minutes.lock().len(), 1);
    }

    #[test]
    fn off_counts_nothing() {
        let failures = Failures::new(None);
        assert!(!failures.note([10, 0, 0, 1].into(), 0));
        assert!(failures.minutes.lock().is_empty());
    }
}
