/// Whether the `uri` of Digest credentials names what was requested: the target as it was sent, or the same as an
/// absolute URI of the host that was asked (RFC 7616, section 3.4.6). `authority` is the request's Host.
pub(crate) fn is_requested(uri: &str, target: &str, authority: &str) -> bool {
    uri == target || is_absolute(uri, target, authority).unwrap_or(false)
}

fn is_absolute(uri: &str, target: &str, authority: &str) -> Option<bool> {
    let (scheme, rest) = uri.split_once("://")?;
    let mut schemes = PORTS.iter();
    let (_, port) = schemes.find(|(name, _)| scheme.eq_ignore_ascii_case(name))?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(end);
    let without_port = |authority| str::strip_suffix(authority, port).unwrap_or(authority);
    let is_host = without_port(host).eq_ignore_ascii_case(without_port(authority));
    // RFC 9112, section 3.2.1: an empty path is sent as `/`.
    let is_path = match target.strip_prefix('/') {
        Some(query) if !path.starts_with('/') => path == query,
        _ => path == target,
    };
    Some(is_host && is_path)
}

/// What may stand behind a host and means nothing.
const PORTS: [(&str, &str); 4] = [
    ("http", ":80"),
    ("https", ":443"),
    ("ws", ":80"),
    ("wss", ":443"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_named_as_it_is_or_with_its_host() {
        for (uri, target, authority, expected) in [
            ("/a?b", "/a?b", "", true),
            ("/a?b", "/a", "h", false),
            ("http://h/a?b", "/a?b", "h", true),
            ("WSS://H:443/a", "/a", "h", true),
            ("https://h/a", "/a", "h:443", true),
            ("ws://h:80/a", "/a", "h:80", true),
            ("ws://h:8080/a", "/a", "h:8080", true),
            ("ws://h:8080/a", "/a", "h", false),
            ("ws://h:443/a", "/a", "h", false),
            ("ws://[::1]/a", "/a", "[::1]", true),
            ("ws://h", "/", "h", true),
            ("ws://h?b", "/?b", "h", true),
            ("ws://h", "/a", "h", false),
            ("ws://ha", "/a", "h", false),
            ("ws://h/", "/", "h", true),
            ("ws://h/a", "/A", "h", false),
            ("ws://other/a", "/a", "h", false),
            ("ws://ada@h/a", "/a", "h", false),
            ("ftp://h/a", "/a", "h", false),
            ("://h/a", "/a", "h", false),
            ("//h/a", "/a", "h", false),
            ("", "/", "h", false),
        ] {
            let found = is_requested(uri, target, authority);
            assert_eq!(found, expected, "{uri} {target} {authority}");
        }
    }
}
