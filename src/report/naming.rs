//! From a recording's addresses to named, trimmed and merged stacks.

use std::vec::Vec;

use crate::recording::model::{
    Frame as Node, ROOT_COMPLETE, ROOT_TABLE_FULL, ROOT_TRUNCATED, ROOTS, Recording,
};
use crate::symbolize::{FixedMap, Symbol, Symbolizer};

use super::Options;
use super::frames::FrameTable;
use super::kind::{self, Kind};
use super::merge::Stacks;
use super::trim;

/// Outermost frame of a stack deeper than the frame limit.
const TRUNCATED: &str = "[stack truncated: set MOD_ALLOC_FRAMES]";
/// Outermost frame of a stack whose walk came to no end.
const BROKEN: &str = "[stack ends here: no unwind information]";
/// The only frame of events that found the call-site table full.
const TABLE_FULL: &str = "[call-site table full: set MOD_ALLOC_BUCKETS]";

/// The frames and the stacks of `recording`.
pub(super) fn named_stacks(recording: &Recording, options: &Options) -> (FrameTable, Stacks) {
    let mut frames = FrameTable::default();
    let names = NodeNames::resolve(recording, options, &mut frames);
    let mut stacks = Stacks::default();
    let mut builder = StackBuilder {
        recording,
        names: &names,
        kinds: kinds(recording, &frames),
        trims: options.trim,
        ids: Vec::new(),
        stack_kinds: Vec::new(),
    };
    for site in &recording.sites {
        let ids = builder.build(site.frame, &mut frames);
        stacks.add(ids, &site.counters);
    }
    stacks.finish();
    (frames, stacks)
}

fn kinds(recording: &Recording, frames: &FrameTable) -> Vec<Kind> {
    let ids = 0..u32::try_from(frames.len()).unwrap_or(u32::MAX);
    ids.map(|id| kind::kind(frames.function(id, &recording.modules))).collect()
}

/// For every frame of a recording (a physical one), the functions at its address.
struct NodeNames {
    /// For each entry of [`Recording::frames`], its address's index in `ends`.
    addresses: Vec<u32>,
    /// Where the ids of each distinct address end in `ids`; they begin where the ones
    /// before end.
    ends: Vec<usize>,
    ids: Vec<u32>,
}

impl NodeNames {
    /// Resolves each distinct address once.
    fn resolve(recording: &Recording, options: &Options, frames: &mut FrameTable) -> Self {
        let mut symbolizer = Symbolizer::new(recording, &options.debug_dirs);
        let mut known = FixedMap::<(u64, u16), u32>::default();
        let mut names = Self { addresses: Vec::new(), ends: Vec::new(), ids: Vec::new() };
        names.addresses.reserve_exact(recording.frames.len());
        let mut symbols = Vec::new();
        for node in &recording.frames {
            let next = u32::try_from(names.ends.len()).unwrap_or(u32::MAX);
            let address = *known.entry((node.address, node.generation)).or_insert(next);
            names.addresses.push(address);
            if address == next {
                names.push_names(node, recording, &mut symbolizer, frames, &mut symbols);
            }
        }
        names
    }

    fn push_names(
        &mut self,
        node: &Node,
        recording: &Recording,
        symbolizer: &mut Symbolizer<'_>,
        frames: &mut FrameTable,
        symbols: &mut Vec<Symbol>,
    ) {
        symbols.clear();
        // A root has no address and stands for no code.
        if node.address != 0 {
            let strings = frames.strings_mut();
            let place = symbolizer.resolve(node.address, node.generation, strings, symbols);
            if symbols.is_empty() {
                symbols.push(Symbol::default());
            }
            let ids = symbols.iter().map(|&at| frames.code(place, at, &recording.modules));
            self.ids.extend(ids);
        }
        self.ends.push(self.ids.len());
    }

    /// The ids at entry `node` of [`Recording::frames`], innermost first.
    fn of(&self, node: usize) -> &[u32] {
        let Some(&address) = self.addresses.get(node) else { return &[] };
        let address = address as usize;
        let first = address.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[first..self.ends[address]]
    }
}

/// Puts stacks together, one after another, in buffers that are used again.
struct StackBuilder<'a> {
    recording: &'a Recording,
    names: &'a NodeNames,
    /// By frame id.
    kinds: Vec<Kind>,
    trims: bool,
    ids: Vec<u32>,
    stack_kinds: Vec<Kind>,
}

impl StackBuilder<'_> {
    /// The frame ids of the stack whose innermost frame is the recording's frame `innermost`.
    fn build(&mut self, innermost: u32, frames: &mut FrameTable) -> &[u32] {
        self.ids.clear();
        let root = self.walk(innermost);
        let mut shows_end = root != ROOT_COMPLETE;
        if self.trims {
            shows_end &= !self.trim(root == ROOT_COMPLETE);
        }
        if shows_end || self.ids.is_empty() {
            self.ids.push(frames.note(remark(root)));
        }
        &self.ids
    }

    /// Collects the ids outward from `innermost`; returns the root.
    fn walk(&mut self, innermost: u32) -> u32 {
        let mut at = innermost;
        while at as usize >= ROOTS {
            self.ids.extend_from_slice(self.names.of(at as usize));
            match self.recording.frames.get(at as usize) {
                // A parent that is not further out would make this walk endless.
                Some(node) if node.parent < at => at = node.parent,
                _ => return crate::recording::model::ROOT_BROKEN,
            }
        }
        at
    }

    /// Trims what was collected; returns whether the stack's true end was among it.
    fn trim(&mut self, complete: bool) -> bool {
        self.stack_kinds.clear();
        self.stack_kinds.extend(self.ids.iter().map(|&id| self.kinds[id as usize]));
        let kept = trim::trim(&self.stack_kinds, complete);
        self.ids.truncate(kept.range.end);
        self.ids.drain(..kept.range.start);
        kept.reached_start
    }
}

fn remark(root: u32) -> &'static str {
    match root {
        ROOT_TRUNCATED => TRUNCATED,
        ROOT_TABLE_FULL => TABLE_FULL,
        _ => BROKEN,
    }
}
