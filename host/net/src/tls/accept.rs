//! From an accepted socket to an encrypted one.

use std::io;
use std::net::SocketAddr;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::{Established, Secured, Tls};
use crate::linger::{Linger, hang_up};

impl Tls {
    /// The TLS handshake of a server, which may agree on HTTP/2 where that is wanted. `None` when there was none: the
    /// peer has been told then, and the log. Takes as long as the peer does: whoever calls this has a deadline.
    pub(crate) async fn accept(
        &self,
        mut io: TcpStream,
        remote: SocketAddr,
        http2: bool,
    ) -> Option<(Secured, Established)> {
        match first_byte(&io).await {
            Ok(HANDSHAKE) => {}
            Ok(byte) => {
                refuse_plain(&mut io, byte, remote).await;
                return None;
            }
            Err(error) => {
                debug!(%remote, %error, "no TLS handshake");
                return None;
            }
        }
        let handshake = TlsAcceptor::from(self.config(http2))
            .accept(io)
            .into_fallible();
        match handshake.await {
            Ok(stream) => {
                let (io, session) = stream.into_inner();
                let established = Established::of(&session);
                Some((Secured::new(io, session), established))
            }
            Err((error, mut io)) => {
                debug!(%remote, %error, "no TLS handshake");
                // The alert has been written, and has to reach a peer that may have sent more than was read.
                hang_up(&mut io, Linger::BRIEF).await;
                None
            }
        }
    }
}

async fn first_byte(io: &TcpStream) -> io::Result<u8> {
    let mut first = [0];
    match io.peek(&mut first).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(u8::from_be_bytes(first)),
    }
}

/// Tells a peer that speaks plain HTTP what to do instead. To others there is nothing to say that they would
/// understand.
async fn refuse_plain(io: &mut TcpStream, first: u8, remote: SocketAddr) {
    if first.is_ascii_uppercase() {
        debug!(%remote, "plain HTTP on a TLS listener, refused with 400");
        if io.write_all(PLAIN_REFUSED).await.is_err() {
            return;
        }
    } else {
        debug!(%remote, first, "no TLS: this is not how a handshake begins");
    }
    hang_up(io, Linger::BRIEF).await;
}

/// The content type of the first record of a connection (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

const PLAIN_REFUSED: &[u8] = b"HTTP/1.1 400 Bad Request\r\n\
    content-type: text/plain; charset=utf-8\r\n\
    content-length: 54\r\n\
    connection: close\r\n\r\n\
    this port speaks TLS: connect with https:// or wss://\n";

#[cfg(test)]
mod tests {
    use super::PLAIN_REFUSED;

    #[test]
    fn the_refusal_is_as_long_as_it_says() {
        let text = str::from_utf8(PLAIN_REFUSED).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}\r\n", body.len())),
            "{}",
            body.len()
        );
    }
}
