//! Bare bytes: what stands where, and what of a connection is read as what.

use super::{Tree, all, get};
use crate::host::{run, write_config};

// parity H1, H3
#[test]
fn files_and_services_share_paths() {
    let tree = Tree::new();
    tree.write("public/echo", "not seen: a service is there");
    let host = tree.serve("");
    let index = get(&host, "/", "");
    assert_eq!((index.status, &*index.body), (200, "<p>root</p>"));
    for field in [
        "content-type: text/html; charset=utf-8",
        "cache-control: no-cache",
        "last-modified: sun, 06 nov 1994 08:49:37 gmt",
        "etag: ",
        "accept-ranges: bytes",
        "x-content-type-options: nosniff",
    ] {
        assert!(index.head.contains(field), "no {field} in {}", index.head);
    }
    assert_eq!(get(&host, "/echo", "").status, 426);
    assert_eq!(get(&host, "/ten", "").body, "0123456789");
    for service in ["root", "echo"] {
        assert_eq!(host.connect(service).ask("hello"), "hello");
    }
    // Nobody there serves sessions.
    let asked = get(&host, "/nothing", "Upgrade: websocket\r\n");
    assert_eq!(asked.status, 404);
    let line = host.logged(&[
        "wasket::http",
        "\"path\":\"\\\"/ten\\\"\"",
        "\"status\":200",
    ]);
    assert!(line.contains("\"service\":\"site\""), "{line}");
}

// hardening H16
#[test]
fn what_follows_a_body_is_the_next_request_and_nothing_in_it() {
    let tree = Tree::new();
    let host = tree.serve("");
    let last = "GET /ten HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let inner = "GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n";
    let length = inner.len();
    for (line, status) in [("GET /ten", 200), ("POST /ten", 405), ("PUT /nothing", 405)] {
        let first =
            format!("{line} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{inner}");
        let answers = all(&host, format!("{first}{last}").as_bytes());
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 2, "{answers}");
        assert!(
            answers.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answers}"
        );
        assert!(
            answers.ends_with("0123456789") && !answers.contains("<p>"),
            "{answers}"
        );
    }
    // Of these nothing that follows is read at all.
    let long = "x".repeat(100_000);
    for (first, status) in [
        (format!("POST /ten HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n{long}"), 405),
        ("POST /ten HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), 400),
        ("GET /ten HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".into(), 400),
        ("GET /ten HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n".into(), 400),
        ("GET /ten HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".into(), 200),
        ("GET /ten HTTP/1.1\r\n\r\n".into(), 400),
    ] {
        let answers = all(&host, format!("{first}{inner}").as_bytes());
        assert_eq!(answers.matches("HTTP/1.1 ").count(), 1, "{first:.60}\n{answers}");
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{answers}");
        assert!(!answers.contains("<p>root"), "{answers}");
    }
}

// parity H1, S2
#[test]
fn files_have_logins_roles_hosts_and_headers_of_their_own() {
    let tree = Tree::new();
    tree.write("users", "ada:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n");
    tree.write("roles", "ada: reader\n");
    tree.write("public/in/ten", "9876543210");
    let (users, roles, inner) = (tree.at("users"), tree.at("roles"), tree.at("public/in"));
    let others = format!(
        "[auth.staff]\nscheme = \"basic\"\nusers = {users:?}\nroles = {roles:?}\n\
         [files.in]\npath = \"/in\"\ndirectory = {inner:?}\nauth = \"staff\"\nrequire_roles = [\"reader\"]\n\
         cache_control = \"off\"\nresponse_headers = {{ \"X-Frame-Options\" = \"DENY\" }}\n\
         [files.admin]\npath = \"/admin\"\ndirectory = {inner:?}\nauth = \"staff\"\nrequire_roles = [\"admin\"]\n"
    );
    let host = tree.serve_with("hosts = [\"b.example\"]", &others);
    let ada = "Authorization: Basic YWRhOnNlY3JldA==\r\n";
    let refused = get(&host, "/in/ten", "");
    assert_eq!(refused.status, 401);
    assert!(
        refused.head.contains("www-authenticate: basic"),
        "{refused:?}"
    );
    assert!(
        refused.head.contains("x-frame-options: deny"),
        "{refused:?}"
    );
    let let_in = get(&host, "/in/ten", ada);
    assert_eq!((let_in.status, &*let_in.body), (200, "9876543210"));
    assert!(!let_in.head.contains("cache-control"), "{let_in:?}");
    assert_eq!(get(&host, "/admin/ten", ada).status, 403);
    // The hosts of another table.
    assert_eq!(get(&host, "/ten", "").status, 400);
    // A challenge does not cost the connection.
    let first = "GET /in/ten HTTP/1.1\r\nHost: a\r\n\r\n";
    let again = format!("GET /in/ten HTTP/1.1\r\nHost: a\r\n{ada}Connection: close\r\n\r\n");
    let both = all(&host, format!("{first}{again}").as_bytes());
    assert!(
        both.starts_with("HTTP/1.1 401 ") && both.ends_with("9876543210"),
        "{both}"
    );
}

// parity H1; hardening H30
#[test]
fn check_lists_the_files_and_refuses_what_is_no_directory() {
    let tree = Tree::new();
    let directory = tree.at("public");
    let text = format!("[files.site]\npath = \"/assets\"\ndirectory = {directory:?}\n");
    let file = write_config(&text);
    let (code, out, err) = run(&["check", file.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{err}");
    let line = format!("  files site on /assets ({})\n", directory.display());
    assert!(out.contains(&line), "{out}");
    let (_, json, _) = run(&["check", "--json", file.to_str().unwrap()]);
    assert!(json.contains("\"path\": \"/assets\""), "{json}");
    for (name, what) in [("nowhere", "does not exist"), ("secret", "is no directory")] {
        let wrong = text.replace("public", name);
        for command in ["check", "serve"] {
            let file = write_config(&wrong);
            let (code, out, err) = run(&[command, file.to_str().unwrap()]);
            let said = out + &err;
            assert_eq!(code, Some(2), "{said}");
            assert!(
                said.contains(what) && said.contains("wasket.toml:3:13"),
                "{said}"
            );
        }
    }
}
