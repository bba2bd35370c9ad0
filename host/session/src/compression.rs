//! permessage-deflate (RFC 7692) of a service's sessions: what is agreed on, and what becomes of a message then.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use wasket_ws::deflate::{
    Agreement, Deflater, INFLATER_BYTES, Inflate, Parameters, Profile, Terms, WINDOW_BITS_MAX,
    WINDOW_BITS_MIN,
};
use wasket_ws::frame::{self, FirstByte};
use wasket_ws::handshake::ExtensionParams;
use wasket_ws::{Opcode, Role};

use crate::account::{Account, Charge};

/// How a service compresses: its settings, and the memory that all services share.
#[derive(Clone, Debug)]
pub struct Compression {
    /// What is agreed to.
    pub terms: Terms,
    /// From 1 (quick) to 9 (small).
    pub level: u8,
    /// Smaller messages go as they are. Bytes.
    pub message_bytes_min: usize,
    /// What sessions with context takeover take, over all services: past its maximum, new sessions do without.
    pub memory: Arc<Account>,
}

impl Compression {
    /// Accepts the first offer that can be met, if there is one.
    #[must_use]
    pub fn negotiate(&self, offers: &[ExtensionParams]) -> Option<Box<Deflate>> {
        let agreement = self.terms.accept(offers)?;
        let bytes = self.takeover_bytes(&agreement.parameters);
        if bytes == 0 {
            return self.agreed(agreement, None);
        }
        if let Some(charge) = self.memory.reserve(bytes) {
            return self.agreed(agreement, Some(charge));
        }
        let without_takeover = Terms {
            server_context_takeover: false,
            client_context_takeover: false,
            ..self.terms
        };
        self.agreed(without_takeover.accept(offers)?, None)
    }

    fn agreed(&self, agreement: Agreement, charge: Option<Charge>) -> Option<Box<Deflate>> {
        let parameters = agreement.parameters;
        let takes_over = parameters.takes_over(Role::Server);
        Some(Box::new(Deflate {
            parameters,
            answer: agreement.answer.into(),
            profile: parameters.profile(Role::Server, self.level)?,
            message_bytes_min: self.message_bytes_min,
            own: takes_over.then(|| Mutex::new(Own::default())),
            _charge: charge,
        }))
    }

    fn takeover_bytes(&self, parameters: &Parameters) -> usize {
        let ours = match parameters.profile(Role::Server, self.level) {
            Some(profile) if parameters.takes_over(Role::Server) => profile.deflater_bytes(),
            _ => 0,
        };
        let theirs = match parameters.takes_over(Role::Client) {
            true => INFLATER_BYTES,
            false => 0,
        };
        ours + theirs
    }
}

/// What one session agreed on, and its own codec if it has one.
#[derive(Debug)]
pub struct Deflate {
    parameters: Parameters,
    answer: Box<str>,
    profile: Profile,
    message_bytes_min: usize,
    /// With context takeover. Only the task that owns the connection locks it: messages are deflated in the order of
    /// the wire, just before they get there.
    own: Option<Mutex<Own>>,
    _charge: Option<Charge>,
}

/// The codec of one session.
#[derive(Debug, Default)]
enum Own {
    /// No message was large enough yet.
    #[default]
    Unused,
    Used(Box<Deflater>),
    /// It failed. From now on messages go as they are, which is always allowed.
    Failed,
}

impl Deflate {
    /// The value of `Sec-WebSocket-Extensions` in the answer.
    #[must_use]
    pub fn answer(&self) -> &str {
        &self.answer
    }

    /// What was agreed on.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// Whether messages of ours refer to earlier ones.
    #[must_use]
    pub fn takes_over(&self) -> bool {
        self.own.is_some()
    }

    /// The half that receives.
    #[must_use]
    pub fn inflate(&self) -> Inflate {
        self.parameters.inflate(Role::Server)
    }

    /// Whether a message of so many bytes is worth it.
    pub(crate) fn is_for(&self, payload_bytes: usize) -> bool {
        payload_bytes >= self.message_bytes_min
    }

    /// Appends a message as one frame, deflated if that is worth it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
        if !self.is_for(payload.len()) || !self.deflate(out, opcode, payload) {
            frame::encode(out, opcode, payload, None);
        }
    }

    /// Appends a message as one deflated frame. False, and nothing is appended, if it goes as it is.
    fn deflate(&self, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) -> bool {
        match &self.own {
            Some(own) => own.lock().encode(self.profile, out, opcode, payload),
            None => encode_alone(self.profile, out, opcode, payload),
        }
    }

    /// What this session's peer gets of a frame that is shared: deflated once for all sessions with its profile.
    /// `None` if it goes as it is. A session with a codec of its own shares nothing.
    fn shared(
        &self,
        shared: &Shared,
        account: &Arc<Account>,
        opcode: Opcode,
        payload: &[u8],
    ) -> Option<Bytes> {
        let place = usize::from(self.profile.window_bits() - WINDOW_BITS_MIN);
        let slot = shared.deflated.get(place)?;
        let deflated = slot.get_or_init(|| {
            let mut out = Vec::new();
            encode_alone(self.profile, &mut out, opcode, payload).then(|| {
                out.shrink_to_fit();
                account.hold(out)
            })
        });
        deflated.clone()
    }

    /// A queued message as this session's peer gets it; `None` if that is as it is.
    pub(crate) fn prepare(
        &self,
        shared: Option<&Shared>,
        account: &Arc<Account>,
        opcode: Opcode,
        payload: &[u8],
    ) -> Option<Bytes> {
        if let (None, Some(shared)) = (&self.own, shared) {
            return self.shared(shared, account, opcode, payload);
        }
        let mut out = Vec::new();
        self.deflate(&mut out, opcode, payload).then(|| {
            out.shrink_to_fit();
            account.hold(out)
        })
    }
}

impl Own {
    /// What was deflated has to be sent, even where it is larger: what comes later refers to it.
    fn encode(
        &mut self,
        profile: Profile,
        out: &mut Vec<u8>,
        opcode: Opcode,
        payload: &[u8],
    ) -> bool {
        if let Self::Unused = self {
            *self = Self::Used(Box::new(Deflater::new(profile)));
        }
        let Self::Used(deflater) = self else {
            return false;
        };
        let start = out.len();
        if deflater.deflate(payload, out).is_err() {
            out.truncate(start);
            *self = Self::Failed;
            return false;
        }
        let end = out.len();
        frame::encode_header(out, FirstByte::deflated(opcode), end - start, None);
        // Its length was known only now.
        let header = out.len() - end;
        if let Some(frame) = out.get_mut(start..) {
            frame.rotate_right(header);
        }
        true
    }
}

/// Appends a message that refers to no other, unless deflating does not make it smaller.
fn encode_alone(profile: Profile, out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) -> bool {
    let encoded = profile.deflate(payload, |deflated| {
        let smaller = deflated.len() < payload.len();
        if smaller {
            frame::encode_first(out, FirstByte::deflated(opcode), deflated, None);
        }
        smaller
    });
    encoded.unwrap_or(false)
}

/// What became of a message for sessions without context takeover, by window size; all sessions of a service have the
/// same level. `None` where it goes as it is.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    deflated: [OnceLock<Option<Bytes>>; (WINDOW_BITS_MAX - WINDOW_BITS_MIN + 1) as usize],
}
