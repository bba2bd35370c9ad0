//! What is refused at start: as `check` and `serve` say it.

use std::fs;
use std::path::PathBuf;

use super::{Authority, host};
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
    let pair = |chain: &std::path::Path, key: &std::path::Path| {
        format!(
            "chain = \"{}\", key = \"{}\"",
            chain.display(),
            key.display()
        )
    };
    let clients = format!(
        "{}, client_certificates = \"optional\", client_ca = \"{}\"",
        good.setting(),
        good.key_file.display()
    );
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
