//! SIGHUP: the configuration is read anew while the host serves.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::host::{Host, run, write_config};

fn config(log: &str) -> String {
    format!(
        "[log]\nformat = \"json\"\n{log}\n[[listen]]\naddress = \"127.0.0.1:0\"\n\
         [service.a]\npath = \"/a\"\nnative = \"echo\"\n[service.b]\npath = \"/b\"\nnative = \"echo\"\n"
    )
}

fn serve(log: &str) -> (Host, PathBuf) {
    let file = write_config(&config(log));
    let host = Host::start(&["serve", file.to_str().unwrap()], 2);
    (host, file)
}

/// Opens and closes a session of a service; whatever is logged of it is there when the next one is.
fn visit(host: &Host, service: &str) {
    host.connect(service).close(1000, service);
}

// parity S13
#[test]
fn levels_change_on_sighup() {
    let (host, file) = serve("level = \"warn\"");
    visit(&host, "a");
    fs::write(&file, config("level = \"info\"")).unwrap();
    host.signal("-HUP");
    host.logged(&["\"reloaded\"", "[log]"]);
    visit(&host, "b");
    host.logged(&["\"closed\"", "\"service\":\"b\""]);
    let of_a = |line: &String| line.contains("\"service\":\"a\"");
    assert!(!host.log().iter().any(of_a), "{:?}", host.log());
}

// hardening H30, parity S13
#[test]
fn a_broken_file_changes_nothing_and_the_log_says_its_line() {
    let (host, file) = serve("level = \"info\"");
    for (wrong, line, said) in [
        ("level = \"inof\"", "wasket.toml:3", "inof"),
        ("level = \"off\"\nfromat = \"x\"", "wasket.toml:4", "fromat"),
    ] {
        fs::write(&file, config(wrong)).unwrap();
        host.signal("-HUP");
        host.logged(&["not reloaded", line, said]);
    }
    fs::remove_file(&file).unwrap();
    host.signal("-HUP");
    host.logged(&["not reloaded", "does not exist"]);
    visit(&host, "a");
    host.logged(&["\"closed\"", "\"service\":\"a\""]);
    assert_eq!(host.stop(), Some(0));
}

// parity S13
#[test]
fn what_was_typed_goes_before_the_file_also_later() {
    let file = write_config(&config("level = \"off\""));
    let arguments = ["serve", file.to_str().unwrap(), "--log-level", "info"];
    let host = Host::start(&arguments, 2);
    host.signal("-HUP");
    let line = host.logged(&["[log]", "stays as it is", "--log-level"]);
    assert!(line.contains("\"INFO\""), "{line}");
    visit(&host, "a");
    host.logged(&["\"closed\"", "\"service\":\"a\""]);
    assert_eq!(run(&["check", file.to_str().unwrap()]).0, Some(0));
}

#[test]
fn what_needs_a_restart_is_named() {
    let (host, file) = serve("level = \"info\"");
    let changed = config("level = \"info\"").replace("\"/b\"", "\"/elsewhere\"");
    fs::write(&file, changed).unwrap();
    host.signal("-HUP");
    let line = host.logged(&["\"WARN\"", "needs a restart", "[service.b]"]);
    assert!(!line.contains("[service.a]"), "{line}");
    visit(&host, "b");
    host.logged(&["\"closed\"", "\"service\":\"b\""]);
}

// A file that is a pipe has a reader wait for as long as somebody may still write to it.
#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_read_to_its_end_keeps_no_host_from_stopping() {
    let (host, file) = serve("level = \"info\"");
    fs::remove_file(&file).unwrap();
    let made = Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    host.signal("-HUP");
    // There once the host reads.
    let (opened, is_open) = mpsc::channel();
    thread::spawn(move || opened.send(fs::File::options().write(true).open(&file)));
    let writer = is_open.recv_timeout(Duration::from_secs(30));
    visit(&host, "a");
    assert_eq!(host.stop(), Some(0));
    drop(writer.unwrap().unwrap());
}

// parity S13
#[test]
fn a_service_has_a_level_of_its_own_that_changes_on_sighup() {
    let (host, file) = serve("level = \"off\"\nservice_levels = { b = \"info\" }");
    visit(&host, "a");
    visit(&host, "b");
    host.logged(&["\"closed\"", "\"service\":\"b\""]);
    let of = |service: &str| {
        let service = format!("\"service\":\"{service}\"");
        host.log()
            .iter()
            .filter(|line| line.contains(&service))
            .count()
    };
    assert_eq!(of("a"), 0);
    let before = of("b");
    let other = "level = \"info\"\nservice_levels = { b = \"off\" }";
    fs::write(&file, config(other)).unwrap();
    host.signal("-HUP");
    host.logged(&["\"reloaded\""]);
    visit(&host, "b");
    visit(&host, "a");
    host.logged(&["\"closed\"", "\"service\":\"a\""]);
    assert_eq!(of("b"), before);
    // hardening H30
    fs::write(&file, config("service_levels = { nobody = \"info\" }")).unwrap();
    host.signal("-HUP");
    host.logged(&["not reloaded", "wasket.toml:3", "nobody"]);
}
