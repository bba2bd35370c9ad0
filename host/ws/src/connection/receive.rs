//! From bytes to events (RFC 6455 sections 5.2 to 5.6 and 6.2).

use std::borrow::Cow;
use std::time::Instant;

use super::Connection;
use super::assembly::{Assembled, Assembly, Pieces, deflated_bytes_max};
use super::header::{Header, Rules};
use super::partial::{FrameUnderWay, Step};
use crate::frame::{FirstByte, LEN_7_MAX, MASK_BIT, Opcode};
use crate::{Event, Limits, Message, Role, Violation, mask};

impl Connection {
    /// Takes in everything that arrived, and appends what it means to `events`, in wire order.
    ///
    /// `input` is unmasked in place. A message that lies in it as one whole frame is borrowed from it; what is
    /// incomplete is kept in memory of this connection, so all of `input` is always consumed.
    ///
    /// On a violation the events before it are in `events` and valid. From then on, as after the peer's close frame,
    /// further bytes are ignored: [`close`](Self::close) with [`Violation::close_frame`], write, and disconnect.
    /// Messages that arrive between our close frame and the peer's are reported; whether they still matter is the
    /// caller's choice.
    pub fn receive<'a>(
        &mut self,
        now: Instant,
        mut input: &'a mut [u8],
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Violation> {
        let received = self.receive_up_to(usize::MAX, now, &mut input, events);
        debug_assert!(input.is_empty(), "nothing is left where there is no bound");
        received
    }

    /// The same, but when compressed messages have inflated to [`INFLATED_BYTES`] or more, the rest of `input` is left
    /// in it, to be received after these events were dealt with: a few bytes can be a message of any size that is
    /// allowed, and a read of them all would be held at once.
    ///
    /// What is left comes before anything that is read later.
    pub fn receive_some<'a>(
        &mut self,
        now: Instant,
        input: &mut &'a mut [u8],
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Violation> {
        self.receive_up_to(INFLATED_BYTES, now, input, events)
    }

    fn receive_up_to<'a>(
        &mut self,
        inflated_bytes: usize,
        now: Instant,
        input: &mut &'a mut [u8],
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Violation> {
        if input.is_empty() {
            return Ok(());
        }
        self.heard(now);
        self.pongs_are_late = self.owes_pong;
        let received = self.receive_frames(inflated_bytes, input, events);
        if received.is_err() {
            self.failed = true;
            self.partial = None;
        }
        if self.ignores_input() {
            *input = &mut [];
        }
        received
    }

