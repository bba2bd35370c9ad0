//! A server that guests send requests to.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Answers on threads of its own, and keeps what it was asked.
pub(super) struct Upstream {
    pub(super) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    /// Sends the same to everybody, and hangs up.
    pub(super) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::serving(move |mut stream| {
            let _ = stream.write_all(&answer);
        })
    }

    /// Does this once a request has come whole, or has broken off.
    pub(super) fn serving(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&asked);
        let serve = Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let (keep, serve) = (Arc::clone(&keep), Arc::clone(&serve));
                thread::spawn(move || {
                    let request = read(&mut stream);
                    keep.lock().expect("no panic").push(request);
                    serve(stream);
                });
            }
        });
        Self { address, asked }
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no panic").clone()
    }

    /// What a guest is told to ask for.
    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The next request, once it has come.
    pub(super) fn heard(&self) -> String {
        loop {
            if let Some(request) = self.asked.lock().expect("no panic").pop() {
                return request;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A head, and what is chunked behind it.
fn read(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&request).into_owned();
        let is_chunked = text.contains("transfer-encoding: chunked");
        let is_whole = match is_chunked {
            true => text.ends_with("\r\n0\r\n\r\n"),
            false => text.ends_with("\r\n\r\n"),
        };
        if is_whole {
            return text;
        }
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return text,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
}
