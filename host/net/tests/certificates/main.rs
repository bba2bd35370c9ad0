//! The certificates of a listener as they are read from files: the forms that are taken, and what is said of all
//! others. `files/make.sh` has made the files.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall say so")]

#[cfg(feature = "pfx")]
mod pfx;
mod refused;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use wasket_net::{Tls, TlsCertificate, TlsSettings, TlsVersions};

// parity S6
#[test]
fn every_form_of_key_is_read() {
    for (chain, key) in [
        ("ec.pem", "ec-pkcs8.pem"),
        ("ec.pem", "ec-sec1.pem"),
        ("rsa.pem", "rsa-pkcs8.pem"),
        ("rsa.pem", "rsa-pkcs1.pem"),
        ("ed25519.pem", "ed25519.pem"),
    ] {
        let read = load(&[pem(&file(chain), &file(key))], YEAR_2030);
        assert!(read.is_ok(), "{chain} and {key}: {read:?}");
    }
}

// parity S6
#[test]
fn a_change_is_noticed_once_and_taken_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let (chain, key) = (
        folder.path().join("chain.pem"),
        folder.path().join("key.pem"),
    );
    let put = |certificate: &str, private: &str| {
        fs::copy(file(certificate), &chain).unwrap();
        fs::copy(file(private), &key).unwrap();
    };
    put("ec.pem", "ec-pkcs8.pem");
    let tls = load(&[pem(&chain, &key)], YEAR_2030).unwrap();
    assert!(!tls.take_change());

    fs::copy(file("rsa.pem"), &chain).unwrap();
    assert!(tls.take_change() && !tls.take_change());
    let unusable = tls.prepare(at(YEAR_2030)).err().unwrap();
    assert_eq!(unusable.len(), 1);
    assert_eq!(unusable[0].file, key);

    put("rsa.pem", "rsa-pkcs8.pem");
    assert!(tls.take_change());
    tls.prepare(at(YEAR_2030)).unwrap().commit();
    assert!(!tls.take_change());

    fs::remove_file(&key).unwrap();
    assert!(tls.take_change() && !tls.take_change());
    assert!(tls.prepare(at(YEAR_2030)).is_err());
}

#[test]
fn of_two_who_renew_the_later_one_has_read_later() {
    let folder = tempfile::tempdir().unwrap();
    let chain = folder.path().join("chain.pem");
    let put = |name: &str| fs::copy(file(name), &chain).unwrap();
    put("rsa.pem");
    let tls = load(&[pem(&chain, &file("rsa-pkcs8.pem"))], YEAR_2030).unwrap();
    let earlier = tls.prepare(at(YEAR_2030)).unwrap();
    let more = [fs::read(&chain).unwrap(), fs::read(file("ec.pem")).unwrap()];
    fs::write(&chain, more.concat()).unwrap();
    let (done, is_done) = mpsc::channel();
    thread::scope(|scope| {
        let later = scope.spawn(|| {
            tls.prepare(at(YEAR_2030)).unwrap().commit();
            done.send(()).unwrap();
        });
        // Time enough for one that does not wait.
        let waited = is_done.recv_timeout(Duration::from_millis(100)).is_err();
        earlier.commit();
        later.join().unwrap();
        assert!(waited);
    });
    assert!(!tls.take_change());
}

fn load(certificates: &[TlsCertificate], second: u64) -> Result<Tls, Vec<String>> {
    let settings = TlsSettings {
        certificates: certificates.to_vec(),
        versions: TlsVersions::Both,
        client_certificates: None,
    };
    let tls = Tls::load(settings, at(second));
    tls.map_err(|unusable| {
        unusable
            .iter()
            .map(|one| relative(&one.to_string()))
            .collect()
    })
}

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

fn pem(chain: &Path, key: &Path) -> TlsCertificate {
    TlsCertificate::Pem {
        chain: chain.to_owned(),
        key: key.to_owned(),
    }
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/certificates/files")
        .join(name)
}

/// What is said is the same wherever the project lies.
fn relative(text: &str) -> String {
    text.replace(
        &format!("{}/", file("").parent().unwrap().join("files").display()),
        "",
    )
}

const YEAR_2000: u64 = 946_684_800;
const YEAR_2030: u64 = 1_893_456_000;
const YEAR_2130: u64 = 5_049_129_600;
