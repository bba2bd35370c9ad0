//! PKCS#12.

use std::fs;
use std::path::PathBuf;

use wasket_net::{Password, TlsCertificate, Warning};

use crate::{YEAR_2030, YEAR_2130, file, load};

fn pfx(name: &str, password: Password) -> TlsCertificate {
    TlsCertificate::Pfx {
        file: file(name),
        password,
    }
}

fn password_file(folder: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("password.txt");
    fs::write(&path, text).unwrap();
    path
}

// parity S6
#[test]
fn what_openssl_writes_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for text in [
        "correct horse",
        "correct horse\n",
        "correct horse\r\nand more\n",
    ] {
        let password = Password::File(password_file(&folder, text));
        for name in ["modern.pfx", "legacy.pfx"] {
            let read = load(&[pfx(name, password.clone())], YEAR_2030);
            assert!(read.is_ok(), "{name}: {read:?}");
        }
    }
    let named = Password::Environment("CARGO_PKG_NAME".to_owned());
    for (name, password) in [
        ("empty-password.pfx", Password::Empty),
        ("package-name.pfx", named),
    ] {
        let read = load(&[pfx(name, password)], YEAR_2030);
        assert!(read.is_ok(), "{name}: {read:?}");
    }
}

// hardening H30
#[cfg(unix)]
#[test]
fn a_password_that_others_can_read_gets_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = password_file(&folder, "correct horse");
    let tls = load(
        &[pfx("modern.pfx", Password::File(path.clone()))],
        YEAR_2030,
    )
    .unwrap();
    for (mode, warned) in [(0o644, true), (0o640, false)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let warning = Warning::ExposedPassword(path.clone());
        assert_eq!(tls.warnings().contains(&warning), warned, "{mode:o}");
    }
}

// hardening H30
#[test]
fn what_cannot_be_opened_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let right = Password::File(password_file(&folder, "correct horse"));
    let nowhere = Password::File(folder.path().join("nowhere.txt"));
    let unset = Password::Environment("WASKET_TEST_NO_SUCH_VARIABLE".to_owned());
    for (name, password, what) in [
        (
            "modern.pfx",
            Password::Empty,
            "modern.pfx is not opened by its password",
        ),
        (
            "legacy.pfx",
            Password::Empty,
            "legacy.pfx is not opened by its password",
        ),
        ("modern.pfx", nowhere, "nowhere.txt cannot be read"),
        (
            "modern.pfx",
            unset,
            "environment variable WASKET_TEST_NO_SUCH_VARIABLE",
        ),
        (
            "without-key.pfx",
            right.clone(),
            "without-key.pfx has no private key",
        ),
        ("ec.pem", right.clone(), "ec.pem is no PKCS#12"),
    ] {
        let said = load(&[pfx(name, password)], YEAR_2030).unwrap_err();
        assert!(said[0].contains(what), "{said:?}");
    }
    let said = load(&[pfx("modern.pfx", right)], YEAR_2130).unwrap_err();
    assert!(said[0].starts_with("modern.pfx has expired"), "{said:?}");
}

#[test]
fn what_is_damaged_is_refused_at_any_byte() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.pfx");
    let password = Password::File(password_file(&folder, "correct horse"));
    let whole = fs::read(file("modern.pfx")).unwrap();
    for length in (0..whole.len()).step_by(7) {
        fs::write(&damaged, &whole[..length]).unwrap();
        let certificate = TlsCertificate::Pfx {
            file: damaged.clone(),
            password: password.clone(),
        };
        assert!(load(&[certificate], YEAR_2030).is_err(), "{length} bytes");
    }
}
