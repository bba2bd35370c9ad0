//! The socket of an encrypted connection.
//!
//! It is not tokio-rustls's own stream because of what a line wants of a socket: a read that takes as much as has come
//! (rustls reads 4 KiB at a time), and a write that takes no more while what was taken before has not left. So what a
//! peer does not read is in the session's queue, counted, but for one write.

use std::cell::Cell;
use std::io::{self, IoSlice, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::linger::Reset;

/// A socket after its TLS handshake.
pub(crate) struct Secured {
    io: TcpStream,
    session: ServerConnection,
    /// What was read and not decrypted, where a reader had no room: rustls takes nothing while it has as much as a
    /// record for somebody. At most [`SCRATCH_BYTES`], and mostly nothing.
    held: Vec<u8>,
}

impl Secured {
    pub(super) fn new(io: TcpStream, session: ServerConnection) -> Self {
        Self {
            io,
            session,
            held: Vec::new(),
        }
    }

    /// Moves what is decrypted into `buffer`. False when there is nothing yet; true also at the end.
    fn take(&mut self, buffer: &mut ReadBuf<'_>) -> io::Result<bool> {
        match self.session.reader().read(buffer.initialize_unfilled()) {
            Ok(count) => {
                buffer.advance(count);
                Ok(true)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            // The peer left without saying so in TLS. WebSocket has an end of its own that nobody can forge, and
            // many clients save themselves this one.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Reads what has come, and decrypts it into `buffer`.
    fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut scratch = SCRATCH
            .take()
            .unwrap_or_else(|| vec![0; SCRATCH_BYTES].into());
        let filled = self.poll_fill_from(cx, &mut scratch, buffer);
        SCRATCH.set(Some(scratch));
        filled
    }

    fn poll_fill_from(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let held = std::mem::take(&mut self.held);
        // Half: a record that was incomplete may bring as much again, and rustls is to keep little of it.
        let room = (buffer.remaining() / 2).clamp(SCRATCH_BYTES_MIN, SCRATCH_BYTES);
        let mut encrypted = ReadBuf::new(scratch.get_mut(..room).unwrap_or_default());
        let mut rest = if held.is_empty() {
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut encrypted))?;
            encrypted.filled()
        } else {
            &held[..]
        };
        loop {
            // Nothing at all is the end of the connection: rustls is to know of it.
            self.session.read_tls(&mut rest)?;
            if let Err(error) = self.session.process_new_packets() {
                // The alert that says so to the peer, as far as the socket takes it.
                let _ = self.poll_send(cx);
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
            }
            if rest.is_empty() {
                break;
            }
            if buffer.remaining() > 0 {
                self.take(buffer)?;
            }
            if buffer.remaining() == 0 {
                self.held = rest.to_vec();
                break;
            }
        }
        // Such as the answer to an update of keys. What does not leave now goes with the next write.
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what is encrypted.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.session.wants_write() {
            let mut socket = Socket {
                io: &mut self.io,
                cx,
            };
            match self.session.write_tls(&mut socket) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Reset for Secured {
    fn reset_when_dropped(&self) {
        self.io.reset_when_dropped();
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        while !self.take(buffer)? {
            ready!(self.poll_fill(cx, buffer))?;
            if buffer.filled().len() > before {
                break;
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    /// Takes up to 64 KiB, and writes them at once. What the socket does not take is for
    /// [`poll_flush`](AsyncWrite::poll_flush).
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_send(cx))?;
        let taken = self.session.writer().write_vectored(slices)?;
        if let Poll::Ready(Err(error)) = self.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_send(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Said once, however often this is polled.
        self.session.send_close_notify();
        ready!(self.poll_send(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// The socket as rustls writes to it: it either takes something or would block.
struct Socket<'a, 'c> {
    io: &'a mut TcpStream,
    cx: &'a mut Context<'c>,
}

impl Write for Socket<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match Pin::new(&mut *self.io).poll_write_vectored(self.cx, slices) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

thread_local! {
    /// What a socket brings, before it is decrypted.
    static SCRATCH: Cell<Option<Box<[u8]>>> = const { Cell::new(None) };
}

const SCRATCH_BYTES: usize = 128 << 10;
const SCRATCH_BYTES_MIN: usize = 4 << 10;

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::ring;
    use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
    use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::client::TlsStream;

    use super::*;
    use crate::tls::{Tls, TlsCertificate, TlsSettings, TlsVersions};

    /// Believes anybody.
    #[derive(Debug)]
    struct Trusting;

    impl ServerCertVerifier for Trusting {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            ring::default_provider()
                .signature_verification_algorithms
                .supported_schemes()
        }
    }

    fn client() -> TlsConnector {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Trusting))
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    /// Both ends of a connection after their handshake.
    async fn connected() -> (TlsStream<TcpStream>, Secured) {
        let file = |name| {
            let files = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/files");
            Path::new(files).join(name)
        };
        let settings = TlsSettings {
            certificates: vec![TlsCertificate::Pem {
                chain: file("ec.pem"),
                key: file("ec-pkcs8.pem"),
            }],
            versions: TlsVersions::Both,
            client_certificates: None,
        };
        // One at which they are valid.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
        let tls = Tls::load(settings, now).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let near = async {
            let (io, remote) = listener.accept().await.unwrap();
            tls.accept(io, remote, false).await.unwrap().0
        };
        let far = async {
            let io = TcpStream::connect(address).await.unwrap();
            let name = ServerName::try_from("fixture.example").unwrap();
            client().connect(name, io).await.unwrap()
        };
        tokio::join!(far, near)
    }

    // hardening H24: a reader of HTTP/2 has room for what is left of a frame.
    #[tokio::test]
    async fn a_reader_with_little_room_gets_all_that_has_come() {
        let (mut far, mut near) = connected().await;
        let sent: Vec<u8> = (0..400_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        // Records of any length behind large ones.
        let parts = [16_384, 16_384, 5, 16_384, 300, 16_384, 16_384, 1];
        let mut rest = &sent[..];
        let sends = async {
            for length in parts.iter().cycle() {
                let (part, behind) = rest.split_at(rest.len().min(*length));
                far.write_all(part).await.unwrap();
                far.flush().await.unwrap();
                rest = behind;
                if rest.is_empty() {
                    break;
                }
            }
            far.shutdown().await.unwrap();
        };
        let reads = async {
            let mut read = Vec::new();
            for room in [1, 9, 4000, 9000].into_iter().cycle() {
                let mut buffer = vec![0; room];
                let count = near.read(&mut buffer).await.unwrap();
                assert!(near.held.len() <= SCRATCH_BYTES);
                if count == 0 {
                    break;
                }
                read.extend_from_slice(&buffer[..count]);
            }
            read
        };
        let ((), read) = tokio::join!(sends, reads);
        assert!(read == sent, "{} bytes", read.len());
    }
}
