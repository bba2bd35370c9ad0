//! From the head of a stream to the request that HTTP/1.1 would have brought.

use h2::ext::Protocol;
use http::header::{CONTENT_LENGTH, COOKIE, HOST, HeaderMap, HeaderValue};
use http::{Method, Request, StatusCode, Uri};

use crate::answer::Denied;

/// Makes a request what everything behind takes it for, or says why it is none: its host is in `Host`, its target a path,
/// and its cookies one field. What it asks to CONNECT to is a session, and nothing else. Its version stays HTTP/2.
pub(super) fn normalize<B>(request: Request<B>) -> Result<Request<B>, Denied> {
    let (mut head, body) = request.into_parts();
    let protocol = head.extensions.remove::<Protocol>();
    if head.method == Method::CONNECT {
        sessions_only(protocol.as_ref())?;
    }
    name_host(&head.uri, &mut head.headers)?;
    let target = head.uri.into_parts().path_and_query;
    head.uri = target.map_or_else(|| Uri::from_static("/"), Uri::from);
    join_cookies(&mut head.headers);
    if head.headers.len() > FIELDS_MAX {
        let text = "the request has too many header fields";
        return Err((StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text));
    }
    Ok(Request::from_parts(head, body))
}

/// How much the request says is to come behind its head. h2 has it come true.
pub(super) fn length<B>(request: &Request<B>) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

/// RFC 8441, section 4: CONNECT alone would make us a proxy, and of other protocols we know none.
fn sessions_only(protocol: Option<&Protocol>) -> Result<(), Denied> {
    match protocol {
        Some(protocol) if protocol.as_str().eq_ignore_ascii_case("websocket") => Ok(()),
        Some(_) => {
            let text = "of all protocols only websocket is spoken here";
            Err((StatusCode::NOT_IMPLEMENTED, text))
        }
        None => Err((StatusCode::METHOD_NOT_ALLOWED, "this is not a proxy")),
    }
}

/// Puts `:authority` into `Host`. One of them there has to be; where both are sent they have to be the same, for who
/// forwards requests may have looked at either (RFC 9113, section 8.3.1).
fn name_host(uri: &Uri, headers: &mut HeaderMap) -> Result<(), Denied> {
    let refused = |text| Err((StatusCode::BAD_REQUEST, text));
    let Some(authority) = uri.authority() else {
        return match headers.contains_key(HOST) {
            true => Ok(()),
            false => refused("the request names no host: it has neither `:authority` nor `Host`"),
        };
    };
    let Ok(host) = HeaderValue::from_str(authority.as_str()) else {
        return refused("the request's authority is not one");
    };
    if authority.as_str().contains('@') {
        return refused("the request's authority names a user");
    }
    let differs = |other: &HeaderValue| !other.as_bytes().eq_ignore_ascii_case(host.as_bytes());
    if headers.get_all(HOST).iter().any(differs) {
        return refused("the request names one host as its authority and another in its `Host`");
    }
    match headers.try_insert(HOST, host) {
        Ok(_) => Ok(()),
        // It holds so many names and no more.
        Err(_) => Err((
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "the request has too many header fields",
        )),
    }
}

/// Clients send each cookie on its own, so that it compresses (RFC 9113, section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(COOKIE).iter();
    let (Some(first), Some(second)) = (cookies.next(), cookies.next()) else {
        return;
    };
    let mut joined = first.as_bytes().to_vec();
    for cookie in [second].into_iter().chain(cookies) {
        joined.extend_from_slice(b"; ");
        joined.extend_from_slice(cookie.as_bytes());
    }
    // It is made of values.
    if let Ok(joined) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, joined);
    }
}

/// As hyper has it of HTTP/1.1.
const FIELDS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    type Fields<'f> = &'f [(&'f str, &'f str)];

    fn normalized(method: &str, uri: &str, fields: Fields<'_>) -> Result<Request<()>, u16> {
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        normalize(request).map_err(|(status, _)| status.as_u16())
    }

    // hardening H18
    #[test]
    fn the_authority_is_the_host() {
        type Case<'c> = (&'c str, Fields<'c>, Result<&'c str, u16>);
        let cases: [Case<'_>; 9] = [
            ("http://a.b/", &[], Ok("a.b")),
            ("http://a.b:80/", &[], Ok("a.b:80")),
            ("http://a.b/", &[("host", "A.b")], Ok("a.b")),
            ("http://a.b/", &[("host", "c")], Err(400)),
            ("http://a.b/", &[("host", "a.b:80")], Err(400)),
            ("http://a.b/", &[("host", "a.b"), ("host", "c")], Err(400)),
            ("http://u@a.b/", &[], Err(400)),
            ("/", &[("host", "c")], Ok("c")),
            ("/", &[], Err(400)),
        ];
        for (uri, fields, expected) in cases {
            let host = normalized("GET", uri, fields).map(|request| {
                let host = request.headers().get(HOST);
                host.map_or("", |host| host.to_str().unwrap()).to_owned()
            });
            assert_eq!(
                host.as_deref(),
                expected.as_ref().copied(),
                "{uri} {fields:?}"
            );
        }
    }

    #[test]
    fn targets_are_paths() {
        for (uri, expected) in [
            ("https://a/b?c=d", "/b?c=d"),
            ("https://a", "/"),
            ("/b", "/b"),
            ("*", "*"),
        ] {
            let request = normalized("OPTIONS", uri, &[("host", "a")]).unwrap();
            assert_eq!(request.uri().to_string(), expected);
        }
    }

    #[test]
    fn cookies_are_one_field() {
        for (sent, expected) in [
            (&["a=1"][..], "a=1"),
            (&["a=1", "b=2", "c=3; d=4"], "a=1; b=2; c=3; d=4"),
        ] {
            let fields: Vec<_> = sent.iter().map(|cookie| ("cookie", *cookie)).collect();
            let request = normalized("GET", "https://a/", &fields).unwrap();
            let cookies: Vec<_> = request.headers().get_all(COOKIE).iter().collect();
            assert_eq!(cookies, [expected]);
        }
    }

    // hardening H16
    #[test]
    fn fields_have_their_number() {
        for (sent, cookies, expected) in [
            // Beside them there is `Host`.
            (99, 0, None),
            (98, 500, None),
            (99, 500, Some(431)),
            (100, 0, Some(431)),
            // As many as a map has room for, which panics for one more.
            (24_576, 0, Some(431)),
        ] {
            let names: Vec<_> = (0..sent).map(|n| format!("x-{n}")).collect();
            let others = names.iter().map(|name| (&**name, "y"));
            let cookies = std::iter::repeat_n(("cookie", "a=b"), cookies);
            let fields: Vec<_> = others.chain(cookies).collect();
            let refused = normalized("GET", "https://a/", &fields).err();
            assert_eq!(refused, expected, "{sent}");
        }
    }

    // hardening H18 H25
    #[test]
    fn only_sessions_are_connected_to() {
        for (protocol, expected) in [
            (None, Some(405)),
            (Some("websocket"), None),
            (Some("WebSocket"), None),
            (Some("connect-udp"), Some(501)),
            (Some(""), Some(501)),
        ] {
            let mut request = Request::builder().method("CONNECT").uri("https://a/b");
            if let Some(protocol) = protocol {
                request = request.extension(Protocol::from_static(protocol));
            }
            let refused = normalize(request.body(()).unwrap()).err();
            let status = refused.map(|(status, _)| status.as_u16());
            assert_eq!(status, expected, "{protocol:?}");
        }
    }
}
