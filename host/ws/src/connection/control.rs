//! Receiving control frames (RFC 6455 section 5.5).

use std::borrow::Cow;
use std::collections::VecDeque;

use super::Connection;
use super::alive::{PING_PAYLOADS_MAX, PONGS_MAX};
use crate::{CloseCode, CloseFrame, CloseReason, Event, Opcode, Violation};

/// What control frames left behind. Most connections never need it.
#[derive(Default)]
pub(super) struct Control {
    /// The payloads of the pongs owed, oldest first.
    pub(super) pongs: VecDeque<Box<[u8]>>,
    /// What the application's unanswered pings carried, oldest first.
    pings: VecDeque<Box<[u8]>>,
    peer_close: Option<CloseFrame>,
}

impl Control {
    pub(super) fn peer_close(&self) -> Option<&CloseFrame> {
        self.peer_close.as_ref()
    }

    /// Remembers a ping, and forgets the oldest when there are too many.
    pub(super) fn remember_ping(&mut self, payload: &[u8]) {
        if self.pings.len() >= PING_PAYLOADS_MAX {
            self.pings.pop_front();
        }
        self.pings.push_back(payload.into());
    }

    /// Whether a pong answers one of the application's pings. It answers the older ones, too: a peer may answer
    /// only the newest of several.
    fn is_answered_by(&mut self, pong: &[u8]) -> bool {
        let answered = self.pings.iter().position(|ping| **ping == *pong);
        if let Some(newest) = answered {
            self.pings.drain(..=newest);
        }
        answered.is_some()
    }
}

impl Connection {
    #[cold]
    pub(super) fn receive_control<'a>(
        &mut self,
        opcode: Opcode,
        payload: Cow<'a, [u8]>,
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Violation> {
        match opcode {
            Opcode::Ping => {
                self.owe_pong(&payload);
                events.push(Event::Ping(payload));
            }
            Opcode::Pong => {
                if let Some(control) = &mut self.control
                    && control.is_answered_by(&payload)
                {
                    events.push(Event::Pong(payload));
                }
            }
            _ => {
                let frame = parse_close(&payload)?;
                self.close_received = true;
                self.partial = None;
                self.control.get_or_insert_default().peer_close = Some(frame.clone());
                events.push(Event::Close(frame));
            }
        }
        Ok(())
    }

    /// Pings that arrive together are answered each, as long as there are few. More than
    /// [`PONGS_MAX`], or a pong that could not be written before the next ping came: then only the
    /// newest is owed (RFC 6455 section 5.5.3), so a flood of pings costs nothing.
    fn owe_pong(&mut self, payload: &[u8]) {
        if self.close_sent_at.is_some() {
            return;
        }
        let pongs = &mut self.control.get_or_insert_default().pongs;
        if self.pongs_are_late || pongs.len() >= PONGS_MAX {
            pongs.clear();
        }
        pongs.push_back(payload.into());
        self.pongs_are_late = false;
        self.owes_pong = true;
    }
}

fn parse_close(payload: &[u8]) -> Result<CloseFrame, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return match payload.is_empty() {
            true => Ok(CloseFrame::default()),
            false => Err(Violation::CloseTooShort),
        };
    };
    let code = u16::from_be_bytes(*code);
    let code = CloseCode::new(code).ok_or(Violation::CloseCode(code))?;
    let reason = str::from_utf8(reason).map_err(|_| Violation::CloseReasonNotUtf8)?;
    Ok(CloseFrame {
        code: Some(code),
        // It came in a control frame, so it fits.
        reason: CloseReason::truncated(reason),
    })
}
