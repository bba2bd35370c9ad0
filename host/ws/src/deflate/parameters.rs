use super::{Inflate, NAME, Profile};
use crate::Role;
use crate::handshake::ExtensionParams;

/// What both sides agreed on (RFC 7692 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Parameters {
    /// Whether the server's messages may refer to earlier ones of it.
    pub server_context_takeover: bool,
    /// Whether the client's messages may refer to earlier ones of it.
    pub client_context_takeover: bool,
    /// How far back the server's messages may refer: 2 to the power of this many bytes, 8 to 15.
    pub server_max_window_bits: u8,
    /// How far back the client's messages may refer.
    pub client_max_window_bits: u8,
}

impl Default for Parameters {
    /// The extension's name without any parameter.
    fn default() -> Self {
        Self {
            server_context_takeover: true,
            client_context_takeover: true,
            server_max_window_bits: WINDOW_BITS_MAX,
            client_max_window_bits: WINDOW_BITS_MAX,
        }
    }
}

impl Parameters {
    /// The half that receives, for the side with this role.
    #[must_use]
    pub fn inflate(&self, role: Role) -> Inflate {
        Inflate::new(match role {
            Role::Server => self.client_context_takeover,
            Role::Client => self.server_context_takeover,
        })
    }

    /// Whether the side with this role may deflate with a [`Deflater`](super::Deflater) of its own.
    #[must_use]
    pub fn takes_over(&self, role: Role) -> bool {
        match role {
            Role::Server => self.server_context_takeover,
            Role::Client => self.client_context_takeover,
        }
    }

    /// How the side with this role deflates, at a level from 1 (quick) to 9 (small). `None` if its window has 8 bits:
    /// so small a one cannot be kept to, and its messages go as they are.
    #[must_use]
    pub fn profile(&self, role: Role, level: u8) -> Option<Profile> {
        let window_bits = match role {
            Role::Server => self.server_max_window_bits,
            Role::Client => self.client_max_window_bits,
        };
        (window_bits >= WINDOW_BITS_MIN).then(|| Profile::new(level, window_bits))
    }
}

/// The parameters of one element of `Sec-WebSocket-Extensions`, as they stand there: each at most once, known, and in
/// its range.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) server_no_context_takeover: bool,
    pub(super) client_no_context_takeover: bool,
    pub(super) server_max_window_bits: Option<u8>,
    /// There, with or without a value.
    pub(super) client_max_window_bits: Option<Option<u8>>,
}

impl Stated {
    /// `None` for another extension, and for anything that section 7.1 does not allow in an offer. (An answer may have
    /// no `client_max_window_bits` without a value: that is left to the caller.)
    pub(super) fn read(extension: &ExtensionParams) -> Option<Self> {
        if extension.name != NAME {
            return None;
        }
        let mut stated = Self::default();
        for (name, value) in &extension.params {
            let value = value.as_deref();
            let news = match name.as_str() {
                "server_no_context_takeover" if value.is_none() => {
                    !std::mem::replace(&mut stated.server_no_context_takeover, true)
                }
                "client_no_context_takeover" if value.is_none() => {
                    !std::mem::replace(&mut stated.client_no_context_takeover, true)
                }
                "server_max_window_bits" => {
                    let bits = window_bits(value?)?;
                    stated.server_max_window_bits.replace(bits).is_none()
                }
                "client_max_window_bits" => {
                    let bits = match value {
                        Some(value) => Some(window_bits(value)?),
                        None => None,
                    };
                    stated.client_max_window_bits.replace(bits).is_none()
                }
                _ => false,
            };
            if !news {
                return None;
            }
        }
        Some(stated)
    }

    /// The element of the field.
    pub(super) fn write(&self) -> String {
        let mut text = String::from(NAME);
        if self.server_no_context_takeover {
            text.push_str("; server_no_context_takeover");
        }
        if self.client_no_context_takeover {
            text.push_str("; client_no_context_takeover");
        }
        if let Some(bits) = self.server_max_window_bits {
            text.push_str(&format!("; server_max_window_bits={bits}"));
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => text.push_str(&format!("; client_max_window_bits={bits}")),
            Some(None) => text.push_str("; client_max_window_bits"),
            None => {}
        }
        text
    }
}

/// 8 to 15, in decimal and without a leading zero (RFC 7692 section 7.1.2).
fn window_bits(value: &str) -> Option<u8> {
    match value.as_bytes() {
        [b'8' | b'9'] | [b'1', b'0'..=b'5'] => value.parse().ok(),
        _ => None,
    }
}

/// The smallest window that can be deflated with: zlib takes 8 and uses 9, which is not what was agreed on.
pub const WINDOW_BITS_MIN: u8 = 9;

/// The largest window there is, and the one without a parameter.
pub const WINDOW_BITS_MAX: u8 = 15;
