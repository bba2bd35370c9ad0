//! From a URL to a connection: dial, TLS, handshake, and again where the server asks for more.

use http::{HeaderValue, StatusCode, header};

use crate::authentication::Login;
use crate::dial::Dial;
use crate::error::{HandshakeFault, Rejection, TlsFault};
use crate::exchange::{Answer, Unanswered, exchange};
use crate::observe::Step;
use crate::request::{Agreed, Opening};
use crate::stream::Stream;
use crate::target::Target;
use crate::{Connect, Connection, Error, Response, proxy, tls};

pub(crate) async fn open(connect: &Connect) -> Result<Connection, Error> {
    let mut target = connect.target.clone();
    let mut redirects = 0;
    loop {
        let rejection = match visit(connect, &target).await? {
            Visit::Open(connection) => return Ok(*connection),
            Visit::Rejected(rejection) => rejection,
        };
        let Some(location) = redirection(&rejection).filter(|_| connect.redirects > 0) else {
            return Err(HandshakeFault::Rejected(rejection).into());
        };
        let fault = |why| HandshakeFault::Redirect {
            location: location.to_owned(),
            why,
        };
        redirects += 1;
        if redirects > connect.redirects {
            return Err(fault("is one too many").into());
        }
        target = target.redirected(location).map_err(fault)?;
        connect.observer.see(&Step::Redirected(&target.to_string()));
    }
}

/// What came of a target.
enum Visit {
    Open(Box<Connection>),
    Rejected(Box<Rejection>),
}

/// Tries one target, with what proves who we are as far as it asks for it.
async fn visit(connect: &Connect, target: &Target) -> Result<Visit, Error> {
    let is_home = target.is_same_origin(&connect.target);
    let credentials = connect.credentials.as_ref();
    let is_own = connect.headers.contains_key(header::AUTHORIZATION);
    let mut login = Login::new(connect, credentials.filter(|_| is_home && !is_own));
    let mut authorization = match connect.pre_auth {
        true => login.at_once(),
        false => None,
    };
    loop {
        let rejection = match attempt(connect, target, authorization, is_home).await? {
            Visit::Rejected(rejection) if rejection.status == StatusCode::UNAUTHORIZED => rejection,
            visit => return Ok(visit),
        };
        let challenges = rejection.headers.get_all(header::WWW_AUTHENTICATE);
        authorization = login.answer(challenges, "GET", &target.path);
        if authorization.is_none() {
            return Ok(Visit::Rejected(rejection));
        }
    }
}

/// One request over a connection of its own.
async fn attempt(
    connect: &Connect,
    target: &Target,
    authorization: Option<HeaderValue>,
    is_home: bool,
) -> Result<Visit, Error> {
    let opening = Opening::new(connect, target, authorization, is_home)?;
    let (stream, peer) = transport(connect, target, is_home).await?;
    let within = connect.deadlines.handshake;
    connect.observer.see(&Step::Request {
        method: "GET",
        target: &target.path,
        headers: opening.request.headers(),
    });
    let answer = exchange(stream, opening.request.clone(), within).await;
    let (status, headers, stream, read_ahead) = match answer {
        Ok(Answer::Upgraded {
            status,
            headers,
            stream,
            read_ahead,
        }) => (status, headers, stream, read_ahead),
        Ok(Answer::Other(rejection)) => {
            connect.observer.see(&Step::Answer {
                status: rejection.status,
                headers: &rejection.headers,
            });
            return Ok(Visit::Rejected(rejection));
        }
        Err(Unanswered::Tls(error)) => return Err(tls_failed(target, tls::fault_of(error))),
        Err(Unanswered::TimedOut) => return Err(HandshakeFault::TimedOut(within).into()),
        Err(Unanswered::Malformed(what)) => return Err(HandshakeFault::Malformed(what).into()),
    };
    connect.observer.see(&Step::Answer {
        status,
        headers: &headers,
    });
    let Agreed {
        protocol,
        compression,
    } = opening.verify(connect, status, &headers)?;
    let response = Response {
        url: target.to_string(),
        peer,
        headers,
        protocol,
        compression,
    };
    let connection = Connection::start(connect, stream, &read_ahead, response)?;
    Ok(Visit::Open(Box::new(connection)))
}

/// A socket to the target, through the proxy and with TLS where that is wished for.
pub(crate) async fn transport(
    connect: &Connect,
    target: &Target,
    is_home: bool,
) -> Result<(Stream, Option<std::net::SocketAddr>), Error> {
    let dial = Dial {
        allow: connect.allow.as_ref(),
        within: connect.deadlines.dial,
        no_delay: connect.no_delay,
        observer: &connect.observer,
    };
    let stream = match &connect.proxy {
        Some(proxy) => proxy::tunnel(connect, dial, proxy, target).await?,
        None => dial.connect(&target.host, target.port).await?,
    };
    let peer = stream.peer_addr().ok();
    if !target.secure {
        return Ok((Stream::plain(stream), peer));
    }
    let failed = |fault| tls_failed(target, fault);
    let tls = match is_home {
        true => connect.tls.clone(),
        false => connect.tls.abroad(),
    };
    let name = tls::name_of(&tls, &target.host).ok_or_else(|| {
        let what = "this name can be in no certificate";
        failed(TlsFault::Failed(std::io::Error::other(what)))
    })?;
    let within = connect.deadlines.tls;
    let secured = tls::secure(&tls, stream, name, within, &connect.observer).await;
    let stream = secured.map_err(failed)?;
    Ok((Stream::tls(stream), peer))
}

fn tls_failed(target: &Target, fault: TlsFault) -> Error {
    Error::Tls {
        name: target.host.to_string(),
        fault,
    }
}

/// Where an answer leads to, if that is what it is for (RFC 9110 section 15.4).
fn redirection(rejection: &Rejection) -> Option<&str> {
    match rejection.status.as_u16() {
        301 | 302 | 303 | 307 | 308 => rejection.headers.get(header::LOCATION)?.to_str().ok(),
        _ => None,
    }
}
