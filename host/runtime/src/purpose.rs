//! What a component is for, read from its file: nothing is compiled.

use wasmparser::{ComponentExport, ComponentExternalKind, Parser, Payload};

use crate::export::{BEHAVIOR, HANDLER};

/// What a component serves, as far as the names of its exports tell. Whether it loads is another matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purpose {
    /// It exports a behavior, of whatever version.
    pub sessions: bool,
    /// It exports `wasi:http/incoming-handler` 0.2.
    pub requests: bool,
}

impl Purpose {
    /// Reads the bytes of a component; other bytes, and the text of a component, are for nothing. Takes time in proportion
    /// to the number of sections and functions.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut purpose = Self::default();
        // Within how many modules and components of the component.
        let mut depth = 0_usize;
        // What cannot be read ends it: the host that loads it says why.
        for payload in Parser::new(0).parse_all(bytes).map_while(Result::ok) {
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ComponentExportSection(exports) if depth == 0 => {
                    for export in exports.into_iter().map_while(Result::ok) {
                        purpose.add(&export);
                    }
                }
                _ => {}
            }
        }
        purpose
    }

    fn add(&mut self, export: &ComponentExport<'_>) {
        if export.kind != ComponentExternalKind::Instance {
            return;
        }
        let name = export.name.name;
        self.sessions |= unversioned(name) == unversioned(BEHAVIOR);
        self.requests |= series(name) == series(HANDLER);
    }
}

fn unversioned(name: &str) -> &str {
    name.split_once('@').map_or(name, |(name, _)| name)
}

/// With the version up to its last point: what differs behind it fits.
fn series(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(series, _)| series)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A component that is made of these sections.
    fn component(sections: &[(u8, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
        for (id, section) in sections {
            bytes.push(*id);
            // As LEB128 of two bytes.
            let [low, high] = [section.len() % 128 + 128, section.len() / 128];
            bytes.extend([low, high].map(|part| u8::try_from(part).unwrap()));
            bytes.extend(section);
        }
        bytes
    }

    /// A section of one export, which is an instance or of another kind.
    fn export(name: &str, kind: u8) -> (u8, Vec<u8>) {
        let len = u8::try_from(name.len()).unwrap();
        let end = [kind, 0, 0];
        (11, [&[1, 0, len], name.as_bytes(), &end].concat())
    }

    fn nested(inner: Vec<u8>) -> (u8, Vec<u8>) {
        (4, inner)
    }

    const INSTANCE: u8 = 5;
    const FUNCTION: u8 = 1;

    #[test]
    fn exports_of_the_component_itself_count() {
        let handler = |version: &str| {
            let name = format!("wasi:http/incoming-handler@{version}");
            export(&name, INSTANCE)
        };
        let behavior = export("wasket:websocket/behavior@0.9.0", INSTANCE);
        let of = |sections: &[_]| {
            let Purpose { sessions, requests } = Purpose::of(&component(sections));
            (sessions, requests)
        };
        assert_eq!(of(&[]), (false, false));
        assert_eq!(of(&[handler("0.2.0")]), (false, true));
        assert_eq!(of(&[handler("0.2.12")]), (false, true));
        assert_eq!(of(&[handler("0.3.0")]), (false, false));
        assert_eq!(of(&[behavior.clone(), handler("0.2.3")]), (true, true));
        assert_eq!(of(std::slice::from_ref(&behavior)), (true, false));
        let function = export("wasket:websocket/behavior@0.1.0", FUNCTION);
        assert_eq!(of(&[function]), (false, false));
        let inner = component(&[nested(component(&[handler("0.2.0")])), handler("0.2.0")]);
        assert_eq!(of(&[nested(inner.clone())]), (false, false));
        assert_eq!(of(&[nested(inner), behavior]), (true, false));
    }

    #[test]
    fn what_is_no_component_or_a_part_of_one_is_for_what_it_shows() {
        let name = "wasi:http/incoming-handler@0.2.0";
        let whole = component(&[nested(component(&[])), export(name, INSTANCE)]);
        for end in 0..whole.len() {
            assert_eq!(Purpose::of(&whole[..end]), Purpose::default(), "{end}");
        }
        assert!(Purpose::of(&whole).requests);
        for other in [&b"(component)"[..], b"\0asm\x01\0\0\0", &[0xff; 64]] {
            assert_eq!(Purpose::of(other), Purpose::default());
        }
    }
}
