//! What a handler is told of a request.

use super::Served;
use crate::host::{Client, wait_for};

// parity H2
#[test]
fn a_handler_sees_every_method_the_query_the_cookies_and_the_user() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let users = folder.join(format!("http-users-{}", std::process::id()));
    std::fs::write(&users, "ada:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n").unwrap();
    let auth = format!("[auth.staff]\nscheme = \"basic\"\nusers = {users:?}\n");
    let served = Served::with("auth = \"staff\"", &auth);
    let fields = "Host: localhost\r\nCookie: a=1; b=2\r\nX-Wasket-Principal: root\r\n\
                  Authorization: Basic YWRhOnNlY3JldA==\r\nContent-Length: 0\r\n\r\n";
    let mut wire = served.wire();
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "BREW"] {
        wire.send(format!(
            "{method} /http/a%20b/seen?x=%2F&y HTTP/1.1\r\n{fields}"
        ));
        let head = wire.head();
        assert_eq!(head.status, 200, "{method}");
        let said = String::from_utf8(wire.body(&head).unwrap()).unwrap();
        for line in [
            "target=/http/a%20b/seen?x=%2F&y",
            "authority=localhost",
            "cookie=a=1; b=2",
            "x-wasket-principal=ada",
        ] {
            assert!(said.lines().any(|it| it == line), "{line} in {said}");
        }
        // The host has looked at it.
        assert!(!said.contains("authorization"), "{said}");
        let seen = said.lines().next().unwrap().to_ascii_lowercase();
        assert!(seen.contains(&method.to_ascii_lowercase()), "{said}");
    }
    wire.send(format!("HEAD /http/seen HTTP/1.1\r\n{fields}"));
    assert_eq!(wire.head().status, 200);
    // Nothing stood behind it.
    wire.send(format!("GET /http/status?code=418 HTTP/1.1\r\n{fields}"));
    assert_eq!(wire.head().status, 418);
    let mut stranger = served.ask("GET /http/seen");
    assert_eq!(stranger.head().status, 401);
}

// parity H3
#[test]
fn a_path_has_sessions_by_upgrade_and_a_handler_for_the_rest() {
    let others = "[http.same]\npath = \"/echo\"\ncomponent = \"GUESTS/httpprobe.wasm\"\n\
                  [service.alone]\npath = \"/alone\"\nnative = \"echo\"\n";
    let served = Served::with("", others);
    assert_eq!(served.host.connect("echo").ask("hello"), "hello");
    let mut wire = served.ask("GET /echo");
    let head = wire.head();
    assert_eq!(head.status, 200);
    assert_eq!(wire.body(&head), Some(Vec::new()));
    assert_eq!(served.ask("GET /alone").head().status, 426);
    served.is_over();
}

// parity M1, M2, M3, M5
#[test]
fn a_handler_reaches_the_sessions_of_a_service() {
    let served = Served::new("");
    let mut clients: Vec<_> = (0..3).map(|_| served.host.connect("echo")).collect();
    // A client reads its 101 before its session has joined the others.
    let counted = || (served.text("/count").1 == "3").then_some(());
    assert!(wait_for(counted).is_some(), "{:?}", served.text("/count"));
    let (_, ids) = served.text("/ids");
    let ids: Vec<&str> = ids.split(',').collect();
    assert_eq!(ids.len(), 3);
    for (index, id) in ids.iter().enumerate() {
        let sent = served.text(&format!("/send?id={id}&text=to+{index}"));
        assert_eq!(sent, (200, "Ok(())".into()));
        assert!(served.text(&format!("/ping?id={id}")).1.starts_with("Ok("));
        assert_eq!(served.text(&format!("/state?id={id}")).1, "Open");
    }
    let mut heard: Vec<String> = clients.iter_mut().map(Client::text).collect();
    heard.sort();
    assert_eq!(heard, ["to 0", "to 1", "to 2"]);
    let (_, joined) = served.text(&format!("/subscribe?id={}&topic=t", ids[0]));
    assert!(joined.starts_with("Ok("), "{joined}");
    served.text("/publish?topic=t&text=few");
    served.text("/broadcast?text=all");
    let mut few = 0;
    for client in &mut clients {
        match client.text().as_str() {
            "few" => {
                few += 1;
                assert_eq!(client.text(), "all");
            }
            text => assert_eq!(text, "all"),
        }
    }
    assert_eq!(few, 1);
    let closed = served.text(&format!("/close?id={}&code=4001&reason=bye", ids[1]));
    assert!(closed.1.starts_with("Ok("), "{closed:?}");
    assert_eq!(served.text("/send?id=1&text=x").1, "nobody");
    served.is_over();
}
