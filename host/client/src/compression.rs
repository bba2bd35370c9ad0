use wasket_ws::deflate::Offer;

/// How messages are compressed, if the server agrees (permessage-deflate, RFC 7692).
///
/// Text and bytes that are sent whole are deflated; files and readers go as they are. A long message is deflated in parts
/// of 256 KiB, between which other tasks have the thread; what arrives is inflated a message at a time, and one of
/// [`Limits::message_bytes_max`](crate::Limits) takes its thread for as long as that takes.
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
