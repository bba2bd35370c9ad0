//! Certificates of clients.

use rcgen::{DnType, SanType};
use rustls::version::{TLS12, TLS13};

use super::authority::{Authority, Issued};
use super::client::Dial;
use super::host;
use crate::host::Host;

struct Stage {
    host: Host,
    authority: Authority,
    clients: Authority,
}

fn stage(setting: &str) -> Stage {
    let (authority, clients) = (Authority::new(), Authority::new());
    let issued = authority.issue("host", &["host.example"]);
    let host = host(&format!(
        "{}, client_certificates = \"{setting}\", client_ca = \"{}\"",
        issued.setting(),
        clients.file.display()
    ));
    Stage {
        host,
        authority,
        clients,
    }
}

fn ada(by: &Authority) -> Issued {
    by.issue_with("ada", &[], |params| {
        let name = &mut params.distinguished_name;
        name.push(DnType::OrganizationName, "Example, Inc.");
        name.push(DnType::CommonName, "ada");
    })
}

/// As RFC 4514 writes it.
const ADA: &str = "CN=ada,O=Example\\, Inc.";

// parity S6, B2
#[test]
fn a_certificate_says_who_is_asking() {
    for setting in ["optional", "required"] {
        let stage = stage(setting);
        let ada = ada(&stage.clients);
        for version in [&TLS12, &TLS13] {
            let dial = Dial::with(&stage.authority, &[version], Some(&ada));
            // The second one resumes, and is the same client.
            for _ in 0..2 {
                let mut client = dial.open(&stage.host, "probe");
                let request = client.ask("request");
                let subject = format!("{ADA:?}");
                for part in [
                    format!("\"client-certificate-subject\",\n            {subject}"),
                    format!("name: {subject}"),
                    "\"scheme\",\n                    \"certificate\"".to_owned(),
                ] {
                    assert!(request.contains(&part), "no {part} in {request}");
                }
                client.close(1000, "");
            }
        }
        stage.host.logged(&["\"message\":\"open\"", "CN=ada"]);
    }
}

// parity S6
#[test]
fn a_subject_may_be_empty_and_a_name_take_its_place() {
    let stage = stage("required");
    let device = stage.clients.issue_with("device", &[], |params| {
        let uri = "spiffe://example/device-7".try_into().unwrap();
        params.subject_alt_names.push(SanType::URI(uri));
    });
    let mut client = Dial::with(&stage.authority, rustls::ALL_VERSIONS, Some(&device))
        .open(&stage.host, "probe");
    let request = client.ask("request");
    assert!(
        request.contains("name: \"spiffe://example/device-7\""),
        "{request}"
    );
}

// parity S6
#[test]
fn who_has_none_may_come_when_it_is_optional() {
    let optional = stage("optional");
    let mut client = Dial::new(&optional.authority).open(&optional.host, "probe");
    let request = client.ask("request");
    assert!(request.contains("principal: None"), "{request}");
    assert!(!request.contains("client-certificate"), "{request}");

    let required = stage("required");
    for version in [&TLS12, &TLS13] {
        let dial = Dial::with(&required.authority, &[version], None);
        let refused = dial.connect(&required.host, "probe").err().unwrap();
        // TLS 1.2 has no alert of its own for it.
        let told = refused.contains("CertificateRequired") || refused.contains("HandshakeFailure");
        assert!(told, "{version:?}: {refused}");
    }
    required
        .host
        .logged(&["no TLS handshake", "peer sent no certificates"]);
}

// parity S6
#[test]
fn a_certificate_of_another_authority_is_refused_in_any_case() {
    for setting in ["optional", "required"] {
        let stage = stage(setting);
        let stranger = ada(&Authority::new());
        let dial = Dial::with(&stage.authority, &[&TLS13], Some(&stranger));
        let refused = dial.connect(&stage.host, "probe").err().unwrap();
        assert!(refused.contains("UnknownCA"), "{refused}");
        stage.host.logged(&["no TLS handshake", "UnknownIssuer"]);
    }
}

// parity S6
#[test]
fn an_expired_certificate_is_refused() {
    let stage = stage("optional");
    let late = stage.clients.issue_with("late", &[], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let dial = Dial::with(&stage.authority, &[&TLS13], Some(&late));
    let refused = dial.connect(&stage.host, "probe").err().unwrap();
    assert!(refused.contains("CertificateExpired"), "{refused}");
}
