//! Directories.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::{assert_refused, told};
use crate::host::{Client, Host, run, wait_for, write_config, write_file};

/// A folder of its own: `data` and `out`, which are granted, beside a secret that is not.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let secret = write_file("secret.txt", "secret");
        let folder = secret.parent().unwrap().to_owned();
        for directory in ["data/sub", "out"] {
            fs::create_dir_all(folder.join(directory)).unwrap();
        }
        fs::write(folder.join("data/a.txt"), "hello").unwrap();
        fs::write(folder.join("data/sub/b.txt"), "deep").unwrap();
        for (link, to) in [
            ("data/inside", "sub/b.txt"),
            ("data/outside", "../secret.txt"),
            ("data/absolute", "/etc/passwd"),
            ("data/above", ".."),
            ("out/outside", "../secret.txt"),
        ] {
            symlink(to, folder.join(link)).unwrap();
        }
        Self(folder.canonicalize().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A service that reads `data` and writes `out`, and one that has nothing.
    fn serve(&self) -> Host {
        Host::serve(&format!(
            r#"
[service.a]
path = "/a"
component = "GUESTS/probe.wasm"
directories = [
    {{ path = "/data", directory = "{0}/data" }},
    {{ path = "/out", directory = "{0}/out", writable = true }},
]

[service.b]
path = "/b"
component = "GUESTS/probe.wasm"
"#,
            self.0.display()
        ))
    }

    fn is_untouched(&self) {
        assert_eq!(fs::read_to_string(self.at("secret.txt")).unwrap(), "secret");
        assert_eq!(fs::read_to_string(self.at("data/a.txt")).unwrap(), "hello");
        let entries = fs::read_dir(self.at("data")).unwrap().count();
        assert_eq!(entries, 6);
    }
}

// hardening H29
#[test]
fn what_is_granted_is_read_and_nothing_around_it() {
    let folder = Folder::new();
    let host = folder.serve();
    let mut client = host.connect("a");
    for (asked, answer) in [
        ("file-read:/data/a.txt", "file-read=hello"),
        ("file-read:/data/inside", "file-read=deep"),
        ("file-read:/data/sub/../a.txt", "file-read=hello"),
        ("file-read:data/a.txt", "file-read=hello"),
        (
            "directory-list:/data",
            "directory-list=a.txt,above,absolute,inside,outside,sub",
        ),
    ] {
        assert_eq!(client.ask(asked), answer);
    }
    for path in [
        "/data/outside",
        "/data/absolute",
        "/data/above/secret.txt",
        "/data/../secret.txt",
        "/data/sub/../../secret.txt",
        "/secret.txt",
        "/etc/passwd",
        folder.at("secret.txt").to_str().unwrap(),
    ] {
        assert_refused(&client.ask(&format!("file-read:{path}")));
    }
    assert_refused(&client.ask("directory-list:/"));
    assert_refused(&client.ask("directory-list:/data/above"));

    let mut other = host.connect("b");
    assert_refused(&other.ask("file-read:/data/a.txt"));
    assert_refused(&host.connect("b").ask("file-read:/data/a.txt"));
    let asks = ["DEBUG", "\"service\":\"b\"", "`directories` grants nothing"];
    assert_eq!(told(&host, &asks), 1);
    folder.is_untouched();
}

// hardening H29
#[test]
fn only_what_is_writable_is_written_and_the_log_says_so_once() {
    let folder = Folder::new();
    let host = folder.serve();
    let mut client = host.connect("a");
    for asked in [
        "file-write:/data/new x",
        "file-write:/data/a.txt x",
        "file-append:/data/a.txt x",
        "file-remove:/data/a.txt",
        "file-rename:/data/a.txt /data/b.txt",
        "directory-make:/data/new",
        "file-write:/out/outside x",
        "file-write:/out/../secret.txt x",
    ] {
        assert_refused(&client.ask(asked));
    }
    let refused = ["WARN", "\"setting\":\"directories\"", "without `writable`"];
    assert_eq!(told(&host, &refused), 1);
    for (asked, answer) in [
        ("directory-make:/out/new", "directory-make=made"),
        ("file-write:/out/new/x one", "file-write=written"),
        ("file-append:/out/new/x , two", "file-append=written"),
        ("file-rename:/out/new/x /out/y", "file-rename=renamed"),
        ("file-read:/out/y", "file-read=one, two"),
        ("file-write:/out/z gone", "file-write=written"),
        ("file-remove:/out/z", "file-remove=removed"),
    ] {
        assert_eq!(client.ask(asked), answer);
    }
    assert_refused(&client.ask("file-rename:/out/y /data/y"));
    assert_eq!(fs::read_to_string(folder.at("out/y")).unwrap(), "one, two");
    assert!(!folder.at("out/z").exists());
    folder.is_untouched();
}

