use super::Invalid;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A block of IP addresses: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl Network {
    /// Its first address.
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits its addresses share.
    pub fn prefix_bits(self) -> u8 {
        self.prefix_bits
    }
}

impl FromStr for Network {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| {
            Invalid::Network("expected an IP address, such as \"10.0.0.0/8\" or \"::1\"")
        })?;
        if address.to_canonical() != address {
            return Err(Invalid::Network("write an IPv4 address as one"));
        }
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
        let prefix_bits = match prefix {
            None => bits,
            Some(prefix) => Some(prefix)
                .filter(digits)
                .and_then(|prefix| prefix.parse().ok())
                .filter(|prefix| *prefix <= bits)
                .ok_or(Invalid::Network(
                    "expected 0 to 32 behind the slash, or to 128 with IPv6",
                ))?,
        };
        if has_bits_behind(address, prefix_bits) {
            return Err(Invalid::Network(
                "the address has bits behind the prefix: write the network's first address, as in \"10.0.0.0/8\"",
            ));
        }
        Ok(Self {
            address,
            prefix_bits,
        })
    }
}

fn has_bits_behind(address: IpAddr, prefix_bits: u8) -> bool {
    let prefix = u32::from(prefix_bits);
    match address {
        IpAddr::V4(address) => u32::from(address).checked_shl(prefix).unwrap_or(0) != 0,
        IpAddr::V6(address) => u128::from(address).checked_shl(prefix).unwrap_or(0) != 0,
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_addresses_and_prefixes() {
        for (text, expected) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("127.0.0.1", "127.0.0.1/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.168.1.128/25", "192.168.1.128/25"),
            ("::1", "::1/128"),
            ("fd00::/8", "fd00::/8"),
            ("::/0", "::/0"),
        ] {
            let parsed = text.parse::<Network>().map(|network| network.to_string());
            assert_eq!(parsed, Ok(expected.to_owned()));
        }
        for text in [
            "",
            "*",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/-1",
            "10.0.0.1/8",
            "10.0/8",
            "::/129",
            "fd00::1/8",
            "[::1]",
            "localhost",
            "10.0.0.1:80",
            "::ffff:10.0.0.1",
            " 10.0.0.1",
            "1.2.3.4/8/8",
        ] {
            let parsed = text.parse::<Network>();
            assert!(matches!(parsed, Err(Invalid::Network(_))), "{text:?}");
        }
    }
}
