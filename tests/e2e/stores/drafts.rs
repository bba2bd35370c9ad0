//! What a guest sees of a store, by either draft.

use crate::host::Host;

use super::probe;

const STORES: [&str; 2] = ["memory = true", "file = \"a.redb\""];

fn host(store: &str) -> Host {
    Host::serve(&format!("[store.a]\n{store}\n{}", probe("probe", "a")))
}

#[test]
fn both_drafts_read_and_write() {
    let exchanges = [
        ("get a", "none"),
        ("exists a", "false"),
        ("set a one", "ok"),
        ("get a", "one"),
        ("exists a", "true"),
        ("set-many a=two b=three", "ok"),
        ("get-many b nothing a", "three none two"),
        ("increment n 41", "41"),
        ("increment n 1", "42"),
        ("get n", "42"),
        (
            "increment a 1",
            "error=the value is no decimal number of this kind",
        ),
        ("delete a", "ok"),
        ("delete a", "ok"),
        ("get a", "none"),
        ("list", "1 2 Some(\"b\") Some(\"n\") sorted=true"),
        ("delete-many b n nothing", "ok"),
        ("list", "1 0 None None sorted=true"),
    ];
    for store in STORES {
        let host = host(store);
        let mut client = host.connect("probe");
        for draft in ["1", "2"] {
            for (command, answer) in exchanges {
                let answered = client.ask(&format!("{draft} default {command}"));
                assert_eq!(answered, answer, "{draft} {command} {store}");
            }
        }
    }
}

#[test]
fn the_drafts_differ_in_their_numbers() {
    let host = host(STORES[0]);
    let mut client = host.connect("probe");
    let exchanges = [
        (
            "1 default increment u 18446744073709551615",
            "18446744073709551615",
        ),
        ("1 default increment u 1", "error=the sum is out of range"),
        (
            "2 default increment u 1",
            "error=the value is no decimal number of this kind",
        ),
        (
            "2 default increment s -9223372036854775808",
            "-9223372036854775808",
        ),
        ("2 default increment s -1", "error=the sum is out of range"),
        (
            "1 default increment s 1",
            "error=the value is no decimal number of this kind",
        ),
        ("2 default increment both -5", "-5"),
        ("2 default increment both 6", "1"),
        ("1 default increment both 1", "2"),
    ];
    for (command, answer) in exchanges {
        assert_eq!(client.ask(command), answer, "{command}");
    }
}

#[test]
fn a_swap_fails_where_another_write_came_between() {
    for store in STORES {
        let host = host(store);
        let (mut one, mut other) = (host.connect("probe"), host.connect("probe"));
        assert_eq!(one.ask("2 default cas a 1"), "none swapped");
        assert_eq!(one.ask("2 default cas a 2"), "1 swapped");
        let late = one.ask("2 default cas-late a 3");
        assert_eq!(late, "failed there=between swapped");
        assert_eq!(one.ask("2 default get a"), "3");
        // Another session's write, with the same value.
        assert_eq!(one.ask("2 default cas-hold a"), "ok");
        assert_eq!(other.ask("1 default set a 3"), "ok");
        assert_eq!(one.ask("2 default cas-swap 4"), "failed there=3 swapped");
        assert_eq!(one.ask("2 default cas-hold a"), "ok");
        assert_eq!(one.ask("2 default cas-swap 5"), "swapped");
        assert_eq!(other.ask("1 default get a"), "5");
    }
}

#[test]
fn keys_come_page_by_page() {
    for store in STORES {
        let host = host(store);
        let mut client = host.connect("probe");
        assert_eq!(client.ask("1 default fill 1000 3"), "ok");
        let one = "1 1000 Some(\"000000\") Some(\"000999\") sorted=true";
        let two = "2 1001 Some(\"000000\") Some(\"x\") sorted=true";
        for draft in ["1", "2"] {
            assert_eq!(client.ask(&format!("{draft} default list")), one);
        }
        assert_eq!(client.ask("1 default set x y"), "ok");
        for draft in ["1", "2"] {
            assert_eq!(client.ask(&format!("{draft} default list")), two);
        }
        let unknown = client.ask("1 default cursor 99");
        assert!(
            unknown.starts_with("error=this cursor is not known"),
            "{unknown}"
        );
        assert_eq!(client.ask("2 default cursor 000998"), "2");
    }
}

// hardening H29
#[test]
fn limits_hold_at_their_edges() {
    let host = host(STORES[1]);
    let mut client = host.connect("probe");
    for draft in ["1", "2"] {
        let exchanges = [
            ("set-key 1024", "ok"),
            (
                "set-key 1025",
                "error=a key of 1025 bytes; the most is 1024",
            ),
            ("set-bytes v 1048576", "ok"),
            (
                "set-bytes v 1048577",
                "error=a value of 1048577 bytes; the most is 1048576",
            ),
            ("fill 1000 1", "ok"),
            ("fill 1001 1", "error=1001 keys at once; the most is 1000"),
            // Four values and their keys of six bytes are 4 MiB.
            ("fill 4 1048570", "ok"),
            ("fill 4 1048571", "error=more than 4194304 bytes at once"),
            (
                "get-many v 000000 000001 000002 000003",
                "error=more than 4194304 bytes at once",
            ),
        ];
        for (command, answer) in exchanges {
            let answered = client.ask(&format!("{draft} default {command}"));
            assert_eq!(answered, answer, "{draft} {command}");
        }
        let handles = client.ask(&format!("{draft} default handles"));
        let most = "1023 too many handles: an instance has 1024 at once";
        assert_eq!(handles, most);
        // Those are gone again.
        assert_eq!(client.ask(&format!("{draft} default open")), "ok");
    }
}
