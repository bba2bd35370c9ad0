//! Who may open what, and what the operator hears of it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::host::{Host, guests, run, write_config};

use super::{config, probe};

// hardening H29
#[test]
fn a_guest_opens_what_it_is_granted_and_nothing_else() {
    let host = Host::serve(&format!(
        "[store.a]\nmemory = true\n[store.b]\nmemory = true\n{}{}{}\
         [service.none]\npath = \"/none\"\ncomponent = \"GUESTS/kvprobe.wasm\"\n",
        probe("one", "a"),
        probe("two", "a"),
        probe("other", "b"),
    ));
    let (mut one, mut two) = (host.connect("one"), host.connect("two"));
    assert_eq!(one.ask("1 default set key shared"), "ok");
    assert_eq!(two.ask("2 default get key"), "shared");
    assert_eq!(host.connect("other").ask("1 default get key"), "none");
    let mut none = host.connect("none");
    for store in ["default", "a", "default", ""] {
        for draft in ["1", "2"] {
            let answer = none.ask(&format!("{draft} {store} open"));
            assert_eq!(answer, "error=no-such-store");
        }
    }
    // The names of the tables are not those of the guest.
    assert_eq!(one.ask("1 a open"), "error=no-such-store");
    let told = host.logged(&[
        "\"service\":\"none\"",
        "may not open",
        "`stores`",
        "default",
    ]);
    assert!(told.contains("\"setting\":\"stores\""), "{told}");
    host.logged(&["\"service\":\"one\"", "may not open"]);
    let refusals = host.log().into_iter();
    let refusals =
        refusals.filter(|line| line.contains("may not open") && line.contains("\"none\""));
    assert_eq!(refusals.count(), 1);
}

// hardening H29
#[test]
fn a_full_store_says_so_to_the_guest_and_once_to_the_operator() {
    let stores = "[store.a]\nmemory = true\nbytes_max = 1024\n";
    let host = Host::serve(&format!("{stores}{}", probe("probe", "a")));
    let mut client = host.connect("probe");
    assert_eq!(client.ask("1 default set-bytes a 959"), "ok");
    for draft in ["1", "2"] {
        let answer = client.ask(&format!("{draft} default set b x"));
        assert_eq!(
            answer,
            "error=the store is full: its keys and values may have 1024 bytes, with 64 more for each key"
        );
    }
    assert_eq!(client.ask("1 default get b"), "none");
    let told = host.logged(&["the store is full", "\"store\":\"a\""]);
    assert!(told.contains("\"setting\":\"bytes_max\""), "{told}");
    assert_eq!(client.ask("2 default delete a"), "ok");
    assert_eq!(client.ask("2 default set b x"), "ok");
    let log = host.log();
    let full = log.iter().filter(|line| line.contains("the store is full"));
    assert_eq!(full.count(), 1);
}

#[test]
fn the_example_counts_visitors_and_tells_how_many_by_http() {
    let host = Host::serve(
        "[store.counters]\nmemory = true\n[service.counter]\npath = \"/counter/{room}\"\n\
         component = \"GUESTS/counter.wasm\"\nstores = { default = \"counters\" }\n\
         [http.count]\npath = \"/count/{room}\"\ncomponent = \"GUESTS/counter.wasm\"\n\
         stores = { default = \"counters\" }\n\
         [http.none]\npath = \"/none\"\ncomponent = \"GUESTS/counter.wasm\"\n",
    );
    let visit = |room: &str| {
        let url = host.url("counter").replace("{room}", room);
        host.connect_url(&url, &[]).unwrap()
    };
    let mut first = visit("a");
    assert_eq!(first.text(), "visitor 1");
    assert_eq!(visit("a").text(), "visitor 2");
    assert_eq!(visit("b").text(), "visitor 1");
    // The service's component beside its sessions, and another table.
    for (path, told) in [
        ("/counter/a", "2 visitors"),
        ("/count/a", "2 visitors"),
        ("/count/c", "0 visitors"),
        ("/none", "`stores` of the service has no default"),
    ] {
        let answer = fetch(&host, path);
        assert!(answer.contains(told), "{path}: {answer}");
    }
    host.logged(&[
        "\"service\":\"none\"",
        "may not open",
        "\"setting\":\"stores\"",
    ]);
    assert_eq!(first.ask("reset"), "visitor 2");
    assert_eq!(visit("a").text(), "visitor 1");
}

fn fetch(host: &Host, path: &str) -> String {
    let mut stream = TcpStream::connect(host.authority()).unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

// hardening H29
#[test]
fn check_says_what_a_component_may_open() {
    let file = config(&format!(
        "[store.a]\nfile = \"a.redb\"\n[store.unused]\nmemory = true\n{}\
         [service.none]\npath = \"/none\"\ncomponent = \"GUESTS/kvprobe.wasm\"\n\
         [service.echo]\npath = \"/echo\"\ncomponent = \"GUESTS/echo.wasm\"\nstores = {{ x = \"a\" }}\n",
        probe("probe", "a"),
    ));
    let (code, told, _) = run(&["check", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    for part in [
        "its guests may open \"default\" ([store.a])\n",
        "warning: its component imports wasi:keyvalue/",
        ", and `stores` is empty: no such store",
        "its guests may open \"x\" ([store.a]), and its component imports nothing for it",
        "warning: nothing opens [store.unused]",
    ] {
        assert!(told.contains(part), "no {part} in {told}");
    }
    // Nothing was made.
    assert!(!file.with_file_name("a.redb").exists());
    let (_, told, _) = run(&["check", "--json", file.to_str().unwrap()]);
    assert!(told.contains("\"setting\": \"stores\""), "{told}");
    assert!(told.contains("\"default\": \"a\""), "{told}");
    let component = guests().join("kvprobe.wasm");
    let (code, told, _) = run(&["check", component.to_str().unwrap()]);
    assert_eq!(code, Some(0));
    assert!(told.contains("    stores: wasi:keyvalue/"), "{told}");
    assert!(told.contains("(without: no such store)"), "{told}");
}

// hardening H30
#[test]
fn a_directory_that_is_not_there_is_refused_before_anything_starts() {
    let text = format!("[store.a]\nfile = \"data/a.redb\"\n{}", probe("probe", "a"));
    let file = write_config(&text);
    let (code, _, error) = run(&["serve", file.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("the directory of the store"), "{error}");
    fs::create_dir(file.with_file_name("data")).unwrap();
    assert_eq!(run(&["check", file.to_str().unwrap()]).0, Some(0));
}
