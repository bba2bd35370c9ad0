//! Which version of HTTP begins on a plain connection.

use std::io;
use std::task::{Context, Poll, Waker};

use tokio::io::{Interest, ReadBuf};
use tokio::net::TcpStream;

/// Whether the client speaks HTTP/2 (RFC 9113, section 3.4): its preface begins as no request of HTTP/1.1 does. Waits for
/// as many bytes as it takes to know, and takes none of them.
pub(crate) async fn is_next(io: &TcpStream) -> io::Result<bool> {
    let mut first = [0; BEGIN.len()];
    let mut first = ReadBuf::new(&mut first);
    loop {
        let ready = io.ready(Interest::READABLE).await?;
        // What has come stays readable. Where it tells too little, to call it "blocked" is to wait for what comes next.
        let judged = io.try_io(Interest::READABLE, || {
            first.clear();
            let peeked = io.poll_peek(&mut Context::from_waker(Waker::noop()), &mut first);
            let blocked = || io::Error::from(io::ErrorKind::WouldBlock);
            match peeked {
                Poll::Ready(Ok(_)) => judge(first.filled()).ok_or_else(blocked),
                Poll::Ready(Err(error)) => Err(error),
                Poll::Pending => Err(blocked()),
            }
        });
        match judged {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            // There is nothing to wait for.
            Err(_) if ready.is_read_closed() => return Ok(false),
            Err(_) => {}
            Ok(known) => return Ok(known),
        }
    }
}

/// `None`: more has to come. Nothing at all is the end of the connection, and no preface.
fn judge(first: &[u8]) -> Option<bool> {
    match first {
        [] => Some(false),
        BEGIN => Some(true),
        _ if BEGIN.starts_with(first) => None,
        _ => Some(false),
    }
}

const BEGIN: &[u8] = b"PRI ";

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_preface_is_known_by_its_first_bytes_however_they_come() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        for (pieces, ends, expected) in [
            (&["PRI * HTTP/2.0\r\n"][..], false, true),
            (&["PRI "], true, true),
            (&["P", "R", "I", " "], false, true),
            (&["PR", "I * HT"], false, true),
            (&["PR", "OPFIND / HTTP/1.1\r\n"], false, false),
            (&["P", "UT / HTTP/1.1\r\n"], false, false),
            (&["PRIV"], false, false),
            (&["GET "], false, false),
            (&["\r\n"], false, false),
            (&["P", "R"], true, false),
            (&[], true, false),
        ] {
            let mut peer = TcpStream::connect(address).await.unwrap();
            peer.set_nodelay(true).unwrap();
            let (io, _) = listener.accept().await.unwrap();
            let send = async {
                for piece in pieces {
                    peer.write_all(piece.as_bytes()).await.unwrap();
                    // Whether they come together or not, the answer is the same.
                    tokio::task::yield_now().await;
                }
                if ends {
                    peer.shutdown().await.unwrap();
                }
            };
            let (known, ()) = tokio::join!(is_next(&io), send);
            assert_eq!(known.unwrap(), expected, "{pieces:?}");
            let mut first = [0; 1];
            let there = io.peek(&mut first).await.unwrap();
            assert_eq!(there, usize::from(!pieces.is_empty()), "{pieces:?}");
        }
    }

    #[test]
    fn any_begin_is_judged_as_soon_as_it_can_be() {
        let judged = [&b"P"[..], b"PR", b"PRI", b"PRI ", b"POS", b"X"].map(judge);
        assert_eq!(
            judged,
            [None, None, None, Some(true), Some(false), Some(false)]
        );
    }
}
