use wasket_net::Origins;

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
    assert!(Origins::Any.allow(origin, host, false));
    let Ok(origins) = Origins::parse(&listed) else {
        return;
    };
    if Origins::SameHost.allow(origin, host, false) {
        assert!(
            origins.allow(origin, host, false),
            "{listed:?} takes {host} away"
        );
    } else if origins.allow(origin, host, false) {
        let spelled = |text: &&str| *text == "*" || same(text.as_bytes(), origin);
        assert!(listed.iter().any(spelled), "{listed:?} allow {origin:?}");
    }
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
        Ok(origins) => assert!(
            origins.allow(normal.as_bytes(), "other.invalid", false),
            "{normal}"
        ),
        Err(error) => panic!("only the configuration knows {normal}: {error}"),
    }
}
