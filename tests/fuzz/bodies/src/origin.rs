use wasket_net::{Hosts, Origins};

/// The line of an `Origin`, the line of a `Host`, and lines of a setting. What the configuration takes for an origin
/// the sockets do too, and a list only adds to the host itself.
pub fn origin(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let origin = lines.next().unwrap_or_default();
    let host = lines.next().and_then(|line| str::from_utf8(line).ok());
    let host = host.unwrap_or_default();
    let listed: Vec<&str> = lines.filter_map(|line| str::from_utf8(line).ok()).collect();

    for text in listed.iter().copied().chain(str::from_utf8(origin)) {
        check_configured(text);
    }
    check_hosts(host, &listed);
    assert!(Origins::Any.allow(origin, host, false));
    let Ok(origins) = Origins::parse(&listed) else {
        return;
    };
    if Origins::SameHost.allow(origin, host, true) {
        assert!(Origins::SameHost.allow(origin, host, false), "{host}");
    }
    if Origins::SameHost.allow(origin, host, false) {
        let allowed = origins.allow(origin, host, false);
        assert!(allowed, "{listed:?} takes {host} away");
    } else if origins.allow(origin, host, false) {
        let spelled =
            |text: &&str| *text == "*" || same(text.as_bytes(), origin) || is_below(origin, text);
        assert!(listed.iter().any(spelled), "{listed:?} allow {origin:?}");
    }
}

/// What the configuration takes for a host the sockets do too, and a name that is listed is served.
fn check_hosts(host: &str, listed: &[&str]) {
    for text in listed.iter().chain([&host]) {
        let Ok(configured) = text.parse::<wasket_config::HostName>() else {
            continue;
        };
        let normal = configured.as_str();
        let Ok(hosts) = Hosts::parse(&[normal]) else {
            panic!("only the configuration knows {normal}");
        };
        let asked = normal.replacen("*.", "x.", 1);
        assert!(hosts.allow(&asked, false), "{normal}");
        // Below a wildcard's name everything is served.
        let evil = format!("{asked}.evil");
        assert!(
            normal.starts_with("*.") || !hosts.allow(&evil, false),
            "{normal}"
        );
    }
}

/// Whether an origin ends as an entry with a wildcard does. IPv6 addresses have no names below them.
fn is_below(origin: &[u8], text: &str) -> bool {
    let Some((scheme, parent)) = text.split_once("://*") else {
        return false;
    };
    let origin = String::from_utf8_lossy(origin);
    let Some((front, _)) = origin.split_once("://") else {
        return false;
    };
    // The case and the port that the scheme implies are left to the tables of the room.
    let name = |text: &str| {
        text.split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase()
    };
    let host = origin.get(front.len() + 3..).unwrap_or_default();
    front.eq_ignore_ascii_case(scheme) && name(host).ends_with(&name(parent))
}

/// Whether two origins say the same but for the case and the port that the scheme implies.
fn same(one: &[u8], another: &[u8]) -> bool {
    let normal = |origin: &[u8]| {
        let origin = String::from_utf8_lossy(origin).to_ascii_lowercase();
        let implied = match origin.starts_with("https:") {
            true => "443",
            false => "80",
        };
        let (front, port) = origin.rsplit_once(':').unwrap_or((&origin, ""));
        match port.trim_start_matches('0') {
            port if port == implied => front.to_owned(),
            _ => origin,
        }
    };
    normal(one) == normal(another)
}

/// A setting has a normal form, which both crates read, and which allows itself.
fn check_configured(text: &str) {
    let Ok(configured) = text.parse::<wasket_config::Origin>() else {
        return;
    };
    let normal = configured.as_str().to_owned();
    assert_eq!(normal.parse(), Ok(configured), "{normal}");
    match Origins::parse(&[&normal]) {
        Ok(origins) => {
            let page = normal.replacen("*.", "x.", 1);
            let allowed = origins.allow(page.as_bytes(), "other.invalid", true);
            assert!(allowed, "{normal}");
        }
        Err(error) => panic!("only the configuration knows {normal}: {error}"),
    }
}
