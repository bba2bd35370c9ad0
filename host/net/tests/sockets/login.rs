//! Who may come: challenges, proofs, roles, and how often one may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wasket_auth::{Algorithm, Guard, HashLimits, Secret};
use wasket_net::{Access, Authentication, Hashing, Login};
use wasket_session::echo::Echo;
use wasket_session::{Found, Hub, Limits, Lookup, Principal, Unavailable, Users};

use crate::support::{Peer, Running, request};

/// Ada is an admin and knows `secret`; Bob is nobody in particular, and his hash is slow.
#[derive(Default)]
struct Known {
    lookups: AtomicU32,
}

impl Users for Known {
    fn find<'a>(&'a self, realm: &'a str, name: &'a str) -> Lookup<'a> {
        assert_eq!(realm, "a realm");
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let user = |secret, roles: &[&str]| {
            let roles = roles.iter().map(|&role| role.to_owned()).collect();
            let name = name.to_owned();
            let claims = Vec::new();
            Found::User(
                secret,
                Principal {
                    name,
                    roles,
                    claims,
                },
            )
        };
        let found = match name {
            "ada" => Ok(user(Secret::plain("secret"), &["admin"])),
            "bob" => {
                let hash = Secret::hash(BCRYPT, HashLimits::OPERATOR);
                Ok(user(hash.unwrap(), &[]))
            }
            "down" => Err(Unavailable::Users),
            "odd" => Err(Unavailable::Name),
            _ => Ok(Found::Nobody(Some(Secret::plain("secret")))),
        };
        Box::pin(std::future::ready(found))
    }

    fn algorithms(&self) -> Vec<Algorithm> {
        panic!("Basic has none")
    }
}

/// `Circle of Life`
const BCRYPT: &str = "$2y$04$9NG3JcnaG7R6Iex1W3lORu8Q3oTuOrGi1jBb887SmFIRqWxtovvVq";

const ADA: &str = "Authorization: Basic YWRhOnNlY3JldA==\r\n";
const ADA_WRONG: &str = "Authorization: Basic YWRhOndyb25n\r\n";
const BOB: &str = "Authorization: Basic Ym9iOkNpcmNsZSBvZiBMaWZl\r\n";
const BOB_WRONG: &str = "Authorization: Basic Ym9iOm5v\r\n";
const EVE: &str = "Authorization: Basic ZXZlOnNlY3JldA==\r\n";
const ODD: &str = "Authorization: Basic b2RkOng=\r\n";
const DOWN: &str = "Authorization: Basic ZG93bjp4\r\n";

fn basic(users: Arc<Known>, failures_per_minute_max: Option<u32>) -> Arc<Authentication> {
    let guard = Guard::basic("a realm".parse().unwrap());
    let authentication =
        Authentication::new(guard, users, None, failures_per_minute_max, Hashing::new());
    Arc::new(authentication)
}

/// An echo at `/echo` whose listener asks, and which itself lets those in that this says.
fn guarded(users: &Arc<Known>, failures_max: Option<u32>, access: &Access) -> Running {
    let echo = Echo::new(Arc::new(Hub::new("echo", Limits::default(), Vec::new())));
    let auth = basic(Arc::clone(users), failures_max);
    Running::start_with(Arc::new(echo), access, |listener| {
        listener.auth = Some(auth);
    })
}

async fn head(running: &Running, authorization: &str) -> String {
    let mut peer = Peer::connect(running.address).await;
    peer.ask(&request("/echo", authorization)).await
}

fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

// parity S2, S9
#[tokio::test]
async fn who_does_not_say_who_it_is_is_asked() {
    let users = Arc::default();
    let running = guarded(&users, None, &Access::default());
    for nobody in ["", ADA_WRONG, BOB_WRONG, EVE, "Authorization: Bearer x\r\n"] {
        let head = head(&running, nobody).await;
        assert_eq!(status(&head), "401", "{nobody}");
        let challenge = "www-authenticate: Basic realm=\"a realm\", charset=\"UTF-8\"\r\n";
        assert!(
            head.to_lowercase().contains(&challenge.to_lowercase()),
            "{head}"
        );
        assert!(head.to_lowercase().contains("connection: close"), "{head}");
    }
    for known in [ADA, BOB] {
        assert_eq!(status(&head(&running, known).await), "101", "{known}");
    }
    for (malformed, what) in [
        ("Authorization: Basic !\r\n".to_owned(), "400"),
        (format!("{ADA}{ADA}"), "400"),
        (
            format!("Authorization: Basic {}\r\n", "A".repeat(5000)),
            "400",
        ),
    ] {
        assert_eq!(
            status(&head(&running, &malformed).await),
            what,
            "{malformed}"
        );
    }
    assert_eq!(status(&head(&running, DOWN).await), "503");
    assert_eq!(running.stop().await, 0);
}

