//! Users that a component knows.

use std::collections::BTreeMap;
use std::time::Duration;

use wasket_runtime::{Credentials, GuestUsers, Limits, Runtime};
use wasket_session::auth::{Algorithm, Secret};
use wasket_session::{Found, Unavailable, Users};

use crate::harness::{Log, guest_file, runtime};

async fn probe(runtime: &Runtime) -> Credentials {
    let loaded = runtime.load_credentials(&guest_file("probe"), None).await;
    loaded.unwrap_or_else(|e| panic!("{e}"))
}

/// The probe's users, by name and `KIND SECRET ROLE`.
fn users(
    runtime: &Runtime,
    credentials: &Credentials,
    known: &[(&str, &str)],
    algorithms: &[Algorithm],
) -> GuestUsers {
    let config: BTreeMap<String, String> = known
        .iter()
        .map(|(name, user)| (format!("user-{name}"), (*user).to_owned()))
        .collect();
    let limits = Limits {
        event_time: Duration::from_millis(50),
        ..Limits::default()
    };
    let algorithms = algorithms.to_vec();
    let users = GuestUsers::new(runtime, credentials, "auth.own", config, limits, algorithms);
    users.unwrap_or_else(|e| panic!("{e}"))
}

fn decoy(found: Result<Found, Unavailable>) -> Option<Secret> {
    match found {
        Ok(Found::Nobody(decoy)) => decoy,
        other => panic!("{other:?}"),
    }
}

// hardening H26
#[tokio::test]
async fn nobody_is_compared_with_something_from_the_first_name_on() {
    let runtime = runtime();
    let credentials = probe(&runtime).await;
    let known = [("ada", "plain secret")];
    let basic = users(&runtime, &credentials, &known, &[]);
    assert!(decoy(basic.find("r", "eve").await).is_some_and(|decoy| decoy.is_slow()));
    let found = basic.find("r", "ada").await;
    assert!(matches!(found, Ok(Found::User(..))), "{found:?}");
    // As long as for whom it found last.
    assert!(decoy(basic.find("r", "eve").await).is_some_and(|decoy| !decoy.is_slow()));
    let digest = users(&runtime, &credentials, &known, &[Algorithm::Md5]);
    assert!(decoy(digest.find("r", "eve").await).is_none());
}

// hardening H26, H28
#[tokio::test]
async fn what_cannot_be_used_is_nobody_to_strangers() {
    let (log, _recording) = Log::record();
    let runtime = runtime();
    let credentials = probe(&runtime).await;
    let costly = "hash $2y$14$abcdefghijklmnopqrstuuO2BVfBqVd9fVzuOWoZS6yiwAvuVi4eW";
    let long = format!("plain secret {}", "r".repeat(16 << 10));
    let known = [
        ("odd", "hash secret"),
        ("short", "md5 00"),
        ("costly", costly),
        ("long", &long),
    ];
    let users = users(&runtime, &credentials, &known, &[]);
    for (name, why) in [
        ("odd", "a plain password"),
        ("short", "hexadecimal digits"),
        ("costly", "takes too long: at most cost 13"),
        ("long", "a principal of 16"),
    ] {
        assert!(decoy(users.find("r", name).await).is_some(), "{name}");
        let lines = log.lines(why);
        assert!(lines.iter().any(|line| line.contains("ERROR")), "{name}");
        assert!(!log.text().contains("secret"), "{}", log.text());
    }
    for name in ["trap", "forever"] {
        let found = users.find("r", name).await;
        assert!(matches!(found, Err(Unavailable::Name)), "{name} {found:?}");
    }
    assert_eq!(log.lines("the guest failed").len(), 2);
    // Nothing of it is about a session.
    assert!(!log.text().contains("session="), "{}", log.text());
}
