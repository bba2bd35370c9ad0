//! Gives memory back to the system after a peak.
//!
//! The C library of most Linux systems keeps what was freed, spread over an arena for every few threads: after a
//! crowd of guests that flood, hundreds of mebibytes. It gives the pages back when it is asked.

use std::fs;
use std::thread;
use std::time::Duration;

/// Looks now and then, on a thread of its own that ends with the process.
pub(crate) fn keep_small() {
    let watch = || {
        let mut trimmed_at = resident_bytes();
        loop {
            thread::sleep(PERIOD);
            if resident_bytes().abs_diff(trimmed_at) >= CHANGE_BYTES {
                trim();
                trimmed_at = resident_bytes();
            }
        }
    };
    // Without it only the memory stays larger.
    let _ = thread::Builder::new()
        .name("wasket-heap".into())
        .stack_size(64 << 10)
        .spawn(watch);
}

/// 0 where it cannot be known. From `status`, for `statm` counts pages of a size that valgrind does not let be asked.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = resident.and_then(|said| said.split_whitespace().next()?.parse().ok());
    kib.unwrap_or(0_usize).saturating_mul(1 << 10)
}

#[expect(unsafe_code, reason = "there is no safe interface to it")]
fn trim() {
    // SAFETY: it only gives back pages of the heap that nobody uses, under the heap's own locks.
    unsafe { libc::malloc_trim(0) };
}

const PERIOD: Duration = Duration::from_secs(5);
const CHANGE_BYTES: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_freed_goes_back_to_the_system() {
        // Too small for mappings of their own, and the last one holds the top of the heap.
        let mut blocks: Vec<_> = (0..1_000).map(|_| vec![1_u8; 64 << 10]).collect();
        let full = resident_bytes();
        blocks.drain(..999);
        trim();
        assert!(resident_bytes() + (48 << 20) < full, "{full}");
        drop(blocks);
    }
}