// parity S2, S9
#[tokio::test]
async fn a_service_goes_before_its_listener() {
    let users = Arc::default();
    let other = Arc::default();
    let open = Access {
        login: Login::Off,
        roles: Vec::new(),
    };
    let running = guarded(&users, None, &open);
    assert_eq!(status(&head(&running, "").await), "101");
    running.stop().await;
    let own = Access {
        login: Login::By(basic(Arc::clone(&other), None)),
        roles: vec!["chat".into(), "admin".into()],
    };
    let running = guarded(&users, None, &own);
    assert_eq!(status(&head(&running, "").await), "401");
    assert_eq!(status(&head(&running, BOB).await), "403");
    assert_eq!(status(&head(&running, ADA).await), "101");
    running.stop().await;
    let lookups = |known: &Known| known.lookups.load(Ordering::Relaxed);
    assert_eq!((lookups(&users), lookups(&other)), (0, 2));
}

// parity S9, hardening H26
#[tokio::test]
async fn an_address_that_is_often_wrong_has_to_wait() {
    let users = Arc::default();
    let running = guarded(&users, Some(3), &Access::default());
    assert_eq!(status(&head(&running, ADA).await), "101");
    for (wrong, what) in [
        (ADA_WRONG, "401"),
        (EVE, "401"),
        (BOB_WRONG, "401"),
        (BOB_WRONG, "429"),
    ] {
        assert_eq!(status(&head(&running, wrong).await), what, "{wrong}");
    }
    let refused = head(&running, ADA).await;
    assert_eq!(status(&refused), "429", "the right password too");
    assert!(
        refused.to_lowercase().contains("retry-after: "),
        "{refused}"
    );
    assert_eq!(
        status(&head(&running, "").await),
        "401",
        "no attempt at all"
    );
    assert_eq!(
        users.lookups.load(Ordering::Relaxed),
        4,
        "it is not looked up"
    );
    running.stop().await;
}

// hardening H26, H28
#[tokio::test]
async fn a_name_that_cannot_be_looked_up_cannot_be_tried_for_ever() {
    let users = Arc::default();
    let running = guarded(&users, Some(2), &Access::default());
    // Where nobody can be looked up it is not the client's doing.
    for _ in 0..3 {
        assert_eq!(status(&head(&running, DOWN).await), "503");
    }
    for what in ["503", "503", "429"] {
        assert_eq!(status(&head(&running, ODD).await), what);
    }
    assert_eq!(users.lookups.load(Ordering::Relaxed), 5);
    running.stop().await;
}

// hardening H26
#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_at_once_count_as_those_one_after_another() {
    let users = Arc::default();
    let running = guarded(&users, Some(3), &Access::default());
    let address = running.address;
    let attempts = (0..24).map(|_| {
        tokio::spawn(async move {
            let mut peer = Peer::connect(address).await;
            peer.ask(&request("/echo", BOB_WRONG)).await
        })
    });
    let mut wrong = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        wrong += usize::from(status(&attempt.await.unwrap()) == "401");
    }
    let at_once = std::thread::available_parallelism()
        .unwrap()
        .get()
        .div_ceil(2);
    assert!((3..3 + at_once).contains(&wrong), "{wrong}");
    running.stop().await;
}

// parity S2
#[tokio::test]
async fn what_comes_before_a_login_needs_none() {
    let users = Arc::default();
    let running = guarded(&users, None, &Access::default());
    let mut peer = Peer::connect(running.address).await;
    let head = peer.ask("GET /echo HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert_eq!(status(&head), "426");
    let mut peer = Peer::connect(running.address).await;
    let foreign = format!("Origin: http://evil.example\r\n{ADA}");
    assert_eq!(status(&peer.ask(&request("/echo", &foreign)).await), "403");
    assert_eq!(users.lookups.load(Ordering::Relaxed), 0);
    running.stop().await;
}
