//! Files over real sockets: which there are, and how much of them a request gets.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use wasket_net::FileSettings;

use crate::plain::Plain;
use crate::support::{Peer, soon};

/// A directory `public` with a few files in it, and one file that is not in it.
fn tree() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &str| folder.path().join("public").join(path);
    fs::create_dir_all(at("docs/empty")).unwrap();
    for (path, content) in [
        ("index.html", "<p>root</p>"),
        ("docs/index.html", "<p>docs</p>"),
        ("a b.txt", "0123456789"),
        ("app.js", "let a = 1;"),
        ("app.js.br", "BR"),
        ("app.js.gz", "GZIP"),
        ("nothing", ""),
        (".env", "PASSWORD=1"),
        ("../secret", "secret"),
    ] {
        fs::write(at(path), content).unwrap();
        settle(&at(path));
    }
    folder
}

/// Long ago, so that it is not one of a file that just changed.
fn settle(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    let long_ago = UNIX_EPOCH + Duration::from_secs(784_111_777);
    file.set_modified(long_ago).unwrap();
}

fn serve(folder: &TempDir, change: impl FnOnce(&mut FileSettings)) -> Plain {
    let mut settings = FileSettings {
        directory: folder.path().join("public"),
        mount_segments: 0,
        index: Some("index.html".to_owned()),
        cache_control: Some("no-cache".parse().unwrap()),
        precompressed: false,
        dot_files: false,
    };
    change(&mut settings);
    Plain::files(settings)
}

