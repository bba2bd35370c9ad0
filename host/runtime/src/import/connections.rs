//! `wasket:websocket/connections`.

use std::sync::Arc;

use url::Url;
use wasket_client::{Connect, Mistake};
use wasket_session::{self as session, ReadyState};
use wasmtime::component::{ComponentType, Lift, Linker};
use wasmtime::{Result, StoreContextMut};

use crate::outbound::Grant;
use crate::store::Guest;
use crate::wire::Outcome;

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> Result<()> {
    let mut to = linker.instance("wasket:websocket/connections@0.1.0")?;
    to.func_wrap("connect", connect)
}

/// `target`.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Target {
    url: String,
    protocols: Vec<String>,
    headers: Vec<(String, String)>,
}

type Answer = (std::result::Result<u64, Outcome>,);

fn connect(
    mut store: StoreContextMut<'_, Guest>,
    (owner, target): (Option<u64>, Target),
) -> Result<Answer> {
    let answer = begin(store.data_mut(), owner, &target);
    Ok((answer.map_err(Outcome::from),))
}

fn begin(
    guest: &mut Guest,
    owner: Option<u64>,
    target: &Target,
) -> std::result::Result<u64, session::Outcome> {
    let is_own = owner.is_none_or(|id| guest.is_own(id));
    if !is_own || guest.session().state() != ReadyState::Open {
        return Err(session::Outcome::NotOpen);
    }
    if target.is_too_large() {
        return Err(session::Outcome::TooLarge);
    }
    let url = Url::parse(&target.url).map_err(|_| session::Outcome::Invalid)?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    if has_user || !matches!(url.scheme(), "ws" | "wss") {
        return Err(session::Outcome::Invalid);
    }
    let shared = Arc::clone(guest.shared());
    let granted = shared.granted.as_ref();
    let Some((granted, grant)) = granted.and_then(|it| Some((it, it.find(&url)?))) else {
        guest.refuse_target(&url);
        return Err(session::Outcome::Refused);
    };
    if guest.connected() >= granted.connections_max {
        guest.refuse("connections_per_session_max", granted.connections_max);
        return Err(session::Outcome::Refused);
    }
    let connect = wished(grant, target).map_err(|_| session::Outcome::Invalid)?;
    let session = Arc::clone(guest.session());
    let shown = url[..url::Position::AfterPath].to_owned();
    let id = guest
        .connections()
        .begin(granted, &session, &shared.hub, connect, shown);
    let Some(id) = id else {
        let max = granted.outbound.connections_max();
        guest.refuse("outbound_connections_max", max);
        return Err(session::Outcome::Refused);
    };
    Ok(id.get())
}

/// The grant's connection, with what the guest adds to the request.
fn wished(grant: &Grant, target: &Target) -> std::result::Result<Connect, Mistake> {
    let mut connect = grant.connect(&target.url)?;
    for protocol in &target.protocols {
        connect = connect.protocol(protocol)?;
    }
    for (name, value) in &target.headers {
        if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
            return Err(Mistake::Credentials);
        }
        connect = connect.header(name, value)?;
    }
    Ok(connect)
}

impl Target {
    fn is_too_large(&self) -> bool {
        self.len() > TARGET_BYTES_MAX
            || self.protocols.len() > PROTOCOLS_MAX
            || self.headers.len() > HEADERS_MAX
    }

    fn len(&self) -> usize {
        let headers = self
            .headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4);
        let protocols = self.protocols.iter().map(|protocol| protocol.len() + 2);
        self.url.len() + headers.sum::<usize>() + protocols.sum::<usize>()
    }
}

/// Beside those of the handshake: who is asked, and as whom, is for the settings to say.
const OURS: [&str; 2] = ["host", "authorization"];

/// All of a target, in bytes.
const TARGET_BYTES_MAX: usize = 16 << 10;

/// Each is compared with those before it.
const PROTOCOLS_MAX: usize = 64;
const HEADERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H29
    #[test]
    fn a_target_is_bounded_in_bytes_and_in_numbers() {
        let target = |url: usize, protocols: usize, headers: usize| Target {
            url: "u".repeat(url),
            protocols: vec!["p".to_owned(); protocols],
            headers: vec![("n".to_owned(), "v".to_owned()); headers],
        };
        // What stands between them on the wire counts: `, ` and `: ` with a line end.
        let most = TARGET_BYTES_MAX - PROTOCOLS_MAX * 3 - HEADERS_MAX * 6;
        assert!(!target(most, PROTOCOLS_MAX, HEADERS_MAX).is_too_large());
        assert!(target(most + 1, PROTOCOLS_MAX, HEADERS_MAX).is_too_large());
        assert!(target(1, PROTOCOLS_MAX + 1, 0).is_too_large());
        assert!(target(1, 0, HEADERS_MAX + 1).is_too_large());
    }
}