    fn receive_frames<'a>(
        &mut self,
        inflated_bytes: usize,
        input: &mut &'a mut [u8],
        events: &mut Vec<Event<'a>>,
    ) -> Result<(), Violation> {
        let mut inflated = 0;
        while !input.is_empty() && inflated < inflated_bytes && !self.ignores_input() {
            if let Some((opcode, payload)) = self.take_short_message(input) {
                push_message(opcode, payload, events)?;
                continue;
            }
            if let Some(partial) = &mut self.partial
                && let Some(frame) = &mut partial.frame
            {
                let step = frame.take(input);
                inflated += self.resume_frame(&step, events)?;
                continue;
            }
            let Some(header) = self.next_header(input)? else {
                // It is kept, as far as it came.
                *input = &mut [];
                return Ok(());
            };
            let payload_len = self.checked_payload_len(&header)?;
            match input.split_off_mut(..payload_len) {
                Some(payload) => {
                    if let Some(key) = header.key {
                        mask(payload, key, 0);
                    }
                    inflated += self.receive_whole(header.first, payload, events)?;
                }
                None => self.begin_frame(&header, payload_len, input, events)?,
            }
        }
        Ok(())
    }

    /// The common case in a straight line: a message that lies at the front of `input` as one short frame. Whatever
    /// else is there takes the long way, which knows all the rules.
    #[inline]
    fn take_short_message<'a>(&self, input: &mut &'a mut [u8]) -> Option<(Opcode, &'a [u8])> {
        let (&[first, second], _) = input.split_first_chunk::<2>()?;
        let opcode = match first {
            WHOLE_TEXT => Opcode::Text,
            WHOLE_BINARY => Opcode::Binary,
            _ => return None,
        };
        let payload_len = second & !MASK_BIT;
        let is_masked = second & MASK_BIT != 0;
        if self.partial.is_some()
            || payload_len > LEN_7_MAX
            || is_masked != (self.role == Role::Server)
            || usize::from(payload_len) > self.limits.message_bytes_max
        {
            return None;
        }
        if is_masked {
            let frame = input.split_off_mut(..6 + usize::from(payload_len))?;
            let (&mut [_, _, ref key @ ..], payload) = frame.split_first_chunk_mut::<6>()?;
            mask(payload, *key, 0);
            Some((opcode, payload))
        } else {
            let frame = input.split_off_mut(..2 + usize::from(payload_len))?;
            Some((opcode, frame.get(2..)?))
        }
    }

    /// Takes the next header from the front of `input`; `None` if it ends before the header does.
    #[inline]
    fn next_header(&mut self, input: &mut &mut [u8]) -> Result<Option<Header>, Violation> {
        let rules = Rules {
            role: self.role,
            rsv1: self.inflate.is_some(),
            in_message: self
                .partial
                .as_ref()
                .is_some_and(|partial| partial.message.is_some()),
        };
        if let Some(partial) = &mut self.partial
            && partial.header_len > 0
        {
            let header = partial.resume_header(input, rules);
            self.drop_empty_partial();
            return header;
        }
        let header = Header::parse(input, rules)?;
        match &header {
            Some(header) => {
                let _header = input.split_off_mut(..header.len);
            }
            None => self.partial.get_or_insert_default().keep_header(input),
        }
        Ok(header)
    }

    /// The frame's length, once it is known to be within the limits. Nothing has been allocated for it before.
    #[inline]
    fn checked_payload_len(&self, header: &Header) -> Result<usize, Violation> {
        let Limits {
            message_bytes_max,
            fragments_max,
        } = self.limits;
        let mut declared = 0;
        let mut compressed = header.first.rsv1;
        if header.first.opcode == Opcode::Continuation
            && let Some(message) = self
                .partial
                .as_ref()
                .and_then(|partial| partial.message.as_ref())
        {
            if message.frames() >= fragments_max {
                return Err(Violation::TooManyFragments { max: fragments_max });
            }
            declared = message.declared();
            compressed = message.is_compressed();
        }
        let declared_max = match (header.first.opcode.is_control(), compressed) {
            // The 125 bytes of control frames are the protocol's limit, not one of ours.
            (true, _) => usize::MAX,
            (false, false) => message_bytes_max,
            (false, true) => deflated_bytes_max(message_bytes_max),
        };
        match usize::try_from(header.payload_len) {
            Ok(len) if len <= declared_max.saturating_sub(declared) => Ok(len),
            _ => Err(Violation::MessageTooBig {
                bytes: header.payload_len.saturating_add(declared as u64),
                max: message_bytes_max,
            }),
        }
    }

    /// A frame that lay whole in the input, unmasked. Like all that may inflate, it returns the [`weight`] of what was.
    #[inline]
    fn receive_whole<'a>(
        &mut self,
        first: FirstByte,
        payload: &'a [u8],
        events: &mut Vec<Event<'a>>,
    ) -> Result<usize, Violation> {
        match first {
            FirstByte {
                opcode: Opcode::Text | Opcode::Binary,
                fin: true,
                rsv1: false,
            } => push_message(first.opcode, payload, events).map(|()| 0),
            FirstByte {
                opcode: opcode @ (Opcode::Text | Opcode::Binary),
                fin: true,
                rsv1: true,
            } => {
                let message = self.inflated(opcode, payload)?;
                let inflated = weight(&message);
                events.push(Event::Message(message));
                Ok(inflated)
            }
            FirstByte { opcode, .. } if opcode.is_control() => self
                .receive_control(opcode, Cow::Borrowed(payload), events)
                .map(|()| 0),
            _ => {
                self.begin_data_frame(first, payload.len());
                self.take_data(payload, true, events)
            }
        }
    }

    /// A frame of which `input` has only the beginning.
    #[cold]
    fn begin_frame(
        &mut self,
        header: &Header,
        payload_len: usize,
        input: &mut &mut [u8],
        events: &mut Vec<Event<'_>>,
    ) -> Result<(), Violation> {
        if !header.first.opcode.is_control() {
            self.begin_data_frame(header.first, payload_len);
        }
        let mut frame = FrameUnderWay::new(header, payload_len);
        let step = frame.take(input);
        self.partial.get_or_insert_default().frame = Some(frame);
        self.resume_frame(&step, events).map(|_| ())
    }

    /// More of the frame under way, perhaps the rest.
    fn resume_frame(
        &mut self,
        step: &Step<'_>,
        events: &mut Vec<Event<'_>>,
    ) -> Result<usize, Violation> {
        let Some(partial) = &mut self.partial else {
            return Ok(0);
        };
        if step.last {
            partial.frame = None;
        }
        if !step.opcode.is_control() {
            return self.take_data(step.payload, step.last, events);
        }
        partial.control.extend_from_slice(step.payload);
        if !step.last {
            return Ok(0);
        }
        let payload = std::mem::take(&mut partial.control);
        self.drop_empty_partial();
        self.receive_control(step.opcode, Cow::Owned(payload), events)?;
        Ok(0)
    }

    fn begin_data_frame(&mut self, first: FirstByte, payload_len: usize) {
        let partial = self.partial.get_or_insert_default();
        let message = partial.message.get_or_insert_with(|| Assembly::new(first));
        message.begin_frame(first.fin, payload_len);
    }

    /// Unmasked payload of the message under assembly; `last` if it ends the frame.
    fn take_data(
        &mut self,
        payload: &[u8],
        last: bool,
        events: &mut Vec<Event<'_>>,
    ) -> Result<usize, Violation> {
        let message_bytes_max = self.limits.message_bytes_max;
        let Some(message) = self
            .partial
            .as_mut()
            .and_then(|partial| partial.message.as_mut())
        else {
            return Ok(0);
        };
        message.push(payload, message_bytes_max)?;
        if last && message.fin() {
            return self.finish_message(events);
        }
        Ok(0)
    }

    fn finish_message(&mut self, events: &mut Vec<Event<'_>>) -> Result<usize, Violation> {
        let message = self
            .partial
            .as_mut()
            .and_then(|partial| partial.message.take());
        self.drop_empty_partial();
        let Some(message) = message else {
            return Ok(0);
        };
        let (message, inflated) = match message.finish()? {
            Assembled::Message(message) => (message, 0),
            Assembled::Deflated(opcode, deflated) => {
                let message = self.inflated(opcode, &deflated)?;
                let inflated = weight(&message);
                (message, inflated)
            }
        };
        events.push(Event::Message(message));
        Ok(inflated)
    }

    /// A whole compressed message. The limit and UTF-8 are those of what comes out.
    fn inflated(&mut self, opcode: Opcode, deflated: &[u8]) -> Result<Message<'static>, Violation> {
        let message_bytes_max = self.limits.message_bytes_max;
        let inflate = self.inflate.as_mut().ok_or(Violation::NotInflatable)?;
        let mut gathered = Pieces::new(opcode);
        let mut message = None;
        inflate.message(deflated, message_bytes_max, |piece, last| {
            if last && gathered.len() == 0 {
                message = Some(to_message(opcode, piece)?.into_owned());
                return Ok(());
            }
            gathered.push(piece, message_bytes_max)
        })?;
        match message {
            Some(message) => Ok(message),
            None => gathered.finish(),
        }
    }

    fn drop_empty_partial(&mut self) {
        self.partial.take_if(|partial| partial.is_empty());
    }
}

