use wasket_ws::deflate::Offer;

use crate::Mistake;

/// How messages are compressed, if the server agrees (permessage-deflate, RFC 7692).
///
/// Text and bytes that are sent whole are deflated; files and readers go as they are. A long message is deflated in parts
/// of 256 KiB, between which other tasks have the thread; of shorter ones as many go together as give 64 KiB. What arrives
/// is inflated a message at a time, and one of [`Limits::message_bytes_max`](crate::Limits) takes its thread for as long as
/// that takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// What is offered to the server. Default: everything that the extension allows.
    pub offer: Offer,
    /// From 1 (quick) to 9 (small). Default 6.
    pub level: u8,
    /// Smaller messages go as they are, in bytes. Default 256.
    pub message_bytes_min: usize,
}

impl Default for Compression {
    fn default() -> Self {
        Self {
            offer: Offer::default(),
            level: 6,
            message_bytes_min: 256,
        }
    }
}

impl Compression {
    pub(crate) fn check(&self) -> Result<(), Mistake> {
        for (what, value, (min, max)) in [
            (
                "server_max_window_bits",
                self.offer.server_max_window_bits,
                WINDOW_BITS,
            ),
            (
                "client_max_window_bits",
                self.offer.client_max_window_bits,
                WINDOW_BITS,
            ),
            ("level", self.level, (1, 9)),
        ] {
            if !(min..=max).contains(&value) {
                return Err(Mistake::Compression {
                    what,
                    value,
                    min,
                    max,
                });
            }
        }
        Ok(())
    }
}

/// RFC 7692 section 7.1.2.
const WINDOW_BITS: (u8, u8) = (8, 15);

#[cfg(test)]
mod tests {
    use super::*;

    // parity W2
    #[test]
    fn what_there_is_not_is_not_offered() {
        let with = |server, client, level| Compression {
            offer: Offer {
                server_max_window_bits: server,
                client_max_window_bits: client,
                ..Offer::default()
            },
            level,
            ..Compression::default()
        };
        for (server, client, level, wrong) in [
            (8, 15, 1, None),
            (15, 8, 9, None),
            (7, 15, 6, Some("server_max_window_bits")),
            (16, 15, 6, Some("server_max_window_bits")),
            (15, 0, 6, Some("client_max_window_bits")),
            (15, 255, 6, Some("client_max_window_bits")),
            (15, 15, 0, Some("level")),
            (15, 15, 10, Some("level")),
        ] {
            let found = match with(server, client, level).check() {
                Err(Mistake::Compression { what, .. }) => Some(what),
                Err(other) => panic!("{other}"),
                Ok(()) => None,
            };
            assert_eq!(found, wrong, "{server} {client} {level}");
        }
    }
}
