//! However much is queued and however fast the socket takes it, a connection writes a part and gives others their turn.

use std::sync::Arc;
use std::task::{Context, Waker};

use wasket_session::{Account, Compression, Frame, Hub, Limits, Outcome};
use wasket_ws::deflate::Terms;
use wasket_ws::handshake::ExtensionParams;
use wasket_ws::{Message, Role};

use super::Line;
use super::held::Keeper;
use super::tests::{connecting, protocol};
use crate::clock::Clock;

// hardening H4 H9: what is deflated counts as long as it was.
#[test]
fn a_turn_writes_a_part_of_what_is_queued() {
    for compresses in [false, true] {
        let compression = compresses.then(|| Compression {
            terms: Terms::default(),
            level: 1,
            message_bytes_min: 16,
            memory: Account::new(0),
        });
        let hub = Hub::new("test", Limits::default(), Vec::new()).with_compression(compression);
        let offer = ExtensionParams {
            name: "permessage-deflate".into(),
            params: Vec::new(),
        };
        let deflate = hub.compression().and_then(|it| it.negotiate(&[offer]));
        assert_eq!(deflate.is_some(), compresses);
        let session = Arc::new(connecting(&hub).with_deflate(deflate));
        session.open(None, None);
        let message = Message::Binary((&[7; 1020][..]).into());
        for _ in 0..1024 {
            assert_eq!(session.push(Frame::new(&message)), Outcome::Accepted);
        }
        let mut io = Keeper::default();
        io.open = true;
        let clock = Arc::new(Clock::new());
        let mut line = Line::new(io, protocol(Role::Server), Arc::clone(&session), clock);
        let mut cx = Context::from_waker(Waker::noop());
        let mut queued = 1 << 20;
        while queued > 0 {
            assert!(line.poll_next(&mut cx).is_pending());
            let left = session.queued_bytes();
            let written = queued - left;
            assert!((1..=96 << 10).contains(&written), "{written} {compresses}");
            queued = left;
        }
    }
}
