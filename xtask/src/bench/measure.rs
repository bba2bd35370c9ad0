//! What is measured: one load each, as `wasket bench` makes it.

use super::peer::Peer;

/// A load on a server.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Measure {
    /// The row of the targets that it belongs to.
    pub(super) row: &'static str,
    /// Unique.
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    /// Options of `wasket bench`, but for the time and the connections.
    pub(super) load: &'static str,
    pub(super) connections: Connections,
    /// What the cost is counted by: a part of the names in the JSON of `wasket bench`.
    pub(super) unit: Unit,
    pub(super) who: Who,
    /// Rounds beyond this many tell nothing more.
    pub(super) rounds_max: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connections {
    Some(u32),
    /// As many as the machine's limits allow, at most this many.
    UpTo(u32),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Message,
    Delivery,
    Cycle,
    /// KB of memory for each connection.
    Memory,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Everyone,
    Broadcasters,
    Compressors,
    /// Ours, and the floor beside them.
    OursAndMinimal,
}

impl Measure {
    /// The measure by its name.
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        MEASURES.iter().find(|measure| measure.name == name)
    }

    /// Whether a peer can be measured so.
    pub(super) fn fits(&self, peer: &Peer) -> bool {
        match self.who {
            Who::Everyone => true,
            Who::Broadcasters => peer.broadcasts,
            Who::Compressors => peer.compresses,
            Who::OursAndMinimal => peer.is_ours() || peer.name == "minimal",
        }
    }
}

impl Unit {
    /// The name in the JSON of `wasket bench`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Delivery => "delivery",
            Self::Cycle => "cycle",
            Self::Memory => "connection",
        }
    }
}

pub(super) const P1: &str = "16 B, 1 in flight";
pub(super) const P2: &str = "16 B, 16 in flight";
pub(super) const P3: &str = "1 KiB, 16 in flight";
pub(super) const P4_BINARY: &str = "64 KiB binary";
pub(super) const P4_TEXT: &str = "64 KiB text";
pub(super) const P5: &str = "broadcast to 1,000";
pub(super) const P6: &str = "connect, echo, close";
pub(super) const P7: &str = "1 KiB of JSON, deflated";
pub(super) const P8: &str = "idle connection";
pub(super) const P9_FEW: &str = "at 64 connections";
pub(super) const P9_MANY: &str = "at 10,000 connections";

const fn echo(row: &'static str, name: &'static str, load: &'static str) -> Measure {
    Measure {
        row,
        name,
        path: "/echo",
        load,
        connections: Connections::Some(64),
        unit: Unit::Message,
        who: Who::Everyone,
        rounds_max: usize::MAX,
    }
}

/// All of them. Those that are compared with each other stand side by side.
pub(super) const MEASURES: [Measure; 11] = [
    echo("P1", P1, "--size 16"),
    echo("P2", P2, "--size 16 --pipeline 16"),
    echo("P3", P3, "--size 1024 --pipeline 16"),
    echo("P4", P4_BINARY, "--size 65536"),
    echo("P4", P4_TEXT, "--size 65536 --text"),
    Measure {
        path: "/broadcast",
        connections: Connections::Some(1000),
        unit: Unit::Delivery,
        who: Who::Broadcasters,
        ..echo("P5", P5, "--mode broadcast --size 64 --text")
    },
    Measure {
        connections: Connections::Some(16),
        unit: Unit::Cycle,
        ..echo("P6", P6, "--mode churn --size 16")
    },
    Measure {
        path: "/compressed",
        who: Who::Compressors,
        ..echo("P7", P7, "--size 1024 --pipeline 16 --compress")
    },
    Measure {
        connections: Connections::UpTo(5000),
        unit: Unit::Memory,
        rounds_max: 1,
        ..echo("P8", P8, "--mode idle --touch --size 16")
    },
    Measure {
        who: Who::OursAndMinimal,
        rounds_max: 3,
        ..echo("P9", P9_FEW, "--size 16")
    },
    Measure {
        connections: Connections::UpTo(10_000),
        who: Who::OursAndMinimal,
        rounds_max: 3,
        ..echo("P9", P9_MANY, "--size 16")
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_measure_has_a_name_of_its_own() {
        for measure in &MEASURES {
            assert_eq!(Measure::named(measure.name), Some(measure));
        }
    }

    #[test]
    fn nobody_is_asked_for_what_it_does_not_do() {
        let broadcast = Measure::named(P5).unwrap();
        assert!(!broadcast.fits(Peer::named("native").unwrap()));
        assert!(broadcast.fits(Peer::named("bun").unwrap()));
        let compressed = Measure::named(P7).unwrap();
        assert!(compressed.fits(Peer::named("native").unwrap()));
        assert!(!compressed.fits(Peer::named("fastwebsockets").unwrap()));
        let growth = Measure::named(P9_MANY).unwrap();
        assert!(growth.fits(Peer::named("guest").unwrap()));
        assert!(!growth.fits(Peer::named("ws").unwrap()));
    }
}
