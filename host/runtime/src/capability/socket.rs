//! Addresses that guests reach through `wasi:sockets`.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// A network (or one address) and a range of ports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SocketRange {
    address: IpAddr,
    prefix_bits: u8,
    first_port: u16,
    last_port: u16,
}

impl SocketRange {
    /// The addresses that share so many bits with this one, and the ports from the first to the last; `None` when the
    /// address has not so many bits.
    #[must_use]
    pub fn new(
        address: IpAddr,
        prefix_bits: u8,
        (first_port, last_port): (u16, u16),
    ) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        (prefix_bits <= bits).then_some(Self {
            address,
            prefix_bits,
            first_port,
            last_port,
        })
    }

    pub(crate) fn contains(&self, address: SocketAddr) -> bool {
        let prefix = u32::from(self.prefix_bits);
        let shares = match (self.address, address.ip()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let differs = u32::from(own) ^ u32::from(other);
                prefix == 0 || differs >> (32 - prefix) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differs = u128::from(own) ^ u128::from(other);
                prefix == 0 || differs >> (128 - prefix) == 0
            }
            _ => false,
        };
        shares && (self.first_port..=self.last_port).contains(&address.port())
    }
}

impl fmt::Debug for SocketRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.first_port, self.last_port);
        write!(f, "{}/{} {first}-{last}", self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H29
    #[test]
    fn a_range_covers_its_network_and_its_ports() {
        let cases = [
            (("10.0.0.0", 8, (80, 90)), "10.255.0.1:80", true),
            (("10.0.0.0", 8, (80, 90)), "10.0.0.1:90", true),
            (("10.0.0.0", 8, (80, 90)), "10.0.0.1:91", false),
            (("10.0.0.0", 8, (80, 90)), "10.0.0.1:79", false),
            (("10.0.0.0", 8, (80, 90)), "11.0.0.1:80", false),
            (("10.0.0.0", 8, (80, 90)), "[::ffff:10.0.0.1]:80", false),
            (("127.0.0.1", 32, (1, 1)), "127.0.0.1:1", true),
            (("127.0.0.1", 32, (1, 1)), "127.0.0.2:1", false),
            (("0.0.0.0", 0, (1, 65535)), "203.0.113.7:9", true),
            (("0.0.0.0", 0, (1, 65535)), "[2001:db8::1]:9", false),
            (("fd00::", 8, (1, 1)), "[fdff::1]:1", true),
            (("fd00::", 8, (1, 1)), "[fe00::1]:1", false),
            (("::1", 128, (1, 1)), "[::1]:1", true),
            (("::1", 128, (1, 1)), "[::2]:1", false),
            (("::", 0, (1, 1)), "[2001:db8::1]:1", true),
        ];
        for ((address, bits, ports), asked, covers) in cases {
            let range = SocketRange::new(address.parse().unwrap(), bits, ports).unwrap();
            assert_eq!(
                range.contains(asked.parse().unwrap()),
                covers,
                "{range:?} {asked}"
            );
        }
        assert!(SocketRange::new("10.0.0.0".parse().unwrap(), 33, (1, 1)).is_none());
        assert!(SocketRange::new("::".parse().unwrap(), 129, (1, 1)).is_none());
    }
}
