//! What a guest that waits makes the host keep.

use super::{Memory, Raw, masked};
use crate::host::Host;

// hardening H4 H23: a peer that has its guest wait over a small message keeps no buffers of a worker's size.
#[test]
fn a_waiting_guest_keeps_little() {
    let host = Host::serve(
        "[host]\ninstances_max = 200\n\
         [service.probe]\npath = \"/probe\"\ncomponent = \"GUESTS/probe.wasm\"\n\
         log_bytes_per_second_max = \"1GiB\"\n",
    );
    let mut peers: Vec<_> = (0..200).map(|_| Raw::open(&host, "/probe")).collect();
    // The first waves are where their instances and the allocator get to what they keep anyway.
    let mut kept = Vec::new();
    for wave in 1..=3 {
        for peer in &mut peers {
            peer.send(&masked(0x81, b"sleep:700"));
        }
        host.events_with(200 * wave, "on-message");
        kept.push(Memory::of(&host).resident);
        for peer in &mut peers {
            peer.frame().unwrap();
        }
    }
    let grown = kept[2].saturating_sub(kept[0]) / peers.len();
    assert!(grown < 64 << 10, "{grown} bytes more a guest: {kept:?}");
}
