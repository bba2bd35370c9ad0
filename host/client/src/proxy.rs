//! Through an HTTP proxy (RFC 9110 section 9.3.6).

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Empty;
use tokio::net::TcpStream;

use crate::authentication::Login;
use crate::dial::Dial;
use crate::error::{ProxyFault, Rejection};
use crate::exchange::{Answer, Unanswered, exchange};
use crate::observe::Step;
use crate::target::{ProxyTarget, Target};
use crate::{Connect, Error};

/// A socket that the proxy has connected to the target.
pub(crate) async fn tunnel(
    connect: &Connect,
    dial: Dial<'_>,
    proxy: &ProxyTarget,
    target: &Target,
) -> Result<TcpStream, Error> {
    let failed = |fault| Error::Proxy {
        proxy: proxy.to_string(),
        fault,
    };
    let mut login = Login::new(connect, proxy.credentials.as_ref());
    let mut authorization = match connect.pre_auth {
        true => login.at_once(),
        false => None,
    };
    let authority = target.authority();
    loop {
        let socket = dial.connect(&proxy.host, proxy.port).await;
        let socket = socket.map_err(|error| failed(ProxyFault::Unreachable(Box::new(error))))?;
        let request = request(&authority, authorization).map_err(failed)?;
        let rejection = match ask(connect, socket, request).await.map_err(failed)? {
            Asked::Through(socket) => return Ok(socket),
            Asked::Refused(rejection) => rejection,
        };
        if rejection.status != StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(failed(ProxyFault::Refused(rejection)));
        }
        let challenges = rejection.headers.get_all(header::PROXY_AUTHENTICATE);
        authorization = login.answer(challenges, "CONNECT", &authority);
        if authorization.is_none() {
            return Err(failed(ProxyFault::Credentials(rejection)));
        }
    }
}

enum Asked {
    Through(TcpStream),
    Refused(Box<Rejection>),
}

async fn ask(
    connect: &Connect,
    socket: TcpStream,
    request: Request<Empty<Bytes>>,
) -> Result<Asked, ProxyFault> {
    let within = connect.deadlines.handshake;
    connect.observer.see(&Step::Request {
        method: "CONNECT",
        target: &request.uri().to_string(),
        headers: request.headers(),
    });
    let answer = exchange(socket, request, within).await;
    let (status, headers) = match &answer {
        Ok(Answer::Upgraded {
            status, headers, ..
        }) => (*status, headers),
        Ok(Answer::Other(rejection)) => (rejection.status, &rejection.headers),
        Err(Unanswered::TimedOut) => return Err(ProxyFault::TimedOut(within)),
        Err(Unanswered::Tls(error)) => return Err(ProxyFault::Malformed(error.to_string())),
        Err(Unanswered::Malformed(what)) => return Err(ProxyFault::Malformed(what.clone())),
    };
    connect.observer.see(&Step::Answer { status, headers });
    match answer {
        // Neither TLS nor HTTP begins with the server: nobody has asked for these bytes.
        Ok(Answer::Upgraded { read_ahead, .. }) if !read_ahead.is_empty() => Err(
            ProxyFault::Malformed("it sent something behind its answer".to_owned()),
        ),
        Ok(Answer::Upgraded { stream, .. }) if status.is_success() => Ok(Asked::Through(stream)),
        Ok(Answer::Other(rejection)) => Ok(Asked::Refused(rejection)),
        _ => Err(ProxyFault::Malformed(format!(
            "it answered CONNECT with {status}"
        ))),
    }
}

fn request(
    authority: &str,
    authorization: Option<HeaderValue>,
) -> Result<Request<Empty<Bytes>>, ProxyFault> {
    let malformed = || ProxyFault::Malformed("the target is no host and port".to_owned());
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::CONNECT;
    *request.uri_mut() = authority.parse::<Uri>().map_err(|_| malformed())?;
    let host = HeaderValue::try_from(authority).map_err(|_| malformed())?;
    request.headers_mut().insert(header::HOST, host);
    if let Some(authorization) = authorization {
        request
            .headers_mut()
            .insert(header::PROXY_AUTHORIZATION, authorization);
    }
    Ok(request)
}