/// The answer to one request on a connection of its own: its head in lower case, and its body.
async fn ask(server: &Plain, line: &str, fields: &str) -> (String, String) {
    let mut peer = Peer::connect(server.address).await;
    let request = format!("{line} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    peer.send(request.as_bytes()).await;
    let mut answer = Vec::new();
    soon(peer.stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        format!("{}\r\n", head.to_ascii_lowercase()),
        body.to_owned(),
    )
}

// parity H1
#[tokio::test]
async fn every_request_gets_what_is_there() {
    let folder = tree();
    let server = serve(&folder, |_| {});
    let date = "last-modified: sun, 06 nov 1994 08:49:37 gmt\r\n";
    let cases: [(&str, &str, &str, &str, &[&str]); 19] = [
        (
            "GET /",
            "",
            "200 ok",
            "<p>root</p>",
            &[
                "content-type: text/html; charset=utf-8\r\n",
                "content-length: 11\r\n",
                "accept-ranges: bytes\r\n",
                "cache-control: no-cache\r\n",
                "x-content-type-options: nosniff\r\n",
                date,
            ],
        ),
        ("GET /?a=b", "", "200 ok", "<p>root</p>", &[]),
        ("GET /index.html", "", "200 ok", "<p>root</p>", &[]),
        ("GET /docs/", "", "200 ok", "<p>docs</p>", &[]),
        (
            "GET /docs?a=b",
            "",
            "301 moved permanently",
            "this is a directory\n",
            &["location: /docs/?a=b\r\n"],
        ),
        (
            "GET /docs/empty/",
            "",
            "404 not found",
            "there is no such file\n",
            &[],
        ),
        (
            "GET /a%20b.txt",
            "",
            "200 ok",
            "0123456789",
            &["content-length: 10\r\n"],
        ),
        (
            "GET /a%20b.txt/",
            "",
            "404 not found",
            "there is no such file\n",
            &[],
        ),
        (
            "HEAD /a%20b.txt",
            "Range: bytes=0-1\r\n",
            "200 ok",
            "",
            &["content-length: 10\r\n", "accept-ranges: bytes\r\n"],
        ),
        (
            "GET /a%20b.txt",
            "Range: bytes=2-4\r\n",
            "206 partial content",
            "234",
            &["content-range: bytes 2-4/10\r\n", "content-length: 3\r\n"],
        ),
        (
            "GET /a%20b.txt",
            "Range: bytes=-2\r\n",
            "206 partial content",
            "89",
            &["content-range: bytes 8-9/10\r\n"],
        ),
        (
            "GET /a%20b.txt",
            "Range: bytes=10-\r\n",
            "416 range not satisfiable",
            "the file does not reach that far\n",
            &["content-range: bytes */10\r\n"],
        ),
        (
            "GET /a%20b.txt",
            "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
            "304 not modified",
            "",
            &["etag: ", date, "cache-control: no-cache\r\n"],
        ),
        (
            "GET /a%20b.txt",
            "If-Match: \"x\"\r\n",
            "412 precondition failed",
            "the file is not what the request says\n",
            &[],
        ),
        ("GET /nothing", "", "200 ok", "", &["content-length: 0\r\n"]),
        (
            "GET /nowhere",
            "",
            "404 not found",
            "there is no such file\n",
            &[],
        ),
        (
            "POST /a%20b.txt",
            "Content-Length: 0\r\n",
            "405 method not allowed",
            "only get and head\n",
            &["allow: get, head, options\r\n"],
        ),
        (
            "OPTIONS /a%20b.txt",
            "",
            "204 no content",
            "",
            &["allow: get, head, options\r\n"],
        ),
        (
            "GET /app.js",
            "Accept-Encoding: br\r\n",
            "200 ok",
            "let a = 1;",
            &["content-type: text/javascript; charset=utf-8\r\n"],
        ),
    ];
    for (line, fields, status, body, said) in cases {
        let (head, got) = ask(&server, line, fields).await;
        assert!(
            head.starts_with(&format!("http/1.1 {status}\r\n")),
            "{line}\n{head}"
        );
        let got = if status.starts_with('4') {
            got.to_lowercase()
        } else {
            got
        };
        assert_eq!(got, body, "{line}");
        for field in said {
            assert!(head.contains(field), "{line}: no {field} in\n{head}");
        }
        assert!(
            !head.contains("\r\nvary") && !head.contains("content-encoding"),
            "{head}"
        );
    }
}

/// The tag of a file, once it is not of one that just changed: no time of a file that tells it can be set.
async fn settled(server: &Plain, path: &str) -> String {
    for _ in 0..400 {
        let (head, _) = ask(server, &format!("GET {path}"), "").await;
        let tag = head.lines().find_map(|line| line.strip_prefix("etag: "));
        match tag {
            Some(tag) if !tag.starts_with("w/") => return tag.to_owned(),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("its tag stays weak");
}

// parity H1
#[tokio::test]
async fn a_file_as_old_and_as_long_in_the_place_of_another_is_another() {
    let folder = tree();
    let at = |path: &str| folder.path().join("public").join(path);
    let server = serve(&folder, |_| {});
    let etag = settled(&server, "/app.js").await;
    fs::write(at("next"), "let b = 2;").unwrap();
    settle(&at("next"));
    fs::rename(at("next"), at("app.js")).unwrap();
    let has = format!("If-None-Match: {etag}\r\n");
    let (head, body) = ask(&server, "GET /app.js", &has).await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert_eq!(body, "let b = 2;");
}

// parity H1
#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let folder = tree();
    let server = serve(&folder, |settings| settings.cache_control = None);
    let (head, _) = ask(&server, "GET /app.js", "").await;
    assert!(!head.contains("cache-control"), "{head}");
    let etag = settled(&server, "/app.js").await;
    let has = format!("If-None-Match: {etag}\r\n");
    let (head, body) = ask(&server, "GET /app.js", &has).await;
    assert!(
        head.starts_with("http/1.1 304 ") && body.is_empty(),
        "{head}"
    );
    let on = format!("If-Range: {etag}\r\nRange: bytes=4-\r\n");
    assert_eq!(ask(&server, "GET /app.js", &on).await.1, "a = 1;");
    fs::write(folder.path().join("public/app.js"), "let b = 2;").unwrap();
    let (head, body) = ask(&server, "GET /app.js", &has).await;
    assert!(
        head.starts_with("http/1.1 200 ") && head.contains("etag: w/"),
        "{head}"
    );
    assert_eq!(body, "let b = 2;");
    assert_eq!(ask(&server, "GET /app.js", &on).await.1, "let b = 2;");
}

// parity H1
#[tokio::test]
async fn what_stands_compressed_beside_a_file_goes_in_its_place() {
    let folder = tree();
    let server = serve(&folder, |settings| settings.precompressed = true);
    for (accepts, body, coding) in [
        ("", "let a = 1;", None),
        ("Accept-Encoding: gzip, br\r\n", "BR", Some("br")),
        ("Accept-Encoding: gzip, br;q=0\r\n", "GZIP", Some("gzip")),
        ("Accept-Encoding: zstd\r\n", "let a = 1;", None),
    ] {
        let (head, got) = ask(&server, "GET /app.js", accepts).await;
        assert_eq!(got, body, "{accepts}");
        let encoding = coding.map(|coding| format!("content-encoding: {coding}\r\n"));
        assert_eq!(
            encoding.is_some(),
            head.contains("content-encoding"),
            "{head}"
        );
        assert!(encoding.is_none_or(|field| head.contains(&field)), "{head}");
        assert!(head.contains("vary: accept-encoding\r\n"), "{head}");
        assert!(head.contains("content-type: text/javascript"), "{head}");
    }
    let (head, body) = ask(&server, "GET /a%20b.txt", "Accept-Encoding: br\r\n").await;
    assert_eq!(body, "0123456789", "{head}");
    // Conditions and ranges are those of the compressed file.
    let gzip = "Accept-Encoding: gzip\r\n";
    let (head, body) = ask(
        &server,
        "GET /app.js",
        &format!("{gzip}Range: bytes=1-2\r\n"),
    )
    .await;
    assert_eq!(body, "ZI", "{head}");
    assert!(head.starts_with("http/1.1 206 ") && head.contains("content-encoding: gzip\r\n"));
    assert!(head.contains("content-range: bytes 1-2/4\r\n"), "{head}");
    let (head, _) = ask(
        &server,
        "GET /app.js",
        &format!("{gzip}Range: bytes=4-\r\n"),
    )
    .await;
    assert!(head.starts_with("http/1.1 416 ") && head.contains("content-range: bytes */4\r\n"));
    assert!(!head.contains("content-encoding"), "{head}");
    let (head, _) = ask(&server, "GET /app.js", gzip).await;
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: "));
    let has = format!(
        "If-None-Match: {}\r\n",
        tag.unwrap().trim_start_matches("w/")
    );
    let (head, body) = ask(&server, "GET /app.js", &format!("{gzip}{has}")).await;
    assert!(
        head.starts_with("http/1.1 304 ") && body.is_empty(),
        "{head}"
    );
    assert!(head.contains("vary: accept-encoding\r\n"), "{head}");
    // Another file's tag.
    let (head, _) = ask(
        &server,
        "GET /app.js",
        &format!("Accept-Encoding: br\r\n{has}"),
    )
    .await;
    assert!(head.starts_with("http/1.1 200 "), "{head}");
}

// hardening H27
#[tokio::test]
async fn nothing_outside_of_the_directory_is_served() {
    let folder = tree();
    let server = serve(&folder, |_| {});
    for path in [
        "/../secret",
        "/docs/../../secret",
        "/%2e%2e/secret",
        "/..%2fsecret",
        "/%2e%2e%2fsecret",
        "/%252e%252e/secret",
        "/..%5csecret",
        "/..\\secret",
        "/docs/%2e%2e/%2e%2e/secret",
        "//etc/passwd",
        "/a%20b.txt%00.html",
        "/.env",
        "/%2eenv",
        "/docs/.",
    ] {
        let (head, body) = ask(&server, &format!("GET {path}"), "").await;
        // What is no request target at all is hyper's to refuse.
        let refused = head.starts_with("http/1.1 404 ") || head.starts_with("http/1.1 400 ");
        assert!(refused && !body.contains("secret"), "{path}\n{head}{body}");
    }
    let open = serve(&folder, |settings| settings.dot_files = true);
    assert_eq!(ask(&open, "GET /.env", "").await.1, "PASSWORD=1");
    let (head, _) = ask(&open, "GET /../secret", "").await;
    assert!(head.starts_with("http/1.1 404 "), "{head}");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_503_until_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let server = serve(&folder, |_| {});
    let (head, _) = ask(&server, "GET /a", "").await;
    assert!(head.starts_with("http/1.1 503 "), "{head}");
    fs::create_dir(folder.path().join("public")).unwrap();
    fs::write(folder.path().join("public/a"), "now").unwrap();
    assert_eq!(ask(&server, "GET /a", "").await.1, "now");
}
