//! From a recording's addresses to named, trimmed and merged stacks.

use std::vec::Vec;

use crate::recording::model::{
    Group, Module, ROOT_BROKEN, ROOT_COMPLETE, ROOT_TABLE_FULL, ROOT_TRUNCATED, ROOTS, Recording,
};

use super::frames::FrameTable;
use super::kind::{self, Kind};
use super::merge::Stacks;
use super::node_names::NodeNames;
use super::options::{Form, Options};
use super::trim;

/// Outermost frame of a stack deeper than the frame limit.
const TRUNCATED: &str = "[stack truncated: set MOD_ALLOC_FRAMES]";
/// Outermost frame of a stack whose walk came to no end.
const BROKEN: &str = "[stack ends here: no unwind information]";
/// The only frame of events that found the call-site table full.
const TABLE_FULL: &str = "[call-site table full: set MOD_ALLOC_BUCKETS]";

/// The frames and the stacks of `recording`.
pub(super) fn named_stacks(recording: &Recording, options: &Options) -> (FrameTable, Stacks) {
    let mut frames = FrameTable::new(options.form);
    let names = NodeNames::resolve(recording, options, &mut frames);
    let mut stacks = stacks_of(recording, &names, &mut frames, options);
    frames.keep_those_of(&mut stacks);
    (frames, stacks)
}

/// The stacks of `recording`, all of whose frames are named.
pub(super) fn stacks_of(
    recording: &Recording,
    names: &NodeNames,
    frames: &mut FrameTable,
    options: &Options,
) -> Stacks {
    let mut stacks = Stacks::default();
    let mut kinds = Vec::new();
    add_kinds(&mut kinds, frames, &recording.modules);
    let mut builder = StackBuilder::new(recording, names, &kinds, options);
    let mut moments = recording.moments.sites.iter();
    for site in &recording.sites {
        let ids = builder.build(site.frame, frames);
        stacks.add(ids, &site.counters, moments.next().map_or(&[], Vec::as_slice));
    }
    stacks.finish();
    stacks
}

/// Judges the frames that are not among the `kinds` yet.
pub(super) fn add_kinds(kinds: &mut Vec<Kind>, frames: &FrameTable, modules: &[Module]) {
    let id = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    let more = id(kinds.len())..id(frames.len());
    kinds.extend(more.map(|id| kind::kind(frames.function(id, modules))));
}

/// Puts stacks together, one after another, in buffers that are used again.
pub(super) struct StackBuilder<'a> {
    recording: &'a Recording,
    names: &'a NodeNames,
    /// By frame id.
    kinds: &'a [Kind],
    options: &'a Options,
    ids: Vec<u32>,
    stack_kinds: Vec<Kind>,
    /// Of the stack at hand.
    group: Option<&'a Group>,
}

impl<'a> StackBuilder<'a> {
    /// `names` has resolved all that will be asked for, and `kinds` judged it.
    pub(super) fn new(
        recording: &'a Recording,
        names: &'a NodeNames,
        kinds: &'a [Kind],
        options: &'a Options,
    ) -> Self {
        let (ids, stack_kinds) = (Vec::new(), Vec::new());
        Self { recording, names, kinds, options, ids, stack_kinds, group: None }
    }

    /// The frame ids of the stack whose innermost frame is the recording's frame `innermost`.
    pub(super) fn build(&mut self, innermost: u32, frames: &mut FrameTable) -> &[u32] {
        self.ids.clear();
        let (root, is_all) = self.walk(innermost);
        let is_complete = is_all && root == ROOT_COMPLETE;
        // Frames beyond the asked depth are not missing.
        let mut shows_end = is_all && !is_complete;
        if self.options.trim {
            shows_end &= !self.trim(is_complete, frames);
        }
        // One without a name is internal.
        if let Some(group) = self.group.take().filter(|group| !group.name.is_empty()) {
            self.ids.push(frames.group(&group.name));
        }
        if shows_end || self.ids.is_empty() {
            self.ids.push(frames.note(remark(root)));
        }
        &self.ids
    }

    /// Collects the ids outward from `innermost`, as many frames' as are wanted; returns the root,
    /// and whether all were wanted.
    fn walk(&mut self, innermost: u32) -> (u32, bool) {
        let mut at = innermost;
        let mut wanted = self.options.max_frames.unwrap_or(usize::MAX);
        let mut is_all = true;
        while at as usize >= ROOTS {
            let node = self.recording.frames.get(at as usize);
            if let Some(index) = node.and_then(|node| node.group.checked_sub(1)) {
                self.group = self.recording.groups.get(index as usize);
            } else if wanted > 0 {
                wanted -= 1;
                self.ids.extend_from_slice(self.names.of(at as usize));
            } else {
                is_all = false;
            }
            match node {
                // A parent that is not further out would make this walk endless.
                Some(node) if node.parent < at => at = node.parent,
                _ => return (ROOT_BROKEN, is_all),
            }
        }
        (at, is_all)
    }

    /// Trims what was collected; returns whether the stack's true end was among it.
    fn trim(&mut self, complete: bool, frames: &FrameTable) -> bool {
        self.stack_kinds.clear();
        self.stack_kinds.extend(self.ids.iter().map(|&id| self.kinds[id as usize]));
        let kept = trim::trim(&self.stack_kinds, complete);
        self.ids.truncate(kept.range.end);
        let first = match self.options.form {
            Form::Own | Form::Version1 => kept.range.start,
            Form::DhatHeap => self.first_for_dhat(frames).unwrap_or(kept.range.start),
            // The function that events are told to stays.
            Form::DhatAdHoc => 0,
        };
        self.ids.drain(..first);
        if self.ids.iter().any(|&id| self.kinds[id as usize] != Kind::Preloaded) {
            self.ids.retain(|&id| self.kinds[id as usize] != Kind::Preloaded);
        }
        kept.reached_start
    }

    /// The beginning of a stack for dhat-rs: the outermost function of `alloc::alloc`, which is
    /// shown.
    fn first_for_dhat(&self, frames: &FrameTable) -> Option<usize> {
        let modules = &self.recording.modules;
        self.ids.iter().rposition(|&id| {
            let name = frames.function(id, modules).name.unwrap_or_default();
            ["alloc::alloc::", "<alloc::alloc::", "__rg_"].iter().any(|own| name.starts_with(own))
        })
    }
}

fn remark(root: u32) -> &'static str {
    match root {
        ROOT_TRUNCATED => TRUNCATED,
        ROOT_TABLE_FULL => TABLE_FULL,
        _ => BROKEN,
    }
}
