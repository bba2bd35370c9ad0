use super::Invalid;
use std::net::{IpAddr, SocketAddr};

/// An IP address and a port, such as `127.0.0.1:4649` or `[::1]:4649`. Names are not looked up.
///
/// # Errors
/// [`Invalid::Address`] when it is anything else.
pub fn parse_address(text: &str) -> Result<SocketAddr, Invalid> {
    text.parse().map_err(|_| {
        Invalid::Address(if text.parse::<IpAddr>().is_ok() {
            "the port is missing, such as \"127.0.0.1:4649\" or \"[::1]:4649\""
        } else if text.starts_with(':') {
            "the IP address is missing: \"0.0.0.0\" is every IPv4 address of the machine"
        } else if text.starts_with("localhost:") {
            "names are not looked up: write \"127.0.0.1\" or \"[::1]\""
        } else {
            "expected an IP address and a port, such as \"127.0.0.1:4649\" or \"[::1]:4649\""
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        for text in ["127.0.0.1:4649", "0.0.0.0:0", "[::1]:4649", "[::]:80"] {
            assert_eq!(
                parse_address(text).map(|address| address.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in [
            "",
            "127.0.0.1",
            "::1",
            ":80",
            "localhost:80",
            "127.0.0.1:65536",
            "a.example:80",
            "127.0.0.1:80 ",
        ] {
            assert!(
                matches!(parse_address(text), Err(Invalid::Address(_))),
                "{text}"
            );
        }
    }
}
