//! What is refused at start: as `check` and `serve` say it.

use std::fs;
use std::path::{Path, PathBuf};

use rustls::version::TLS13;

use super::authority::{Authority, Issued};
use super::client::Dial;
use super::host;
use crate::host::{run, write_config};

/// What both commands say of TLS with this in it, and that they end with 2.
fn refused(tls: &str) -> String {
    let file = configuration(tls);
    let [checked, served] = ["check", "serve"].map(|command| {
        let (code, out, err) = run(&[command, file.to_str().unwrap()]);
        assert_eq!(code, Some(2), "{command}: {out}{err}");
        assert_eq!(out, "", "{command}");
        err
    });
    assert_eq!(checked, served);
    served
}

fn configuration(tls: &str) -> PathBuf {
    write_config(&format!(
        "[[listen]]\naddress = \"127.0.0.1:0\"\ntls = {{ {tls} }}\n\
         [service.echo]\npath = \"/echo\"\nnative = \"echo\"\n"
    ))
}

// hardening H30
#[test]
fn what_is_no_use_is_shown_where_it_is_named() {
    let authority = Authority::new();
    let good = authority.issue("good", &["host.example"]);
    let other = authority.issue("other", &["host.example"]);
    let expired = authority.issue_with("expired", &["host.example"], |params| {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let early = authority.issue_with("early", &["host.example"], |params| {
        params.not_before = rcgen::date_time_ymd(2100, 1, 1);
    });
    let empty = authority.folder.join("empty.pem");
    fs::write(&empty, "").unwrap();
    let pair = |chain: &Path, key: &Path| {
        format!(
            "chain = \"{}\", key = \"{}\"",
            chain.display(),
            key.display()
        )
    };
    let clients = clients(&good, &good.key_file);
    for (tls, title, help) in [
        (
            expired.setting(),
            "expired.pem has expired: it was valid until 2020-01-01T00:00:00Z",
            "renew it",
        ),
        (
            early.setting(),
            "early.pem is not valid yet, but from 2100-01-01T00:00:00Z on",
            "clock",
        ),
        (
            pair(&good.chain_file, &other.key_file),
            "other-key.pem has the key of another certificate than",
            "give the key",
        ),
        (
            pair(&empty, &good.key_file),
            "empty.pem has no certificate in it",
            "PEM",
        ),
        (
            pair(&good.chain_file, &empty),
            "empty.pem has no private key in it",
            "PEM",
        ),
        (clients, "good-key.pem has no certificate in it", "PEM"),
    ] {
        let said = refused(&tls);
        for part in [title, help, "wasket.toml:3:", "error: ", "help: "] {
            assert!(said.contains(part), "no {part} in\n{said}");
        }
    }
}

/// The certificates of several files in one.
fn bundle(authority: &Authority, files: [&Path; 2]) -> PathBuf {
    let bundle = authority.folder.join("bundle.pem");
    let all = files.map(|file| fs::read_to_string(file).unwrap());
    fs::write(&bundle, all.concat()).unwrap();
    bundle
}

fn clients(issued: &Issued, ca: &Path) -> String {
    format!(
        "{}, client_certificates = \"optional\", client_ca = \"{}\"",
        issued.setting(),
        ca.display()
    )
}

// hardening H30
#[test]
fn those_who_sign_have_their_time_too() {
    let (authority, old) = (Authority::new(), Authority::expired());
    let good = authority.issue("good", &["host.example"]);
    let chain = bundle(&authority, [&good.chain_file, &old.file]);
    let chained = format!(
        "chain = \"{}\", key = \"{}\"",
        chain.display(),
        good.key_file.display()
    );
    let whose = format!(
        "bundle.pem has behind its first certificate that of CN={}, which has expired",
        old.folder.file_name().unwrap().display()
    );
    let ca = clients(&good, &old.file);
    for (tls, title) in [
        (chained, &*whose),
        (
            ca,
            "ca.pem has expired: it was valid until 2020-01-01T00:00:00Z",
        ),
    ] {
        let said = refused(&tls);
        for part in [title, "wasket.toml:3:", "help: "] {
            assert!(said.contains(part), "no {part} in\n{said}");
        }
    }
}

// hardening H30, parity S6
#[test]
fn of_several_authorities_those_that_have_expired_are_left_out() {
    let (authority, old) = (Authority::new(), Authority::expired());
    let issued = authority.issue("host", &["host.example"]);
    let tls = clients(&issued, &bundle(&authority, [&old.file, &authority.file]));
    let warning = "which has expired: it was valid until 2020-01-01T00:00:00Z: clients with its";
    let (code, out, _) = run(&["check", configuration(&tls).to_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert!(out.contains(warning), "{out}");
    let host = host(&tls);
    host.logged(&["WARN", "bundle.pem has the authority CN=", warning]);
    let client = |by: &Authority| {
        let own = by.issue("client", &["client.example"]);
        Dial::with(&authority, &[&TLS13], Some(&own)).connect(&host, "echo")
    };
    assert!(client(&authority).is_ok());
    let refused = client(&old).err().unwrap();
    assert!(refused.contains("UnknownCA"), "{refused}");
}

// hardening H30
#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_gets_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let authority = Authority::new();
    for (mode, warned) in [(0o644, true), (0o640, false)] {
        let issued = authority.issue("host", &["host.example"]);
        fs::set_permissions(&issued.key_file, fs::Permissions::from_mode(mode)).unwrap();
        let host = host(&issued.setting());
        host.logged(&["listening"]);
        let lines = host.log();
        let warnings = lines.iter().filter(|line| line.contains(EXPOSED));
        assert_eq!(warnings.count(), usize::from(warned), "{lines:?}");

        let file = configuration(&issued.setting());
        let (code, out, _) = run(&["check", file.to_str().unwrap()]);
        assert_eq!(code, Some(0));
        assert_eq!(out.contains(EXPOSED), warned, "{out}");
    }
}

const EXPOSED: &str = "host-key.pem has a private key that every user of this machine can read";
