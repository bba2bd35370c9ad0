//! Which addresses are of the public internet: a name that leads elsewhere leads inside, whoever registered it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address is one that anybody may reach: not this host's, not of a private or local network, not a group's,
/// and not one that hides such an address (RFC 6890).
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        // "This network", shared address space (RFC 6598), IETF protocol assignments, benchmarks.
        || a == 0
        || (a == 100 && b & 0xC0 == 64)
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && b & 0xFE == 18)
        // Groups, reserved, broadcast.
        || a >= 224;
    !is_special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let embedded = |high: u16, low: u16| {
        let [[w, x], [y, z]] = [high.to_be_bytes(), low.to_be_bytes()];
        is_public_v4(Ipv4Addr::new(w, x, y, z))
    };
    match (a, b, c, d, e, f) {
        // Mapped (and loopback and unspecified, which are of the old compatible form), and NAT64 (RFC 6052).
        (0, 0, 0, 0, 0, 0xFFFF) | (0x64, 0xFF9B, 0, 0, 0, 0) => embedded(g, h),
        // 6to4 (RFC 3056).
        (0x2002, ..) => embedded(b, c),
        // IETF protocol assignments, Teredo (RFC 4380) and benchmarks among them; documentation (RFC 9637, too).
        (0x2001, 0..=0x01FF | 0xDB8, ..) | (0x3FFF, 0..=0x0FFF, ..) => false,
        // Global unicast; all else is local, a group, or nobody's.
        _ => a & 0xE000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H29: nobody is led inside by a name.
    #[test]
    fn only_what_anybody_may_reach_is_public() {
        let cases = [
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.16.0.1", false),
            ("172.32.0.1", true),
            ("192.168.1.1", false),
            ("169.254.169.254", false),
            ("100.64.0.1", false),
            ("100.128.0.1", true),
            ("198.18.0.1", false),
            ("192.0.2.1", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("1.1.1.1", true),
            ("::", false),
            ("::1", false),
            ("::7f00:1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:1.1.1.1", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::1.1.1.1", true),
            ("2002:7f00:1::", false),
            ("2001::1", false),
            ("2001:2::1", false),
            ("2001:1ff:ffff::1", false),
            ("2001:200::1", true),
            ("2001:db8::1", false),
            ("3fff:fff::1", false),
            ("3fff:1000::1", true),
            ("fe80::1", false),
            ("fc00::1", false),
            ("fd12::1", false),
            ("ff02::1", false),
            ("2606:4700::1111", true),
        ];
        for (address, public) in cases {
            assert_eq!(
                is_public(address.parse().expect("an address")),
                public,
                "{address}"
            );
        }
    }
}
