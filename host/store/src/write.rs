use std::ops::RangeInclusive;

/// A change of a store: all of it happens, or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// These keys have these values from now on. Of a key that comes twice, the last counts.
    Set(Vec<(String, Vec<u8>)>),
    /// These keys have nothing from now on.
    Delete(Vec<String>),
    /// Adds to a number, written as decimal text. A key that has nothing has 0.
    Increment {
        /// The key.
        key: String,
        /// What is added.
        delta: i128,
        /// What kind of number it is, before and after.
        number: Number,
    },
    /// This key has this value from now on, if it has not changed since it had this revision (`None`: nothing).
    Swap {
        /// The key.
        key: String,
        /// What it had.
        revision: Option<u64>,
        /// What it is to have.
        value: Vec<u8>,
    },
}

/// The numbers that a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// 0 to 2^64 - 1.
    Unsigned,
    /// -2^63 to 2^63 - 1.
    Signed,
}

impl Number {
    pub(crate) fn range(self) -> RangeInclusive<i128> {
        match self {
            Self::Unsigned => 0..=i128::from(u64::MAX),
            Self::Signed => i128::from(i64::MIN)..=i128::from(i64::MAX),
        }
    }
}

/// What came of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It happened.
    Done,
    /// It happened, and this is the sum.
    Sum(i128),
    /// Nothing happened: the key has changed, and this is its revision now.
    Changed(Option<u64>),
}
