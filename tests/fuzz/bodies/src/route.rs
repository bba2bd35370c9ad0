use wasket_net::{Access, Hosts, Origins, Place, Route, Routes};

/// Lines of patterns and, last, a path as it was asked for. What the configuration takes for a pattern the sockets do
/// too, and a path is found by what it matches.
pub fn route(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    let (patterns, path) = text.rsplit_once('\n').unwrap_or(("", text));
    let mut routes = Routes::default();
    for pattern in patterns.lines().take(PATTERNS_MAX) {
        check_configured(pattern);
        if let Ok(route) = Route::parse(pattern) {
            routes.add(route, place(pattern));
        }
    }
    check_configured(path);
    let Some(found) = routes.find(path) else {
        return;
    };
    assert!(
        path.starts_with('/') && found.path.starts_with('/'),
        "{path}"
    );
    let Some(place) = &found.place else {
        panic!("nothing but sessions is routed here");
    };
    let pattern = &*place.name;
    let open = |segment: &&str| segment.starts_with('{') || *segment == "*";
    let parameters = pattern.split('/').filter(open).count();
    assert_eq!(found.parameters.len(), parameters, "{path} at {pattern}");
    if parameters == 0 {
        let exact = |path: &str| path.strip_suffix('/').unwrap_or(path).to_owned();
        assert_eq!(exact(&found.path), exact(pattern));
    }
}

/// A setting has a normal form, which both crates read.
fn check_configured(pattern: &str) {
    let Ok(configured) = pattern.parse::<wasket_config::Route>() else {
        return;
    };
    let normal = configured.to_string();
    assert_eq!(normal.parse(), Ok(configured), "{normal}");
    assert_eq!(Route::parse(&normal), Route::parse(pattern), "{normal}");
    assert!(
        Route::parse(&normal).is_ok(),
        "only the configuration knows {normal}"
    );
}

fn place(pattern: &str) -> Place {
    Place {
        name: pattern.into(),
        service: None,
        hosts: Hosts::default(),
        origins: Origins::Any,
        access: Access::default(),
        response_headers: Vec::new(),
    }
}

/// So that time goes into paths, not into tables.
const PATTERNS_MAX: usize = 16;
