//! `[auth.NAME]`.

use super::Limits;
use crate::value::{AuthName, Sha256};
use std::path::PathBuf;
use std::time::Duration;

/// How clients say who they are, and who is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Auth {
    /// Its name, for listeners and services.
    pub name: AuthName,
    /// How a client shows that it knows a password.
    pub scheme: Scheme,
    /// What for: 1 to 128 bytes without control characters.
    pub realm: String,
    /// Who is known.
    pub users: Users,
    /// What `digest` offers, the preferred first; none twice. `None`: what the users have.
    pub algorithms: Option<Vec<Algorithm>>,
    /// How long a client may use a nonce.
    pub nonce_lifetime: Duration,
    /// Failed logins of one address; `None`: off.
    pub failures_per_minute_max: Option<u32>,
}

/// How a client shows that it knows a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// It sends it.
    Basic,
    /// It sends a hash that is good for one request.
    Digest,
}

impl Scheme {
    /// The scheme that a setting names.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "basic" => Some(Self::Basic),
            "digest" => Some(Self::Digest),
            _ => None,
        }
    }
}

/// A hash that `digest` may offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// `MD5`
    Md5,
    /// `SHA-256`
    Sha256,
}

impl Algorithm {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
        }
    }

    /// The algorithm that a setting names.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "MD5" => Some(Self::Md5),
            "SHA-256" => Some(Self::Sha256),
            _ => None,
        }
    }
}

/// Where users are known.
#[derive(Debug, Clone, PartialEq)]
pub enum Users {
    /// Files.
    Files {
        /// htpasswd for `basic`, htdigest for `digest`.
        users: PathBuf,
        /// What they may act as.
        roles: Option<PathBuf>,
    },
    /// A component.
    Component(Box<UserComponent>),
}

/// A component that knows users.
#[derive(Debug, Clone, PartialEq)]
pub struct UserComponent {
    /// Its file.
    pub file: PathBuf,
    /// The digest that its bytes have to have.
    pub sha256: Option<Sha256>,
    /// What it reads through `wasi:config/store`, in the order of the file; no key twice.
    pub config: Vec<(String, String)>,
    /// What its instances may use.
    pub limits: Limits,
}

/// How clients of a service say who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// As the listener has it.
    AsListener,
    /// Not at all.
    Off,
    /// As this table says.
    By(AuthName),
}
