//! The opening handshake's request, and what its answer means.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Empty;
use wasket_ws::deflate::Parameters;
use wasket_ws::handshake;

use crate::Connect;
use crate::error::HandshakeFault;
use crate::target::Target;

/// A request for one target.
pub(crate) struct Opening {
    asked: handshake::Request,
    pub(crate) request: Request<Empty<Bytes>>,
}

/// What both sides agreed on.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) protocol: Option<String>,
    pub(crate) compression: Option<Parameters>,
}

impl Opening {
    /// A request with a nonce of its own. `is_home` says whether the target has the origin that credentials and cookies
    /// are for.
    pub(crate) fn new(
        connect: &Connect,
        target: &Target,
        authorization: Option<HeaderValue>,
        is_home: bool,
    ) -> Result<Self, HandshakeFault> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|_| HandshakeFault::Random)?;
        let protocols: Vec<_> = connect.protocols.iter().map(String::as_str).collect();
        // They were checked when they were named.
        let mut asked = handshake::Request::new(nonce, &protocols)
            .map_err(|bad| HandshakeFault::Malformed(bad.to_string()))?;
        if let Some(compression) = &connect.compression {
            asked = asked.with_extensions(compression.offer.header());
        }
        let mut request = Request::new(Empty::new());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = target
            .path
            .parse()
            .map_err(|_| HandshakeFault::Malformed("the path is no request target".to_owned()))?;
        let headers = request.headers_mut();
        headers.extend(target.host_field().map(|host| (header::HOST, host)));
        for (name, value) in asked.headers() {
            let value = HeaderValue::try_from(value)
                .map_err(|bad| HandshakeFault::Malformed(bad.to_string()))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        headers.insert(header::USER_AGENT, USER_AGENT);
        add(headers, connect, is_home);
        if let Some(authorization) = authorization {
            headers.insert(header::AUTHORIZATION, authorization);
        }
        Ok(Self { asked, request })
    }

    /// Whether an answer accepts what was asked.
    pub(crate) fn verify(
        &self,
        connect: &Connect,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Agreed, HandshakeFault> {
        let fields: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_bytes()))
            .collect();
        let agreed = self
            .asked
            .verify(status.as_u16(), fields.iter().copied())
            .map_err(HandshakeFault::Answer)?;
        let compression = match &connect.compression {
            Some(compression) => compression
                .offer
                .verify(&agreed.extensions)
                .map_err(HandshakeFault::Compression)?,
            None => None,
        };
        Ok(Agreed {
            protocol: agreed.protocol,
            compression,
        })
    }
}

/// What the caller adds.
fn add(headers: &mut HeaderMap, connect: &Connect, is_home: bool) {
    for name in connect.headers.keys() {
        let stays = name == header::AUTHORIZATION || name == header::HOST;
        if stays && !is_home {
            continue;
        }
        headers.remove(name);
        for value in connect.headers.get_all(name) {
            headers.append(name, value.clone());
        }
    }
    // They were checked when they were named, and so they are a header's value together.
    let cookies = HeaderValue::try_from(connect.cookies.join("; "));
    if let (false, true, Ok(mut cookies)) = (connect.cookies.is_empty(), is_home, cookies) {
        cookies.set_sensitive(true);
        headers.insert(header::COOKIE, cookies);
    }
}

const USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("wasket/", env!("CARGO_PKG_VERSION")));
