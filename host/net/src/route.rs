use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use wasket_session::{HttpService, Service};

use crate::{Access, Hosts, Origins};

/// What stands at a path.
pub struct Place {
    /// The name of the service.
    pub name: Arc<str>,
    /// What serves it; without one (its component did not load) the path answers 503.
    pub service: Option<Arc<dyn Service>>,
    /// The hosts that may be asked for.
    pub hosts: Hosts,
    /// The pages that may come.
    pub origins: Origins,
    /// Who may come.
    pub access: Access,
    /// Added to every answer there.
    pub response_headers: Vec<(HeaderName, HeaderValue)>,
}

/// What answers plain HTTP at a path.
pub struct HttpPlace {
    /// The name of the service.
    pub name: Arc<str>,
    /// What answers; without one (its component did not load) the path answers 503.
    pub service: Option<Arc<dyn HttpService>>,
    /// The hosts that may be asked for.
    pub hosts: Hosts,
    /// The pages that may send what changes something: requests that are not GET, HEAD or OPTIONS. Those may all come:
    /// browsers keep the answers from foreign ones.
    pub origins: Origins,
    /// Who may come.
    pub access: Access,
    /// Added to every answer there.
    pub response_headers: Vec<(HeaderName, HeaderValue)>,
}

/// A pattern for paths: exact segments, `{name}` for any one segment, and `*` at the end for the rest.
/// A trailing slash counts neither here nor in what is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route(Vec<Segment>);

// The order makes the more specific pattern come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Exact(String),
    Parameter(String),
    Rest,
}

/// This is no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no route: expected `/`, `/a/b`, `/a/{{name}}` or `/a/*`")]
pub struct RouteError(String);

impl Route {
    /// Parses a pattern; its exact segments are meant decoded.
    ///
    /// # Errors
    /// When it does not start with a slash, has an empty segment, a `*` before the end, an empty or
    /// repeated parameter name, or braces elsewhere.
    pub fn parse(pattern: &str) -> Result<Self, RouteError> {
        let segments = parse_segments(pattern).ok_or_else(|| RouteError(pattern.to_owned()))?;
        Ok(Self(segments))
    }

    fn matches(&self, path: &[String]) -> Option<Vec<(Box<str>, Box<str>)>> {
        let mut parameters = Vec::new();
        let mut rest = path;
        for segment in &self.0 {
            if *segment == Segment::Rest {
                parameters.push(("*".into(), rest.join("/").into()));
                return Some(parameters);
            }
            let (first, others) = rest.split_first()?;
            match segment {
                Segment::Exact(text) if text == first => {}
                Segment::Parameter(name) => {
                    parameters.push((name.as_str().into(), first.as_str().into()));
                }
                _ => return None,
            }
            rest = others;
        }
        rest.is_empty().then_some(parameters)
    }
}

fn parse_segments(pattern: &str) -> Option<Vec<Segment>> {
    let inner = pattern.strip_prefix('/')?;
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let mut segments: Vec<Segment> = Vec::new();
    for text in inner.split('/') {
        if segments.last() == Some(&Segment::Rest) {
            return None;
        }
        let segment = parse_segment(text)?;
        if matches!(segment, Segment::Parameter(_)) && segments.contains(&segment) {
            return None;
        }
        segments.push(segment);
    }
    Some(segments)
}

fn parse_segment(text: &str) -> Option<Segment> {
    if text == "*" {
        return Some(Segment::Rest);
    }
    let plain = |text: &str| !text.is_empty() && !text.contains(['{', '}', '*']);
    match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        Some(name) => plain(name).then(|| Segment::Parameter(name.to_owned())),
        None => plain(text).then(|| Segment::Exact(text.to_owned())),
    }
}

/// Every path that is served. Where several patterns match, the most specific wins: segment by segment,
/// exact before `{name}` before `*`.
#[derive(Default)]
pub struct Routes {
    stops: Vec<(Route, Stop)>,
}

/// What stands on one route.
#[derive(Clone, Default)]
struct Stop {
    sessions: Option<Arc<Place>>,
    http: Option<Arc<HttpPlace>>,
}

/// A path that was asked for, and what stands there.
pub struct Found {
    /// What serves sessions there.
    pub place: Option<Arc<Place>>,
    /// What answers plain HTTP there.
    pub http: Option<Arc<HttpPlace>>,
    /// The path, decoded.
    pub path: String,
    /// What the pattern's `{name}`s and `*` stand for, decoded, in its order.
    pub parameters: Vec<(Box<str>, Box<str>)>,
}

