//! Clients of others: curl, and the crate `digest_auth`.

use std::path::Path;
use std::process::{Command, Stdio};

use super::{basic, digest};
use crate::host::Host;

/// The status that curl gets for an opening handshake. It is cut off once it has one: a session does not end by
/// itself.
fn curl(host: &Host, service: &str, login: &[&str]) -> String {
    let url = host.url(service).replace("ws://", "http://");
    let output = Command::new("curl")
        .args([
            "--silent",
            "--http1.1",
            "--max-time",
            "2",
            "--output",
            "/dev/null",
        ])
        .args(["--write-out", "%{http_code}"])
        .args([
            "--header",
            "Upgrade: websocket",
            "--header",
            "Connection: Upgrade",
        ])
        .args(["--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="])
        .args(["--header", "Sec-WebSocket-Version: 13"])
        .args(login)
        .arg(url)
        .stdin(Stdio::null())
        .output()
        .expect("curl is needed: `apt install curl` on Debian");
    String::from_utf8(output.stdout).unwrap()
}

// parity S2
#[test]
#[ignore = "foreign: needs curl; 2 s for each session"]
fn curl_logs_in_by_basic() {
    let host = basic("");
    let login = |user| curl(&host, "probe", &["--basic", "--user", user]);
    assert_eq!(login("ada:Circle of Life"), "101");
    assert_eq!(login("ada:Circle of Lies"), "401");
    assert_eq!(curl(&host, "probe", &[]), "401");
}

// parity S2
#[test]
#[ignore = "foreign: needs curl; 2 s for each session"]
fn curl_logs_in_by_digest() {
    let users = digest::htdigest();
    let md5 = users.lines().next().unwrap();
    let sha256 = users.lines().nth(1).unwrap();
    for users in [md5, sha256, &users] {
        let host = digest::serve(users, "");
        let login = |user| curl(&host, "echo", &["--digest", "--user", user]);
        assert_eq!(login("ada:secret"), "101", "{users}");
        assert_eq!(login("ada:wrong"), "401", "{users}");
        assert_eq!(
            curl(&host, "echo", &["--anyauth", "--user", "ada:secret"]),
            "101"
        );
        // `--basic` sends the password to whoever asks; nobody here did.
        assert_eq!(
            curl(&host, "echo", &["--basic", "--user", "ada:secret"]),
            "401"
        );
    }
}

// parity S2
#[test]
#[ignore = "foreign: builds a client with digest_auth, 20 s"]
fn digest_auth_logs_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/digest");
    let client = |host: &Host, password: &str| {
        let output = Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--manifest-path"])
            .arg(folder.join("Cargo.toml"))
            .arg("--target-dir")
            .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("digest"))
            .args(["--", &host.url("echo"), "ada", password])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let users = digest::htdigest();
    for (users, algorithm) in [(users.lines().next().unwrap(), "MD5"), (&users, "SHA-256")] {
        let host = digest::serve(users, "");
        assert_eq!(
            client(&host, "secret"),
            format!("{algorithm} 401 101 101\n")
        );
        assert_eq!(client(&host, "wrong"), format!("{algorithm} 401 401 401\n"));
    }
}
