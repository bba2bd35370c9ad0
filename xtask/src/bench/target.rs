//! What is to be reached: thousands of instructions of the server, in user mode and in the kernel, for a message (or a
//! delivery, or a cycle); KB for memory; milliseconds for the start.
//!
//! Where the machine does not count instructions, a target is a ratio to a peer: what the peer cost in the same load,
//! when instructions were counted, is its reference figure.

use super::measure::{P1, P2, P3, P4_BINARY, P4_TEXT, P5, P6, P7};

/// One figure to be reached.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) row: &'static str,
    pub(super) what: &'static str,
    /// Whose figure it is, by the name of the peer.
    pub(super) peer: &'static str,
    pub(super) goal: Goal,
}

/// At most this much.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    /// Thousands of instructions. The first reference judges, the others are further opinions.
    Cost {
        measure: &'static str,
        thousand: f64,
        references: &'static [Reference],
    },
    /// KB for an idle connection, before its first message.
    Opened(f64),
    /// KB for an idle connection, after its first message.
    Touched(f64),
    /// The cost with many connections, in parts of that with 64.
    Growth(f64),
    /// Milliseconds to the first address.
    Start(f64),
    /// It cannot be measured, for this reason.
    Nothing(&'static str),
}

/// What a peer costs where instructions are counted.
#[derive(Debug, PartialEq)]
pub(super) struct Reference {
    pub(super) peer: &'static str,
    pub(super) measure: &'static str,
    pub(super) thousand: f64,
}

const fn reference(peer: &'static str, measure: &'static str, thousand: f64) -> Reference {
    Reference {
        peer,
        measure,
        thousand,
    }
}

/// At one message in flight nine tenths are the kernel's, and the same for everybody: a library of others judges.
const AT_P1: &[Reference] = &[
    reference("fastwebsockets", P1, 13.6),
    reference("minimal", P1, 13.8),
];
/// At sixteen, libraries that write once a message do other work than a server that writes once a read: the floor judges.
const AT_P2: &[Reference] = &[P2_MINIMAL, P2_FASTWEBSOCKETS, P2_BUN];
const AT_P3: &[Reference] = &[P3_MINIMAL, P3_FASTWEBSOCKETS, P3_BUN];
/// A guest's cost is nearly all its own code, which runs more instructions in a microsecond than the floor's system calls:
/// beside the floor it looks cheaper than its user instructions alone, as callgrind counts them.
const AT_P2_GUEST: &[Reference] = &[P2_FASTWEBSOCKETS, P2_MINIMAL, P2_BUN];
const AT_P3_GUEST: &[Reference] = &[P3_FASTWEBSOCKETS, P3_MINIMAL, P3_BUN];

const P2_MINIMAL: Reference = reference("minimal", P2, 1.0);
const P2_FASTWEBSOCKETS: Reference = reference("fastwebsockets", P2, 12.7);
const P2_BUN: Reference = reference("bun", P2, 2.8);
const P3_MINIMAL: Reference = reference("minimal", P3, 1.5);
const P3_FASTWEBSOCKETS: Reference = reference("fastwebsockets", P3, 13.6);
const P3_BUN: Reference = reference("bun", P3, 6.9);
/// Text, too, is judged by a binary echo: no reference checks UTF-8 at a known price.
const AT_P4: &[Reference] = &[
    reference("fastwebsockets", P4_BINARY, 52.0),
    reference("minimal", P4_BINARY, 52.0),
];
/// Bun formats a broadcast once, as we do; npm ws formats it for each receiver.
const AT_P5: &[Reference] = &[reference("bun", P5, 3.2), reference("ws", P5, 19.6)];
const AT_P6: &[Reference] = &[
    reference("fastwebsockets", P6, 95.0),
    reference("minimal", P6, 88.0),
];

/// Nearly all of it is zlib. Bun's figure is with a compressor shared by all connections, as ours is.
const AT_P7: &[Reference] = &[reference("bun", P7, 104.0), reference("ws", P7, 426.0)];

const fn target(row: &'static str, peer: &'static str, what: &'static str, goal: Goal) -> Target {
    Target {
        row,
        what,
        peer,
        goal,
    }
}

