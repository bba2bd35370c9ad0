use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Ends our side of a connection and gives the peer a moment to read what it was told: bytes left unread
/// at the end would turn into a reset that destroys it. What it still sends is thrown away. Both together
/// take no longer than `within`: to end our side, too, may mean to wait for the peer to take it.
pub(crate) async fn hang_up<I: AsyncRead + AsyncWrite + Unpin>(io: &mut I, within: Duration) {
    let end = async {
        if io.shutdown().await.is_err() {
            return;
        }
        let mut bytes = [0; 4096];
        while matches!(io.read(&mut bytes).await, Ok(1..)) {}
    };
    let _ = tokio::time::timeout(within, end).await;
}
