//! Leaving the socket to the server to end.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::time::timeout;

use crate::stream::Stream;

/// After both close frames it is the server who ends the socket (RFC 6455 section 7.1.1). After a failure it is us, but
/// not before the server has read why: a socket that is dropped with input unread takes with it what was written.
pub(super) async fn until_gone(
    mut read: ReadHalf<Stream>,
    mut write: WriteHalf<Stream>,
    is_clean: bool,
    within: Duration,
) {
    let gone = async {
        if !is_clean && write.shutdown().await.is_err() {
            return;
        }
        // Within the future it would be part of the task from its beginning.
        let mut input = vec![0; 4096];
        while let Ok(1..) = read.read(&mut input).await {}
        if is_clean {
            // What becomes of it is of no interest any more.
            let _ = write.shutdown().await;
        }
    };
    // A server that does not end it is left with a closed socket.
    let _ = timeout(within, gone).await;
}
