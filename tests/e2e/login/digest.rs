//! Digest, with a client of our own that can cheat.

use std::fmt::Write as _;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::file;
use crate::host::{Client, Host, Refused, wait_for};

/// `ada` knows `secret` in the realm `staff`: `htdigest` lines of both algorithms.
pub(crate) fn htdigest() -> String {
    ["MD5", "SHA-256"]
        .map(|algorithm| format!("ada:staff:{}\n", hash(algorithm, "ada:staff:secret")))
        .concat()
}

fn hash(algorithm: &str, text: &str) -> String {
    fn hex<D: Digest>(text: &str) -> String {
        D::digest(text).iter().fold(String::new(), |mut hex, byte| {
            write!(hex, "{byte:02x}").unwrap();
            hex
        })
    }
    match algorithm {
        "MD5" => hex::<Md5>(text),
        _ => hex::<Sha256>(text),
    }
}

pub(super) fn serve(users: &str, settings: &str) -> Host {
    let users = file("users", users);
    serve_from(&format!("users = {users:?}\n{settings}"))
}

/// The same with users from elsewhere.
fn serve_from(settings: &str) -> Host {
    Host::serve(&format!(
        "[auth.staff]\nscheme = \"digest\"\n{settings}\n\
         [service.echo]\npath = \"/echo\"\nnative = \"echo\"\nauth = \"staff\""
    ))
}

/// A challenge that was received.
struct Challenge {
    algorithm: String,
    nonce: String,
    stale: bool,
}

fn challenges(refused: &Refused) -> Vec<Challenge> {
    assert_eq!(refused.status, 401);
    let fields = refused.head.headers.get_all("www-authenticate").iter();
    let challenge = |field: &str| {
        let part = |name: &str| {
            let (_, rest) = field.split_once(&format!("{name}=")).unwrap();
            rest.split(',').next().unwrap().trim_matches('"').to_owned()
        };
        assert!(
            field.starts_with("Digest realm=\"staff\", qop=\"auth\", "),
            "{field}"
        );
        Challenge {
            algorithm: part("algorithm"),
            nonce: part("nonce"),
            stale: field.contains("stale=true"),
        }
    };
    fields
        .map(|field| challenge(field.to_str().unwrap()))
        .collect()
}

fn ask(host: &Host) -> Vec<Challenge> {
    challenges(&host.connect_to("echo", "?a=1", &[]).err().unwrap())
}

impl Challenge {
    fn answer(&self, password: &str, count: u32) -> String {
        self.answer_for("/echo?a=1", password, count)
    }

    fn answer_for(&self, uri: &str, password: &str, count: u32) -> String {
        let hash = |text: String| hash(&self.algorithm, &text);
        let key = hash(format!("ada:staff:{password}"));
        let request = hash(format!("GET:{uri}"));
        let (nonce, algorithm) = (&self.nonce, &self.algorithm);
        let response = hash(format!("{key}:{nonce}:{count:08x}:cnonce:auth:{request}"));
        format!(
            "Digest username=\"ada\", realm=\"staff\", uri=\"{uri}\", algorithm={algorithm}, nonce=\"{nonce}\", \
             nc={count:08x}, cnonce=\"cnonce\", qop=auth, response=\"{response}\""
        )
    }
}

fn enter(host: &Host, answer: &str) -> Result<Client, Box<Refused>> {
    host.connect_to("echo", "?a=1", &[("authorization", answer)])
}

// parity S2, hardening H26
#[test]
fn an_answer_is_good_once() {
    let host = serve(&htdigest(), "failures_per_minute_max = \"off\"");
    let offered = ask(&host);
    let names: Vec<_> = offered.iter().map(|it| it.algorithm.as_str()).collect();
    assert_eq!(names, ["SHA-256", "MD5"]);
    for challenge in &offered {
        let count = if challenge.algorithm == "MD5" { 3 } else { 1 };
        assert!(enter(&host, &challenge.answer("secret", count)).is_ok());
        let replayed = enter(&host, &challenge.answer("secret", count))
            .err()
            .unwrap();
        assert!(challenges(&replayed).iter().all(|fresh| !fresh.stale));
        let wrong = enter(&host, &challenge.answer("wrong", count + 1))
            .err()
            .unwrap();
        assert!(challenges(&wrong).iter().all(|fresh| !fresh.stale));
        assert!(enter(&host, &challenge.answer("secret", count + 1)).is_ok());
    }
    let elsewhere = host.connect_to(
        "echo",
        "?a=2",
        &[("authorization", &offered[0].answer("secret", 9))],
    );
    assert_eq!(elsewhere.err().unwrap().status, 400);
}

