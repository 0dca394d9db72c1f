//! Measurements in a row, and their percentiles.

/// The most values that are kept; later ones count for the maximum alone. An hour has 14,400 samples.
const KEPT: usize = 100_000;

/// Values of one kind, in no particular unit.
#[derive(Debug, Default, Clone)]
pub(crate) struct Series {
    values: Vec<u64>,
    highest: u64,
    count: usize,
}

impl Series {
    pub(crate) fn add(&mut self, value: u64) {
        self.count += 1;
        self.highest = self.highest.max(value);
        if self.values.len() < KEPT {
            self.values.push(value);
        }
    }

    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    pub(crate) const fn max(&self) -> u64 {
        self.highest
    }

    /// How many values are above a bound.
    pub(crate) fn above(&self, bound: u64) -> usize {
        self.values.iter().filter(|value| **value > bound).count()
    }

    /// The value that so many of a hundred do not exceed; 0 without values.
    pub(crate) fn percentile(&self, percent: usize) -> u64 {
        let mut sorted = self.values.clone();
        sorted.sort_unstable();
        let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(place).copied().unwrap_or_default()
    }
}
