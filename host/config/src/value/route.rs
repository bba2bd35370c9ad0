use super::Invalid;
use std::fmt;
use std::str::FromStr;

/// The paths that a service answers, as a pattern: `/chat`, `/room/{name}`, `/files/*`.
///
/// Segments are compared with percent-decoded paths, a slash at the end left out.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Route {
    segments: Vec<Segment>,
}

/// One part of a route, between two slashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Exactly this, decoded; never empty.
    Exact(String),
    /// `{name}`: any one segment; the name is unique in its route.
    Parameter(String),
    /// `*`: all segments that follow. Only ever the last.
    Rest,
}

impl Route {
    /// `/`.
    pub fn root() -> Self {
        Self {
            segments: Vec::new(),
        }
    }

    /// `/*`, which every path is one of.
    pub fn all() -> Self {
        Self {
            segments: vec![Segment::Rest],
        }
    }

    /// Its segments; none for `/`.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether both match exactly the same paths: they differ in the names of parameters at most.
    pub fn matches_the_same_as(&self, other: &Self) -> bool {
        self.segments.len() == other.segments.len()
            && self
                .segments
                .iter()
                .zip(&other.segments)
                .all(|pair| match pair {
                    (Segment::Parameter(_), Segment::Parameter(_)) => true,
                    (one, another) => one == another,
                })
    }
}

impl FromStr for Route {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(Invalid::Route("expected \"/\" at the start"));
        };
        if path.is_empty() {
            return Ok(Self::root());
        }
        let mut segments = Vec::new();
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut parts = path.split('/').peekable();
        while let Some(part) = parts.next() {
            let segment = segment(part)?;
            if segment == Segment::Rest && parts.peek().is_some() {
                return Err(Invalid::Route(
                    "\"*\" stands for all that follows: it can only be the last segment",
                ));
            }
            if matches!(segment, Segment::Parameter(_)) && segments.contains(&segment) {
                return Err(Invalid::Route("a parameter is named twice"));
            }
            segments.push(segment);
        }
        Ok(Self { segments })
    }
}

fn segment(part: &str) -> Result<Segment, Invalid> {
    if part == "*" {
        return Ok(Segment::Rest);
    }
    if let Some(name) = part
        .strip_prefix('{')
        .and_then(|part| part.strip_suffix('}'))
    {
        let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        return if starts
            && name
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        {
            Ok(Segment::Parameter(name.to_owned()))
        } else {
            Err(Invalid::Route(
                "expected a name of letters, digits, \"_\" and \"-\" between \"{\" and \"}\"",
            ))
        };
    }
    if part.contains(['{', '}', '*']) {
        Err(Invalid::Route(
            "\"{name}\" and \"*\" can only be whole segments, between slashes",
        ))
    } else if part.is_empty() {
        Err(Invalid::Route(
            "a segment is empty: two slashes follow each other",
        ))
    } else if part == "." || part == ".." {
        Err(Invalid::Route(
            "clients resolve \".\" and \"..\" before they ask: no path has such a segment",
        ))
    } else if part.contains(['?', '#']) {
        Err(Invalid::Route(
            "a route is a path only: \"?\" and \"#\" are not part of it",
        ))
    } else if part.contains('%') {
        Err(Invalid::Route(
            "write the character itself: paths are compared after percent-decoding",
        ))
    } else if part.contains(char::is_control) {
        Err(Invalid::Route("a control character cannot be part of it"))
    } else {
        Ok(Segment::Exact(part.to_owned()))
    }
}

/// The pattern in its normal form: no slash at the end, but for `/` itself. Parses to the same route.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str("/");
        }
        self.segments.iter().try_for_each(|segment| match segment {
            Segment::Exact(text) => write!(f, "/{text}"),
            Segment::Parameter(name) => write!(f, "/{{{name}}}"),
            Segment::Rest => f.write_str("/*"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> Segment {
        Segment::Exact(text.to_owned())
    }

    fn parameter(name: &str) -> Segment {
        Segment::Parameter(name.to_owned())
    }

    // parity S7
    #[test]
    fn patterns_are_cut_into_segments() {
        let cases = [
            ("/", "/", vec![]),
            ("/chat", "/chat", vec![exact("chat")]),
            ("/chat/", "/chat", vec![exact("chat")]),
            (
                "/k\u{e4}se brot",
                "/k\u{e4}se brot",
                vec![exact("k\u{e4}se brot")],
            ),
            (
                "/room/{name}",
                "/room/{name}",
                vec![exact("room"), parameter("name")],
            ),
            ("/{a}/{b}", "/{a}/{b}", vec![parameter("a"), parameter("b")]),
            ("/files/*", "/files/*", vec![exact("files"), Segment::Rest]),
            ("/*", "/*", vec![Segment::Rest]),
        ];
        for (text, normal, segments) in cases {
            let route: Route = text.parse().unwrap();
            assert_eq!(route.segments(), segments, "{text}");
            assert_eq!(route.to_string(), normal);
            assert_eq!(normal.parse::<Route>(), Ok(route));
        }
    }

    #[test]
    fn anything_else_is_not_a_route() {
        let wrong = [
            "", "chat", "//", "/a//b", "/chat//", "/./a", "/../a", "/a/..", "/a?b", "/a#b",
            "/a%20b", "/a\nb", "/*/a", "/a*", "/**", "/{}", "/{a b}", "/{1a}", "/{a}b", "/a{b}",
            "/{a}/{a}", "/{a", "/a}",
        ];
        for text in wrong {
            assert!(
                matches!(text.parse::<Route>(), Err(Invalid::Route(_))),
                "{text:?}"
            );
        }
    }

    // hardening H30
    #[test]
    fn names_of_parameters_do_not_tell_routes_apart() {
        let cases = [
            ("/a", "/a/", true),
            ("/{a}", "/{b}", true),
            ("/x/{a}/*", "/x/{b}/*", true),
            ("/a", "/b", false),
            ("/a", "/{a}", false),
            ("/{a}", "/*", false),
            ("/a", "/a/*", false),
        ];
        for (one, another, same) in cases {
            let (one, another): (Route, Route) = (one.parse().unwrap(), another.parse().unwrap());
            assert_eq!(one.matches_the_same_as(&another), same, "{one} {another}");
        }
    }
}
