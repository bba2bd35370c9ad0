use http::{HeaderMap, HeaderName, HeaderValue};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use wasket_net::proxy_protocol::{self, HEAD_BYTES_MAX, Progress, Source};
use wasket_net::{Network, Networks, forwarded};

/// What a proxy sends: a head of the PROXY protocol, or lines `name: value` of header fields. A head means the same
/// however it is cut; what is told of a client by a trusted proxy does not depend on what stands left of it.
pub fn proxy(data: &[u8]) {
    head(data);
    let Some(fields) = fields(data) else { return };
    let (proxy, stranger) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(192, 0, 2, 1));
    let trusted: Networks = Network::new(IpAddr::V4(proxy), 8).into_iter().collect();
    let ask = |peer: Ipv4Addr, fields: &HeaderMap| {
        forwarded::seen(SocketAddr::from((peer, 9)), fields, &trusted)
    };
    let untrusted = ask(stranger, &fields);
    assert!(untrusted.is_ok_and(|seen| seen.address == SocketAddr::from((stranger, 9))));
    let _ = ask(proxy, &fields);
    // A proxy appends whom it sees: nothing that was there before hides it.
    for (name, told) in [
        ("x-forwarded-for", "192.0.2.7"),
        ("forwarded", "for=192.0.2.7"),
    ] {
        let mut only = HeaderMap::new();
        for value in fields.get_all(name) {
            only.append(name, value.clone());
        }
        only.append(name, HeaderValue::from_static(told));
        if let Ok(seen) = ask(proxy, &only) {
            assert_eq!(
                seen.address,
                SocketAddr::from(([192, 0, 2, 7], 0)),
                "{only:?}"
            );
        }
    }
}

fn head(data: &[u8]) {
    let verdict = proxy_protocol::parse(data);
    let whole = match verdict {
        Ok(Progress::Whole(source, length)) => {
            assert!(length <= data.len() && length <= HEAD_BYTES_MAX, "{length}");
            let canonical = |ip: IpAddr| ip.to_canonical() == ip;
            assert!(!matches!(source, Source::Address(address) if !canonical(address.ip())));
            Some(length)
        }
        _ => None,
    };
    for cut in 0..data.len().min(300) {
        let part = data.get(..cut).unwrap_or_default();
        match (proxy_protocol::parse(part), whole) {
            (Ok(Progress::Unfinished), _) => {}
            (Ok(finished), Some(length)) => {
                assert!(cut >= length && Ok(finished) == verdict, "{cut}");
            }
            (Ok(finished), None) => panic!("{finished:?} and then {verdict:?}"),
            (Err(_), None) => assert!(verdict.is_err(), "wrong, and then not"),
            (Err(error), Some(_)) => panic!("{error} at {cut}, and then not"),
        }
    }
}

fn fields(data: &[u8]) -> Option<HeaderMap> {
    let mut fields = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n').take(LINES_MAX) {
        let at = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(at)?;
        let value = value.get(1..)?.trim_ascii();
        fields.append(
            HeaderName::from_bytes(name).ok()?,
            HeaderValue::from_bytes(value).ok()?,
        );
    }
    Some(fields)
}

/// So that time goes into values.
const LINES_MAX: usize = 16;
