use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a peer is given to read what it was told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Linger {
    /// While it sends nothing.
    idle: Duration,
    /// In all.
    pub(crate) within: Duration,
}

impl Linger {
    /// For one that has nothing more to send.
    pub(crate) const BRIEF: Self = Self::within(Duration::from_secs(1));
    /// For one that is sending a body, and may not look at what it is told before the body is out.
    pub(crate) const BODY: Self = Self {
        idle: Duration::from_secs(5),
        within: Duration::from_secs(30),
    };

    /// For as long as this, whatever it sends.
    pub(crate) const fn within(within: Duration) -> Self {
        Self {
            idle: within,
            within,
        }
    }
}

/// A socket whose connection can be reset.
pub(crate) trait Reset {
    /// When it is dropped the peer is told that something is missing, and what the kernel still has to send is thrown away.
    fn reset_when_dropped(&self);
}

impl Reset for TcpStream {
    fn reset_when_dropped(&self) {
        // A connection that is gone has no options.
        let _ = self.set_zero_linger();
    }
}

#[cfg(test)]
impl Reset for tokio::io::DuplexStream {
    fn reset_when_dropped(&self) {}
}

/// Ends our side of a connection and gives the peer a moment to read what it was told: bytes left unread
/// at the end would turn into a reset that destroys it (RFC 9112, section 9.6). What it still sends is thrown away. To
/// end our side, too, may mean to wait for the peer to take it.
pub(crate) async fn hang_up<I: AsyncRead + AsyncWrite + Unpin>(io: &mut I, linger: Linger) {
    let end = async {
        if io.shutdown().await.is_err() {
            return;
        }
        let mut bytes = [0; 4096];
        while matches!(timeout(linger.idle, io.read(&mut bytes)).await, Ok(Ok(1..))) {}
    };
    let _ = timeout(linger.within, end).await;
}