const fn cost(
    row: &'static str,
    peer: &'static str,
    what: &'static str,
    thousand: f64,
    (measure, references): (&'static str, &'static [Reference]),
) -> Target {
    let goal = Goal::Cost {
        measure,
        thousand,
        references,
    };
    target(row, peer, what, goal)
}

/// All of them, in the order of the table. "Batched": with the export `batch`, by which a guest gets all messages of a
/// read in one call. "Stretch": what would be good to have.
pub(super) const TARGETS: [Target; 32] = [
    cost("P1", "native", "16 B, 1 in flight", 14.0, (P1, AT_P1)),
    cost("P1", "guest", "16 B, 1 in flight", 18.5, (P1, AT_P1)),
    cost("P1", "guest", "the same, stretch", 17.0, (P1, AT_P1)),
    cost("P2", "native", "16 B, 16 in flight", 1.2, (P2, AT_P2)),
    cost("P2", "guest", "16 B, 16 in flight", 5.7, (P2, AT_P2_GUEST)),
    cost("P2", "guest", "the same, batched", 3.5, (P2, AT_P2_GUEST)),
    cost("P2", "guest", "the same, stretch", 2.8, (P2, AT_P2_GUEST)),
    cost("P3", "native", "1 KiB, 16 in flight", 1.6, (P3, AT_P3)),
    cost("P3", "guest", "1 KiB, 16 in flight", 6.2, (P3, AT_P3_GUEST)),
    cost("P3", "guest", "the same, batched", 4.0, (P3, AT_P3_GUEST)),
    cost("P3", "guest", "the same, stretch", 3.5, (P3, AT_P3_GUEST)),
    cost("P4", "native", "64 KiB binary", 50.0, (P4_BINARY, AT_P4)),
    cost("P4", "guest", "64 KiB binary", 55.0, (P4_BINARY, AT_P4)),
    cost("P4", "guest", "64 KiB text", 92.0, (P4_TEXT, AT_P4)),
    cost("P4", "guest", "the same, stretch", 75.0, (P4_TEXT, AT_P4)),
    target(
        "P5",
        "native",
        "broadcast, a delivery",
        Goal::Nothing("there is no native service that broadcasts"),
    ),
    cost("P5", "guest", "broadcast, a delivery", 3.2, (P5, AT_P5)),
    cost("P5", "guest", "the same, stretch", 2.6, (P5, AT_P5)),
    cost("P6", "native", "connect, echo, close", 95.0, (P6, AT_P6)),
    cost("P6", "guest", "connect, echo, close", 165.0, (P6, AT_P6)),
    cost("P6", "guest", "the same, stretch", 140.0, (P6, AT_P6)),
    cost(
        "P7",
        "native",
        "1 KiB of JSON, deflated",
        120.0,
        (P7, AT_P7),
    ),
    cost("P7", "guest", "1 KiB of JSON, deflated", 125.0, (P7, AT_P7)),
    cost("P7", "guest", "the same, stretch", 105.0, (P7, AT_P7)),
    target("P8", "native", "idle connection, used", Goal::Touched(1.5)),
    target("P8", "guest", "idle connection, unused", Goal::Opened(24.0)),
    target("P8", "guest", "idle connection, used", Goal::Touched(38.0)),
    target("P8", "guest", "the same, stretch", Goal::Touched(28.0)),
    target("P9", "native", "growth", Goal::Growth(1.15)),
    target("P9", "guest", "growth", Goal::Growth(1.15)),
    target("P10", "guest", "start, compiled before", Goal::Start(50.0)),
    target("P10", "guest", "the same, stretch", Goal::Start(15.0)),
];

#[cfg(test)]
mod tests {
    use super::super::measure::Measure;
    use super::super::peer::Peer;
    use super::*;

    #[test]
    fn targets_name_measures_and_peers_that_exist() {
        for target in &TARGETS {
            assert!(Peer::named(target.peer).is_some_and(Peer::is_ours));
            let Goal::Cost {
                measure,
                references,
                ..
            } = target.goal
            else {
                continue;
            };
            let measure = Measure::named(measure).unwrap();
            assert_eq!(measure.row, target.row);
            assert!(!references.is_empty());
            for reference in references {
                let peer = Peer::named(reference.peer).unwrap();
                assert!(Measure::named(reference.measure).unwrap().fits(peer));
            }
        }
    }
}