// hardening H28
#[test]
fn a_guest_holds_so_many_files() {
    let folder = Folder::new();
    let host = folder.serve();
    let mut client = host.connect("a");
    let answer = client.ask("files-hold:1000 /data/a.txt");
    let held = answer.strip_prefix("files-hold=").unwrap();
    let (held, why) = held.split_once(", then failed: ").unwrap();
    assert!((100..=128).contains(&held.parse().unwrap()), "{answer}");
    assert!(!why.is_empty());
    let full = ["WARN", "no more than 128 files and streams"];
    assert_eq!(told(&host, &full), 1);
    // All of them are closed again, and were the guest's own.
    assert_eq!(client.ask("files-hold:100 /data/a.txt"), "files-hold=100");
    assert_eq!(
        host.connect("a").ask("file-read:/data/a.txt"),
        "file-read=hello"
    );
}

// hardening H28: else one service would have the descriptors that connections need.
#[test]
fn the_guests_of_a_service_hold_so_many_files_together() {
    let folder = Folder::new();
    let host = folder.serve();
    let keep = |client: &mut Client| {
        let answer = client.ask("files-keep:120 /data/a.txt");
        answer["files-keep=".len()..].parse::<usize>().unwrap()
    };
    let mut clients: Vec<_> = (0..12).map(|_| host.connect("a")).collect();
    let kept: Vec<_> = clients.iter_mut().map(keep).collect();
    assert_eq!(kept[..8], [120; 8]);
    assert_eq!(kept.iter().sum::<usize>(), 1024, "{kept:?}");
    let full = ["WARN", "no more than 1024 files and streams together"];
    assert_eq!(told(&host, &full), 1);
    for client in clients {
        assert_eq!(client.close(1000, "").0, 1000);
    }
    // Instances end a moment after their sessions.
    let freed = wait_for(|| Some(keep(&mut host.connect("a"))).filter(|kept| *kept == 120));
    assert!(freed.is_some());
}

// A descriptor for each of 10,000 sessions would take those of their connections.
#[test]
fn a_directory_is_open_once_however_many_sessions_there_are() {
    let folder = Folder::new();
    let host = folder.serve();
    let mut clients: Vec<_> = (0..20).map(|_| host.connect("a")).collect();
    for client in &mut clients {
        assert_eq!(client.ask("file-read:/data/a.txt"), "file-read=hello");
    }
    assert_eq!(descriptors_on(&host, &folder.at("data")), 1);
}

fn descriptors_on(host: &Host, directory: &Path) -> usize {
    let descriptors = fs::read_dir(format!("/proc/{}/fd", host.id())).unwrap();
    descriptors
        .filter_map(|descriptor| fs::read_link(descriptor.unwrap().path()).ok())
        .filter(|target| target == directory)
        .count()
}

// hardening H32
#[test]
fn the_cache_of_compiled_components_is_granted_to_nobody() {
    let folder = Folder::new();
    let cache = folder.at("data/cache");
    fs::create_dir(&cache).unwrap();
    symlink(&cache, folder.at("link")).unwrap();
    for granted in ["data", "data/cache", "data/cache/deep", "link"] {
        fs::create_dir_all(folder.at(granted)).unwrap();
        let text = format!(
            "[host]\ncache_directory = \"{}\"\n[service.a]\npath = \"/a\"\ncomponent = \"GUESTS/echo.wasm\"\n\
             directories = [{{ path = \"/data\", directory = \"{}\" }}]\n",
            cache.display(),
            folder.at(granted).display(),
        );
        let file = write_config(&text);
        let (code, _, err) = run(&["check", file.to_str().unwrap()]);
        assert_eq!(code, Some(2), "{granted}: {err}");
        for part in ["the host's cache of compiled components", "wasket.toml:6:"] {
            assert!(err.contains(part), "{granted}: {err}");
        }
        // Where nothing is cached, nothing is lost.
        let text = text.replace("[host]", "[host]\ncache = false");
        let (code, _, err) = run(&["check", write_config(&text).to_str().unwrap()]);
        assert_eq!(code, Some(0), "{granted}: {err}");
    }
}
