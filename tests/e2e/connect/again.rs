//! Connecting again.

use super::program::Connect;
use super::{field, host};
use crate::host::Host;

// parity W18
#[test]
fn it_connects_again_to_a_host_that_restarts() {
    let first = host();
    let (address, url) = (first.authority(), first.url("probe"));
    let mut text = Connect::to(&url, &["--reconnect"]).start();
    let mut json = Connect::to(&url, &["--reconnect", "--json"]).start();
    for running in [&mut text, &mut json] {
        running.type_line("echo:one");
        running.says("one");
    }
    assert_eq!(first.stop(), Some(0));
    text.tells("connecting again in ");
    let waiting = json.says("\"reconnecting\"");
    assert!(field(&waiting, "after_ms").parse::<u32>().unwrap() <= 500);

    let _second = Host::serve(&format!(
        "[[listen]]\naddress = \"{address}\"\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n"
    ));
    for mut running in [text, json] {
        running.type_line("echo:two");
        running.says("two");
        let (code, err) = running.finish();
        assert_eq!(code, Some(0), "{err}");
    }
}

// parity W18
#[test]
fn it_stops_trying_when_it_is_asked_to() {
    let first = host();
    let running = Connect::to(&first.url("probe"), &["--reconnect", "-v"]).start();
    running.tells("connected to ws://");
    assert_eq!(first.stop(), Some(0));
    running.tells("connecting again in ");
    running.signal("-INT");
    assert_eq!(running.wait().0, Some(130));
}

// parity W18
#[test]
fn it_does_not_try_again_what_would_be_the_same() {
    let host = host();
    let missing = format!("{}x", host.url("echo"));
    // Too long to be a name, so that nobody is asked for its address.
    let unknown = format!("ws://{}/", "a".repeat(64));
    for (url, code) in [(missing, 6), (unknown, 3)] {
        let ended = Connect::to(&url, &["--reconnect"]).end("");
        assert_eq!(ended.code, Some(code), "{}", ended.err);
        assert!(!ended.err.contains("connecting again"), "{}", ended.err);
    }
}
