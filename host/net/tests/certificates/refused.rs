//! What is refused, and what is said then.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use wasket_net::{ClientCertificates, Tls, TlsSettings, TlsVersions};

use crate::{YEAR_2000, YEAR_2030, YEAR_2130, at, file, load, pem};

/// The one fault of a chain and a key.
fn fault(chain: &Path, key: &Path, second: u64) -> String {
    let faults = load(&[pem(chain, key)], second).expect_err("it was taken");
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].clone()
}

// hardening H30
#[test]
fn what_is_no_use_is_named_with_what_to_do() {
    let cases = [
        (
            "ec.pem",
            "rsa-pkcs8.pem",
            "rsa-pkcs8.pem has the key of another certificate than",
            "give the key that the certificate was made for",
        ),
        (
            "ec.pem",
            "ec.pem",
            "ec.pem has no private key in it",
            "it takes PEM",
        ),
        (
            "ec-pkcs8.pem",
            "ec-pkcs8.pem",
            "ec-pkcs8.pem has no certificate in it",
            "-----BEGIN CERTIFICATE-----",
        ),
        (
            "rsa.pem",
            "encrypted-pkcs8.pem",
            "encrypted-pkcs8.pem has an encrypted private key",
            "openssl pkey",
        ),
        (
            "rsa.pem",
            "encrypted-pkcs1.pem",
            "encrypted-pkcs1.pem has an encrypted private key",
            "password_file",
        ),
        (
            "secp256k1.pem",
            "secp256k1.pem",
            "secp256k1.pem has a private key that cannot be used",
            "P-256",
        ),
        (
            "rsa-1024.pem",
            "rsa-1024.pem",
            "rsa-1024.pem has a private key that cannot be used",
            "2048",
        ),
        (
            "nowhere.pem",
            "ec.pem",
            "nowhere.pem cannot be read",
            "name the file",
        ),
        ("", "ec.pem", "cannot be read", "name the file"),
        (
            "modern.pfx",
            "ec.pem",
            "modern.pfx has no certificate in it",
            "PEM",
        ),
    ];
    for (chain, key, what, help) in cases {
        let said = fault(&file(chain), &file(key), YEAR_2030);
        assert!(
            said.contains(what) && said.contains(help),
            "{chain} {key}: {said}"
        );
    }
}

// hardening H30
#[test]
fn certificates_have_their_time() {
    let at = |second| fault(&file("ec.pem"), &file("ec-pkcs8.pem"), second);
    let early = at(YEAR_2000);
    assert!(
        early.starts_with("ec.pem is not valid yet, but from 20"),
        "{early}"
    );
    let late = at(YEAR_2130);
    assert!(
        late.starts_with("ec.pem has expired: it was valid until 2126-"),
        "{late}"
    );
    assert!(late.ends_with(": renew it"), "{late}");
}

// hardening H30
#[test]
fn what_is_damaged_is_refused_at_any_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    fs::copy(file("ec-pkcs8.pem"), &key).unwrap();
    let whole = fs::read_to_string(file("ec.pem")).unwrap();
    let end = whole.find("-----END").unwrap();
    for length in 0..end {
        fs::write(&chain, &whole[..length]).unwrap();
        assert!(
            load(&[pem(&chain, &key)], YEAR_2030).is_err(),
            "{length} bytes"
        );
    }
    fs::copy(file("ec.pem"), &chain).unwrap();
    let whole = fs::read_to_string(file("ec-pkcs8.pem")).unwrap();
    let end = whole.find("-----END").unwrap();
    for length in 0..end {
        fs::write(&key, &whole[..length]).unwrap();
        assert!(
            load(&[pem(&chain, &key)], YEAR_2030).is_err(),
            "{length} bytes"
        );
    }
    for (text, what) in [
        ("", "has no certificate"),
        ("hello", "has no certificate"),
        (
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
            "is broken PEM",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "has a certificate that cannot be used",
        ),
    ] {
        fs::write(&chain, text).unwrap();
        let said = fault(&chain, &file("ec-pkcs8.pem"), YEAR_2030);
        assert!(said.contains(what), "{said}");
    }
    // Longer than anybody's chain: not read whole.
    fs::write(&chain, "x".repeat((1 << 20) + 1)).unwrap();
    assert!(fault(&chain, &key, YEAR_2030).contains("is longer than 1 MiB"));
}

// A pipe would wait for somebody who writes to it, and some devices never end.
#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.pem");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for path in [pipe, PathBuf::from("/dev/null")] {
        let (done, is_done) = mpsc::channel();
        thread::spawn(move || {
            let pair = [
                fault(&path, &file("ec-pkcs8.pem"), YEAR_2030),
                fault(&file("ec.pem"), &path, YEAR_2030),
            ];
            let _ = done.send(pair);
        });
        for said in is_done.recv_timeout(Duration::from_secs(30)).unwrap() {
            let what = "cannot be read (it is no regular file): name the file";
            assert!(said.contains(what), "{said}");
        }
    }
}

#[test]
fn the_own_certificate_comes_first_in_its_chain() {
    let folder = tempfile::tempdir().unwrap();
    let chain = folder.path().join("chain.pem");
    let certificates = ["rsa.pem", "ec.pem"].map(|name| fs::read_to_string(file(name)).unwrap());
    fs::write(&chain, certificates.concat()).unwrap();
    assert!(load(&[pem(&chain, &file("rsa-pkcs8.pem"))], YEAR_2030).is_ok());
    let said = fault(&chain, &file("ec-pkcs8.pem"), YEAR_2030);
    assert!(said.contains("comes first in its chain"), "{said}");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let good = pem(&file("ec.pem"), &file("ec-sec1.pem"));
    let bad = pem(&file("ec.pem"), &file("rsa-pkcs1.pem"));
    let settings = TlsSettings {
        certificates: vec![bad.clone(), good, bad],
        versions: TlsVersions::Only13,
        client_certificates: Some(ClientCertificates {
            ca: file("ec-sec1.pem"),
            required: true,
        }),
    };
    let unusable = Tls::load(settings, at(YEAR_2030)).unwrap_err();
    let files: Vec<_> = unusable.iter().map(|one| one.file.clone()).collect();
    let expected = ["rsa-pkcs1.pem", "rsa-pkcs1.pem", "ec-sec1.pem"].map(file);
    assert_eq!(files, expected);
}

#[cfg(not(feature = "pfx"))]
#[test]
fn without_the_feature_pkcs_12_is_refused_with_a_way_out() {
    let certificate = wasket_net::TlsCertificate::Pfx {
        file: file("modern.pfx"),
        password: wasket_net::Password::Empty,
    };
    let said = load(&[certificate], YEAR_2030).unwrap_err();
    for part in ["modern.pfx is PKCS#12", "--features pfx", "openssl pkcs12"] {
        assert!(said[0].contains(part), "{said:?}");
    }
}
