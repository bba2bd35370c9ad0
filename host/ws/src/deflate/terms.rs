use super::parameters::Stated;
use super::{Parameters, WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use crate::handshake::ExtensionParams;

/// What a server agrees to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether messages of ours may refer to earlier ones, which takes a [`Deflater`](super::Deflater) for each
    /// connection.
    pub server_context_takeover: bool,
    /// Whether messages of clients may refer to earlier ones, which takes an inflater for each connection.
    pub client_context_takeover: bool,
    /// The largest window of ours, 9 to 15.
    pub server_max_window_bits: u8,
    /// The largest window of a client's that lets us choose, 9 to 15. One that does not may use 15.
    pub client_max_window_bits: u8,
}

impl Default for Terms {
    /// No context takeover, and the largest windows.
    fn default() -> Self {
        Self {
            server_context_takeover: false,
            client_context_takeover: false,
            server_max_window_bits: WINDOW_BITS_MAX,
            client_max_window_bits: WINDOW_BITS_MAX,
        }
    }
}

/// An offer that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// What holds from now on.
    pub parameters: Parameters,
    /// The value of `Sec-WebSocket-Extensions` in the answer.
    pub answer: String,
}

impl Terms {
    /// Accepts the first offer that can be met; other extensions are passed over (RFC 7692 section 5).
    ///
    /// An offer is declined when it has an unknown, doubled or invalid parameter, or demands a window of 8 bits from
    /// us. None left is no failure: the connection goes without compression.
    #[must_use]
    pub fn accept(&self, offers: &[ExtensionParams]) -> Option<Agreement> {
        offers
            .iter()
            .filter_map(Stated::read)
            .find_map(|offer| self.meet(&offer))
    }

    /// RFC 7692 sections 7.1.1 and 7.1.2. The answer may demand what was not offered, but for
    /// `client_max_window_bits`, which not every client understands.
    fn meet(&self, offer: &Stated) -> Option<Agreement> {
        let ours = self.server_max_window_bits;
        let server_bits = ours.min(offer.server_max_window_bits.unwrap_or(WINDOW_BITS_MAX));
        if server_bits < WINDOW_BITS_MIN {
            return None;
        }
        let client_bits = match offer.client_max_window_bits {
            Some(hint) => self
                .client_max_window_bits
                .min(hint.unwrap_or(WINDOW_BITS_MAX)),
            None => WINDOW_BITS_MAX,
        };
        let takes_over = self.client_context_takeover && !offer.client_no_context_takeover;
        let parameters = Parameters {
            server_context_takeover: self.server_context_takeover
                && !offer.server_no_context_takeover,
            client_context_takeover: takes_over,
            server_max_window_bits: server_bits,
            client_max_window_bits: client_bits,
        };
        let answer = Stated {
            server_no_context_takeover: !parameters.server_context_takeover,
            client_no_context_takeover: !parameters.client_context_takeover,
            server_max_window_bits: Some(server_bits)
                .filter(|bits| offer.server_max_window_bits.is_some() || *bits < WINDOW_BITS_MAX),
            client_max_window_bits: (client_bits < WINDOW_BITS_MAX).then_some(Some(client_bits)),
        };
        Some(Agreement {
            parameters,
            answer: answer.write(),
        })
    }
}
