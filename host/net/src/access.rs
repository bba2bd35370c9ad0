//! Who may open sessions at a place.

use std::net::SocketAddr;
use std::sync::Arc;

use http::StatusCode;
use http::request::Parts;
use tracing::info;
use wasket_session::Principal;

use crate::answer::{Answer, plain};
use crate::authentication::Asking;
use crate::shared::Shared;
use crate::{Authentication, Listener};

/// Who may come to a place.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// How they say who they are.
    pub login: Login,
    /// Who they have to be: one of these roles. Empty: it does not matter.
    pub roles: Vec<String>,
}

/// How clients of a place say who they are.
#[derive(Clone, Debug, Default)]
pub enum Login {
    /// As the listener has it.
    #[default]
    AsListener,
    /// Not at all, whatever the listener has.
    Off,
    /// In a way of its own.
    By(Arc<Authentication>),
}

impl Access {
    /// Who asks, if anybody wants to know; or the answer to one who may not come.
    pub(crate) async fn admit(
        &self,
        listener: &Listener,
        request: &Parts,
        remote: SocketAddr,
        shared: &Shared,
    ) -> Result<Option<Principal>, Box<Answer>> {
        let principal = match &self.login {
            Login::AsListener => to_listener(listener, request, remote, shared).await?,
            Login::Off => None,
            Login::By(authentication) => {
                let asking = Asking::new(request, remote, shared);
                Some(authentication.identify(asking).await?)
            }
        };
        if self.roles.is_empty() || principal.as_ref().is_some_and(|p| self.has_role(p)) {
            return Ok(principal);
        }
        info!(
            %remote,
            principal = principal.map(|p| p.name),
            roles = ?self.roles,
            "refused: none of the roles that the setting `require_roles` names"
        );
        let forbidden = plain(StatusCode::FORBIDDEN, "this is not for you");
        Err(Box::new(forbidden))
    }

    fn has_role(&self, principal: &Principal) -> bool {
        principal.roles.iter().any(|role| self.roles.contains(role))
    }
}

/// The same for what has no place, or a place without a login of its own.
pub(crate) async fn to_listener(
    listener: &Listener,
    request: &Parts,
    remote: SocketAddr,
    shared: &Shared,
) -> Result<Option<Principal>, Box<Answer>> {
    match &listener.auth {
        None => Ok(None),
        Some(authentication) => {
            let asking = Asking::new(request, remote, shared);
            authentication.identify(asking).await.map(Some)
        }
    }
}
