//! One process that is served.

use std::time::{Duration, Instant};

use mod_alloc::recording::model::{Counters, Recording};
use mod_alloc::report::{Options, SiteNames};

use crate::base::system::user;
use crate::dhat_file::Document;
use crate::watched::{Reading, Source, State, Watched, anyone_has_mapped};

use super::collectors::{ByCollector, Collector};
use super::numbers::{Rate, Totals, sums};
use super::push::Amount;

/// A process, its names, and what was told of it before.
#[derive(Debug)]
pub(super) struct Subject {
    watched: Watched,
    names: Option<SiteNames>,
    options: Options,
    /// The number of programs before this one in the process.
    program: u64,
    /// The totals that each collector's last answer with differences ended at.
    told: ByCollector<Totals>,
    rate: Rate,
    /// Deltas that programs before this one in the process had not told the collector.
    replaced: Amount,
}

/// Why nothing is told of a process.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// It belongs to another user.
    Foreign,
    /// It cannot be read, perhaps not yet.
    Unreadable(String),
}

/// The numbers of a process that has ended.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) sums: Counters,
    /// The collectors know all of them.
    pub(super) is_told: bool,
    /// The part that the one that is pushed to does not know.
    pub(super) left: Amount,
}

/// A reading's numbers.
#[derive(Debug)]
pub(super) struct Condition {
    pub(super) recording: Recording,
    pub(super) is_running: bool,
    pub(super) sums: Counters,
    pub(super) bytes_per_second: f64,
}

/// The part of the run whose totals a profile has.
#[derive(Debug, Clone, Copy)]
pub(super) enum Since<'t> {
    Start,
    /// Since the last answer of this kind to this collector.
    Told(&'t Collector),
    Moment(&'t Totals),
}

/// A process as a document.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) document: Document,
    /// The time that its totals are of, in microseconds.
    pub(super) micros: u64,
    /// The totals, for [`Subject::was_told`]; default where they are of the whole run.
    pub(super) totals: Totals,
}

impl Subject {
    pub(super) fn new(watched: Watched, options: Options) -> Self {
        Self {
            watched,
            names: None,
            options,
            program: 0,
            told: ByCollector::default(),
            rate: Rate::default(),
            replaced: Amount::default(),
        }
    }

    /// Its process id, as its recording says.
    pub(super) fn pid(&self) -> Option<u32> {
        self.watched.pid()
    }

    /// Reads what is recorded now.
    fn read(&mut self, with_timeline: bool) -> Result<Reading, Trouble> {
        self.check_owners()?;
        let watched = &mut self.watched;
        let reading = if with_timeline { watched.read_all() } else { watched.read() };
        let reading = reading.map_err(Trouble::Unreadable)?;
        if reading.is_another {
            let before = self.watched.last_before();
            // Another program may be another user's.
            self.check_owners()?;
            if let Some(before) = before {
                self.replaced.add(self.left(&before));
            }
            (self.names, self.rate) = (None, Rate::default());
            self.told = ByCollector::default();
            self.program += 1;
        }
        Ok(reading)
    }

    /// Only root tells of other users' processes.
    pub(super) fn check_owners(&self) -> Result<(), Trouble> {
        let owners = self.watched.owners().map_err(Trouble::Unreadable)?;
        if may_tell(user(), &owners) { Ok(()) } else { Err(Trouble::Foreign) }
    }

    pub(super) fn condition(&mut self) -> Result<Condition, Trouble> {
        let Reading { recording, state, .. } = self.read(false)?;
        let sums = sums(&recording);
        let recorded = Duration::from_micros(recording.end_micros);
        let bytes_per_second = self.rate.update(Instant::now(), sums.total_bytes, recorded);
        let is_running = state == State::Running;
        Ok(Condition { recording, is_running, sums, bytes_per_second })
    }

    /// The numbers of a process that has ended. `inode`: the number of its recording's file.
    pub(super) fn over(&mut self, collectors: &[Collector], inode: u64) -> Option<Over> {
        let has_ended = self.has_ended(inode);
        let Reading { recording, .. } = self.read(false).ok()?;
        let knows_all = |collector| {
            let told = self.told.get(collector);
            told.is_some_and(|told| told.are_those_of(&recording))
        };
        let is_told = collectors.iter().all(knows_all);
        has_ended.then(|| Over { sums: sums(&recording), is_told, left: self.left(&recording) })
    }

    /// Allocations that the collector that is pushed to does not know of.
    fn left(&self, recording: &Recording) -> Amount {
        let told = self.told.get(&Collector::Pushed).map(Totals::amount).unwrap_or_default();
        Totals::of(recording, self.program).amount().without(told)
    }

    /// True if the process has ended. `inode`: the number of its recording's file; 0: not known.
    /// One that is exiting still allocates.
    pub(super) fn has_ended(&mut self, inode: u64) -> bool {
        match self.watched.process_state() {
            State::Running => false,
            State::Ended(_) => true,
            // Its process id may be one of another namespace.
            State::Unseen => inode == 0 || !anyone_has_mapped(inode),
        }
    }

    /// Deltas that programs which were replaced had not told, since this was last asked.
    pub(super) fn take_replaced(&mut self) -> Amount {
        std::mem::take(&mut self.replaced)
    }

    /// The sites' totals of now.
    pub(super) fn totals(&mut self) -> Result<Totals, Trouble> {
        let reading = self.read(false)?;
        Ok(Totals::of(&reading.recording, self.program))
    }

    /// The process as a document.
    pub(super) fn document(&mut self, since: Since<'_>) -> Result<Told, Trouble> {
        let Reading { mut recording, .. } = self.read(false)?;
        let mut micros = recording.end_micros;
        let base = match since {
            Since::Start => None,
            Since::Told(collector) => self.told.get(collector),
            // Totals of a program that is no longer there say nothing of this one.
            Since::Moment(totals) => Some(totals).filter(|totals| totals.program == self.program),
        };
        let mut totals = Totals::default();
        if let Since::Told(_) = since {
            totals = Totals::of(&recording, self.program);
        }
        if let Some(base) = base {
            micros = base.take_from(&mut recording);
        }
        let document = self.named(&recording);
        Ok(Told { document, micros, totals })
    }

    /// The process as a report has it, with the heap over time.
    pub(super) fn whole(&mut self) -> Result<Document, Trouble> {
        let reading = self.read(true)?;
        Ok(self.named(&reading.recording))
    }

    /// Differences that end at `totals` have reached the collector.
    pub(super) fn was_told(&mut self, collector: &Collector, totals: Totals) {
        if totals.program == self.program {
            self.told.set(collector.clone(), totals);
        }
    }

    fn named(&mut self, recording: &Recording) -> Document {
        let names = self.names.get_or_insert_with(|| SiteNames::new(recording, &self.options));
        names.with_profile(recording, Document::of_profile)
    }
}

fn may_tell(user: u32, owners: &[u32]) -> bool {
    const ROOT: u32 = 0;
    user == ROOT || owners.iter().all(|&owner| owner == user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_tells_of_others() {
        assert!(may_tell(1000, &[1000, 1000]));
        assert!(!may_tell(1000, &[1000, 1001]));
        assert!(!may_tell(1000, &[0]));
        assert!(may_tell(0, &[1000, 1001]));
    }
}