impl Routes {
    /// Puts a place for sessions on a route.
    pub fn add(&mut self, route: Route, place: Place) {
        self.stop(route).sessions = Some(Arc::new(place));
    }

    /// Puts a place for plain HTTP on a route, which may have one for sessions too.
    pub fn add_http(&mut self, route: Route, place: Arc<HttpPlace>) {
        self.stop(route).http = Some(place);
    }

    fn stop(&mut self, route: Route) -> &mut Stop {
        let at = self.stops.partition_point(|(other, _)| *other < route);
        if self.stops.get(at).is_none_or(|(other, _)| *other != route) {
            self.stops.insert(at, (route, Stop::default()));
        }
        &mut self.stops[at].1
    }

    /// Every place for sessions, once.
    pub fn places(&self) -> impl Iterator<Item = &Arc<Place>> {
        self.stops
            .iter()
            .filter_map(|(_, stop)| stop.sessions.as_ref())
    }

    /// Finds a path as it was sent. Segments are split first and decoded then, so that `%2F` is no slash.
    #[must_use]
    pub fn find(&self, raw_path: &str) -> Option<Found> {
        let segments = decode(raw_path)?;
        self.stops.iter().find_map(|(route, stop)| {
            let parameters = route.matches(&segments)?;
            let Stop { sessions, http } = stop.clone();
            Some(Found {
                place: sessions,
                http,
                path: format!("/{}", segments.join("/")),
                parameters,
            })
        })
    }
}

/// The decoded segments of a path; `None` where a segment is not UTF-8 or the path is not absolute.
fn decode(raw_path: &str) -> Option<Vec<String>> {
    let inner = raw_path.strip_prefix('/')?;
    if inner.is_empty() {
        return Some(Vec::new());
    }
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    inner
        .split('/')
        .map(|segment| {
            let decoded = percent_decode_str(segment).decode_utf8().ok()?;
            Some(decoded.into_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(patterns: &[&str]) -> Routes {
        let mut routes = Routes::default();
        for pattern in patterns {
            let place = Place {
                name: (*pattern).into(),
                service: None,
                hosts: Hosts::default(),
                origins: Origins::SameHost,
                access: Access::default(),
                response_headers: Vec::new(),
            };
            routes.add(Route::parse(pattern).unwrap(), place);
        }
        routes
    }

    // parity S7
    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes(&[
            "/*",
            "/a/*",
            "/a/{x}",
            "/a/b",
            "/a/{x}/c",
            "/",
            "/u/{user}/r/{room}",
        ]);
        type Case = (
            &'static str,
            &'static str,
            &'static [(&'static str, &'static str)],
        );
        let cases: [Case; 13] = [
            ("/", "/", &[]),
            ("/a/b", "/a/b", &[]),
            ("/a/b/", "/a/b", &[]),
            ("/a/%62", "/a/b", &[]),
            ("/a/z", "/a/{x}", &[("x", "z")]),
            ("/a/b/c", "/a/{x}/c", &[("x", "b")]),
            ("/a/b/d", "/a/*", &[("*", "b/d")]),
            ("/a", "/a/*", &[("*", "")]),
            ("/zzz", "/*", &[("*", "zzz")]),
            (
                "/u/ada/r/1%2F2",
                "/u/{user}/r/{room}",
                &[("user", "ada"), ("room", "1/2")],
            ),
            ("/a/caf%C3%A9", "/a/{x}", &[("x", "caf\u{e9}")]),
            ("/a//c", "/a/{x}/c", &[("x", "")]),
            ("/A/b", "/*", &[("*", "A/b")]),
        ];
        for (path, expected, parameters) in cases {
            let found = routes.find(path).unwrap();
            assert_eq!(&*found.place.unwrap().name, expected, "{path}");
            let got: Vec<_> = found.parameters.iter().map(|(n, v)| (&**n, &**v)).collect();
            assert_eq!(got, parameters, "{path}");
        }
    }

    #[test]
    fn what_matches_nothing_is_not_found() {
        let routes = routes(&["/a/b", "/x/{y}"]);
        for path in [
            "/", "/a", "/a/b/c", "/x", "/x/1/2", "/a/%ff", "*", "", "a/b",
        ] {
            assert!(routes.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn odd_patterns_are_refused() {
        for pattern in [
            "", "a", "//", "/a//b", "/*/a", "/{", "/{}", "/{x", "/a{x}", "/a*", "/{x}/{x}",
        ] {
            assert!(Route::parse(pattern).is_err(), "{pattern}");
        }
        assert_eq!(Route::parse("/a/"), Route::parse("/a"));
    }
}
