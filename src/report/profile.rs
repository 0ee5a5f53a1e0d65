//! Named stacks with numbers: what all outputs are made of.

use std::string::String;
use std::vec::Vec;

use crate::recording::model::{Counters, Recording, SiteMoment};

use super::advice;
use super::coverage::Coverage;
use super::cut_stacks::{self, CutStacks};
use super::frame_ref::FrameRef;
use super::frames::FrameTable;
use super::losses::Circumstances;
use super::mappings::Mappings;
use super::merge::{self, Stacks};
use super::naming;
use super::options::{Form, Options};
use super::run::Run;

/// Named stacks with numbers. No two stacks are equal.
#[derive(Debug)]
pub struct Profile {
    form: Form,
    run: Run,
    pub(super) frames: FrameTable,
    stacks: Stacks,
    coverage: Option<Coverage>,
    cut_stacks: Vec<CutStacks>,
    mappings: Option<Mappings>,
    advice: Vec<String>,
}

impl Profile {
    /// Names, trims and merges the stacks of `recording`. What cannot be named keeps its
    /// module and address; nothing in a recording makes this fail.
    pub fn from_recording(recording: &Recording, options: &Options) -> Self {
        Self::new(options, recording, naming::named_stacks(recording, options))
    }

    /// The profile of named stacks.
    pub(super) fn new(
        options: &Options,
        recording: &Recording,
        (frames, stacks): (FrameTable, Stacks),
    ) -> Self {
        let form = options.form;
        let run = Run::of(recording);
        let cut_stacks = cut_stacks::places(recording);
        let mappings = Mappings::of(recording, options);
        let (coverage, advice) = (None, Vec::new());
        let mut profile =
            Self { form, run, frames, stacks, coverage, cut_stacks, mappings, advice };
        // Other forms tell of a part of the run alone.
        if form == Form::Own {
            profile.advice = advice::sentences(&profile);
            profile.coverage = Coverage::of(&profile.run, &profile.totals());
            if let (Some(coverage), Some(mappings)) = (&mut profile.coverage, &profile.mappings) {
                coverage.add_mappings(mappings);
            }
        }
        profile
    }

    /// The places in which stacks were cut short, those of most blocks first.
    pub fn cut_stacks(&self) -> &[CutStacks] {
        &self.cut_stacks
    }

    /// Settings of the program's build that would make the report better, each with the reason;
    /// empty if nothing is missing.
    pub fn advice(&self) -> &[String] {
        &self.advice
    }

    /// Facts that the words on losses depend on.
    pub fn circumstances(&self) -> Circumstances<'_> {
        Circumstances::of(&self.run.settings, &self.cut_stacks)
    }

    /// Memory of the process beside what was recorded; `None` if nobody looked at it.
    pub fn coverage(&self) -> Option<&Coverage> {
        self.coverage.as_ref()
    }

    /// Mappings that the program made itself; `None` if they were not recorded.
    pub fn mappings(&self) -> Option<&Mappings> {
        self.mappings.as_ref()
    }

    /// Whose reports this one reads like.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The process as a whole.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The stacks, in the order in which their first site was recorded.
    pub fn stacks(&self) -> impl ExactSizeIterator<Item = StackRef<'_>> {
        (0..self.stacks.len()).map(move |index| StackRef { profile: self, index })
    }

    /// The stack at that place of [`stacks`](Self::stacks).
    #[cfg(all(feature = "pprof", not(feature = "preload")))]
    pub(super) fn stack(&self, index: usize) -> Option<StackRef<'_>> {
        (index < self.stacks.len()).then_some(StackRef { profile: self, index })
    }

    /// Every distinct frame, in the order of the ids in [`StackRef::frame_ids`].
    pub fn frames(&self) -> impl ExactSizeIterator<Item = FrameRef<'_>> {
        (0..self.frames.len()).map(move |index| self.frame_at(index))
    }

    /// The frame with id `id`; `None` if there is none.
    pub fn frame(&self, id: u32) -> Option<FrameRef<'_>> {
        ((id as usize) < self.frames.len()).then(|| self.frame_at(id as usize))
    }

    /// The sums over all stacks: what a viewer of the report arrives at. The two maxima are
    /// sums of maxima reached at different times, an upper bound without further meaning. Where
    /// blocks were sampled, the heap's own numbers, which are exact, take the place of sums.
    pub fn totals(&self) -> Counters {
        let mut sum = Counters::default();
        for stack in self.stacks() {
            merge::add(&mut sum, stack.counters());
        }
        self.run.sampling.map_or(sum, |sampling| sampling.instead_of(&sum))
    }

    fn frame_at(&self, index: usize) -> FrameRef<'_> {
        FrameRef::new(&self.frames, &self.run.modules, index)
    }
}

/// One stack of a [`Profile`].
#[derive(Debug, Clone, Copy)]
pub struct StackRef<'p> {
    pub(super) profile: &'p Profile,
    index: usize,
}

impl<'p> StackRef<'p> {
    /// The stack's numbers. If sites were merged into it, its `max_bytes` and `max_blocks`
    /// are an upper bound: the sum of maxima that the sites reached at different times.
    pub fn counters(&self) -> &'p Counters {
        self.profile.stacks.counters(self.index)
    }

    /// The number of recorded sites that became this stack; 1 unless naming and trimming made
    /// several equal.
    pub fn sites(&self) -> u32 {
        self.profile.stacks.sites(self.index)
    }

    /// The stack's numbers at moments of [`Recording::moments`], where they differ from those of
    /// the moment before; empty if none were taken down. Sites that were merged into the stack are
    /// added up.
    pub fn moments(&self) -> &'p [SiteMoment] {
        self.profile.stacks.moments(self.index)
    }

    /// Ids of the frames, innermost first; see [`Profile::frame`].
    pub fn frame_ids(&self) -> &'p [u32] {
        self.profile.stacks.frame_ids(self.index)
    }

    /// The frames, innermost first.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = FrameRef<'p>> + use<'p> {
        let profile = self.profile;
        self.frame_ids().iter().filter_map(move |&id| profile.frame(id))
    }
}
