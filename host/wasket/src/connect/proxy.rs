//! Which proxy there is on the way, as the environment says.
//!
//! The variables are those that curl has: for `ws` it is `ws_proxy` or `http_proxy`, for `wss` `wss_proxy` or
//! `https_proxy`, then `all_proxy`; each in lower case first, then in upper case. `no_proxy` lists who is connected to
//! directly, whoever names the proxy. How a list is read is a rule of our own: programs differ in it.

use std::net::IpAddr;

use url::{Host, Url};

/// A proxy, and who names it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) named_by: String,
    pub(super) url: String,
}

/// The proxy for a URL. `variable` looks one up.
pub(super) fn of(url: &Url, variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    let names = match url.scheme() {
        "wss" => ["wss_proxy", "https_proxy", "all_proxy"],
        _ => ["ws_proxy", "http_proxy", "all_proxy"],
    };
    // In a CGI program this one is a header of the request, so whatever a client wrote there.
    let is_cgi = variable("REQUEST_METHOD").is_some();
    let mut names = names
        .iter()
        .flat_map(|name| in_either_case(name))
        .filter(|name| !(is_cgi && name == "HTTP_PROXY"));
    names.find_map(|name| {
        let url = variable(&name).filter(|url| !url.is_empty())?;
        Some(Proxy {
            url: with_scheme(&url),
            named_by: format!("the variable {name}"),
        })
    })
}

