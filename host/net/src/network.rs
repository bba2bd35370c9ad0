use std::net::IpAddr;

/// A block of IP addresses: `10.0.0.0/8`, or one address with all its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

/// The networks whose proxies are believed. Without any, nobody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Network {
    /// The addresses that share their first bits with this one; `None` when it has not so many.
    #[must_use]
    pub fn new(address: IpAddr, prefix_bits: u8) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        (prefix_bits <= bits).then_some(Self {
            address,
            prefix_bits,
        })
    }

    /// An IPv4 address within IPv6 (`::ffff:10.0.0.1`) counts as what it is.
    fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let v6 = |address| match address {
            IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
            IpAddr::V6(address) => u128::from(address),
        };
        let differing = (v6(address) ^ v6(self.address)).leading_zeros();
        self.address.is_ipv4() == address.is_ipv4() && differing >= u32::from(self.prefix_bits)
    }
}

impl Networks {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them has this address.
    #[must_use]
    pub fn contain(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

impl FromIterator<Network> for Networks {
    fn from_iter<N: IntoIterator<Item = Network>>(networks: N) -> Self {
        Self(networks.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_addresses_that_begin_like_it() {
        let cases = [
            ("10.0.0.0", 8, "10.255.255.255", true),
            ("10.0.0.0", 8, "11.0.0.0", false),
            ("10.0.0.0", 8, "::ffff:10.1.2.3", true),
            ("10.0.0.0", 8, "a00::", false),
            ("192.168.1.128", 25, "192.168.1.127", false),
            ("192.168.1.128", 25, "192.168.1.128", true),
            ("127.0.0.1", 32, "127.0.0.1", true),
            ("127.0.0.1", 32, "127.0.0.2", false),
            ("0.0.0.0", 0, "255.1.2.3", true),
            ("0.0.0.0", 0, "::1", false),
            ("::", 0, "ff::1", true),
            ("::", 0, "1.2.3.4", false),
            ("fd00::", 8, "fdff::1", true),
            ("fd00::", 8, "fe00::1", false),
            ("::1", 128, "::1", true),
            ("::1", 128, "::2", false),
        ];
        for (network, prefix, address, contains) in cases {
            let network = Network::new(network.parse().unwrap(), prefix).unwrap();
            let networks: Networks = [network].into_iter().collect();
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(networks.contain(address), contains, "{network:?} {address}");
            assert!(!Networks::default().contain(address));
        }
        assert_eq!(Network::new("10.0.0.0".parse().unwrap(), 33), None);
        assert_eq!(Network::new("::".parse().unwrap(), 129), None);
    }
}