// parity S2, hardening H26
#[test]
fn a_nonce_that_is_too_old_is_stale() {
    let host = serve(&htdigest(), "nonce_lifetime = \"1s\"");
    let mut offered = ask(&host).into_iter();
    let old = offered.next().unwrap();
    let mut count = 0;
    let refused = wait_for(|| {
        count += 1;
        enter(&host, &old.answer("secret", count)).err()
    });
    let fresh = challenges(&refused.unwrap());
    assert!(count > 1 && fresh.iter().all(|fresh| fresh.stale));
    let wrong = enter(&host, &old.answer("wrong", count)).err().unwrap();
    assert!(challenges(&wrong).iter().all(|fresh| !fresh.stale));
    assert!(enter(&host, &fresh[0].answer("secret", 1)).is_ok());
}

// parity S2, hardening H26
#[test]
fn an_answer_may_be_overtaken_and_name_the_whole_url() {
    let host = serve(&htdigest(), "");
    let offered = &ask(&host)[0];
    let url = format!("{}?a=1", host.url("echo"));
    for (uri, count) in [("/echo?a=1", 2), ("/echo?a=1", 1), (&*url, 3)] {
        let answer = offered.answer_for(uri, "secret", count);
        assert!(enter(&host, &answer).is_ok(), "{uri} {count}");
    }
    for uri in [
        "ws://elsewhere.example/echo?a=1",
        &url.replace("a=1", "a=2"),
    ] {
        let refused = enter(&host, &offered.answer_for(uri, "secret", 4));
        assert_eq!(refused.err().unwrap().status, 400, "{uri}");
    }
}

// parity S2
#[test]
fn sha_256_is_offered_where_users_have_it() {
    let all = htdigest();
    let md5 = all.lines().next().unwrap();
    for (users, settings, expected) in [
        (md5, "", &["MD5"][..]),
        (
            &all,
            "algorithms = [\"MD5\", \"SHA-256\"]",
            &["MD5", "SHA-256"],
        ),
        (&all, "algorithms = [\"SHA-256\"]", &["SHA-256"]),
    ] {
        let host = serve(users, settings);
        let offered = ask(&host);
        let names: Vec<_> = offered.iter().map(|it| it.algorithm.as_str()).collect();
        assert_eq!(names, expected);
        assert!(enter(&host, &offered[0].answer("secret", 1)).is_ok());
    }
}

// parity S2, hardening H26
#[test]
fn an_algorithm_that_is_not_offered_proves_nothing() {
    let plain = "component = \"GUESTS/probe.wasm\"\nconfig = { user-ada = \"plain secret\" }\n";
    let sha256 = "algorithms = [\"SHA-256\"]\nfailures_per_minute_max = 1";
    for host in [
        serve(&htdigest(), sha256),
        serve_from(&format!("{plain}{sha256}")),
    ] {
        let [offered] = &ask(&host)[..] else {
            panic!("one is offered");
        };
        let md5 = Challenge {
            algorithm: "MD5".to_owned(),
            nonce: offered.nonce.clone(),
            stale: false,
        };
        // RFC 7616, section 3.4: without a name it is MD5.
        let unnamed = md5.answer("secret", 1).replace("algorithm=MD5, ", "");
        for answer in [md5.answer("secret", 1), unnamed] {
            let refused = enter(&host, &answer).err().unwrap();
            assert_eq!(challenges(&refused).len(), 1, "{answer}");
        }
        // It was no attempt, so it does not count as a failed one.
        assert!(enter(&host, &offered.answer("secret", 1)).is_ok());
    }
}

// parity S2
#[test]
fn a_component_gives_a_key_or_a_password() {
    let md5 = hash("MD5", "ada:staff:secret");
    let host = |user: &str| {
        serve_from(&format!(
            "component = \"GUESTS/probe.wasm\"\nconfig = {{ user-ada = \"{user}\" }}"
        ))
    };
    let statuses = |host: &Host| {
        let offered = ask(host);
        let status = |challenge: &Challenge| {
            let entered = enter(host, &challenge.answer("secret", 1));
            entered.map_or_else(|refused| refused.status, |_| 101)
        };
        let statuses = offered.iter().map(status);
        statuses.collect::<Vec<_>>()
    };
    // SHA-256 and MD5.
    assert_eq!(statuses(&host(&format!("md5 {md5}"))), [401, 101]);
    let plain = host("plain secret");
    let offered = ask(&plain);
    assert!(enter(&plain, &offered[0].answer("secret", 1)).is_ok());
    assert!(enter(&plain, &offered[1].answer("secret", 2)).is_ok());
    // A hash is no use.
    let hashed = host("hash {SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=");
    assert_eq!(statuses(&hashed), [401, 401]);
    hashed.logged(&["ERROR", "auth.staff", "cannot be computed with"]);
}
