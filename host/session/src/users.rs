//! The seam to wherever users are kept.

use std::pin::Pin;

use wasket_auth::{Algorithm, Secret};

use crate::Principal;

/// Knows users: what is kept of their passwords, and what they may act as.
pub trait Users: Send + Sync {
    /// Looks a name up. The name is whatever a client wrote.
    fn find<'a>(&'a self, realm: &'a str, name: &'a str) -> Lookup<'a>;

    /// What Digest can be computed with, the preferred first. Asked for each challenge, and for Digest alone.
    fn algorithms(&self) -> Vec<Algorithm>;
}

/// A lookup, which may wait.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = Result<Found, Unavailable>> + Send + 'a>>;

/// What a lookup finds.
#[derive(Clone, Debug)]
pub enum Found {
    /// A user, and what is kept of the password.
    User(Secret, Principal),
    /// Nobody; and what to compare with all the same, so that it takes as long as for a user.
    Nobody(Option<Secret>),
}

/// What cannot be looked up, for a reason that was logged: nobody gets in, with 503.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unavailable {
    /// Nobody can, whatever the name: there is no room, or what knows the users did not load.
    Users,
    /// This name: the lookup failed. It counts as a failed login, or whoever knows such a name could have it fail as
    /// often as they like.
    Name,
}
