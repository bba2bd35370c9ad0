//! Certificates that change while sessions go on.

use std::fs;

use super::client::{Dial, shown};
use super::{Authority, Issued, host, plain_host};
use crate::host::{Host, wait_for};

// parity S6
#[test]
fn sighup_brings_new_certificates_and_ends_no_session() {
    let (host, authority) = plain_host();
    let dial = Dial::new(&authority);
    let mut before = dial.open(&host, "echo");
    let old = shown(before.tls());
    let new = authority.issue("host", &["host.example"]);
    host.signal("-HUP");
    host.logged(&["certificates were read again"]);
    let after = dial.open(&host, "echo");
    assert_ne!(old, new.certificate);
    assert_eq!(shown(after.tls()), new.certificate);
    assert_eq!(before.ask("still here"), "still here");
    assert_eq!(before.close(1000, "").0, 1000);
}

// parity S6
#[test]
fn files_that_change_are_noticed() {
    let (host, authority) = plain_host();
    let dial = Dial::new(&authority);
    let mut before = dial.open(&host, "echo");
    let new = authority.issue("host", &["host.example", "and.longer.example"]);
    let shows_the_new = || {
        assert_eq!(before.ask("still here"), "still here");
        let client = dial.open(&host, "echo");
        (shown(client.tls()) == new.certificate).then_some(())
    };
    wait_for(shows_the_new).expect("the new certificate");
    assert_eq!(before.close(1000, "").0, 1000);
}

// hardening H30
#[test]
fn a_broken_set_changes_nothing_and_says_why() {
    let authority = Authority::new();
    let issued = authority.issue("host", &["host.example"]);
    let host = host(&issued.setting());
    let dial = Dial::new(&authority);
    let mut before = dial.open(&host, "echo");
    let other = authority.issue("other", &["host.example"]);
    let mut said = 0;
    let mut refused = |what: &str| {
        host.signal("-HUP");
        let line = host.logged(&["not reloaded", what]);
        assert!(line.contains("\"ERROR\""), "{line}");
        said += 1;
        let client = dial.open(&host, "echo");
        assert_eq!(shown(client.tls()), issued.certificate, "{what}");
    };
    fs::copy(&other.key_file, &issued.key_file).unwrap();
    refused("host-key.pem has the key of another certificate than");
    fs::write(&issued.key_file, "").unwrap();
    refused("host-key.pem has no private key in it");
    fs::write(&issued.chain_file, "").unwrap();
    refused("host.pem has no certificate in it");
    fs::remove_file(&issued.key_file).unwrap();
    refused("host-key.pem does not exist");
    assert_eq!(said, 4);
    assert_eq!(before.ask("still here"), "still here");

    let new = authority.issue("host", &["host.example"]);
    host.signal("-HUP");
    host.logged(&["certificates were read again"]);
    assert_eq!(shown(dial.open(&host, "echo").tls()), new.certificate);
}

// hardening H30
#[test]
fn of_two_listeners_neither_is_reloaded_when_one_cannot_be() {
    let authority = Authority::new();
    let (first, second) = (
        authority.issue("first", &["host.example"]),
        authority.issue("second", &["host.example"]),
    );
    let listener = |issued: &Issued| {
        format!(
            "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = {{ {} }}\n",
            issued.setting()
        )
    };
    let host = Host::serve(&format!(
        "{}{}[service.echo]\npath = \"/echo\"\nnative = \"echo\"\n",
        listener(&first),
        listener(&second)
    ));
    authority.issue("first", &["host.example"]);
    fs::write(&second.key_file, "").unwrap();
    host.signal("-HUP");
    host.logged(&[
        "everything stays as it was",
        "second-key.pem has no private key in it",
        "wasket.toml:",
    ]);
    let reloaded = host.log().join("\n").contains("\"reloaded\"");
    assert!(!reloaded);
    assert_eq!(host.stop(), Some(0));
}

// A ticket is worth what was true of its client once: not after the authorities have changed.
#[test]
fn a_client_of_an_authority_that_was_dropped_does_not_resume() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let issued = authority.issue("host", &["host.example"]);
    let ca = authority.folder.join("clients.pem");
    fs::copy(&clients.file, &ca).unwrap();
    let host = host(&format!(
        "{}, client_certificates = \"required\", client_ca = \"{}\"",
        issued.setting(),
        ca.display()
    ));
    let own = clients.issue("own", &["own.example"]);
    let dial = Dial::with(&authority, rustls::ALL_VERSIONS, Some(&own));
    let mut client = dial.open(&host, "echo");
    assert_eq!(client.ask("hello"), "hello");
    fs::copy(&Authority::new().file, &ca).unwrap();
    host.signal("-HUP");
    host.logged(&["certificates were read again"]);
    let refused = dial.connect(&host, "echo").err().unwrap();
    assert!(refused.contains("UnknownCA"), "{refused}");
    assert_eq!(client.ask("still here"), "still here");
}
