//! The pings of `--ping`.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wasket_client::{PingError, Sender};

/// Numbered pings, until the connection closes.
pub(super) async fn pings(sender: Sender, every: Duration) {
    let mut at = Instant::now();
    for number in 1_u64.. {
        let Some(next) = at.checked_add(every) else {
            return;
        };
        sleep_until(next).await;
        at = Instant::now();
        // A server that does not answer is noticed by the library, which knows whether it is only slow.
        if let Err(PingError::Closed) = sender.ping(number.to_string().as_bytes()).await {
            return;
        }
    }
}
