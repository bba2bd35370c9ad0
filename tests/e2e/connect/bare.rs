//! Servers of bare bytes, for what a host does not do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

/// Takes one handshake, and hands the socket over.
pub(super) fn bare(then: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let socket = tungstenite::accept(stream).unwrap();
        then(socket.get_ref().try_clone().unwrap());
    });
    url
}

/// Takes handshakes one after the other, and sends each client this, or hangs up where this is nothing.
pub(super) fn bare_always(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let socket = tungstenite::accept(stream).unwrap();
            let mut stream = socket.get_ref().try_clone().unwrap();
            stream.write_all(bytes).unwrap();
            match bytes {
                [] => stream.shutdown(Shutdown::Both).unwrap(),
                _ => drop(stream.read_to_end(&mut Vec::new())),
            }
        }
    });
    url
}

/// A short frame of a client: its first byte, and its payload.
pub(super) fn frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 6];
    stream.read_exact(&mut head).unwrap();
    let len = usize::from(head[1] & 0x7F);
    assert!(len < 126);
    let mut payload = vec![0; len];
    stream.read_exact(&mut payload).unwrap();
    let mask = head[2..].iter().cycle();
    payload
        .iter_mut()
        .zip(mask)
        .for_each(|(byte, mask)| *byte ^= mask);
    (head[0], payload)
}

/// The first byte of frames.
pub(super) const UNFINISHED_BINARY: u8 = 0x02;
pub(super) const TEXT: u8 = 0x81;
pub(super) const CLOSE: u8 = 0x88;
pub(super) const PING: u8 = 0x89;
