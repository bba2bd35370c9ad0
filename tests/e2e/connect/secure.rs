//! Over TLS: whom to trust, and who we are.

use super::program::Connect;
use crate::host::Host;
use crate::tls::authority::Authority;

/// The probe on a listener with this `tls`.
pub(super) fn host(tls: &str) -> Host {
    Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = {{ {tls} }}\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n"
    ))
}

// parity W11
#[test]
fn only_certificates_of_known_authorities_are_accepted() {
    let authority = Authority::new();
    let host = host(&authority.issue("host", &["127.0.0.1"]).setting());
    let url = host.url("probe");
    let ca = authority.file.to_str().unwrap();

    let ended = Connect::to(&url, &[]).end("id\n");
    assert_eq!((ended.code, ended.out()), (Some(5), ""), "{}", ended.err);
    assert!(ended.err.contains("(--ca FILE)"), "{}", ended.err);

    let ended = Connect::to(&url, &["--ca", ca, "--exit-after", "1"]).end("echo:hi\n");
    assert_eq!(
        (ended.code, ended.out()),
        (Some(0), "echo=hi\n"),
        "{}",
        ended.err
    );
    assert_eq!(ended.err, "");

    let ended = Connect::to(&url, &["--cacert", ca, "--exit-after", "1"]).end("echo:hi\n");
    assert_eq!((ended.code, ended.out()), (Some(0), "echo=hi\n"));

    let words = ["--insecure", "--exit-after", "1", "--tls-min", "1.3", "-v"];
    let ended = Connect::to(&url, &words).end("echo:hi\n");
    assert_eq!(
        (ended.code, ended.out()),
        (Some(0), "echo=hi\n"),
        "{}",
        ended.err
    );
    assert!(
        ended.err.starts_with("warning: --insecure"),
        "{}",
        ended.err
    );
    assert!(
        ended.err.contains("* secured with TLSv1_3"),
        "{}",
        ended.err
    );
}

// parity W11
#[test]
fn another_name_may_be_asked_for() {
    let authority = Authority::new();
    let host = host(&authority.issue("host", &["host.example"]).setting());
    let ca = authority.file.to_str().unwrap();
    let trusting = ["--ca", ca, "--exit-after", "1"];
    let ended = Connect::to(&host.url("probe"), &trusting).end("echo:hi\n");
    assert_eq!(ended.code, Some(5));
    assert!(ended.err.contains("--server-name"), "{}", ended.err);
    let words = [&trusting[..], &["--server-name", "host.example"]].concat();
    let ended = Connect::to(&host.url("probe"), &words).end("echo:hi\n");
    assert_eq!(
        (ended.code, ended.out()),
        (Some(0), "echo=hi\n"),
        "{}",
        ended.err
    );
}

// parity W11
#[test]
fn a_certificate_says_who_we_are() {
    let authority = Authority::new();
    let server = authority.issue("host", &["127.0.0.1"]);
    let client = authority.issue_with("ada", &[], |params| {
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "ada");
    });
    let ca = authority.file.to_str().unwrap();
    let host = host(&format!(
        "{}, client_ca = \"{ca}\", client_certificates = \"required\"",
        server.setting()
    ));
    let files = [&client.chain_file, &client.key_file].map(|file| file.to_str().unwrap());
    let words = [
        "--ca",
        ca,
        "--cert",
        files[0],
        "--key",
        files[1],
        "--exit-after",
        "1",
    ];
    let ended = Connect::to(&host.url("probe"), &words).end("request\n");
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(ended.out().contains("ada"), "{}", ended.out());
}
