//! `digest ws://HOST:PORT/PATH NAME PASSWORD`: answers the first challenge twice, as the crate `digest_auth` counts.
//! Prints the algorithm and the three statuses.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use digest_auth::{AuthContext, WwwAuthenticateHeader};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, name, password] = arguments.as_slice() else {
        return Err("expected a URL, a name and a password".into());
    };
    let (authority, path) = url
        .trim_start_matches("ws://")
        .split_once('/')
        .ok_or("no path")?;
    let path = format!("/{path}");
    let (asked, challenge) = open(authority, &path, "")?;
    let mut challenge = WwwAuthenticateHeader::parse(&challenge)?;
    let algorithm = challenge.algorithm.to_string();
    let mut statuses = vec![asked];
    for _ in 0..2 {
        let context = AuthContext::new(name, password, &path);
        let answer = challenge.respond(&context)?.to_header_string();
        let (status, _) = open(authority, &path, &format!("Authorization: {answer}\r\n"))?;
        statuses.push(status);
    }
    println!("{algorithm} {}", statuses.join(" "));
    Ok(())
}

/// The status of an opening handshake with this header line, and the first challenge of the answer.
fn open(authority: &str, path: &str, header: &str) -> std::io::Result<(String, String)> {
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{header}\r\n"
    )?;
    let mut status = String::new();
    let mut challenge = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if status.is_empty() {
            status = line.split(' ').nth(1).unwrap_or_default().to_owned();
        }
        if challenge.is_empty()
            && let Some(("www-authenticate", value)) = line.split_once(": ")
        {
            challenge = value.to_owned();
        }
    }
    Ok((status, challenge))
}