/// A whole message that lies in the input, unmasked.
#[inline]
fn push_message<'a>(
    opcode: Opcode,
    payload: &'a [u8],
    events: &mut Vec<Event<'a>>,
) -> Result<(), Violation> {
    events.push(Event::Message(to_message(opcode, payload)?));
    Ok(())
}

/// A whole message: here text is validated, once.
#[inline]
fn to_message(opcode: Opcode, payload: &[u8]) -> Result<Message<'_>, Violation> {
    Ok(match opcode {
        Opcode::Text => {
            let text = simdutf8::basic::from_utf8(payload).map_err(|_| not_utf8(payload))?;
            Message::Text(Cow::Borrowed(text))
        }
        _ => Message::Binary(Cow::Borrowed(payload)),
    })
}

#[cold]
fn not_utf8(payload: &[u8]) -> Violation {
    let valid = simdutf8::compat::from_utf8(payload);
    Violation::TextNotUtf8 {
        at: valid.map_or_else(|error| error.valid_up_to(), str::len),
    }
}

/// What an inflated message counts: its bytes, and not nothing even without any, for it took work.
fn weight(message: &Message<'_>) -> usize {
    message.len().max(INFLATED_BYTES_MIN)
}

const INFLATED_BYTES_MIN: usize = 256;

/// What compressed messages inflate to before [`Connection::receive_some`] leaves the rest for later. One of them may
/// be as large as a message may.
pub const INFLATED_BYTES: usize = 256 << 10;

const WHOLE_TEXT: u8 = FirstByte::whole(Opcode::Text).to_byte();
const WHOLE_BINARY: u8 = FirstByte::whole(Opcode::Binary).to_byte();
