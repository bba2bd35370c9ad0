//! Users that a component knows.

use super::{HTPASSWD, enter, status};
use crate::host::{Host, run, write_config};

/// A probe whose users its own component knows.
fn probe(users: &str) -> Host {
    Host::serve(&format!(
        "[defaults]\nevent_time = \"50ms\"\n\
         [auth.own]\nscheme = \"basic\"\nrealm = \"r\"\ncomponent = \"GUESTS/probe.wasm\"\n\
         failures_per_minute_max = \"off\"\nconfig = {{ {users} }}\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\nauth = \"own\""
    ))
}

// parity S2, B2
#[test]
fn a_service_knows_its_own_users() {
    let host = probe("user-ada = \"plain secret admin chat\"");
    let mut ada = enter(&host, "ada", "secret").unwrap();
    let request = ada.ask("request").replace(['\n', ' '], "");
    assert!(
        request.contains("(\"realm\",\"r\",)") && request.contains("\"admin\""),
        "{request}"
    );
    assert_eq!(status(enter(&host, "ada", "wrong")), 401);
    assert_eq!(status(enter(&host, "eve", "secret")), 401);
    let found = host.logged(&["event find", "\"service\":\"auth.own\"", "eve"]);
    assert!(found.contains("realm=\\\"r\\\""), "{found}");
}

// parity S2
#[test]
fn a_component_that_is_no_service_knows_users() {
    let hash = HTPASSWD
        .lines()
        .find_map(|line| line.strip_prefix("ada:"))
        .unwrap();
    let host = Host::serve(&format!(
        "[auth.staff]\nscheme = \"basic\"\ncomponent = \"GUESTS/login.wasm\"\n\
         config = {{ ada = \"{hash} admin\" }}\n\
         [service.probe]\npath = \"/probe\"\nnative = \"echo\"\nauth = \"staff\"\nrequire_roles = [\"admin\"]"
    ));
    assert_eq!(status(enter(&host, "ada", "Circle of Life")), 101);
    assert_eq!(status(enter(&host, "ada", "Circle of Lies")), 401);
    assert_eq!(status(enter(&host, "bob", "Circle of Life")), 401);
}

// hardening H28
#[test]
fn a_fault_lets_nobody_in() {
    let host =
        probe("user-ada = \"plain secret\", user-odd = \"hash secret\", user-short = \"md5 00\"");
    for (name, why) in [("odd", "a plain password"), ("short", "hexadecimal digits")] {
        // As an unknown name.
        assert_eq!(status(enter(&host, name, "secret")), 401, "{name}");
        host.logged(&["ERROR", "\"service\":\"auth.own\"", why]);
    }
    for (name, why) in [("trap", "asked to"), ("forever", "event_time")] {
        let refused = enter(&host, name, "secret").err().unwrap();
        assert_eq!(refused.status, 503, "{name}");
        assert!(refused.head.headers.contains_key("retry-after"), "{name}");
        assert!(!refused.body.contains("secret") && !refused.body.contains("guest"));
        let line = host.logged(&["ERROR", "\"service\":\"auth.own\"", why]);
        assert!(!line.contains("\"session\""), "{line}");
        host.logged(&["authentication failed", &format!("\"name\":\"{name}\"")]);
    }
    assert_eq!(status(enter(&host, "ada", "secret")), 101);
}

// hardening H30
#[test]
fn a_component_without_credentials_keeps_its_clients_out() {
    let config = "[auth.own]\nscheme = \"basic\"\ncomponent = \"GUESTS/echo.wasm\"\n\
         [service.probe]\npath = \"/probe\"\nnative = \"echo\"\nauth = \"own\"\n\
         [service.open]\npath = \"/open\"\nnative = \"echo\"";
    let host = Host::serve(config);
    host.logged(&[
        "ERROR",
        "\"auth\":\"own\"",
        "does not export wasket:websocket/credentials",
    ]);
    assert_eq!(status(host.connect_to("probe", "", &[])), 401);
    assert_eq!(status(enter(&host, "ada", "secret")), 503);
    host.connect("open");
    let file = write_config(config);
    let (code, said, _) = run(&["check", file.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(said.contains("auth own: does not load"), "{said}");
}
