use percent_encoding::percent_decode_str;

/// The file that a path wants.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Names, one below the other, from the root of the files on.
    pub(super) segments: Vec<String>,
    /// The path ends in a slash: it wants what is in a directory.
    pub(super) directory: bool,
}

impl Wanted {
    /// Reads a path as it was sent, whose first segments lead to the root. `None` where no file can have such a name, or
    /// none that is to be seen. Segments are decoded once, and after they were split.
    pub(super) fn read(raw_path: &str, mount_segments: usize, dot_files: bool) -> Option<Self> {
        let mut raw: Vec<&str> = raw_path.strip_prefix('/')?.split('/').collect();
        let directory = raw.last().is_some_and(|last| last.is_empty());
        if directory {
            raw.pop();
        }
        // Those that lead to the root were compared with the route, which may well have a dot in it.
        let below = raw.get(mount_segments..)?.iter();
        let segments = below.map(|raw| name(raw, dot_files));
        Some(Self {
            segments: segments.collect::<Option<_>>()?,
            directory,
        })
    }
}

/// One name of a file or directory.
fn name(raw: &str, dot_files: bool) -> Option<String> {
    let name = percent_decode_str(raw).decode_utf8().ok()?;
    let steps = name.is_empty() || name == "." || name == "..";
    // A backslash is a name's on Unix, and a separator to clients and elsewhere; a colon names a stream or a disk there.
    let foreign = name.contains(['/', '\\', '\0']) || cfg!(windows) && name.contains(':');
    let hidden = name.starts_with('.') && !dot_files;
    (!steps && !foreign && !hidden).then(|| name.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // hardening H27
    #[test]
    fn a_path_is_names_and_nothing_else() {
        type Expected = Option<(&'static [&'static str], bool)>;
        let cases: [(&str, Expected); 30] = [
            ("/", Some((&[], true))),
            ("/a.txt", Some((&["a.txt"], false))),
            ("/a/", Some((&["a"], true))),
            ("/a/b.txt", Some((&["a", "b.txt"], false))),
            ("/caf%C3%A9", Some((&["caf\u{e9}"], false))),
            ("/a%20b", Some((&["a b"], false))),
            ("/a+b", Some((&["a+b"], false))),
            ("/%2561", Some((&["%61"], false))),
            ("/..", None),
            ("/../a", None),
            ("/a/../b", None),
            ("/a/./b", None),
            ("/a/..", None),
            ("/%2e%2e/a", None),
            ("/.%2E/a", None),
            ("/%2e", None),
            // Decoded once, this is a name with `%` in it.
            ("/%252e%252e/a", Some((&["%2e%2e", "a"], false))),
            ("/..%2fa", None),
            ("/a%2fb", None),
            ("/..%5ca", None),
            ("/a\\b", None),
            ("/..\\a", None),
            ("/a%00", None),
            ("/a%00.txt", None),
            ("//a", None),
            ("/a//b", None),
            ("/.git/config", None),
            ("/a/.htpasswd", None),
            ("/%ff", None),
            ("a", None),
        ];
        for (path, expected) in cases {
            let read = Wanted::read(path, 0, false);
            let read = read.as_ref().map(|read| {
                let segments: Vec<_> = read.segments.iter().map(String::as_str).collect();
                (segments, read.directory)
            });
            let expected = expected.map(|(segments, directory)| (segments.to_vec(), directory));
            assert_eq!(read, expected, "{path}");
        }
        assert!(Wanted::read("/.git/config", 0, true).is_some());
        assert!(Wanted::read("/..", 0, true).is_none());
        let below = Wanted::read("/x/y/a", 2, false).unwrap();
        assert_eq!(below.segments, ["a"]);
        let below = Wanted::read("/.well-known/acme-challenge/a", 2, false).unwrap();
        assert_eq!(below.segments, ["a"]);
        assert!(Wanted::read("/.well-known/.a", 1, false).is_none());
        let root = Wanted::read("/x", 1, false).unwrap();
        assert!(root.segments.is_empty() && !root.directory);
    }

    proptest::proptest! {
        // hardening H27
        #[test]
        fn no_path_leads_up(path in "/[./%25eEfF\\\\a-b0-9]{0,24}") {
            if let Some(wanted) = Wanted::read(&path, 0, true) {
                for name in wanted.segments {
                    let is_name = !name.contains(['/', '\\', '\0']) && !["", ".", ".."].contains(&&*name);
                    proptest::prop_assert!(is_name, "{:?}", name);
                }
            }
        }
    }
}
