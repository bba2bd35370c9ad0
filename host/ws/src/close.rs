//! Close frames and their codes (RFC 6455 sections 5.5.1 and 7.4).

use std::fmt;
use std::num::NonZeroU16;
use std::ops::Deref;

use crate::Role;

/// A status code that may travel in a close frame: 1000-1003, 1007-1014 or 3000-4999.
///
/// 1005, 1006 and 1015 describe an end without such a frame and cannot be built.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CloseCode(NonZeroU16);

impl CloseCode {
    /// 1000: the purpose is fulfilled.
    pub const NORMAL: Self = Self::constant(1000);
    /// 1001: the server goes down or the browser leaves the page.
    pub const GOING_AWAY: Self = Self::constant(1001);
    /// 1002: the peer broke the protocol.
    pub const PROTOCOL_ERROR: Self = Self::constant(1002);
    /// 1003: a kind of data this endpoint does not accept.
    pub const UNSUPPORTED: Self = Self::constant(1003);
    /// 1007: text that is not UTF-8, or compressed data that does not inflate.
    pub const INVALID_PAYLOAD: Self = Self::constant(1007);
    /// 1008: against this endpoint's policy.
    pub const POLICY: Self = Self::constant(1008);
    /// 1009: the message is too big.
    pub const TOO_BIG: Self = Self::constant(1009);
    /// 1010: the server did not agree to an extension that the client needs. Sent by clients only.
    pub const MANDATORY_EXTENSION: Self = Self::constant(1010);
    /// 1011: the server met an unexpected condition. Sent by servers only.
    pub const INTERNAL_ERROR: Self = Self::constant(1011);
    /// 1012: the service restarts; reconnect.
    pub const SERVICE_RESTART: Self = Self::constant(1012);
    /// 1013: overloaded; try again later.
    pub const TRY_AGAIN_LATER: Self = Self::constant(1013);
    /// 1014: a gateway got an invalid answer.
    pub const BAD_GATEWAY: Self = Self::constant(1014);

    /// The code, if it is valid in a close frame.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        match NonZeroU16::new(code) {
            Some(valid) if matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) => {
                Some(Self(valid))
            }
            _ => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// Whether an application in this role may close with this code: 1010 is the client's alone, 1011 the
    /// server's (RFC 6455 section 7.4.1).
    #[must_use]
    pub const fn may_be_sent_by(self, role: Role) -> bool {
        match role {
            Role::Server => self.get() != 1010,
            Role::Client => self.get() != 1011,
        }
    }

    const fn constant(code: u16) -> Self {
        match Self::new(code) {
            Some(code) => code,
            None => panic!("not a close code"),
        }
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CloseCode({})", self.0)
    }
}

/// What a close frame says: nothing, a code, or a code and a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseFrame {
    /// The status; `None` is a close frame without a body, which applications see as 1005.
    pub code: Option<CloseCode>,
    /// The reason. Not sent without a code, for the wire has no place for it.
    pub reason: CloseReason,
}

impl CloseFrame {
    /// A close frame with a code and a reason of at most [`REASON_BYTES_MAX`] bytes.
    pub fn new(code: CloseCode, reason: &str) -> Result<Self, ReasonTooLong> {
        Ok(Self {
            code: Some(code),
            reason: CloseReason::new(reason)?,
        })
    }

    /// The same with a reason cut to what fits, at a character's edge.
    #[must_use]
    pub fn truncated(code: CloseCode, reason: &str) -> Self {
        Self {
            code: Some(code),
            reason: CloseReason::truncated(reason),
        }
    }

    /// Appends the close frame's payload: at most 125 bytes.
    pub fn write_payload(&self, out: &mut Vec<u8>) {
        if let Some(code) = self.code {
            out.extend_from_slice(&code.get().to_be_bytes());
            out.extend_from_slice(self.reason.as_bytes());
        }
    }
}

impl From<CloseCode> for CloseFrame {
    fn from(code: CloseCode) -> Self {
        Self {
            code: Some(code),
            reason: CloseReason::default(),
        }
    }
}

/// The reason in a close frame: text of at most [`REASON_BYTES_MAX`] bytes, often empty (which allocates nothing).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloseReason(Box<str>);

impl CloseReason {
    /// The reason, if it fits.
    pub fn new(reason: &str) -> Result<Self, ReasonTooLong> {
        if reason.len() > REASON_BYTES_MAX {
            return Err(ReasonTooLong {
                bytes: reason.len(),
            });
        }
        Ok(Self(reason.into()))
    }

    /// As much of `reason` as fits, cut at a character's edge.
    #[must_use]
    pub fn truncated(reason: &str) -> Self {
        let (kept, _) = reason.split_at(reason.floor_char_boundary(REASON_BYTES_MAX));
        Self(kept.into())
    }
}

impl Deref for CloseReason {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl From<CloseReason> for String {
    fn from(reason: CloseReason) -> Self {
        reason.0.into()
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The most a reason may have: a control frame's 125 bytes less the code's two (RFC 6455 section 5.5).
pub const REASON_BYTES_MAX: usize = 123;

/// A close reason is longer than [`REASON_BYTES_MAX`]: the caller's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a close reason has at most {REASON_BYTES_MAX} bytes, this one has {bytes}")]
pub struct ReasonTooLong {
    /// Its length in bytes.
    pub bytes: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_of_the_wire_can_be_built() {
        for code in 0..=u16::MAX {
            let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
            assert_eq!(
                CloseCode::new(code).map(CloseCode::get),
                valid.then_some(code)
            );
        }
    }

    #[test]
    fn some_codes_belong_to_one_role() {
        for (code, server, client) in [
            (1000, true, true),
            (1009, true, true),
            (1010, false, true),
            (1011, true, false),
            (1012, true, true),
            (4999, true, true),
        ] {
            let code = CloseCode::new(code).unwrap();
            assert_eq!(code.may_be_sent_by(Role::Server), server, "{code}");
            assert_eq!(code.may_be_sent_by(Role::Client), client, "{code}");
        }
    }

    #[test]
    fn a_reason_fits_a_control_frame() {
        let longest = "x".repeat(REASON_BYTES_MAX);
        assert!(CloseFrame::new(CloseCode::NORMAL, &longest).is_ok());
        let too_long = format!("{longest}x");
        assert_eq!(
            CloseFrame::new(CloseCode::NORMAL, &too_long),
            Err(ReasonTooLong { bytes: 124 })
        );
        // 61 characters of two bytes, and one that would straddle the edge.
        let cut = CloseFrame::truncated(CloseCode::NORMAL, &"é".repeat(62));
        assert_eq!(&*cut.reason, "é".repeat(61));
    }
}
