//! The session of an instance that serves none.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use wasket_session::{Headers, Hub, Opening, Session, SessionId};

use crate::log::NO_SESSION;

/// An instance belongs to a session. This one connects for ever: nothing can be sent to it, and nobody sees it. `None`
/// cannot be.
pub(crate) fn nobody(hub: &Arc<Hub>) -> Option<Arc<Session>> {
    let opening = Opening {
        service: Arc::clone(hub.service()),
        method: "GET",
        authority: "".into(),
        target: "/".into(),
        path: "/".into(),
        parameters: Box::default(),
        headers: Headers::default(),
        protocols: Box::default(),
        principal: None,
        remote_address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        secure: false,
        properties: Arc::default(),
    };
    let id = SessionId::new(NO_SESSION)?;
    Some(Arc::new(Session::new(id, hub, opening, 0)))
}
