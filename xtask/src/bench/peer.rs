//! Who is measured.

/// A server, ours or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// What it is called on the command line and in tables.
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) kind: Kind,
    /// Whether it has a service that sends every message to all connections.
    pub(super) broadcasts: bool,
    /// Whether it has an echo that agrees to compress, and compresses what it sends.
    pub(super) compresses: bool,
}

/// Where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The host that is measured, with this configuration in tests/load.
    Host(&'static str),
    /// A program of tests/load.
    Rust,
    /// A package of the npm registry, in the folder of tests/load that is named like the peer: the program that runs it
    /// (of the machine, or one that the package brings) and its arguments.
    Npm {
        program: Program,
        arguments: &'static [&'static str],
    },
}

/// What runs a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// Found on the search path.
    OfTheMachine(&'static str),
    /// `node_modules/.bin/NAME`.
    OfThePackage(&'static str),
}

impl Peer {
    /// The peer by its name.
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        PEERS.iter().find(|peer| peer.name == name)
    }

    pub(super) fn is_ours(&self) -> bool {
        matches!(self.kind, Kind::Host(_))
    }
}

/// All of them, in the order of their turns and of the tables.
pub(super) const PEERS: [Peer; 8] = [
    Peer {
        name: "native",
        what: "wasket, the native echo",
        kind: Kind::Host("native.toml"),
        broadcasts: false,
        compresses: true,
    },
    Peer {
        name: "guest",
        what: "wasket, a Rust component, one instance a session",
        kind: Kind::Host("guest.toml"),
        broadcasts: true,
        compresses: true,
    },
    Peer {
        name: "minimal",
        what: "a frame echo on tokio without checks: the floor",
        kind: Kind::Rust,
        broadcasts: false,
        compresses: false,
    },
    Peer {
        name: "fastwebsockets",
        what: "fastwebsockets on tokio and hyper",
        kind: Kind::Rust,
        broadcasts: true,
        compresses: false,
    },
    Peer {
        name: "tungstenite",
        what: "tokio-tungstenite",
        kind: Kind::Rust,
        broadcasts: true,
        compresses: false,
    },
    Peer {
        name: "bun",
        what: "Bun (uWebSockets and JavaScript)",
        kind: Kind::Npm {
            program: Program::OfThePackage("bun"),
            arguments: &["server.mjs"],
        },
        broadcasts: true,
        compresses: true,
    },
    Peer {
        name: "ws",
        what: "npm ws on Node.js",
        kind: Kind::Npm {
            program: Program::OfTheMachine("node"),
            arguments: &["server.mjs"],
        },
        broadcasts: true,
        compresses: true,
    },
    Peer {
        name: "workerd",
        what: "workerd (sandboxed JavaScript; a Durable Object broadcasts)",
        kind: Kind::Npm {
            program: Program::OfThePackage("workerd"),
            arguments: &["serve", "config.capnp", "--control-fd=1"],
        },
        broadcasts: true,
        compresses: false,
    },
];
