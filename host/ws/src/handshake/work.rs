//! The work that a request's head causes, counted in bytes looked at.

use std::cell::Cell;

use super::{Refusal, examine};

thread_local! {
    static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
}

pub(super) fn note(bytes: usize) {
    LOOKED_AT.set(LOOKED_AT.get() + bytes);
}

/// The bytes that were looked at to examine a good request with these fields besides.
fn work(fields: &[(&str, String)]) -> (usize, Option<Refusal>) {
    let good = [
        ("Host", "localhost"),
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    ];
    let good = good.map(|(name, value)| (name, value.as_bytes()));
    let hostile = fields.iter().map(|(name, value)| (*name, value.as_bytes()));
    LOOKED_AT.set(0);
    // The hostile ones come first: all that is searched for is behind them.
    let examined = examine("GET", 1, hostile.chain(good));
    (LOOKED_AT.get(), examined.err())
}

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
const PROTOCOL: &str = "Sec-WebSocket-Protocol";

/// What a good request costs at most.
const GOOD_MAX: usize = 1_000;

type Hostile = (&'static str, fn(usize) -> String);

/// Fields that made other parsers go back and forth, by how often their pattern is repeated.
const HOSTILE: [Hostile; 24] = [
    (EXTENSIONS, |n| "a".repeat(n)),
    (EXTENSIONS, |n| " ".repeat(n) + "a" + &" ".repeat(n)),
    (EXTENSIONS, |n| ",".repeat(n)),
    (EXTENSIONS, |n| ", ".repeat(n)),
    (EXTENSIONS, |n| "a,".repeat(n)),
    (EXTENSIONS, |n| format!("a{}", ";b".repeat(n))),
    (EXTENSIONS, |n| format!("a{}", "; b=c".repeat(n))),
    (EXTENSIONS, |n| format!("a{}", ";b=\"c\"".repeat(n))),
    (EXTENSIONS, |n| format!("a;b=\"{}", "c".repeat(n))),
    (EXTENSIONS, |n| format!("a;b=\"{}\"", "\\c".repeat(n))),
    (EXTENSIONS, |n| format!("a;b=\"{}", "\\\"".repeat(n))),
    (EXTENSIONS, |n| format!("a;b=\"{}\"", " ".repeat(n))),
    (EXTENSIONS, |n| format!("a{};", " ".repeat(n))),
    (EXTENSIONS, |n| "a;__proto__=constructor,".repeat(n)),
    (PROTOCOL, |n| "a".repeat(n)),
    (PROTOCOL, |n| ",".repeat(n)),
    (PROTOCOL, |n| format!("a{}b", " ".repeat(n))),
    (PROTOCOL, |n| format!("{0}b,{0}c,{0}d", "a".repeat(n))),
    (PROTOCOL, |n| "__proto__,".repeat(n)),
    ("Upgrade", |n| "websocke,".repeat(n)),
    ("Connection", |n| " , ".repeat(n)),
    ("Sec-WebSocket-Key", |n| "A".repeat(n)),
    ("Sec-WebSocket-Version", |n| " ".repeat(n) + "13"),
    ("Cookie", |n| "a=b; ".repeat(n)),
];

// hardening H7
#[test]
fn doubling_a_hostile_field_at_most_doubles_the_work() {
    for (name, of) in HOSTILE {
        let work = |n| work(&[(name, of(n))]).0;
        let (once, twice) = (work(2_000), work(4_000));
        // A byte may be looked at as part of the line, of an element, and of a token.
        let bytes = of(4_000).len();
        assert!(twice <= once * 2, "{once} and then {twice}: {name}");
        assert!(twice <= bytes * 8 + GOOD_MAX, "{twice} for {bytes}: {name}");
    }
}

// hardening H7: the worst that 64 distinct tokens can do, and no more with any number of them.
#[test]
fn many_subprotocols_are_compared_no_more_than_the_limit_says() {
    let of = |n: usize| (0..n).map(|i| format!("token-{i:05},")).collect::<String>();
    let work = |n| work(&[(PROTOCOL, of(n))]);
    let (most, refusal) = work(65);
    assert_eq!(refusal, Some(Refusal::Protocols));
    let (more, _) = work(1_300);
    let line = |n| of(n).len();
    assert!(more <= most + line(1_300), "{more} looks, {most} for 65");
}

// hardening H7
#[test]
fn doubling_the_number_of_fields_at_most_doubles_the_work() {
    for name in [
        "x",
        "sec-websocket-extensions",
        "sec-websocket-protocol",
        "connection",
    ] {
        let work = |n| work(&vec![(name, "a".to_owned()); n]).0;
        let (once, twice) = (work(1_000), work(2_000));
        assert!(twice <= once * 2, "{once} and then {twice}: {name}");
    }
}

// hardening H7: names that other languages' objects know are names like any other.
#[test]
fn no_name_is_special() {
    for name in [
        "constructor",
        "__proto__",
        "prototype",
        "hasOwnProperty",
        "toString",
    ] {
        let (_, refusal) = work(&[
            (name, name.to_owned()),
            (EXTENSIONS, format!("{name}; {name}={name}; {name}")),
            (PROTOCOL, name.to_owned()),
        ]);
        assert_eq!(refusal, None, "{name}");
    }
}
