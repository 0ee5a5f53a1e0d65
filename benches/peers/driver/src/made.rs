//! How many blocks a program makes, counted by an allocator that does nothing else: what a
//! profiler's report is held against, instead of what the profiler says that it saw.

use crate::child::{Child, Run};
use crate::options::{Build, Options};
use crate::programs::{COUNTED, Unit, Workload};

/// Blocks that a workload makes, per pair or pass. What a program makes once is not in it,
/// because a profiler that starts in `main` cannot know all of that; most profilers report it,
/// and a loss that is smaller does not show.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Made(f64);

impl Made {
    /// Does two amounts of the workload and counts.
    ///
    /// # Errors
    ///
    /// If the counting program is missing or fails.
    pub(crate) fn count(
        options: &Options,
        build: &Build,
        workload: Workload,
    ) -> Result<Self, String> {
        let child = Child::new(options, build, &COUNTED);
        let amounts = if workload.unit == Unit::Pass { [1, 2] } else { [1_000, 2_000] };
        let count = |amount: u32| match child.run(&options.units(workload, amount))? {
            Run::Ended(ended) => {
                Ok([ended.printed.number("units")?, ended.printed.number("made")?])
            }
            Run::Refused(reason) => Err(format!("{}: {reason}", child.name())),
        };
        Ok(Self::through(count(amounts[0])?, count(amounts[1])?))
    }

    /// From two pairs of an amount and its blocks.
    fn through([units, blocks]: [f64; 2], [more_units, more_blocks]: [f64; 2]) -> Self {
        Self((more_blocks - blocks) / (more_units - units))
    }

    /// The part of the blocks of so many units that is not among the `reported`.
    pub(crate) fn lost(&self, reported: f64, units: f64) -> f64 {
        (1.0 - reported / (self.0 * units)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_reported_is_lost() {
        let made = Made::through([1_001.0, 2_070.0], [2_001.0, 4_070.0]);
        assert_eq!(made, Made(2.0));
        assert_eq!(made.lost(500.0, 500.0), 0.5);
        assert_eq!(made.lost(1_068.0, 500.0), 0.0);
    }
}
