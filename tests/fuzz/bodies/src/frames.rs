use wasket_ws::Role;

use crate::peer::{self, Outcome};
use crate::reference::{self, End};

/// Bytes as they come from a socket, to both roles: the meaning is the one of the naive decoder, and the same when
/// every byte arrives alone.
// hardening H2 H3 H19 H20 H21
pub fn frames(data: &[u8]) {
    for role in [Role::Server, Role::Client] {
        let outcome = peer::receive(role, [data]);
        compare(role, data, &outcome);
        let in_bytes = peer::receive(role, data.chunks(1));
        assert_eq!(in_bytes, outcome, "{role:?}, byte by byte");
    }
}

/// Compares with the naive decoder, which says nothing about the beginning of a frame.
pub(crate) fn compare(role: Role, data: &[u8], outcome: &Outcome) {
    let expected = reference::decode(role, data);
    assert_eq!(outcome.events, expected.events, "{role:?}");
    let code = outcome
        .ended
        .err()
        .map(|violation| violation.close_code().get());
    match expected.end {
        End::Clean => assert_eq!(outcome.ended, Ok(()), "{role:?}"),
        End::Cut => {}
        End::Wrong(expected) => assert_eq!(code, Some(expected), "{role:?}: {outcome:?}"),
    }
}
