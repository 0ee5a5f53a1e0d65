//! How long one unit of a loop takes.

use std::time::{Duration, Instant};

/// Blocks of equal length that are timed; the best one counts, because what
/// else runs on the machine can only make a block slower.
const BLOCKS: u32 = 7;

/// Nanoseconds per unit of `work`, which does as many units as it is told and
/// says how long they took.
///
/// The first `warm_up` units are not measured. The others are counted so that
/// they take about `budget`, however slow one is.
pub fn per_unit(budget: Duration, warm_up: u64, mut work: impl FnMut(u64) -> Duration) -> f64 {
    let mut plan = Plan::new(budget, warm_up);
    // All work is called from this one place, so that the stacks below it,
    // which are the call sites of the profilers, are the same in every phase.
    while let Some(units) = plan.next_units() {
        plan.advance(work(units));
    }
    plan.best.as_nanos() as f64 / plan.units as f64
}

/// How long `work` takes.
pub fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    WarmUp {
        units: u64,
    },
    /// Doubles the units until they take a quarter of a block. Each number is
    /// tried twice, so that one interruption does not pass for work.
    Calibrate {
        units: u64,
        first: Option<Duration>,
    },
    Measure {
        units: u64,
        left: u32,
    },
    Done,
}

struct Plan {
    /// What one block should take.
    goal: Duration,
    phase: Phase,
    best: Duration,
    units: u64,
}

impl Plan {
    fn new(budget: Duration, warm_up: u64) -> Self {
        // One part of the budget goes to calibration.
        let goal = budget / (BLOCKS + 1);
        let phase = match warm_up {
            0 => Phase::Calibrate { units: 1, first: None },
            units => Phase::WarmUp { units },
        };
        Self { goal, phase, best: Duration::MAX, units: 0 }
    }

    /// How much to do next. Out of line: a compiler that sees the phases makes
    /// one call of `work` for each.
    #[inline(never)]
    fn next_units(&self) -> Option<u64> {
        match self.phase {
            Phase::WarmUp { units }
            | Phase::Calibrate { units, .. }
            | Phase::Measure { units, .. } => Some(units),
            Phase::Done => None,
        }
    }

    #[inline(never)]
    fn advance(&mut self, taken: Duration) {
        self.phase = match self.phase {
            Phase::WarmUp { .. } => Phase::Calibrate { units: 1, first: None },
            Phase::Calibrate { units, first: None } => {
                Phase::Calibrate { units, first: Some(taken) }
            }
            Phase::Calibrate { units, first: Some(first) } => self.judge(units, taken.min(first)),
            Phase::Measure { units, left } => {
                self.best = self.best.min(taken);
                if left > 1 { Phase::Measure { units, left: left - 1 } } else { Phase::Done }
            }
            Phase::Done => Phase::Done,
        };
    }

    fn judge(&mut self, units: u64, taken: Duration) -> Phase {
        if taken < self.goal / 4 {
            return Phase::Calibrate { units: units * 2, first: None };
        }
        let factor = self.goal.as_secs_f64() / taken.as_secs_f64();
        self.units = (units as f64 * factor).max(1.0) as u64;
        Phase::Measure { units: self.units, left: BLOCKS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_a_unit_of_known_length() {
        for nanos in [20, 3_000, 50_000_000] {
            let unit = Duration::from_nanos(nanos);
            let measured = per_unit(Duration::from_millis(100), 5, |units| {
                unit * u32::try_from(units).unwrap()
            });
            assert!((measured - nanos as f64).abs() < 1.0, "{nanos}: {measured}");
        }
    }

    #[test]
    fn the_best_block_counts_and_the_warm_up_does_not() {
        let mut calls = 0_u64;
        let measured = per_unit(Duration::from_millis(80), 1, |units| {
            calls += 1;
            let slow = u64::from(calls == 1 || calls.is_multiple_of(2)) * 9 + 1;
            Duration::from_nanos(units * 100 * slow)
        });
        assert!((measured - 100.0).abs() < 1.0, "{measured}");
    }
}
