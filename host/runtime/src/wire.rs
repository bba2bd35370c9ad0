//! The types of the WIT, as they cross into a guest and out of it. What is large is borrowed: in from the
//! connection's buffer, out from the guest's memory.

use std::borrow::Cow;

use wasket_session::ws::Message;
use wasket_session::{self as session, Opening, SessionId};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Lower, WasmList, WasmStr};

use crate::store::Guest;

/// `message`, on its way to a guest.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(variant)]
pub(crate) enum MessageIn<'a> {
    #[component(name = "text")]
    Text(&'a str),
    #[component(name = "binary")]
    Binary(&'a [u8]),
}

impl<'a> From<&'a Message<'_>> for MessageIn<'a> {
    #[inline]
    fn from(message: &'a Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

impl<'a> From<&'a wasket_client::Message> for MessageIn<'a> {
    fn from(message: &'a wasket_client::Message) -> Self {
        match message {
            wasket_client::Message::Text(text) => Self::Text(text),
            wasket_client::Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}

/// `message`, in a guest's memory.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum MessageOut {
    #[component(name = "text")]
    Text(WasmStr),
    #[component(name = "binary")]
    Binary(WasmList<u8>),
}

impl MessageOut {
    /// The message where it lies. Text that is not valid ends the guest, as the component model says.
    #[inline]
    pub(crate) fn read<'a>(
        &self,
        store: &'a StoreContextMut<'_, Guest>,
    ) -> wasmtime::Result<Message<'a>> {
        Ok(match self {
            Self::Text(text) => Message::Text(text.to_str(store)?),
            Self::Binary(bytes) => Message::Binary(Cow::Borrowed(bytes.as_le_slice(store))),
        })
    }
}

/// `outcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Outcome {
    #[component(name = "accepted")]
    Accepted,
    #[component(name = "not-open")]
    NotOpen,
    #[component(name = "backlogged")]
    Backlogged,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "invalid")]
    Invalid,
    #[component(name = "refused")]
    Refused,
}

impl From<session::Outcome> for Outcome {
    #[inline]
    fn from(outcome: session::Outcome) -> Self {
        match outcome {
            session::Outcome::Accepted => Self::Accepted,
            session::Outcome::NotOpen => Self::NotOpen,
            session::Outcome::Backlogged => Self::Backlogged,
            session::Outcome::TooLarge => Self::TooLarge,
            session::Outcome::Invalid => Self::Invalid,
            session::Outcome::Refused => Self::Refused,
        }
    }
}

/// `ready-state`.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum ReadyState {
    #[component(name = "connecting")]
    Connecting,
    #[component(name = "open")]
    Open,
    #[component(name = "closing")]
    Closing,
    #[component(name = "closed")]
    Closed,
}

impl From<session::ReadyState> for ReadyState {
    fn from(state: session::ReadyState) -> Self {
        match state {
            session::ReadyState::Connecting => Self::Connecting,
            session::ReadyState::Open => Self::Open,
            session::ReadyState::Closing => Self::Closing,
            session::ReadyState::Closed => Self::Closed,
        }
    }
}

/// `party`.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
pub(crate) enum Party {
    #[component(name = "peer")]
    Peer,
    #[component(name = "guest")]
    Guest,
    #[component(name = "host")]
    Host,
}

/// `close-event`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct CloseEvent {
    code: u16,
    reason: String,
    clean: bool,
    by: Party,
}

impl From<session::CloseEvent> for CloseEvent {
    fn from(close: session::CloseEvent) -> Self {
        Self {
            code: close.code,
            reason: close.reason,
            clean: close.clean,
            by: match close.by {
                session::Party::Peer => Party::Peer,
                session::Party::Guest => Party::Guest,
                session::Party::Host => Party::Host,
            },
        }
    }
}

/// `session-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
pub(crate) enum SessionError {
    #[component(name = "protocol")]
    Protocol(String),
    #[component(name = "limit")]
    Limit(String),
    #[component(name = "connection")]
    Connection(String),
}

impl From<session::SessionError> for SessionError {
    fn from(error: session::SessionError) -> Self {
        match error {
            session::SessionError::Protocol(text) => Self::Protocol(text),
            session::SessionError::Limit(text) => Self::Limit(text),
            session::SessionError::Connection(text) => Self::Connection(text),
        }
    }
}

/// `principal`.
#[derive(ComponentType, Lower, Lift)]
#[component(record)]
pub(crate) struct Principal {
    name: String,
    roles: Vec<String>,
    claims: Vec<(String, String)>,
}

impl From<session::Principal> for Principal {
    fn from(principal: session::Principal) -> Self {
        Self {
            name: principal.name,
            roles: principal.roles,
            claims: principal.claims,
        }
    }
}

impl From<Principal> for session::Principal {
    fn from(principal: Principal) -> Self {
        Self {
            name: principal.name,
            roles: principal.roles,
            claims: principal.claims,
        }
    }
}

/// `secret`.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub(crate) enum Secret {
    #[component(name = "plain")]
    Plain(String),
    #[component(name = "hashed")]
    Hashed(String),
    #[component(name = "digest-md5")]
    DigestMd5(String),
    #[component(name = "digest-sha256")]
    DigestSha256(String),
}

/// `cookie`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Cookie {
    name: String,
    value: String,
}

/// `request`.
#[derive(ComponentType, Lower)]
#[component(record)]
pub(crate) struct Request {
    service: String,
    method: String,
    authority: String,
    target: String,
    path: String,
    parameters: Vec<(String, String)>,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    cookies: Vec<Cookie>,
    protocols: Vec<String>,
    principal: Option<Principal>,
    #[component(name = "remote-address")]
    remote_address: String,
    secure: bool,
    properties: Vec<(String, String)>,
}

impl Request {
    /// The opening handshake, with the principal that is known by now.
    pub(crate) fn new(opening: &Opening, principal: Option<&session::Principal>) -> Self {
        let cookie = |(name, value): (&str, &str)| Cookie {
            name: name.into(),
            value: value.into(),
        };
        Self {
            service: opening.service.as_ref().into(),
            method: opening.method.into(),
            authority: opening.authority.as_ref().into(),
            target: opening.target.as_ref().into(),
            path: opening.path.as_ref().into(),
            parameters: pairs(&opening.parameters),
            query: opening.query(),
            headers: opening
                .headers
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            cookies: opening.cookies().into_iter().map(cookie).collect(),
            protocols: opening
                .protocols
                .iter()
                .map(|p| p.as_ref().into())
                .collect(),
            principal: principal.cloned().map(Into::into),
            remote_address: opening.remote_address.to_string(),
            secure: opening.secure,
            properties: pairs(&opening.properties),
        }
    }
}

/// `acceptance`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Acceptance {
    pub(crate) protocol: Option<String>,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) principal: Option<Principal>,
}

/// `rejection`.
#[derive(ComponentType, Lift)]
#[component(record)]
pub(crate) struct Rejection {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// The session that a guest wants left out; a number that is no id leaves out none.
pub(crate) fn except(id: Option<u64>) -> Option<SessionId> {
    id.and_then(SessionId::new)
}

fn pairs(pairs: &[(Box<str>, Box<str>)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_ref().into(), value.as_ref().into()))
        .collect()
}