/// Whether a URL is in the list of those that need no proxy: `typed`, else that of the environment.
pub(super) fn is_needless(
    url: &Url,
    typed: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> bool {
    match typed {
        Some(list) => is_listed(url, list),
        None => in_either_case("no_proxy")
            .iter()
            .find_map(|name| variable(name).filter(|list| !list.is_empty()))
            .is_some_and(|list| is_listed(url, &list)),
    }
}

fn in_either_case(name: &str) -> [String; 2] {
    [name.to_owned(), name.to_uppercase()]
}

/// A proxy may be written as `host:port` alone.
pub(super) fn with_scheme(proxy: &str) -> String {
    match proxy.contains("://") {
        true => proxy.to_owned(),
        false => format!("http://{proxy}"),
    }
}

/// Whether the URL's host is in a list: names (with everything below them), addresses and networks, each with a port or
/// for all of them, parted by commas or spaces; `*` is everybody.
fn is_listed(url: &Url, list: &str) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let address = match Host::parse(host) {
        Ok(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Ok(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        _ => None,
    };
    let port = url.port_or_known_default();
    let mut entries = list
        .split([',', ' ', '\t'])
        .filter(|entry| !entry.is_empty());
    entries.any(|entry| {
        let (entry, only) = without_port(entry);
        let is_host = match (entry, address) {
            ("*", _) => true,
            (entry, Some(address)) => is_in_network(address, entry),
            (entry, None) => is_below(host, entry),
        };
        is_host && only.is_none_or(|only| port.is_some_and(|port| only == port.to_string()))
    })
}

/// `example.com:8080` and `[2001:db8::1]:8080` are for one port; an IPv6 address alone has colons and no port.
fn without_port(entry: &str) -> (&str, Option<&str>) {
    match entry.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (entry, None),
    }
}

/// Whether a name is this one, or ends in it behind a dot.
fn is_below(host: &str, entry: &str) -> bool {
    let entry = entry.strip_prefix('*').unwrap_or(entry);
    let entry = entry.strip_prefix('.').unwrap_or(entry);
    let entry = entry.strip_suffix('.').unwrap_or(entry).to_lowercase();
    let host = host.strip_suffix('.').unwrap_or(host).to_lowercase();
    match host.strip_suffix(&entry) {
        Some(before) => !entry.is_empty() && (before.is_empty() || before.ends_with('.')),
        None => false,
    }
}

/// Whether an address is this one, or in this network: `192.0.2.0/24`, `[2001:db8::1]`.
fn is_in_network(address: IpAddr, entry: &str) -> bool {
    let (network, prefix) = match entry.split_once('/') {
        Some((network, prefix)) => (network, Some(prefix)),
        None => (entry, None),
    };
    let network = network.trim_start_matches('[').trim_end_matches(']');
    let Ok(network) = network.parse::<IpAddr>() else {
        return false;
    };
    let bits = match network {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let prefix = match prefix.map(str::parse::<u32>) {
        None => bits,
        Some(Ok(prefix)) if prefix <= bits => prefix,
        Some(_) => return false,
    };
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => begins_alike(&a.octets(), &b.octets(), prefix),
        (IpAddr::V6(a), IpAddr::V6(b)) => begins_alike(&a.octets(), &b.octets(), prefix),
        _ => false,
    }
}

/// Whether the first so many bits are the same.
fn begins_alike(a: &[u8], b: &[u8], bits: u32) -> bool {
    let mut left = bits;
    a.iter().zip(b).all(|(a, b)| {
        let of_this = left.min(8);
        left -= of_this;
        of_this == 0 || (a ^ b) >> (8 - of_this) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn among(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |name| {
            let found = variables.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        }
    }

    fn found(url: &str, variables: &[(&str, &str)]) -> Option<String> {
        let proxy = of(&Url::parse(url).unwrap(), among(variables))?;
        proxy
            .named_by
            .strip_prefix("the variable ")
            .map(str::to_owned)
    }

    // parity W12
    #[test]
    fn each_scheme_has_its_variables() {
        for (url, variables, expected) in [
            ("ws://a", &[("http_proxy", "p:1")][..], Some("http_proxy")),
            ("ws://a", &[("HTTP_PROXY", "p:1")], Some("HTTP_PROXY")),
            ("wss://a", &[("http_proxy", "p:1")], None),
            ("wss://a", &[("HTTPS_PROXY", "p:1")], Some("HTTPS_PROXY")),
            ("ws://a", &[("https_proxy", "p:1")], None),
            ("wss://a", &[("ALL_PROXY", "p:1")], Some("ALL_PROXY")),
            (
                "ws://a",
                &[("HTTP_PROXY", "p:1"), ("http_proxy", "q:1")],
                Some("http_proxy"),
            ),
            (
                "ws://a",
                &[("http_proxy", "p:1"), ("ws_proxy", "q:1")],
                Some("ws_proxy"),
            ),
            (
                "ws://a",
                &[("all_proxy", "p:1"), ("HTTP_PROXY", "q:1")],
                Some("HTTP_PROXY"),
            ),
            ("ws://a", &[("http_proxy", "")], None),
            (
                "ws://a",
                &[("HTTP_PROXY", "p:1"), ("REQUEST_METHOD", "GET")],
                None,
            ),
            (
                "ws://a",
                &[("http_proxy", "p:1"), ("REQUEST_METHOD", "GET")],
                Some("http_proxy"),
            ),
        ] {
            assert_eq!(
                found(url, variables).as_deref(),
                expected,
                "{url} {variables:?}"
            );
        }
        assert_eq!(with_scheme("p:1"), "http://p:1");
        assert_eq!(with_scheme("socks5://p"), "socks5://p");
    }

    // parity W12
    #[test]
    fn a_typed_list_goes_before_the_variables() {
        for (typed, variables, needless) in [
            (None, &[("no_proxy", "a")][..], true),
            (None, &[("NO_PROXY", "*")], true),
            (None, &[("no_proxy", "b"), ("NO_PROXY", "a")], false),
            (None, &[("no_proxy", ""), ("NO_PROXY", "a")], true),
            (None, &[], false),
            (Some(""), &[("no_proxy", "a")], false),
            (Some("b"), &[("no_proxy", "a")], false),
            (Some("a"), &[], true),
        ] {
            let url = Url::parse("ws://a").unwrap();
            let found = is_needless(&url, typed, among(variables));
            assert_eq!(found, needless, "{typed:?} {variables:?}");
        }
    }

    // parity W12
    #[test]
    fn some_hosts_need_no_proxy() {
        for (host, list, listed) in [
            ("example.com", "example.com", true),
            ("example.com", "a.example, EXAMPLE.com", true),
            ("example.com", "a.example example.com", true),
            ("a.example.com", "example.com", true),
            ("a.example.com", ".example.com", true),
            ("example.com", ".example.com", true),
            ("example.com", "example.com.", true),
            ("example.com:8080", "example.com", true),
            ("anexample.com", "example.com", false),
            ("example.com", "a.example.com", false),
            ("example.com", "", false),
            ("example.com", ".", false),
            ("example.com", ",", false),
            ("localhost", "localhost,127.0.0.1", true),
            ("127.0.0.1", "localhost,127.0.0.1", true),
            ("127.0.0.1", "0.0.1", false),
            ("192.168.1.7", "192.168.0.0/16", true),
            ("192.169.1.7", "192.168.0.0/16", false),
            ("192.168.1.7", "192.168.1.6/31", true),
            ("192.168.1.8", "192.168.1.6/31", false),
            ("192.168.1.8", "0.0.0.0/0", true),
            ("192.168.1.8", "192.168.1.8/x", false),
            ("192.168.1.8", "192.168.1.8/32", true),
            ("192.168.1.8", "192.168.1.8/33", false),
            ("[::1]", "::1", true),
            ("[::1]", "[::1]", true),
            ("[2001:db8::7]", "2001:db8::/32", true),
            ("[2001:db9::7]", "2001:db8::/32", false),
            ("[2001:db8::7]", "2001:db8::7/129", false),
            ("[::1]", "127.0.0.1", false),
            ("a.example.com", "*.example.com", true),
            ("example.com", "example.com:80", true),
            ("example.com", "example.com:8080", false),
            ("example.com:8080", "a.example example.com:8080", true),
            ("example.com", "example.com:", false),
            ("127.0.0.1:8080", "127.0.0.0/8:8080", true),
            ("127.0.0.1", "127.0.0.1:8080", false),
            ("[::1]:8080", "[::1]:8080", true),
            ("[::1]:8081", "[::1]:8080", false),
            ("[::1]:8081", "::1", true),
            ("a:81", "*:81", true),
        ] {
            let url = Url::parse(&format!("ws://{host}/")).unwrap();
            assert_eq!(is_listed(&url, list), listed, "{host} {list:?}");
        }
    }
}
