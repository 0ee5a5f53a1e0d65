//! The time between two moments.

use std::time::Duration;

/// See the module's description.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    gap: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { gap: Duration::from_millis(20) }
    }
}

impl Pace {
    /// The pause after a moment that took `cost`, so that moments take a hundredth of the time.
    pub(crate) fn next(self, cost: Duration) -> Duration {
        self.gap.max(cost.saturating_mul(100))
    }

    /// Half as many moments from now on: the log was thinned out.
    pub(crate) fn slow_down(&mut self) {
        self.gap = self.gap.saturating_mul(2);
    }
}
