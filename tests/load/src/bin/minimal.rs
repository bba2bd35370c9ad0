//! The floor: frames echoed on tokio with next to no checks. One buffer a thread to read into, every complete frame of
//! a read answered in place, one write. It is no WebSocket server: it believes its peer, and only echoes.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use wasket_load::listen;

const BUFFER_BYTES: usize = 256 * 1024;
const HEAD_BYTES_MAX: usize = 8 * 1024;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

thread_local! {
    static INPUT: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER_BYTES].into());
    static OUTPUT: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(BUFFER_BYTES));
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = listen()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        // A peer that fails ends its own connection, nothing else.
        tokio::spawn(serve(stream));
    }
}

async fn serve(mut stream: TcpStream) -> io::Result<()> {
    shake_hands(&mut stream).await?;
    // Bytes of a frame that is not complete, and what the peer would not take yet: both are empty as a rule.
    let (mut partial, mut unsent) = (Vec::new(), Vec::new());
    while poll_fn(|cx| poll_echo(&mut stream, &mut partial, &mut unsent, cx)).await? {
        stream.write_all(&unsent).await?;
        unsent = Vec::new();
    }
    stream.write_all(&unsent).await?;
    stream.shutdown().await
}

/// Reads once, answers what is complete, writes once. `false` after the last answer.
fn poll_echo(
    stream: &mut TcpStream,
    partial: &mut Vec<u8>,
    unsent: &mut Vec<u8>,
    cx: &mut Context<'_>,
) -> Poll<io::Result<bool>> {
    INPUT.with_borrow_mut(|input| {
        let kept = partial.len();
        if input.len() < kept + BUFFER_BYTES / 2 {
            *input = vec![0; kept + BUFFER_BYTES].into();
        }
        input[..kept].copy_from_slice(partial);
        let mut buffer = ReadBuf::new(&mut input[kept..]);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer))?;
        let count = buffer.filled().len();
        OUTPUT.with_borrow_mut(|output| {
            output.clear();
            let bytes = &mut input[..kept + count];
            let (used, goes_on) = answer(bytes, output);
            match used == bytes.len() {
                true => *partial = Vec::new(),
                false => *partial = bytes[used..].to_vec(),
            }
            let written = match output.is_empty() {
                true => 0,
                false => match stream.try_write(output) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                    written => written?,
                },
            };
            unsent.extend_from_slice(&output[written..]);
            Poll::Ready(Ok(goes_on && count > 0))
        })
    })
}

/// Answers all complete frames; says how many bytes they were, and whether more may come.
fn answer(bytes: &mut [u8], output: &mut Vec<u8>) -> (usize, bool) {
    let mut at = 0;
    while let Some((head, length)) = measure(&bytes[at..]) {
        let (from, until) = (at + head, at + head + length);
        if bytes.len() < until {
            break;
        }
        let mask: [u8; 4] = std::array::from_fn(|index| bytes[from - 4 + index]);
        unmask(&mut bytes[from..until], mask);
        let opcode = bytes[at] & 15;
        at = until;
        if opcode != PONG {
            let opcode = if opcode == PING { PONG } else { opcode };
            write_head(output, opcode, length);
            output.extend_from_slice(&bytes[from..until]);
        }
        if opcode == CLOSE {
            return (at, false);
        }
    }
    (at, true)
}

/// The bytes of the head and of the payload, as soon as the head is complete (RFC 6455 section 5.2).
fn measure(bytes: &[u8]) -> Option<(usize, usize)> {
    let length = usize::from(bytes.get(1)? & 127);
    let (head, length) = match length {
        126 => (
            8,
            u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?).into(),
        ),
        127 => {
            let length = u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
            (14, usize::try_from(length).ok()?)
        }
        length => (6, length),
    };
    (bytes.len() >= head).then_some((head, length))
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let wide: [u8; 32] = std::array::from_fn(|index| mask[index % 4]);
    let (chunks, rest) = payload.as_chunks_mut::<32>();
    for chunk in chunks {
        for (byte, mask) in chunk.iter_mut().zip(wide) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in rest.iter_mut().zip(wide) {
        *byte ^= mask;
    }
}

fn write_head(output: &mut Vec<u8>, opcode: u8, length: usize) {
    output.push(0x80 | opcode);
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ ..126), _) => output.push(short),
        (_, Ok(medium)) => {
            output.push(126);
            output.extend_from_slice(&medium.to_be_bytes());
        }
        _ => {
            output.push(127);
            output.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

async fn shake_hands(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 || head.len() > HEAD_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    let head = String::from_utf8_lossy(&head);
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let key = fields.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"));
    let (_, key) = key.ok_or(io::ErrorKind::InvalidData)?;
    let accept = derive_accept_key(key.trim().as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await
}
