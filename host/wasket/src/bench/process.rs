//! CPU time and memory of a process, as the kernel tells them in `/proc/PID/stat` and `/proc/PID/status`.

use std::io;
use std::ops::Sub;
use std::time::Duration;

/// CPU time that all threads of a process have used, those that have ended included. Its grain is 10 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CpuTime {
    pub(super) user: Duration,
    pub(super) system: Duration,
}

impl CpuTime {
    /// Of a process by its id, as long as it exists.
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        parse(&stat, rustix::param::clock_ticks_per_second())
            .ok_or_else(|| io::Error::other("/proc/PID/stat has another form than expected"))
    }
}

impl Sub for CpuTime {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// Fields 14 and 15 of proc(5). The second one is a name in parentheses that may have any characters.
fn parse(stat: &str, ticks_per_second: u64) -> Option<CpuTime> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut ticks = fields.split_whitespace().skip(11).map(str::parse::<u64>);
    let mut next = || {
        let ticks = ticks.next()?.ok()?;
        let micros = u128::from(ticks) * 1_000_000 / u128::from(ticks_per_second.max(1));
        Some(Duration::from_micros(u64::try_from(micros).ok()?))
    };
    Some(CpuTime {
        user: next()?,
        system: next()?,
    })
}

/// Resident memory of a process that no file is behind, in KB of 1024 bytes: heap, stacks, guests.
pub(super) fn memory_kb(pid: u32) -> io::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    parse_memory(&status).ok_or_else(|| io::Error::other("/proc/PID/status has no RssAnon in kB"))
}

fn parse_memory(status: &str) -> Option<u64> {
    let mut lines = status.lines();
    let value = lines.find_map(|line| line.strip_prefix("RssAnon:"))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_found_among_the_lines() {
        for (status, kb) in [
            (
                "Name:\ta\nVmRSS:\t 9 kB\nRssAnon:\t    1234 kB\nRssFile:\t5 kB\n",
                Some(1234),
            ),
            ("RssAnon: 0 kB", Some(0)),
            ("VmRSS:\t 9 kB\n", None),
            ("RssAnon: -1 kB", None),
            ("RssAnon: 12 MB", None),
            ("", None),
        ] {
            assert_eq!(parse_memory(status), kb, "{status:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn our_own_memory_is_known() {
        assert!(memory_kb(std::process::id()).unwrap() > 0);
    }

    #[test]
    fn the_times_are_found_behind_any_name() {
        for name in ["wasket", "a b", ") R 1 (", "))"] {
            let stat = format!("42 ({name}) S 1 2 3 0 -1 4 5 6 7 8 150 25 9 9 20 0 4 0\n");
            let expected = CpuTime {
                user: Duration::from_millis(1500),
                system: Duration::from_millis(250),
            };
            assert_eq!(parse(&stat, 100), Some(expected), "{name}");
        }
        for stat in [
            "",
            "42 (a",
            "42 (a) S 1 2",
            "42 (a) S 1 2 3 0 -1 4 5 6 7 8 x 25",
        ] {
            assert_eq!(parse(stat, 100), None, "{stat}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn our_own_time_only_grows() {
        let before = CpuTime::of(std::process::id()).unwrap();
        let after = CpuTime::of(std::process::id()).unwrap();
        assert!(after.user >= before.user && after.system >= before.system);
        assert_eq!(
            CpuTime::of(u32::MAX).expect_err("there is none").kind(),
            io::ErrorKind::NotFound
        );
    }
}
