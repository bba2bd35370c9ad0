//! What large files and slow readers cost.

use std::fs::File;
use std::io::{Read as _, Write as _};

use super::{Tree, connect};
use crate::bare::Held;

// parity H1; hardening H24
#[cfg(target_os = "linux")]
#[test]
fn a_large_file_takes_little_memory_however_slowly_it_is_read() {
    const BYTES: u64 = 256 << 20;
    let tree = Tree::new();
    // Nothing but a length, so that the disk has no part in it.
    let large = File::create(tree.at("public/large")).unwrap();
    large.set_len(BYTES).unwrap();
    let host = tree.serve("");
    let request = b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let begin = || {
        let mut stream = connect(&host);
        stream.write_all(request).unwrap();
        stream.read_exact(&mut [0; 1000]).unwrap();
        stream
    };
    drop(begin());
    let before = Held::by(&host);
    let mut readers: Vec<_> = (0..50).map(|_| begin()).collect();
    let mut reader = readers.pop().unwrap();
    let read = std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
    assert!(read + 1000 > BYTES && read < BYTES, "{read}");
    let held = Held::by(&host);
    let grown_kb = held.memory_kb.saturating_sub(before.memory_kb);
    assert!(grown_kb < 16 << 10, "{grown_kb} KB for 50 readers");
    drop(readers);
}

// hardening H14
#[test]
fn who_stops_reading_is_cut_off_and_who_stops_sending_is_told() {
    let tree = Tree::new();
    let large = File::create(tree.at("public/large")).unwrap();
    large.set_len(64 << 20).unwrap();
    let listen = "[[listen]]\naddress = \"127.0.0.1:0\"\ntransfer_timeout = \"500ms\"\n\
                  request_head_timeout = \"500ms\"\n";
    let host = tree.serve_with("", listen);
    let mut stream = connect(&host);
    stream
        .write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    stream.read_exact(&mut [0; 1000]).unwrap();
    host.logged(&["DEBUG", "an HTTP connection ended early", "timed out"]);
    let mut slow = connect(&host);
    slow.write_all(b"GET /ten HT").unwrap();
    let mut said = String::new();
    slow.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 408 "), "{said}");
}
