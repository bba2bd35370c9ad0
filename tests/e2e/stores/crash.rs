//! A host that is killed in the middle of writes: what was acknowledged is there, and nothing is torn.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tungstenite::Message;

use crate::host::{Client, Host};

use super::{config, probe, serve};

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    kill(5);
}

#[test]
#[ignore = "slow: 12 s"]
fn nothing_acknowledged_is_lost_by_a_hundred_kills() {
    kill(100);
}

const WRITERS: usize = 4;

/// Keys of one writer, each written again and again.
const KEYS: u64 = 40;

/// What one writer knows.
#[derive(Clone, Default)]
struct Known {
    /// How many writes it has asked for.
    asked: u64,
    /// Key by key, the number of the last write that was acknowledged, and that of one that was not, or not yet.
    keys: BTreeMap<u64, (u64, Option<u64>)>,
}

fn kill(times: usize) {
    let file = config(&format!(
        "[store.a]\nfile = \"a.redb\"\n{}",
        probe("probe", "a")
    ));
    let mut known: [Known; WRITERS] = Default::default();
    for _ in 0..times {
        let host = serve(&file, 1);
        verify(&host, &mut known);
        let (done, dones) = mpsc::channel();
        let writers: Vec<_> = (0..WRITERS)
            .map(|n| {
                let (client, done) = (host.connect("probe"), done.clone());
                let mut known = known[n].clone();
                thread::spawn(move || {
                    write_on(client, n, &mut known, &done);
                    known
                })
            })
            .collect();
        dones.recv_timeout(Duration::from_secs(30)).unwrap();
        thread::sleep(Duration::from_micros(random() % 60_000));
        host.signal("-KILL");
        for (n, writer) in writers.into_iter().enumerate() {
            known[n] = writer.join().unwrap();
        }
    }
    verify(&serve(&file, 1), &mut known);
}

/// Writes until the host is gone.
fn write_on(mut client: Client, writer: usize, known: &mut Known, done: &mpsc::Sender<()>) {
    loop {
        let number = known.asked + 1;
        known.asked = number;
        let (key, value) = (number % KEYS, value(number));
        known.keys.entry(key).or_default().1 = Some(number);
        // Two keys by one write: both have it, or neither.
        let command = format!("1 default set-many a{writer}-{key}={value} b{writer}-{key}={value}");
        if client.socket.send(Message::text(command)).is_err() {
            return;
        }
        match client.socket.read() {
            Ok(Message::Text(answer)) => assert_eq!(answer.as_str(), "ok"),
            Ok(_) => panic!("nothing else is sent"),
            Err(_) => return,
        }
        known.keys.insert(key, (number, None));
        let _ = done.send(());
    }
}

/// Every key has what was last acknowledged for it, or what was asked for behind that.
fn verify(host: &Host, known: &mut [Known; WRITERS]) {
    let mut client = host.connect("probe");
    for (writer, known) in known.iter_mut().enumerate() {
        for key in 0..KEYS {
            let (acknowledged, asked) = known.keys.entry(key).or_default();
            let names = format!("a{writer}-{key} b{writer}-{key}");
            let answer = client.ask(&format!("2 default get-many {names}"));
            let (a, b) = answer.split_once(' ').unwrap();
            assert_eq!(a, b, "half of a write");
            let there = match a {
                "none" => 0,
                text => text.split('.').next().unwrap().parse().unwrap(),
            };
            assert!(a == "none" || a == value(there), "torn: {a}");
            let expected = there == *acknowledged || Some(there) == *asked;
            assert!(expected, "{there}, not {acknowledged} or {asked:?}");
            // Nothing comes of it any more.
            (*acknowledged, *asked) = (there, None);
        }
    }
}

/// As long as it takes to lie on several pages.
fn value(number: u64) -> String {
    format!("{number}.").repeat(400)
}

fn random() -> u64 {
    RandomState::new().hash_one(0)
}
