//! RFC 6455 section 5 a second time, as naively as it can be written: all bytes are there, nothing is fast.

use wasket_ws::{CloseCode, CloseFrame, CloseReason, Event, Message, Role};

use crate::peer::{LIMITS, PINGS};

/// What whole frames mean.
pub(crate) struct Decoded {
    pub(crate) events: Vec<Event<'static>>,
    pub(crate) end: End,
}

/// How the bytes end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// With a whole frame, or behind a close frame.
    Clean,
    /// With a frame of which the rest is missing; it may be seen already that it is wrong.
    Cut,
    /// With a frame that is to be refused with this code.
    Wrong(u16),
}

struct Frame<'b> {
    first: u8,
    payload: Vec<u8>,
    rest: &'b [u8],
}

/// Decodes what a `role` receives.
pub(crate) fn decode(role: Role, mut bytes: &[u8]) -> Decoded {
    let mut events = Vec::new();
    let mut message: Option<(u8, u32, Vec<u8>)> = None;
    let mut pings: Vec<&[u8]> = PINGS.to_vec();
    let end = loop {
        if bytes.is_empty() {
            break End::Clean;
        }
        let gathered = message
            .as_ref()
            .map(|(_, frames, bytes)| (*frames, bytes.len()));
        let frame = match frame(role, gathered, bytes) {
            Ok(frame) => frame,
            Err(end) => break end,
        };
        bytes = frame.rest;
        match frame.first & 0x0F {
            0x8 => match close(&frame.payload) {
                Ok(close) => {
                    events.push(Event::Close(close));
                    break End::Clean;
                }
                Err(code) => break End::Wrong(code),
            },
            0x9 => events.push(Event::Ping(frame.payload.into())),
            0xA => {
                if let Some(at) = pings.iter().position(|ping| *ping == frame.payload) {
                    pings.drain(..=at);
                    events.push(Event::Pong(frame.payload.into()));
                }
            }
            opcode => {
                let (kind, frames, mut payload) = message.take().unwrap_or((opcode, 0, Vec::new()));
                payload.extend(frame.payload);
                if frame.first & 0x80 == 0 {
                    if kind == 0x1
                        && str::from_utf8(&payload).is_err_and(|e| e.error_len().is_some())
                    {
                        break End::Wrong(1007);
                    }
                    message = Some((kind, frames + 1, payload));
                    continue;
                }
                events.push(Event::Message(match kind {
                    0x1 => match String::from_utf8(payload) {
                        Ok(text) => Message::Text(text.into()),
                        Err(_) => break End::Wrong(1007),
                    },
                    _ => Message::Binary(payload.into()),
                }));
            }
        }
    };
    Decoded { events, end }
}

/// The first frame of the bytes. `gathered`: the frames and the bytes of the message that it is in.
// hardening H2 H3 H19 H20
fn frame(role: Role, gathered: Option<(u32, usize)>, bytes: &[u8]) -> Result<Frame<'_>, End> {
    let (&[first, second], rest) = bytes.split_first_chunk().ok_or(End::Cut)?;
    let (opcode, fin) = (first & 0x0F, first & 0x80 != 0);
    let is_control = opcode >= 0x8;
    let masked = second & 0x80 != 0;
    let wrong = first & 0x70 != 0
        || !matches!(opcode, 0x0..=0x2 | 0x8..=0xA)
        || masked != (role == Role::Server)
        || (is_control && (!fin || second & 0x7F > 125))
        || (!is_control && (opcode == 0) != gathered.is_some());
    if wrong {
        return Err(End::Wrong(1002));
    }
    let (len, rest) = match second & 0x7F {
        126 => {
            let (len, rest) = rest.split_first_chunk().ok_or(End::Cut)?;
            (u64::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk().ok_or(End::Cut)?;
            (u64::from_be_bytes(*len), rest)
        }
        len => (u64::from(len), rest),
    };
    let least = [0, 126, 65_536][usize::from(second & 0x7F).saturating_sub(125)];
    if len < least || len >= 1 << 63 {
        return Err(End::Wrong(1002));
    }
    let (key, rest) = match masked {
        true => rest.split_first_chunk::<4>().ok_or(End::Cut)?,
        false => (&[0; 4], rest),
    };
    let (frames, before) = gathered.unwrap_or_default();
    if opcode == 0 && frames >= LIMITS.fragments_max {
        return Err(End::Wrong(1008));
    }
    let room = (LIMITS.message_bytes_max - before) as u64;
    if !is_control && len > room {
        return Err(End::Wrong(1009));
    }
    let len = usize::try_from(len).map_err(|_| End::Cut)?;
    let (payload, rest) = rest.split_at_checked(len).ok_or(End::Cut)?;
    let unmasked = payload
        .iter()
        .zip(key.iter().cycle())
        .map(|(byte, key)| byte ^ key);
    Ok(Frame {
        first,
        payload: unmasked.collect(),
        rest,
    })
}

fn close(payload: &[u8]) -> Result<CloseFrame, u16> {
    let (code, reason) = match payload {
        [] => return Ok(CloseFrame::default()),
        [a, b, reason @ ..] => (u16::from_be_bytes([*a, *b]), reason),
        _ => return Err(1002),
    };
    let valid = matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999);
    let code = CloseCode::new(code).filter(|_| valid).ok_or(1002_u16)?;
    let reason = str::from_utf8(reason).map_err(|_| 1007_u16)?;
    Ok(CloseFrame {
        code: Some(code),
        reason: CloseReason::new(reason).map_err(|_| 1002_u16)?,
    })
}
