//! Credentials: at once, or when asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt as _;
use wasket_auth::{Algorithm, Begun, Guard, Secret, Verdict};
use wasket_client::{Connect, Error};

use crate::server::{Peer, Request, Server};

/// Who stands at the door: what it says to a request, if it does not let it in.
pub(crate) struct Door {
    guard: Guard,
    algorithms: Vec<Algorithm>,
    field: &'static str,
    pub(crate) asked: AtomicUsize,
    /// Nonces of requests before this one are too old.
    stale_before: usize,
    pub(crate) seen: Mutex<Vec<Option<String>>>,
}

impl Door {
    pub(crate) fn new(guard: Guard, algorithms: &[Algorithm], field: &'static str) -> Arc<Self> {
        Arc::new(Self {
            guard,
            algorithms: algorithms.to_vec(),
            field,
            asked: AtomicUsize::new(0),
            stale_before: 0,
            seen: Mutex::default(),
        })
    }

    /// The challenges, or `None` for ada with her password.
    pub(crate) fn refuses(&self, request: &Request, method: &str, target: &str) -> Option<String> {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let now_ms = u64::try_from(number).unwrap() * 10;
        let field = request.header(self.field);
        self.seen.lock().unwrap().push(field.clone());
        let verdict = field.map(|field| {
            match self
                .guard
                .begin(field.as_bytes(), &[method], target, "localhost")
            {
                Ok(Begun::Attempt(attempt)) if attempt.name() == "ada" => {
                    self.guard
                        .finish(&attempt, &Secret::plain("p\u{e4}ss:\"word\""), now_ms)
                }
                _ => Verdict::Failed,
            }
        });
        let is_stale = match verdict {
            Some(Verdict::Proved) if number >= self.stale_before => return None,
            Some(Verdict::Proved | Verdict::Stale) => true,
            _ => false,
        };
        let name = match self.field {
            "authorization" => "WWW-Authenticate",
            _ => "Proxy-Authenticate",
        };
        let challenges = self.guard.challenges(&self.algorithms, is_stale, now_ms);
        let lines = challenges
            .iter()
            .map(|challenge| format!("{name}: {challenge}\r\n"));
        Some(lines.collect())
    }
}

pub(crate) fn digest() -> Guard {
    Guard::digest("the realm".parse().unwrap(), [7; 32], 1_000_000)
}

fn basic() -> Guard {
    Guard::basic("the realm".parse().unwrap())
}

async fn guarded(door: Arc<Door>) -> Server {
    Server::start(move |_, mut socket| {
        let door = Arc::clone(&door);
        async move {
            let request = Request::read(&mut socket).await;
            let target = request.line().split(' ').nth(1).unwrap_or_default().to_owned();
            let answer = match door.refuses(&request, "GET", &target) {
                None => request.accepted(""),
                Some(challenges) => {
                    format!("HTTP/1.1 401 x\r\n{challenges}Content-Length: 0\r\nConnection: close\r\n\r\n")
                }
            };
            socket.write_all(answer.as_bytes()).await.unwrap();
            if answer.starts_with("HTTP/1.1 101") {
                Peer::new(socket).echo().await;
            }
        }
    })
    .await
}

fn ada(server: &Server) -> Connect {
    let connect = Connect::to(&format!("ws://{}/a?b=c", server.address)).unwrap();
    connect.credentials("ada", "p\u{e4}ss:\"word\"").unwrap()
}

// parity W3
#[tokio::test]
async fn the_challenge_decides_how_we_prove_ourselves() {
    for (guard, algorithms, proof) in [
        (basic(), vec![], "Basic "),
        (digest(), vec![Algorithm::Md5], "MD5"),
        (digest(), vec![Algorithm::Sha256], "SHA-256"),
        (digest(), vec![Algorithm::Md5, Algorithm::Sha256], "SHA-256"),
    ] {
        let door = Door::new(guard, &algorithms, "authorization");
        let server = guarded(Arc::clone(&door)).await;
        let connection = ada(&server).open().await.unwrap();
        connection.sender().text("in").await.unwrap();
        let seen = door.seen.lock().unwrap().clone();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0], None, "nothing is sent before it is asked for");
        assert!(seen[1].as_ref().unwrap().contains(proof), "{seen:?}");
    }
}

