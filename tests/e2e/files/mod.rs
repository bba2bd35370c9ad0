//! Files of a directory, beside services: served by the built host, asked for with bare bytes and by curl.

mod curl;
mod links;
mod load;
mod raw;

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use crate::host::Host;

/// A directory `public`, and what is beside it.
struct Tree(PathBuf);

impl Tree {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = format!("files-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("public")).unwrap();
        let tree = Self(folder);
        tree.write("public/index.html", "<p>root</p>");
        tree.write("public/ten", "0123456789");
        tree.write("secret", "secret");
        tree
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Writes a file that looks as if it had been there for long.
    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let file = File::options().write(true).open(path).unwrap();
        let long_ago = UNIX_EPOCH + Duration::from_secs(784_111_777);
        file.set_modified(long_ago).unwrap();
    }

    /// Serves `public` at `/` with these settings, beside an echo at `/` and another at `/echo`.
    fn serve(&self, settings: &str) -> Host {
        self.serve_with(settings, "")
    }

    fn serve_with(&self, settings: &str, others: &str) -> Host {
        let directory = self.at("public");
        Host::serve(&format!(
            "[files.site]\npath = \"/\"\ndirectory = {directory:?}\n{settings}\n\
             [service.root]\npath = \"/\"\nnative = \"echo\"\n\
             [service.echo]\npath = \"/echo\"\nnative = \"echo\"\n{others}"
        ))
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sends bytes on a connection of their own, and reads to its end. The requests among them end it.
fn all(host: &Host, bytes: &[u8]) -> String {
    let mut stream = connect(host);
    stream.write_all(bytes).unwrap();
    let mut answers = Vec::new();
    stream.read_to_end(&mut answers).unwrap();
    String::from_utf8_lossy(&answers).into_owned()
}

fn connect(host: &Host) -> TcpStream {
    let stream = TcpStream::connect(host.authority()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    stream
}

/// The answer to one request.
fn get(host: &Host, path: &str, fields: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    let answer = all(host, request.as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    Answer {
        status: head[9..12].parse().unwrap(),
        head: head.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}
