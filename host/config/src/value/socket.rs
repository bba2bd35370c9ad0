use super::{Invalid, Network};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// Addresses and ports that a component may reach: `10.0.0.0/8:5432`, `[fd00::]/8:6379`, `127.0.0.1:8000-8010`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SocketRange {
    network: Network,
    first_port: u16,
    last_port: u16,
}

impl SocketRange {
    /// The addresses.
    pub fn network(self) -> Network {
        self.network
    }

    /// The first and the last port, which may be the same; neither is 0.
    pub fn ports(self) -> (u16, u16) {
        (self.first_port, self.last_port)
    }
}

impl FromStr for SocketRange {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some((addresses, ports)) = text.rsplit_once(':').filter(|(rest, _)| is_whole(rest))
        else {
            return Err(Invalid::Socket(
                "expected an address and a port, such as \"10.0.0.0/8:5432\" or \"[fd00::]/8:6379\"",
            ));
        };
        let network = network(addresses)?;
        if network.address().is_unspecified() && network.prefix_bits() > 0 {
            return Err(Invalid::Socket(
                "nobody can be reached there; write \"0.0.0.0/0\" for every address",
            ));
        }
        let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
        let ports = Option::zip(port(first), port(last)).filter(|(first, last)| first <= last);
        let (first_port, last_port) = ports.ok_or(Invalid::Socket(
            "expected a port of 1 to 65535, or two of them, such as \"8000-8010\"",
        ))?;
        Ok(Self {
            network,
            first_port,
            last_port,
        })
    }
}

/// Whether the last colon was not one of an address.
fn is_whole(addresses: &str) -> bool {
    addresses.starts_with('[') == addresses.contains(']') && !addresses.is_empty()
}

fn network(text: &str) -> Result<Network, Invalid> {
    let brackets = text.strip_prefix('[').and_then(|text| text.split_once(']'));
    let parsed = match brackets {
        Some((address, prefix))
            if !address.contains('/') && (prefix.is_empty() || prefix.starts_with('/')) =>
        {
            format!("{address}{prefix}").parse()
        }
        Some(_) => Err(Invalid::Network(
            "the prefix stands behind the brackets, as in \"[fd00::]/8:6379\"",
        )),
        None => text.parse(),
    };
    let parsed: Network = parsed.map_err(|invalid: Invalid| Invalid::Socket(invalid.expected()))?;
    match (parsed.address(), brackets) {
        (IpAddr::V4(_), None) | (IpAddr::V6(_), Some(_)) => Ok(parsed),
        _ => Err(Invalid::Socket(
            "an IPv6 address stands in brackets, and no other: \"[fd00::]/8:6379\"",
        )),
    }
}

fn port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let port = text.parse().ok().filter(|_| digits);
    port.filter(|port| *port > 0)
}

impl fmt::Display for SocketRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.network.prefix_bits();
        let all = match self.network.address() {
            IpAddr::V4(address) => {
                write!(f, "{address}")?;
                32
            }
            IpAddr::V6(address) => {
                write!(f, "[{address}]")?;
                128
            }
        };
        if bits < all {
            write!(f, "/{bits}")?;
        }
        write!(f, ":{}", self.first_port)?;
        match self.last_port {
            last if last > self.first_port => write!(f, "-{last}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ports_are_shown_as_they_are_written() {
        for text in [
            "10.0.0.0/8:5432",
            "127.0.0.1:8000-8010",
            "0.0.0.0/0:443",
            "[fd00::]/8:6379",
            "[::1]:1-65535",
        ] {
            let range: SocketRange = text.parse().unwrap();
            assert_eq!(range.to_string(), text);
        }
        let same: SocketRange = "127.0.0.1/32:80-80".parse().unwrap();
        assert_eq!(same.to_string(), "127.0.0.1:80");
    }

    #[test]
    fn what_is_no_address_with_a_port_is_refused() {
        for text in [
            "",
            ":80",
            "localhost:80",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:0",
            "127.0.0.1:+1",
            "127.0.0.1:65536",
            "127.0.0.1:2-1",
            "127.0.0.1:1-",
            "127.0.0.1:1-2-3",
            "10.0.0.1/8:80",
            "10.0.0.0/33:80",
            "0.0.0.0:80",
            "[::]:80",
            "fd00::/8:80",
            "[fd00::/8]:80",
            "[fd00::]8:80",
            "[127.0.0.1]:80",
            "[::ffff:127.0.0.1]:80",
            "[::1]",
            "[::1",
        ] {
            let parsed = text.parse::<SocketRange>();
            assert!(matches!(parsed, Err(Invalid::Socket(_))), "{text:?}");
        }
    }
}
