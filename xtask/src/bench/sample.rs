//! Arithmetic on what the rounds gave.

/// Values of one figure, one for each round that gave it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    sorted: Vec<f64>,
}

impl Sample {
    /// `None` without values. What is no finite number is left out.
    pub(super) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<_> = values
            .into_iter()
            .filter(|value| value.is_finite())
            .collect();
        sorted.sort_by(f64::total_cmp);
        (!sorted.is_empty()).then_some(Self { sorted })
    }

    /// The value in the middle, or between the two in the middle.
    pub(super) fn median(&self) -> f64 {
        let (count, half) = (self.sorted.len(), self.sorted.len() / 2);
        match count % 2 {
            0 => (self.sorted[half - 1] + self.sorted[half]) / 2.0,
            _ => self.sorted[half],
        }
    }

    pub(super) fn least(&self) -> f64 {
        self.sorted[0]
    }

    pub(super) fn most(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }

    /// How far a round was from the median at most, as a part of it.
    pub(super) fn spread(&self) -> f64 {
        let median = self.median();
        let most = (self.most() - median).max(median - self.least());
        match median == 0.0 {
            true => 0.0,
            false => most / median.abs(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.sorted.len()
    }
}

/// What one figure is in parts of another, round by round; `None` where either is missing.
pub(super) fn ratios(figures: &[Option<f64>], references: &[Option<f64>]) -> Vec<Option<f64>> {
    let both = figures.iter().zip(references);
    both.map(|(figure, reference)| Some((*figure)? / (*reference)?))
        .collect()
}

/// The same over the rounds that have both.
pub(super) fn ratio(figures: &[Option<f64>], references: &[Option<f64>]) -> Option<Sample> {
    Sample::of(ratios(figures, references).into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_care_for_one_bad_round() {
        let sample = Sample::of([2.0, 1.0, 90.0]).unwrap();
        assert_eq!(
            (sample.median(), sample.least(), sample.most()),
            (2.0, 1.0, 90.0)
        );
        assert_eq!(Sample::of([4.0, 1.0, 3.0, 2.0]).unwrap().median(), 2.5);
        assert_eq!(Sample::of([f64::NAN, f64::INFINITY]), None);
    }

    #[test]
    fn the_spread_is_the_farthest_round() {
        assert_eq!(Sample::of([10.0, 8.0, 11.0]).unwrap().spread(), 0.2);
        assert_eq!(Sample::of([5.0]).unwrap().spread(), 0.0);
        assert_eq!(Sample::of([0.0, 0.0]).unwrap().spread(), 0.0);
    }

    #[test]
    fn a_ratio_is_taken_within_a_round() {
        // The second round was three times as slow for both, the third failed for one.
        let own = [Some(2.0), Some(6.0), Some(1.0)];
        let reference = [Some(1.0), Some(3.0), None];
        let ratio = ratio(&own, &reference).unwrap();
        assert_eq!(
            (ratio.median(), ratio.spread(), ratio.count()),
            (2.0, 0.0, 2)
        );
        assert_eq!(super::ratio(&[None], &[Some(1.0)]), None);
        assert_eq!(super::ratio(&[Some(1.0)], &[Some(0.0)]), None);
    }
}
