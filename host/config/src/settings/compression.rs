//! `compression = { ... }` of a service.

use super::Section::Compression;
use super::Standard::Value;
use super::{Kind, MIB, Setting, bytes, count};

pub(super) const SETTINGS: &[Setting] = &[
    setting(
        "level",
        count(1, 9),
        "1",
        "How much work to spend on a message: 1 is the quickest, 9 makes the smallest. Of 1 KiB of JSON 1 leaves about \
         380 bytes; 2 leaves 290 for more than twice the work, and 6 leaves 280 for three times.",
    ),
    setting(
        "message_bytes_min",
        bytes(0, MIB),
        "256",
        "Smaller messages go as they are: they would save little, and what costs most of a small one is to begin it.",
    ),
    setting(
        "server_context_takeover",
        Kind::Flag,
        "false",
        "Let what is sent to a client refer to what it was sent before. Messages that resemble each other get much \
         smaller, but each session keeps up to 384 KiB for it (see `context_takeover_bytes_max` in `[host]`), and a broadcast \
         is compressed for each session anew.",
    ),
    setting(
        "client_context_takeover",
        Kind::Flag,
        "false",
        "Let clients do so with what they send. Each session keeps 48 KiB for it.",
    ),
    setting(
        "server_max_window_bits",
        count(9, 15),
        "15",
        "How far back what is sent may refer: 2 to the power of this many bytes. With `server_context_takeover`, a \
         session keeps 256 KiB and four times as much as that.",
    ),
    setting(
        "client_max_window_bits",
        count(9, 15),
        "15",
        "How far back what clients send may refer. It saves memory of theirs; those that do not offer a choice go on \
         with 15.",
    ),
];

const fn setting(
    key: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Setting {
    Setting {
        section: Compression,
        key,
        kind,
        default: Value(default),
        doc,
    }
}
