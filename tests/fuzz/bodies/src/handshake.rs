use std::cell::Cell;

use wasket_ws::handshake::{
    Agreed, ExtensionParams, Offer, Request, examine, examine_extended, is_token,
};

/// A head: its first line is a method (for the server) or a status (for the client), the others are headers. Both
/// halves read it.
///
/// The client is the one of RFC 6455 section 1.3, which offered two subprotocols and an extension.
// hardening H7
pub fn handshake(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let first = lines.next().and_then(|line| str::from_utf8(line).ok());
    let first = first.unwrap_or_default();
    let headers: Vec<_> = lines.filter_map(header).collect();
    serve(first, &headers);
    connect(first, &headers);
}

fn header(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    Some((str::from_utf8(name).ok()?, value.get(1..)?))
}

fn serve(method: &str, headers: &[(&str, &[u8])]) {
    let looked_at = Cell::new(0);
    let examined = examine(method, 1, counted(headers, &looked_at));
    check_work(&looked_at, headers);
    assert!(
        examine(method, 0, headers.iter().copied()).is_err(),
        "HTTP/1.0 cannot upgrade"
    );
    let looked_at = Cell::new(0);
    let extended = examine_extended(counted(headers, &looked_at));
    check_work(&looked_at, headers);
    match examined {
        Ok(offer) => {
            assert_eq!(method, "GET");
            let accept = offer.accept.as_ref().map(String::len);
            assert_eq!(accept, Some(28));
            let expected = Offer {
                accept: None,
                ..offer
            };
            assert_eq!(extended, Ok(expected));
        }
        Err(refusal) => {
            assert!(matches!(refusal.status(), 400 | 405 | 426), "{refusal}");
        }
    }
    match extended {
        Ok(Offer {
            accept,
            protocols,
            extensions,
        }) => {
            assert_eq!(accept, None);
            assert!(protocols.len() <= 64 && protocols.iter().all(|protocol| is_token(protocol)));
            let mut distinct = protocols.clone();
            distinct.sort();
            distinct.dedup();
            assert_eq!(distinct.len(), protocols.len(), "{protocols:?}");
            check_extensions(&extensions);
        }
        Err(refusal) => assert_eq!(refusal.status(), 400, "{refusal}"),
    }
}

fn connect(status: &str, headers: &[(&str, &[u8])]) {
    let status = status.trim().parse().unwrap_or(101);
    let request = Request::new(*b"the sample nonce", &PROTOCOLS);
    let Ok(request) = request
        .map(|request| request.with_extensions("permessage-deflate; client_max_window_bits"))
    else {
        panic!("{PROTOCOLS:?} are tokens");
    };
    let looked_at = Cell::new(0);
    let verified = request.verify(status, counted(headers, &looked_at));
    check_work(&looked_at, headers);
    let Ok(Agreed {
        protocol,
        extensions,
    }) = verified
    else {
        return;
    };
    assert_eq!(status, 101);
    let accepts = |(name, value): &(&str, &[u8])| {
        name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim_ascii() == ACCEPT
    };
    assert_eq!(headers.iter().filter(|header| accepts(header)).count(), 1);
    assert!(protocol.is_none_or(|protocol| PROTOCOLS.contains(&protocol.as_str())));
    assert!(
        extensions
            .iter()
            .all(|extension| extension.name == "permessage-deflate")
    );
    check_extensions(&extensions);
}

fn check_extensions(extensions: &[ExtensionParams]) {
    for extension in extensions {
        assert!(is_token(&extension.name), "{extension:?}");
        for (name, value) in &extension.params {
            assert!(
                is_token(name) && value.as_deref().is_none_or(is_token),
                "{extension:?}"
            );
        }
    }
}

/// The headers, and how many of them were looked at in all.
fn counted<'h>(
    headers: &[(&'h str, &'h [u8])],
    looked_at: &Cell<usize>,
) -> impl Iterator<Item = (&'h str, &'h [u8])> + Clone {
    headers
        .iter()
        .copied()
        .inspect(|_| looked_at.set(looked_at.get() + 1))
}

/// Each field that a half knows is searched for once or twice, however many headers there are.
fn check_work(looked_at: &Cell<usize>, headers: &[(&str, &[u8])]) {
    let passes = looked_at.get().div_ceil(headers.len().max(1));
    assert!(passes <= 12, "the headers were gone through {passes} times");
}

const PROTOCOLS: [&str; 2] = ["chat", "superchat"];
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
