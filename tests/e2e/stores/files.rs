//! What is kept in a file.

use std::fs;

use super::{config, probe, serve};

#[test]
fn what_is_written_outlives_the_host() {
    let file = config(&format!(
        "[store.a]\nfile = \"a.redb\"\n{}",
        probe("probe", "a")
    ));
    let host = serve(&file, 1);
    assert_eq!(host.connect("probe").ask("1 default set a one"), "ok");
    assert_eq!(host.stop(), Some(0));
    let host = serve(&file, 1);
    let mut client = host.connect("probe");
    assert_eq!(client.ask("2 default get a"), "one");
    assert_eq!(client.ask("2 default increment n 5"), "5");
    drop(client);
    assert_eq!(host.stop(), Some(0));
    // A copy of a file that no host has open is a backup.
    let copy = file.with_file_name("b.redb");
    fs::copy(file.with_file_name("a.redb"), &copy).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("a.redb", "b.redb")).unwrap();
    let host = serve(&file, 1);
    assert_eq!(host.connect("probe").ask("1 default increment n 1"), "6");
}

// hardening H30
#[test]
fn a_file_that_cannot_be_used_keeps_only_those_from_serving_that_name_it() {
    let text = |listen: &str| {
        format!(
            "[store.a]\nfile = \"a.redb\"\n{}[service.echo]\npath = \"/echo\"\nnative = \"echo\"\n{listen}",
            probe("probe", "a")
        )
    };
    let file = config(&text(""));
    let refused = |what: &str| {
        let host = serve(&file, 2);
        let refused = host.connect_to("probe", "", &[]).err().unwrap();
        assert_eq!(refused.status, 503);
        assert_eq!(host.connect("echo").ask("x"), "x");
        let told = host.logged(&[
            "does not load",
            "\"service\":\"probe\"",
            "[store.a]",
            "a.redb",
        ]);
        assert!(told.contains(what), "{told}");
    };
    let first = serve(&file, 2);
    assert_eq!(first.connect("probe").ask("1 default set a one"), "ok");
    refused("open in another process");
    // Checking does not need the file.
    let (code, told, _) = crate::host::run(&["check", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(first.stop(), Some(0));

    let store = file.with_file_name("a.redb");
    let whole = fs::read(&store).unwrap();
    fs::write(&store, "no database").unwrap();
    refused("put a copy of yours in its place");
    fs::write(&store, &whole).unwrap();
    let host = serve(&file, 2);
    assert_eq!(host.connect("probe").ask("1 default get a"), "one");
}
