//! Whose pages may send what changes something.

use super::{ECHO, PUBLISH, ask, many};
use crate::host::Host;

const FOREIGN: &str = "Origin: https://evil.example\r\n";

// hardening H15, parity H2
#[test]
fn a_foreign_page_publishes_nothing() {
    let host = many();
    let mut client = host.connect("echo");
    // A client reads its 101 before its session has joined the others.
    assert_eq!(client.ask("here"), "here");
    for fields in [
        FOREIGN.to_owned(),
        "Origin: null\r\n".to_owned(),
        // What a form of another page can send: no browser asks first.
        format!("{FOREIGN}Content-Type: text/plain\r\n"),
    ] {
        assert_eq!(ask(&host, "POST /publish", &fields, "evil").0, 403);
    }
    host.logged(&["origin refused", "\"service\":\"publish\"", "evil.example"]);
    // One that only reads comes to the component, which knows no such method.
    assert_eq!(ask(&host, "GET /publish", FOREIGN, "").0, 405);
    let own = "Origin: http://localhost\r\n";
    assert_eq!(ask(&host, "POST /publish", own, "good").0, 202);
    assert_eq!(client.text(), "good");
}

// hardening H15
#[test]
fn origins_that_are_listed_publish() {
    for origins in ["\"https://*.example\"", "\"*\""] {
        let settings = format!("publishes_to = \"echo\"\norigins = [{origins}]\n");
        let host = Host::serve(&format!("{PUBLISH}{settings}{ECHO}"));
        assert_eq!(ask(&host, "POST /publish", FOREIGN, "").0, 202);
    }
}
