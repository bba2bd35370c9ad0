use super::parameters::Stated;
use super::{NAME, Parameters, WINDOW_BITS_MAX};
use crate::handshake::ExtensionParams;

/// What a client offers, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Whether the server's messages may refer to earlier ones; otherwise the server has to promise that they do not.
    pub server_context_takeover: bool,
    /// Whether messages of ours may refer to earlier ones. The server may still forbid it.
    pub client_context_takeover: bool,
    /// The largest window that the server may use, 8 to 15; 15 demands nothing.
    pub server_max_window_bits: u8,
    /// The largest window of ours, 8 to 15. The server may demand a smaller one.
    pub client_max_window_bits: u8,
}

impl Default for Offer {
    /// Everything that the extension allows.
    fn default() -> Self {
        Self {
            server_context_takeover: true,
            client_context_takeover: true,
            server_max_window_bits: WINDOW_BITS_MAX,
            client_max_window_bits: WINDOW_BITS_MAX,
        }
    }
}

impl Offer {
    /// The element for `Sec-WebSocket-Extensions`: see [`Request`](crate::handshake::Request).
    #[must_use]
    pub fn header(&self) -> String {
        let smaller = |bits: u8| Some(bits).filter(|bits| *bits < WINDOW_BITS_MAX);
        let stated = Stated {
            server_no_context_takeover: !self.server_context_takeover,
            client_no_context_takeover: !self.client_context_takeover,
            server_max_window_bits: smaller(self.server_max_window_bits),
            client_max_window_bits: Some(smaller(self.client_max_window_bits)),
        };
        stated.write()
    }

    /// What the server's answer means; `None` if it goes without compression. Anything that this offer does not allow
    /// fails the connection (RFC 7692 section 7.1).
    pub fn verify(&self, answered: &[ExtensionParams]) -> Result<Option<Parameters>, BadAnswer> {
        let mut ours = answered.iter().filter(|extension| extension.name == NAME);
        let answer = match (ours.next(), ours.next()) {
            (None, _) => return Ok(None),
            (Some(_), Some(_)) => return Err(BadAnswer::Twice),
            (Some(answer), None) => Stated::read(answer).ok_or(BadAnswer::Parameters)?,
        };
        let server_bits = answer.server_max_window_bits.unwrap_or(WINDOW_BITS_MAX);
        let client_bits = match answer.client_max_window_bits {
            None => WINDOW_BITS_MAX,
            Some(bits) => bits.ok_or(BadAnswer::Parameters)?,
        };
        let keeps_to = server_bits <= self.server_max_window_bits
            && (self.server_context_takeover || answer.server_no_context_takeover)
            // Section 7.1.2.2: equal to or smaller than what was offered.
            && answer.client_max_window_bits.is_none_or(|_| client_bits <= self.client_max_window_bits);
        if !keeps_to {
            return Err(BadAnswer::Declined);
        }
        Ok(Some(Parameters {
            server_context_takeover: !answer.server_no_context_takeover,
            client_context_takeover: self.client_context_takeover
                && !answer.client_no_context_takeover,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits.min(self.client_max_window_bits),
        }))
    }
}

/// Why an answer does not fit the offer: the server's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// permessage-deflate stands there more than once.
    #[error("the server agreed to {NAME} twice")]
    Twice,
    /// An unknown, doubled or invalid parameter.
    #[error("the server answered {NAME} with parameters that it does not have")]
    Parameters,
    /// What was demanded is not promised.
    #[error("the server agreed to {NAME}, but not to what was demanded of it")]
    Declined,
}
