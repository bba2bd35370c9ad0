//! The page at `/` from which a person can try the services in a browser.

use crate::build::Everything;
use bytes::Bytes;
use serde::Serialize;
use wasket_config::plan::{Plan, Service};
use wasket_config::{Route, ServiceName};
use wasket_net::Page;

/// The page for what a plan serves, and what of it answers plain requests beside its sessions.
pub(crate) fn page(plan: &Plan, built: &Everything<'_>) -> Page {
    let handlers: Vec<&Service> = built.handlers().collect();
    let body = DOCUMENT.replacen(PLACE, &place(plan, &handlers), 1);
    Page {
        content_type: "text/html; charset=utf-8",
        security_policy: SECURITY_POLICY,
        body: Bytes::from(body),
    }
}

/// What the page lists.
#[derive(Serialize)]
struct Served<'a> {
    services: Vec<Listed<'a>>,
    http: Vec<Listed<'a>>,
    files: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    name: &'a str,
    path: String,
}

fn listed<'a>((name, route): (&'a ServiceName, &Route)) -> Listed<'a> {
    Listed {
        name: name.as_str(),
        path: route.to_string(),
    }
}

fn place(plan: &Plan, handlers: &[&Service]) -> String {
    let services = plan.services.iter().map(|it| (&it.name, &it.route));
    let handlers = handlers
        .iter()
        .filter(|it| plan.http_at(&it.route).is_none());
    let http = plan.http.iter().map(|it| (&it.name, &it.route));
    let http = http.chain(handlers.map(|it| (&it.name, &it.route)));
    let files = plan.files.iter().map(|it| (&it.name, &it.route));
    let served = Served {
        services: services.map(listed).collect(),
        http: http.map(listed).collect(),
        files: files.map(listed).collect(),
    };
    // Strings always have a JSON form.
    let json = serde_json::to_string(&served).unwrap_or_default();
    // In a script element, `</script>` would end it and `<!--` change how it is read.
    PLACE.replace("{}", &json.replace('<', "\\u003c"))
}

const DOCUMENT: &str = include_str!("../assets/try.html");

/// Where the lists go, as it stands in the document.
const PLACE: &str = r#"<script type="application/json" id="served">{}</script>"#;

/// Nothing but what is in the document, WebSocket connections, and requests to this host.
const SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                               connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    // parity H4
    #[test]
    fn services_are_listed_and_cannot_leave_their_place() {
        let text = r#"
            [service.echo]
            path = "/echo"
            native = "echo"
            [http.odd]
            path = '/<script>"<!--/{x}'
            component = "odd.wasm"
            [files.assets]
            path = "/assets"
            directory = "assets"
        "#;
        let plan = wasket_config::parse(text, "wasket.toml", Path::new("")).unwrap();
        let nothing_loaded = Everything {
            services: Vec::new(),
            http: Vec::new(),
        };
        let page = page(&plan, &nothing_loaded);
        let body = str::from_utf8(&page.body).unwrap();
        let lists = [
            r#"{"services":[{"name":"echo","path":"/echo"}],"#,
            r#""http":[{"name":"odd","path":"/\u003cscript>\"\u003c!--/{x}"}],"#,
            r#""files":[{"name":"assets","path":"/assets"}]}"#,
        ];
        let list = lists.concat();
        assert!(body.contains(&PLACE.replace("{}", &list)), "{body}");
        assert!(!body.contains(PLACE));
        assert_eq!(DOCUMENT.matches(PLACE).count(), 1);
    }

    // parity H3, H4
    #[test]
    fn handlers_beside_sessions_are_listed_unless_a_table_is_on_their_path() {
        let text = r#"
            [service.room]
            path = "/room"
            component = "room.wasm"
            [service.behind]
            path = "/taken/{x}"
            component = "room.wasm"
            [http.table]
            path = "/taken/{x}"
            component = "table.wasm"
        "#;
        let plan = wasket_config::parse(text, "wasket.toml", Path::new("")).unwrap();
        let handlers: Vec<&Service> = plan.services.iter().collect();
        let listed = place(&plan, &handlers);
        let http =
            r#""http":[{"name":"table","path":"/taken/{x}"},{"name":"room","path":"/room"}],"#;
        assert!(listed.contains(http), "{listed}");
        let nothing_loaded = place(&plan, &[]);
        let http = r#""http":[{"name":"table","path":"/taken/{x}"}],"#;
        assert!(nothing_loaded.contains(http), "{nothing_loaded}");
    }
}
