//! Links of the file system: none of them leads out.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use super::{Tree, get};

// hardening H27
#[test]
fn nothing_outside_is_served_whatever_links_there_are() {
    let tree = Tree::new();
    tree.write("public/sub/inner", "inner");
    tree.write("public/.env", "secret");
    tree.write("outside/index.html", "secret");
    tree.write("outside/ten.gz", "secret");
    for (link, target) in [
        ("public/inside", "sub/inner"),
        ("public/folder", "sub"),
        ("public/sub/back", "../ten"),
        ("public/out", "../secret"),
        ("public/outside", "../outside"),
        ("public/parent", ".."),
        ("public/chain", "out"),
        ("public/loop", "loop"),
        ("public/dangling", "nothing"),
        ("public/etc", "/etc"),
        ("public/passwd", "/etc/passwd"),
        ("public/zero", "/dev/zero"),
        ("public/self", "/proc/self"),
        ("public/ten.gz", "../outside/ten.gz"),
    ] {
        symlink(target, tree.at(link)).unwrap();
    }
    let absolute = tree.at("secret");
    symlink(absolute, tree.at("public/absolute")).unwrap();
    let made = Command::new("mkfifo").arg(tree.at("public/pipe")).status();
    assert!(made.unwrap().success());
    let host = tree.serve("precompressed = true");
    let inside = [
        ("/inside", "inner"),
        ("/folder/inner", "inner"),
        ("/sub/back", "0123456789"),
    ];
    for (path, body) in inside {
        let answer = get(&host, path, "");
        assert_eq!((answer.status, &*answer.body), (200, body), "{path}");
    }
    let ten = get(&host, "/ten", "Accept-Encoding: gzip\r\n");
    assert_eq!((ten.status, &*ten.body), (200, "0123456789"));
    for path in [
        "/out",
        "/outside",
        "/outside/",
        "/outside/index.html",
        "/outside/..",
        "/parent/secret",
        "/parent/",
        "/chain",
        "/loop",
        "/dangling",
        "/etc/passwd",
        "/passwd",
        "/zero",
        "/self/environ",
        "/self/root/etc/passwd",
        "/absolute",
        "/pipe",
        "/../secret",
        "/sub/../../secret",
        "/%2e%2e/secret",
        "/%2e%2e%2fsecret",
        "/..%2fsecret",
        "/%252e%252e%252fsecret",
        "/..%5csecret",
        "/..\\secret",
        "/ten%00",
        "/ten%00.html",
        "//etc/passwd",
        "/.env",
        "/%2eenv",
        "/sub/",
    ] {
        let answer = get(&host, path, "");
        assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
        let body = &answer.body;
        assert!(
            !body.contains("secret") && !body.contains("root:"),
            "{path}: {body}"
        );
    }
}

// hardening H27
#[test]
fn the_directory_itself_may_be_a_link_that_is_set_elsewhere() {
    let tree = Tree::new();
    fs::rename(tree.at("public"), tree.at("first")).unwrap();
    tree.write("second/ten", "the second");
    symlink("first", tree.at("public")).unwrap();
    let host = tree.serve("");
    assert_eq!(get(&host, "/ten", "").body, "0123456789");
    symlink("second", tree.at("next")).unwrap();
    fs::rename(tree.at("next"), tree.at("public")).unwrap();
    assert_eq!(get(&host, "/ten", "").body, "the second");
    fs::remove_file(tree.at("public")).unwrap();
    assert_eq!(get(&host, "/ten", "").status, 503);
    host.logged(&["WARN", "files cannot be read", "public"]);
}
