//! What the soak demands.

use super::process::{RESIDENT_MARGIN_BYTES, Usage};
use super::steady::Measured;
use super::{EPOCH_TICK, INSTANCES_MAX};
use anyhow::{Result, bail};
use std::time::Duration;

/// Every demand that was not met.
#[derive(Default)]
pub(crate) struct Verdict {
    failures: Vec<String>,
}

impl Verdict {
    /// No message is lost, and none comes out of its order.
    pub(crate) fn lossless(
        mut self,
        alone: &Measured,
        beside: &Measured,
        ended: Result<()>,
    ) -> Self {
        if let Err(error) = ended {
            self.failures
                .push(format!("a session that behaves: {error:#}"));
        }
        // Those on their way when the phases changed are counted in either.
        for (phase, measured) in [("alone", alone), ("beside", beside)] {
            let answered = measured.answered() as u64;
            if answered == 0 || measured.sent.abs_diff(answered) > 200 {
                let sent = measured.sent;
                self.failures
                    .push(format!("{phase}: {sent} sent, {answered} answered"));
            }
        }
        self
    }

    /// Of a hundred messages ninety-nine wait at most three epoch ticks more.
    pub(crate) fn prompt(mut self, alone: &Measured, beside: &Measured) -> Self {
        let most = alone.within(990) + 3 * EPOCH_TICK;
        if beside.within(990) > most {
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            self.failures.push(format!(
                "p99 is {:.2} ms beside guests that misbehave; at most {:.2} ms was to be had",
                ms(beside.within(990)),
                ms(most)
            ));
        }
        self
    }

    /// Nothing is left behind.
    pub(crate) fn tidy(mut self, before: &Usage, after: &Usage) -> Self {
        let counts = [
            ("threads", before.threads, after.threads, 0),
            ("descriptors", before.descriptors, after.descriptors, 0),
            (
                "resident bytes",
                before.resident_bytes,
                after.resident_bytes,
                RESIDENT_MARGIN_BYTES,
            ),
        ];
        for (what, before, after, margin) in counts {
            if after > before + margin {
                self.failures.push(format!(
                    "{after} {what} are left of {before} (and {margin} that may be kept)"
                ));
            }
        }
        self
    }

    /// Every place of the pool can be taken again.
    pub(crate) fn pool(mut self, places: usize) -> Self {
        if places != INSTANCES_MAX {
            self.failures
                .push(format!("{places} of {INSTANCES_MAX} instances are free"));
        }
        self
    }

    /// Says what failed.
    pub(crate) fn conclude(self) -> Result<()> {
        if self.failures.is_empty() {
            println!("isolated: nothing lost, prompt, nothing left behind");
            return Ok(());
        }
        bail!("not isolated:\n  {}", self.failures.join("\n  "))
    }
}
