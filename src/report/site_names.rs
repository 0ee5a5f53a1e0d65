//! Names of single sites, for views of a running process.
//!
//! A [`Profile`] names everything at once, which takes seconds for a large program.
//! A view that shows twenty sites and comes back every second asks for those alone, and finds
//! what it asked for before.

use std::vec::Vec;

use crate::recording::model::{ROOTS, Recording};
use crate::symbolize::Symbolizer;

use super::frame_ref::FrameRef;
use super::frames::FrameTable;
use super::kind::Kind;
use super::merge::Stacks;
use super::naming::{StackBuilder, add_kinds, stacks_of};
use super::node_names::NodeNames;
use super::options::Options;
use super::profile::Profile;

/// Names the stacks of one process's recording, one at a time and reading after reading. They are
/// named and trimmed as in a [`Profile`].
pub struct SiteNames {
    symbolizer: Symbolizer<'static>,
    frames: FrameTable,
    names: NodeNames,
    /// By frame id.
    kinds: Vec<Kind>,
    options: Options,
}

impl SiteNames {
    /// For the process of `recording`.
    pub fn new(recording: &Recording, options: &Options) -> Self {
        let symbolizer = Symbolizer::watching(recording, &options.debug_dirs);
        Self {
            symbolizer: symbolizer
                .with_fetch(options.fetch.clone())
                .with_cache(options.cache.clone()),
            frames: FrameTable::new(options.form),
            names: NodeNames::default(),
            kinds: Vec::new(),
            options: options.clone(),
        }
    }

    /// Takes note of a later reading of the same recording. Returns whether stacks that were
    /// named before may have other names now: a reading can show a stack earlier than the
    /// module it goes through.
    pub fn update(&mut self, recording: &Recording) -> bool {
        let changed = self.symbolizer.update(recording);
        if changed {
            self.names.retry_homeless();
        }
        changed
    }

    /// Ids of the frames, innermost first, of the stack whose innermost frame is entry `innermost`
    /// of
    /// [`Recording::frames`]. `recording` is the latest that [`update`](Self::update) was told of.
    pub fn stack(&mut self, recording: &Recording, innermost: u32) -> Vec<u32> {
        self.names.cover(recording);
        let mut at = innermost as usize;
        while let Some(node) = recording.frames.get(at).filter(|_| at >= ROOTS) {
            self.names.resolve_node(at, recording, &mut self.symbolizer, &mut self.frames);
            // A parent that is not further out would make this walk endless.
            at = (node.parent as usize).min(at - 1);
        }
        add_kinds(&mut self.kinds, &self.frames, self.symbolizer.modules());
        let mut builder = StackBuilder::new(recording, &self.names, &self.kinds, &self.options);
        builder.build(innermost, &mut self.frames).to_vec()
    }

    /// Names all that `recording` has and was not named before, so that a later profile finds it
    /// done. `recording` is the latest that [`update`](Self::update) was told of.
    pub fn learn(&mut self, recording: &Recording) {
        self.names.cover(recording);
        for node in ROOTS..recording.frames.len() {
            self.names.resolve_node(node, recording, &mut self.symbolizer, &mut self.frames);
        }
    }

    /// The profile of the last reading, what was named before being taken over.
    pub fn into_profile(mut self, recording: &Recording) -> Profile {
        let (mut frames, mut stacks) = self.take_stacks(recording);
        self.symbolizer.keep();
        frames.keep_those_of(&mut stacks);
        Profile::new(&self.options, recording, (frames, stacks))
    }

    /// Shows `work` the profile of a later reading. What was named before is taken over, and what
    /// is named now is kept.
    pub fn with_profile<R>(
        &mut self,
        recording: &Recording,
        work: impl FnOnce(&Profile) -> R,
    ) -> R {
        let named = self.take_stacks(recording);
        let profile = Profile::new(&self.options, recording, named);
        let result = work(&profile);
        self.frames = profile.frames;
        result
    }

    /// The stacks, and all frames until they are put back.
    fn take_stacks(&mut self, recording: &Recording) -> (FrameTable, Stacks) {
        self.update(recording);
        self.names.cover(recording);
        for node in 0..recording.frames.len() {
            self.names.resolve_node(node, recording, &mut self.symbolizer, &mut self.frames);
        }
        let mut frames = core::mem::take(&mut self.frames);
        let stacks = stacks_of(recording, &self.names, &mut frames, &self.options);
        (frames, stacks)
    }

    /// The frame with id `id`; `None` if there is none.
    pub fn frame(&self, id: u32) -> Option<FrameRef<'_>> {
        let index = id as usize;
        let modules = self.symbolizer.modules();
        (index < self.frames.len()).then(|| FrameRef::new(&self.frames, modules, index))
    }
}

impl std::fmt::Debug for SiteNames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let frames = self.frames.len();
        f.debug_struct("SiteNames").field("frames", &frames).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
