//! The times of pushes.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The longest pause after failures, unless the period is longer. Shorter than the silence after
/// which a collector is no longer expected, so that ended processes stay for it.
const LONGEST: Duration = Duration::from_secs(120);

/// The pauses between pushes.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    /// Failures since the last push that was taken.
    failures: u32,
}

impl Pace {
    pub(super) fn new(period: Duration) -> Self {
        Self { period, failures: 0 }
    }

    /// The pause before the first push: a fleet that starts at once does not push at once.
    pub(super) fn first(&self) -> Duration {
        self.period.mul_f64(random())
    }

    /// The pause after an answer that ends the matter.
    pub(super) fn after_answer(&mut self) -> Duration {
        self.failures = 0;
        self.period
    }

    /// The pause after a failure: twice as long after each, of which a random part is left out, so
    /// that a collector that comes back is not met by all at once. `wished`: by the collector.
    pub(super) fn after_failure(&mut self, wished: Option<Duration>) -> Duration {
        let longest = LONGEST.max(self.period);
        let doubled = self.period.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        let pause = doubled.min(longest).mul_f64(0.5 + random() / 2.0);
        pause.max(wished.unwrap_or_default().min(longest))
    }
}

/// At least 0, less than 1. The keys of hash maps are random for each; more is not needed.
pub(super) fn random() -> f64 {
    let bits = RandomState::new().hash_one(0_u8) >> 11;
    bits as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_begin_again() {
        let second = Duration::from_secs(1);
        let mut pace = Pace::new(second);
        let mut most = second;
        for _ in 0..40 {
            let pause = pace.after_failure(None);
            assert!(pause >= most / 2 && pause <= most, "{pause:?} of {most:?}");
            most = (most * 2).min(LONGEST);
        }
        assert_eq!(pace.after_answer(), second);
        assert!(pace.after_failure(None) <= second);
    }

    #[test]
    fn a_collector_may_ask_for_time_within_limits() {
        let mut pace = Pace::new(Duration::from_millis(100));
        assert_eq!(pace.after_failure(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(pace.after_failure(Some(Duration::from_secs(1 << 40))), LONGEST);
        let mut slow = Pace::new(LONGEST * 2);
        assert!(slow.after_failure(None) >= LONGEST);
    }

    #[test]
    fn random_numbers_differ_and_are_below_one() {
        let numbers: Vec<f64> = (0..100).map(|_| random()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.windows(2).any(|two| two[0] != two[1]));
    }
}
