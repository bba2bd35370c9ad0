use std::fmt;
use std::path::PathBuf;

use crate::inspect::MissingImport;

/// Why a component cannot serve. Each says whose fault it is and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator named a file that cannot be read.
    #[error("{}: cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is not the one that the operator pinned.
    #[error(
        "{}: the file's SHA-256 is {found}, the settings pin {expected}: someone changed the file, or the pin is old",
        path.display()
    )]
    Pin {
        /// The file.
        path: PathBuf,
        /// What the settings say.
        expected: Digest,
        /// What was read.
        found: Digest,
    },
    /// The file is no component.
    #[error("{}: {what}", path.display())]
    Kind {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: Kind,
    },
    /// The component is broken, or uses what this host does not run.
    #[error("{}: not a valid component: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What the compiler said.
        reason: String,
    },
    /// The component was made for something else.
    #[error("{}: {mismatch}", path.display())]
    World {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        mismatch: Mismatch,
    },
    /// The component asks for what the host does not have.
    #[error("{}: the host does not offer what the component imports:{}", path.display(), lines(missing))]
    Missing {
        /// The file.
        path: PathBuf,
        /// Every import that is missing.
        missing: Vec<MissingImport>,
    },
    /// A setting is out of its bounds.
    #[error("{setting} is {value}; the most is {max}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What was set.
        value: usize,
        /// What may be set.
        max: usize,
    },
    /// An entry of `connect` cannot be used.
    #[error("`connect` has {url}: {what}")]
    Connect {
        /// The entry's URL.
        url: String,
        /// What is wrong with it.
        what: String,
    },
    /// A key-value store that is granted cannot be used.
    #[error("[store.{name}]: {what}")]
    Store {
        /// Its table.
        name: String,
        /// What is wrong with it, and what to do.
        what: String,
    },
    /// An entry of `directories` cannot be used.
    #[error("`directories` has {}: {what}", directory.display())]
    Directory {
        /// The directory of the host.
        directory: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A variable of `environment_from` cannot be handed on.
    #[error("`environment_from` has {name}: {what}")]
    Variable {
        /// Its name.
        name: String,
        /// What is wrong with it.
        what: String,
    },
    /// The machine did not give what the engine needs.
    #[error("the WebAssembly engine does not start: {reason}")]
    Engine {
        /// What it said.
        reason: String,
    },
}

/// What a file is that is not a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Kind {
    /// Neither WebAssembly nor its text format.
    #[error("not WebAssembly: expected a component (.wasm)")]
    NotWasm,
    /// A core module.
    #[error(
        "is a core module; make a component of it: build for the target wasm32-wasip2, or run \
         `wasm-tools component new`"
    )]
    CoreModule,
    /// A package of interfaces, without code.
    #[error(
        "is a WIT package: it describes interfaces and has no code; build a component against it"
    )]
    WitPackage,
    /// Something that a compiler of WebAssembly wrote.
    #[error(
        "is precompiled code, which the host never loads from elsewhere; give it the component (.wasm) itself"
    )]
    Precompiled,
}

/// How a component does not fit the contract.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It does not export what a service needs.
    #[error(
        "does not export {needed}, which every service needs; it exports {}{}",
        list(exports),
        elsewhere(exports)
    )]
    NoBehavior {
        /// The interface.
        needed: &'static str,
        /// What it does export.
        exports: Vec<String>,
    },
    /// It knows no users.
    #[error(
        "does not export {needed}, which a login needs; it exports {}",
        list(exports)
    )]
    NoCredentials {
        /// The interface.
        needed: &'static str,
        /// What it does export.
        exports: Vec<String>,
    },
    /// It answers no plain requests.
    #[error(
        "does not export {needed}, which answering plain HTTP needs; it exports {}",
        list(exports)
    )]
    NoHandler {
        /// The interface.
        needed: &'static str,
        /// What it does export.
        exports: Vec<String>,
    },
    /// It exports another version of it.
    #[error(
        "exports {found}; this host needs {needed}: build it with the matching version of the WIT"
    )]
    Version {
        /// The interface.
        needed: &'static str,
        /// What it exports.
        found: String,
    },
    /// An export has other parameters or results than the contract says.
    #[error("its export {export} is not what the WIT says: {reason}")]
    Export {
        /// Interface and function.
        export: String,
        /// How it differs.
        reason: String,
    },
    /// An import has other parameters or results than the host offers.
    #[error("an import is not what the host offers: {reason}")]
    Import {
        /// Which, and how it differs.
        reason: String,
    },
    /// It needs more than an instance may have.
    #[error("needs {value} {what}; an instance has at most {max}")]
    Size {
        /// Of what.
        what: &'static str,
        /// What it needs.
        value: u64,
        /// What there is.
        max: u64,
    },
}

/// The SHA-256 of a component's bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let digits = text.as_bytes();
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = str::from_utf8(pair).ok()?;
            if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        "nothing".into()
    } else {
        names.join(", ")
    }
}

/// Where a component belongs that serves no sessions.
fn elsewhere(exports: &[String]) -> &'static str {
    let handles = |name: &String| name.starts_with("wasi:http/incoming-handler@");
    match exports.iter().any(handles) {
        true => {
            ": it answers plain HTTP, and belongs into a table `[http.NAME]`; \
                 `wasket run` serves it from a .wasm file, not from text"
        }
        false => "",
    }
}

fn lines(missing: &[MissingImport]) -> String {
    missing
        .iter()
        .map(|import| format!("\n  {import}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_64_hexadecimal_digits() {
        let text = "00ff".repeat(16);
        let digest = Digest::parse(&text).expect("valid");
        assert_eq!(digest.to_string(), text);
        for wrong in [
            "",
            "00",
            &"0g".repeat(32),
            &"+f".repeat(32),
            &"00".repeat(33),
        ] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