// parity W3
#[tokio::test]
async fn basic_may_be_sent_at_once() {
    let door = Door::new(basic(), &[], "authorization");
    let server = guarded(Arc::clone(&door)).await;
    ada(&server).pre_auth().open().await.unwrap();
    assert_eq!(door.asked.load(Ordering::SeqCst), 1);
    // A server that wants Digest says so, and gets it.
    let door = Door::new(digest(), &[Algorithm::Sha256], "authorization");
    let server = guarded(Arc::clone(&door)).await;
    ada(&server).pre_auth().open().await.unwrap();
    assert_eq!(door.asked.load(Ordering::SeqCst), 2);
}

// parity W3
#[tokio::test]
async fn a_url_may_have_the_credentials() {
    let door = Door::new(basic(), &[], "authorization");
    let server = guarded(Arc::clone(&door)).await;
    let url = format!("ws://ada:p%C3%A4ss%3A%22word%22@{}/", server.address);
    let connection = Connect::to(&url).unwrap().open().await.unwrap();
    assert!(!connection.response().url().contains("ada"));
}

// parity W3
#[tokio::test]
async fn what_was_refused_is_not_sent_again() {
    for (guard, pre_auth, asked) in [
        (basic(), false, 2),
        (basic(), true, 1),
        (digest(), false, 2),
        (digest(), true, 2),
    ] {
        let door = Door::new(guard, &[Algorithm::Md5], "authorization");
        let server = guarded(Arc::clone(&door)).await;
        let connect = server.connect().credentials("ada", "wrong").unwrap();
        let connect = if pre_auth {
            connect.pre_auth()
        } else {
            connect
        };
        let error = connect.open().await.unwrap_err();
        assert_eq!(error.rejection().unwrap().status, 401, "{error}");
        assert!(error.to_string().contains("check the name"), "{error}");
        assert_eq!(door.asked.load(Ordering::SeqCst), asked);
    }
    // And nothing is sent without being there.
    let door = Door::new(digest(), &[Algorithm::Md5], "authorization");
    let server = guarded(Arc::clone(&door)).await;
    assert!(matches!(
        server.connect().open().await,
        Err(Error::Handshake(_))
    ));
    assert_eq!(door.asked.load(Ordering::SeqCst), 1);
}

// parity W3
#[tokio::test]
async fn a_nonce_that_is_too_old_is_answered_once_more() {
    for (stale_before, opens) in [(2, true), (3, false)] {
        let mut door = Door::new(digest(), &[Algorithm::Sha256], "authorization");
        Arc::get_mut(&mut door).unwrap().stale_before = stale_before;
        let server = guarded(Arc::clone(&door)).await;
        assert_eq!(ada(&server).open().await.is_ok(), opens);
        assert_eq!(door.asked.load(Ordering::SeqCst), 3);
    }
}

// parity W3
#[tokio::test]
async fn a_header_of_the_callers_goes_instead() {
    let door = Door::new(basic(), &[], "authorization");
    let server = guarded(Arc::clone(&door)).await;
    let connect = ada(&server)
        .header("Authorization", "Bearer token")
        .unwrap();
    connect.pre_auth().open().await.unwrap_err();
    let seen = door.seen.lock().unwrap().clone();
    assert_eq!(seen, [Some("Bearer token".to_owned())]);
}

// parity W3
#[tokio::test]
async fn who_does_not_want_basic_sends_none() {
    for pre_auth in [false, true] {
        let door = Door::new(basic(), &[], "authorization");
        let server = guarded(Arc::clone(&door)).await;
        let connect = ada(&server).without_basic();
        let connect = match pre_auth {
            true => connect.pre_auth(),
            false => connect,
        };
        let error = connect.open().await.unwrap_err();
        assert_eq!(error.rejection().unwrap().status, 401, "{error}");
        assert_eq!(*door.seen.lock().unwrap(), [None]);
    }
    let door = Door::new(digest(), &[Algorithm::Sha256], "authorization");
    let server = guarded(door).await;
    ada(&server).without_basic().open().await.unwrap();
}

// parity W4
#[tokio::test]
async fn of_some_headers_there_is_one() {
    for (name, first, second) in [
        ("Authorization", "Bearer one", "Bearer two"),
        ("Origin", "https://one.example", "https://two.example"),
        ("User-Agent", "one", "two"),
        ("Host", "one.example", "two.example"),
    ] {
        let seen = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&seen);
        let server = Server::answering(move |request| {
            *keep.lock().unwrap() = request.header(name);
            request.accepted("").into_bytes()
        })
        .await;
        let connect = server.connect().header(name, first);
        let connect = connect.and_then(|it| it.header(name, second)).unwrap();
        connect.open().await.unwrap();
        assert_eq!(seen.lock().unwrap().as_deref(), Some(second), "{name}");
    }
}
