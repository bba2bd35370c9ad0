//! curl, as people use it.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Tree;
use crate::host::Host;

/// What curl writes, with `HOST` in its arguments standing for the host; and what it tells with `--verbose`.
fn curl(host: &Host, arguments: &[&str]) -> (String, String) {
    let output = Command::new("curl")
        .args(["--silent", "--verbose", "--http1.1", "--max-time", "20"])
        .args(arguments.iter().map(|argument| {
            let base = format!("http://{}", host.authority());
            argument.replace("HOST", &base)
        }))
        .stdin(Stdio::null())
        .output()
        .expect("curl is needed: `apt install curl` on Debian");
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr))
}

/// The statuses that curl has seen.
fn statuses(told: &str) -> Vec<&str> {
    let lines = told
        .lines()
        .filter_map(|line| line.strip_prefix("< HTTP/1.1 "));
    lines.map(|line| &line[..3]).collect()
}

// parity H1
#[test]
#[ignore = "foreign: needs curl"]
fn one_connection_serves_many_requests() {
    let tree = Tree::new();
    let host = tree.serve("");
    let (out, told) = curl(&host, &["HOST/ten", "HOST/", "HOST/nowhere", "HOST/ten"]);
    assert_eq!(
        out,
        "0123456789<p>root</p>there is no such file\n0123456789"
    );
    assert_eq!(statuses(&told), ["200", "200", "404", "200"]);
    assert_eq!(
        told.matches("Re-using existing connection").count(),
        3,
        "{told}"
    );
    // A body that nobody wants, and then the next request.
    let upload = [
        "--data", "a=b&c=d", "HOST/ten", "--next", "--silent", "HOST/ten",
    ];
    let (out, told) = curl(&host, &upload);
    assert_eq!(statuses(&told), ["405", "200"], "{told}");
    assert!(out.ends_with("0123456789"), "{out}");
    assert_eq!(
        told.matches("Re-using existing connection").count(),
        1,
        "{told}"
    );
    // curl asks for leave before it sends as much; it gets an answer instead.
    let large = tree.at("large");
    fs::write(&large, vec![b'x'; 3 << 20]).unwrap();
    let data = format!("@{}", large.display());
    let (out, told) = curl(&host, &["--data-binary", &data, "HOST/ten"]);
    assert_eq!(
        (statuses(&told), &*out),
        (vec!["405"], "only GET and HEAD\n"),
        "{told}"
    );
}

// parity H1
#[test]
#[ignore = "foreign: needs curl"]
fn parts_and_heads() {
    let tree = Tree::new();
    let host = tree.serve("");
    assert_eq!(curl(&host, &["--range", "2-4", "HOST/ten"]).0, "234");
    assert_eq!(curl(&host, &["--range", "-3", "HOST/ten"]).0, "789");
    let (out, told) = curl(&host, &["--range", "10-", "HOST/ten"]);
    assert_eq!(statuses(&told), ["416"], "{out}");
    // A download that broke off goes on.
    let file = tree.at("download");
    fs::write(&file, "0123").unwrap();
    let path = file.to_str().unwrap();
    let (_, told) = curl(&host, &["--continue-at", "-", "--output", path, "HOST/ten"]);
    assert_eq!(statuses(&told), ["206"], "{told}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "0123456789");
    let (out, _) = curl(&host, &["--head", "HOST/ten"]);
    let head = out.to_ascii_lowercase();
    assert!(
        head.contains("content-length: 10\r\n") && head.ends_with("\r\n\r\n"),
        "{out}"
    );
    let (_, told) = curl(&host, &["--request", "OPTIONS", "HOST/ten"]);
    assert_eq!(statuses(&told), ["204"], "{told}");
    assert!(
        told.to_ascii_lowercase()
            .contains("< allow: get, head, options"),
        "{told}"
    );
}

// parity H1
#[test]
#[ignore = "foreign: needs curl"]
fn what_curl_has_is_not_sent_again() {
    let tree = Tree::new();
    let host = tree.serve("");
    let tag = tree.at("tag");
    let tag = tag.to_str().unwrap();
    curl(&host, &["--etag-save", tag, "HOST/ten"]);
    let (out, told) = curl(&host, &["--etag-compare", tag, "HOST/ten"]);
    assert_eq!((statuses(&told), &*out), (vec!["304"], ""), "{told}");
    let ten = tree.at("public/ten");
    let since = ["--time-cond", ten.to_str().unwrap(), "HOST/ten"];
    let (out, told) = curl(&host, &since);
    assert_eq!((statuses(&told), &*out), (vec!["304"], ""), "{told}");
    fs::write(&ten, "changed").unwrap();
    let (out, told) = curl(&host, &["--etag-compare", tag, "HOST/ten"]);
    assert_eq!((statuses(&told), &*out), (vec!["200"], "changed"), "{told}");
}

// parity H1
#[test]
#[ignore = "foreign: needs curl"]
fn compressed_files_arrive_whole_and_directories_lead_on() {
    let tree = Tree::new();
    let text = "let a = 1;\n".repeat(1000);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes()).unwrap();
    tree.write("public/js/app.js", &text);
    tree.write("public/js/app.js.gz", gzip.finish().unwrap());
    tree.write("public/js/index.html", "<p>js</p>");
    let host = tree.serve("precompressed = true\ncache_control = \"max-age=60\"");
    let (out, told) = curl(&host, &["--compressed", "HOST/js/app.js"]);
    assert_eq!(out, text);
    let told = told.to_ascii_lowercase();
    for field in [
        "< content-encoding: gzip",
        "< vary: accept-encoding",
        "< content-type: text/javascript; charset=utf-8",
        "< cache-control: max-age=60",
    ] {
        assert!(told.contains(field), "no {field} in {told}");
    }
    let (out, told) = curl(&host, &["HOST/js/app.js"]);
    assert!(out == text && !told.to_ascii_lowercase().contains("< content-encoding"));
    let (out, told) = curl(&host, &["--location", "HOST/js?a=b"]);
    assert_eq!(statuses(&told), ["301", "200"], "{told}");
    assert!(out.ends_with("<p>js</p>"), "{out}");
    assert!(told.contains("> GET /js/?a=b HTTP/1.1"), "{told}");
}

// hardening H27
#[test]
#[ignore = "foreign: needs curl"]
fn curl_gets_nothing_from_outside() {
    let tree = Tree::new();
    let host = tree.serve("");
    for path in [
        "/../secret",
        "/%2e%2e/secret",
        "/x/../../secret",
        "/..%2fsecret",
    ] {
        let url = format!("HOST{path}");
        let (out, told) = curl(&host, &["--path-as-is", &url]);
        assert_eq!(
            (statuses(&told), &*out),
            (vec!["404"], "there is no such file\n"),
            "{path}"
        );
    }
}
