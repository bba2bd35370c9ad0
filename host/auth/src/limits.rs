use std::fmt;

/// What it may take to verify a password once: whoever chooses a hash chooses the host's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    pub(crate) bcrypt_cost_max: u32,
    pub(crate) argon2_mib_max: u32,
    pub(crate) argon2_passes_max: u32,
    pub(crate) argon2_lanes_max: u32,
    /// Memory times passes, which its time goes with.
    pub(crate) argon2_work_mib_max: u32,
}

impl HashLimits {
    /// For hashes that the operator keeps: some seconds of a core.
    pub const OPERATOR: Self = Self {
        bcrypt_cost_max: 15,
        argon2_mib_max: 256,
        argon2_passes_max: 16,
        argon2_lanes_max: 16,
        argon2_work_mib_max: 1024,
    };

    /// For hashes of whom the operator does not trust: a quarter of that.
    pub const GUEST: Self = Self {
        bcrypt_cost_max: 13,
        argon2_mib_max: 64,
        argon2_work_mib_max: 256,
        ..Self::OPERATOR
    };

    /// Whether argon2 with so many KiB, passes and lanes is within them.
    pub(crate) fn allow_argon2(&self, kib: u32, passes: u32, lanes: u32) -> bool {
        let work_kib = u64::from(kib) * u64::from(passes);
        kib <= self.argon2_mib_max << 10
            && passes <= self.argon2_passes_max
            && lanes <= self.argon2_lanes_max
            && work_kib <= u64::from(self.argon2_work_mib_max) << 10
    }
}

impl fmt::Display for HashLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cost {} of bcrypt; {} MiB, {} passes, {} lanes, and {} MiB times passes of argon2",
            self.bcrypt_cost_max,
            self.argon2_mib_max,
            self.argon2_passes_max,
            self.argon2_lanes_max,
            self.argon2_work_mib_max
        )
    }
}
