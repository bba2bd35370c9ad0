//! TLS behind a proxy that says who is there, with a certificate of the client's and a login.

use std::fs;

use rcgen::DnType;

use super::Authority;
use super::client::Dial;
use crate::host::Host;

/// `eve` with the password `secret`.
const HTPASSWD: &str = "eve:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";
const LOGIN: (&str, &str) = ("authorization", "Basic ZXZlOnNlY3JldA==");
const HEAD: &[u8] = b"PROXY TCP4 192.0.2.7 10.0.0.1 4096 443\r\n";

fn serve(authority: &Authority) -> Host {
    let issued = authority.issue("host", &["host.example"]);
    let users = authority.folder.join("users");
    fs::write(&users, HTPASSWD).unwrap();
    Host::serve(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.0/8\"]\nproxy_protocol = true\n\
         tls = {{ {}, client_certificates = \"optional\", client_ca = \"{}\" }}\n\
         [auth.staff]\nscheme = \"basic\"\nusers = {users:?}\nfailures_per_minute_max = 1\n\
         [service.open]\npath = \"/open\"\ncomponent = \"GUESTS/probe.wasm\"\n\
         [service.staff]\npath = \"/staff\"\ncomponent = \"GUESTS/probe.wasm\"\nauth = \"staff\"\n",
        issued.setting(),
        authority.file.display()
    ))
}

// parity S1, S2, S6, B2
#[test]
fn who_logs_in_goes_before_a_certificate() {
    let authority = Authority::new();
    let host = serve(&authority);
    let own = authority.issue_with("device", &[], |params| {
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "device");
    });
    let dial = Dial {
        before: HEAD,
        ..Dial::with(&authority, rustls::ALL_VERSIONS, Some(&own))
    };
    let mut client = dial.open(&host, "open");
    let request = client.ask("request");
    assert!(request.contains("name: \"CN=device\""), "{request}");
    host.logged(&[
        "\"open\"",
        "\"remote\":\"192.0.2.7:4096\"",
        "\"tls\":\"1.3\"",
    ]);

    let refused = dial.connect(&host, "staff").err().unwrap();
    assert!(refused.contains("401"), "{refused}");
    let login = Dial {
        header: Some(LOGIN),
        ..dial
    };
    let mut client = login.open(&host, "staff");
    let request = client.ask("request");
    for part in [
        "name: \"eve\"",
        "\"tls-version\"",
        "\"CN=device\"",
        "secure: true",
    ] {
        assert!(request.contains(part), "no {part} in {request}");
    }
    host.logged(&[
        "\"open\"",
        "\"remote\":\"192.0.2.7:4096\"",
        "\"principal\":\"eve\"",
    ]);
}

// parity S6, B2: a proxy that shows a certificate of its own is none of its clients
#[test]
fn the_certificate_of_a_proxy_is_not_that_of_whom_it_speaks_for() {
    let authority = Authority::new();
    let issued = authority.issue("host", &["host.example"]);
    let host = super::host_with(
        "trusted_proxies = [\"127.0.0.1\"]",
        &format!(
            "{}, client_certificates = \"required\", client_ca = \"{}\"",
            issued.setting(),
            authority.file.display()
        ),
    );
    let own = authority.issue_with("proxy", &[], |params| {
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "proxy");
    });
    let itself = Dial::with(&authority, rustls::ALL_VERSIONS, Some(&own));
    let request = itself.open(&host, "probe").ask("request");
    assert!(request.contains("name: \"CN=proxy\""), "{request}");
    for header in [
        ("x-forwarded-for", "192.0.2.7"),
        ("forwarded", "for=unknown;proto=https"),
    ] {
        let relaying = Dial {
            header: Some(header),
            ..itself.clone()
        };
        let request = relaying.open(&host, "probe").ask("request");
        assert!(request.contains("principal: None"), "{request}");
        assert!(!request.contains("CN=proxy"), "{request}");
        assert!(request.contains("\"tls-version\""), "{request}");
    }
}

// parity S2: failures are those of the client, not of the proxy that all come through
#[test]
fn failures_are_counted_for_the_client_that_a_proxy_tells_of() {
    let authority = Authority::new();
    let host = serve(&authority);
    let wrong = Dial {
        before: HEAD,
        header: Some(("authorization", "Basic ZXZlOndyb25n")),
        ..Dial::new(&authority)
    };
    for status in ["401", "429"] {
        let refused = wrong.connect(&host, "staff").err().unwrap();
        assert!(refused.contains(status), "{refused}");
    }
    let other = Dial {
        before: b"PROXY TCP4 192.0.2.8 10.0.0.1 4096 443\r\n",
        header: Some(LOGIN),
        ..Dial::new(&authority)
    };
    assert!(other.connect(&host, "staff").is_ok());
}

// parity S1
#[test]
fn tls_without_the_head_is_turned_away() {
    let authority = Authority::new();
    let host = serve(&authority);
    assert!(Dial::new(&authority).shake_hands(&host).is_err());
    host.logged(&["`proxy_protocol` is on", "it begins otherwise"]);
}
