//! Counts of pushes, for `/metrics` and for standard error.

use std::sync::{Mutex, MutexGuard, PoisonError};

use mod_alloc::units::{Bytes, Count};

/// Allocations that a push tells of, or would have told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
}

impl Amount {
    pub(crate) fn add(&mut self, more: Self) {
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.blocks = self.blocks.saturating_add(more.blocks);
    }

    /// This, less `told`.
    pub(crate) fn without(self, told: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(told.bytes),
            blocks: self.blocks.saturating_sub(told.blocks),
        }
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// Why allocations were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The collector refused the profile as such.
    Refused,
    /// The programs ended, and the collector could not be reached.
    Unreached,
    /// Too many processes have ended and wait for the collector.
    Crowded,
    /// `exec` replaced the program before its last numbers were pushed.
    Replaced,
}

impl Cause {
    pub(crate) const ALL: [Self; 4] =
        [Self::Refused, Self::Unreached, Self::Crowded, Self::Replaced];

    /// The label in `/metrics`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Unreached => "unreached",
            Self::Crowded => "crowded",
            Self::Replaced => "replaced",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Refused => "the collector refused the profile",
            Self::Unreached => "the collector was not reached before the end",
            Self::Crowded => "too many processes had ended before the collector was reached",
            Self::Replaced => "the program was replaced by exec",
        }
    }
}

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Taken,
    Refused,
    /// The collector has not got it, or wants it later.
    Failed,
    /// No answer came: the collector may have it, and gets it again.
    Unanswered,
}

impl Outcome {
    pub(crate) const ALL: [Self; 4] = [Self::Taken, Self::Refused, Self::Failed, Self::Unanswered];

    /// The label in `/metrics`.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Unanswered => "unanswered",
        }
    }
}

/// The counts so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) outcomes: [u64; 4],
    /// In profiles that were taken.
    pub(crate) taken: Amount,
    pub(crate) dropped: [Amount; 4],
}

/// The counts, which the thread that pushes writes and `/metrics` reads.
#[derive(Debug, Default)]
pub(crate) struct Figures(Mutex<Counts>);

impl Figures {
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn counts(&self) -> Counts {
        *self.lock()
    }

    pub(super) fn attempted(&self, outcome: Outcome) {
        self.lock().outcomes[outcome as usize] += 1;
    }

    pub(super) fn taken(&self, amount: Amount) {
        self.lock().taken.add(amount);
    }

    pub(crate) fn dropped(&self, cause: Cause, amount: Amount) {
        self.lock().dropped[cause as usize].add(amount);
    }
}

impl Counts {
    /// A line for each thing that the collector may lack or have twice; empty if there is none.
    pub(super) fn remarks(&self) -> Vec<String> {
        let lines = Cause::ALL.into_iter().zip(self.dropped);
        let lines = lines.filter(|(_, amount)| !amount.is_zero()).map(|(cause, amount)| {
            format!(
                "not pushed: {} in {} blocks: {}",
                Bytes(amount.bytes),
                Count(amount.blocks),
                cause.words()
            )
        });
        let unanswered = self.outcomes[Outcome::Unanswered as usize];
        let twice = (unanswered > 0).then(|| {
            format!(
                "pushes without an answer, which the collector may have twice: {}",
                Count(unanswered)
            )
        });
        lines.chain(twice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_and_outcome_has_a_place_of_its_own() {
        let figures = Figures::default();
        for (index, cause) in Cause::ALL.into_iter().enumerate() {
            figures.dropped(cause, Amount { bytes: index as u64 + 1, blocks: 1 });
        }
        Outcome::ALL.into_iter().for_each(|outcome| figures.attempted(outcome));
        let counts = figures.counts();
        assert_eq!(counts.dropped.map(|amount| amount.bytes), [1, 2, 3, 4]);
        assert_eq!(counts.outcomes, [1; 4]);
        assert_eq!(counts.remarks().len(), 5);
        assert!(Counts::default().remarks().is_empty());
    }
}
