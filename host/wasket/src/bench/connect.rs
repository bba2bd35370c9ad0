//! Opening connections, one after the other, before anything is measured.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rand::Rng;
use wasket_ws::deflate::{Offer, Parameters, WINDOW_BITS_MAX};
use wasket_ws::handshake::{Agreed, Request};

use super::target::Target;
use crate::terminal::shown;

/// A connection whose opening handshake was accepted.
pub(super) struct Opened {
    pub(super) stream: TcpStream,
    /// What arrived behind the answer's head.
    pub(super) early: Vec<u8>,
    /// The compression that was agreed on.
    pub(super) deflate: Option<Parameters>,
}

/// Resolves the target's name.
pub(super) fn resolve(target: &Target) -> anyhow::Result<Vec<SocketAddr>> {
    let found = (&*target.host, target.port).to_socket_addrs();
    let addresses: Vec<_> = found
        .with_context(|| format!("looking up {:?}", target.host))?
        .collect();
    if addresses.is_empty() {
        bail!("{:?} has no address", target.host);
    }
    Ok(addresses)
}

/// Connects, and does the opening handshake; the socket does not block.
pub(super) fn open(
    target: &Target,
    addresses: &[SocketAddr],
    compress: bool,
) -> anyhow::Result<Opened> {
    let opened = handshake(connect(addresses)?, target, compress)?;
    opened.stream.set_nonblocking(true)?;
    Ok(opened)
}

/// Connects to the first address that accepts.
pub(super) fn connect(addresses: &[SocketAddr]) -> anyhow::Result<TcpStream> {
    let mut last = None;
    for address in addresses {
        match TcpStream::connect_timeout(address, CONNECT_WITHIN) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some((address, error)),
        }
    }
    let (address, error) = last.context("there is no address to connect to")?;
    Err(error).with_context(|| format!("connecting to {address}"))
}

/// Does the opening handshake; the socket blocks. It fails if compression was asked for and not agreed on.
pub(super) fn handshake(
    mut stream: TcpStream,
    target: &Target,
    compress: bool,
) -> anyhow::Result<Opened> {
    stream.set_nodelay(true)?;
    let mut nonce = [0; 16];
    rand::rng().fill_bytes(&mut nonce);
    let mut request = Request::new(nonce, &[])?;
    if compress {
        request = request.with_extensions(OFFER.header());
    }
    let mut head = format!(
        "GET {} HTTP/1.1\r\nhost: {}\r\nuser-agent: wasket-bench/{}\r\n",
        target.path,
        target.authority,
        env!("CARGO_PKG_VERSION")
    );
    for (name, value) in request.headers() {
        head.extend([name, ": ", &value, "\r\n"]);
    }
    head.push_str("\r\n");
    stream
        .write_all(head.as_bytes())
        .context("sending the opening handshake")?;
    let (early, agreed) = read_answer(&mut stream, &request)?;
    let deflate = OFFER.verify(&agreed.extensions)?;
    if compress && deflate.is_none() {
        bail!("the server does not compress (permessage-deflate)");
    }
    Ok(Opened {
        stream,
        early,
        deflate,
    })
}

/// Reads the answer and checks it; returns what came behind its head.
fn read_answer(stream: &mut TcpStream, request: &Request) -> anyhow::Result<(Vec<u8>, Agreed)> {
    let deadline = Instant::now() + ANSWER_WITHIN;
    let mut read = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        let count = match stream.read(&mut chunk) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                bail!("the server did not answer the opening handshake within {ANSWER_WITHIN:?}")
            }
            result => result.context("reading the answer to the opening handshake")?,
        };
        read.extend(chunk.iter().take(count));
        if let Some((head_bytes, agreed)) = check_answer(&read, request)? {
            return Ok((read.split_off(head_bytes), agreed));
        }
        if count == 0 {
            bail!("the server ended the connection instead of answering the opening handshake");
        }
        if read.len() > ANSWER_BYTES_MAX || Instant::now() > deadline {
            bail!("the head of the server's answer has no end");
        }
    }
}

/// The length of the answer's head and what it agrees to, once it is complete and says yes.
fn check_answer(read: &[u8], request: &Request) -> anyhow::Result<Option<(usize, Agreed)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut headers);
    let parsed = answer.parse(read);
    let httparse::Status::Complete(head_bytes) =
        parsed.context("the answer to the opening handshake is not HTTP/1.1")?
    else {
        return Ok(None);
    };
    let status = answer.code.context("the answer has no status")?;
    let headers = answer.headers.iter().map(|h| (h.name, h.value));
    match request.verify(status, headers) {
        Ok(agreed) => Ok(Some((head_bytes, agreed))),
        Err(refusal) => match first_line(read.get(head_bytes..).unwrap_or_default()) {
            line if line.is_empty() => bail!("the handshake was refused: {refusal}"),
            line => bail!("the handshake was refused: {refusal} ({line})"),
        },
    }
}

/// What an answer's body says first, as far as it came along with the head and fits a line.
fn first_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line: String = text.trim().lines().next().unwrap_or_default().into();
    shown(&line.chars().take(200).collect::<String>())
}

/// What is sent is compressed with the codec of the thread; what comes may refer to what came before.
const OFFER: Offer = Offer {
    server_context_takeover: true,
    client_context_takeover: false,
    server_max_window_bits: WINDOW_BITS_MAX,
    client_max_window_bits: WINDOW_BITS_MAX,
};
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 64 * 1024;
const HEADERS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use wasket_ws::handshake::accept_key;

    #[test]
    fn an_answer_is_checked_once_it_is_whole() {
        let request = Request::new([7; 16], &[]).unwrap();
        let key = request
            .headers()
            .into_iter()
            .find(|h| h.0 == "sec-websocket-key");
        let yes = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            accept_key(&key.unwrap().1)
        );
        let with_frame = [yes.as_bytes(), &[0x81, 0]].concat();
        assert_eq!(
            check_answer(&with_frame, &request).unwrap(),
            Some((yes.len(), Agreed::default()))
        );
        assert_eq!(
            check_answer(&with_frame[..yes.len() - 1], &request).unwrap(),
            None
        );

        for (answer, said) in [
            (
                "HTTP/1.1 503 No\r\ncontent-length: 8\r\n\r\nfull\u{7}\nyes",
                "status 503, not 101 (full\\u{7})",
            ),
            (
                "HTTP/1.1 404 No\r\n\r\n",
                "refused: the server answered with status 404, not 101",
            ),
            (
                "HTTP/1.1 101 Yes\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
                "Accept",
            ),
            ("SSH-2.0-server\r\n", "not HTTP/1.1"),
        ] {
            let error = check_answer(answer.as_bytes(), &request).expect_err(answer);
            assert!(format!("{error:#}").contains(said), "{error:#}");
        }
    }
}
