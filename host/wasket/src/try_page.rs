//! The page at `/` from which a person can try the services in a browser.

use bytes::Bytes;
use serde::Serialize;
use wasket_config::plan::Service;
use wasket_net::Page;

/// The page for these services.
pub(crate) fn page(services: &[Service]) -> Page {
    let body = DOCUMENT.replacen(PLACE, &place(services), 1);
    Page {
        content_type: "text/html; charset=utf-8",
        security_policy: SECURITY_POLICY,
        body: Bytes::from(body),
    }
}

/// A service as the page lists it.
#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    path: String,
}

fn place(services: &[Service]) -> String {
    let listed = services.iter().map(|service| Listed {
        name: service.name.as_str(),
        path: service.route.to_string(),
    });
    // Strings always have a JSON form.
    let json = serde_json::to_string(&listed.collect::<Vec<_>>()).unwrap_or_default();
    // In a script element, `</script>` would end it and `<!--` change how it is read.
    PLACE.replace("[]", &json.replace('<', "\\u003c"))
}

const DOCUMENT: &str = include_str!("../assets/try.html");

/// Where the list of services goes, as it stands in the document.
const PLACE: &str = r#"<script type="application/json" id="services">[]</script>"#;

/// Nothing but what is in the document, and WebSocket connections.
const SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                               connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_config::plan::{Behavior, Native};

    // parity H4
    #[test]
    fn services_are_listed_and_cannot_leave_their_place() {
        let service = |name: &str, path: &str| {
            let (name, route) = (name.parse().unwrap(), path.parse().unwrap());
            Service::new(name, route, Behavior::Native(Native::Echo))
        };
        let page = page(&[
            service("echo", "/echo"),
            service("odd", "/<script>\"<!--/{x}"),
        ]);
        let body = str::from_utf8(&page.body).unwrap();
        let list = r#"[{"name":"echo","path":"/echo"},{"name":"odd","path":"/\u003cscript>\"\u003c!--/{x}"}]"#;
        assert!(body.contains(&PLACE.replace("[]", list)), "{body}");
        assert!(!body.contains(PLACE));
        assert_eq!(DOCUMENT.matches(PLACE).count(), 1);
    }
}
