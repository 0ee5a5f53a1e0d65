//! Names of single sites, for views of a running process.
//!
//! A [`Profile`](super::Profile) names everything at once, which takes seconds for a large program.
//! A view that shows twenty sites and comes back every second asks for those alone, and finds
//! what it asked for before.

use std::vec::Vec;

use crate::recording::model::{ROOTS, Recording};
use crate::symbolize::Symbolizer;

use super::frames::FrameTable;
use super::kind::Kind;
use super::naming::{NodeNames, StackBuilder, add_kinds, stacks_of};
use super::{FrameRef, Options, Profile, Run};

/// Names the stacks of one process's recording, one at a time and reading after reading. They are
/// named and trimmed as in a [`Profile`](super::Profile).
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
        Self {
            symbolizer: Symbolizer::watching(recording, &options.debug_dirs),
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

    /// Ids of the frames, innermost first, of the stack whose innermost frame is entry `innermost` of
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
        self.take_profile(recording)
    }

    /// Shows `work` the profile of a later reading. What was named before is taken over, and what is named
    /// now is kept.
    pub fn with_profile<R>(
        &mut self,
        recording: &Recording,
        work: impl FnOnce(&Profile) -> R,
    ) -> R {
        let profile = self.take_profile(recording);
        let result = work(&profile);
        self.frames = profile.frames;
        result
    }

    /// The profile, which has the frames until they are put back.
    fn take_profile(&mut self, recording: &Recording) -> Profile {
        self.update(recording);
        self.names.cover(recording);
        for node in 0..recording.frames.len() {
            self.names.resolve_node(node, recording, &mut self.symbolizer, &mut self.frames);
        }
        let mut frames = core::mem::take(&mut self.frames);
        let stacks = stacks_of(recording, &self.names, &mut frames, &self.options);
        Profile { form: self.options.form, run: Run::of(recording), frames, stacks }
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
mod tests {
    use super::*;
    use crate::recording::model::{
        Counters, Frame, Module, ROOT_BROKEN, ROOT_COMPLETE, ROOT_TRUNCATED, Site,
    };
    use crate::report::Profile;
    use std::string::{String, ToString};
    use std::vec;

    /// This test program, as it is mapped. A position-independent executable's first segment is
    /// linked at 0.
    fn this_program() -> Module {
        let path = std::env::current_exe().unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mine = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
        let number = |text: &str| u64::from_str_radix(text, 16).unwrap();
        let ranges: Vec<(u64, u64)> = mine
            .map(|line| line.split_once(' ').unwrap().0.split_once('-').unwrap())
            .map(|(start, end)| (number(start), number(end)))
            .collect();
        let (start, end) = (ranges[0].0, ranges.last().unwrap().1);
        Module { path, start, end, bias: start, ..Module::default() }
    }

    #[inline(never)]
    fn outer() -> u32 {
        std::hint::black_box(1)
    }

    #[inline(never)]
    fn inner() -> u32 {
        std::hint::black_box(2)
    }

    // Functions of this crate: with trimming, the profiler's own.

    /// What a call from the beginning of `function` would push.
    fn within(function: fn() -> u32) -> u64 {
        function as usize as u64 + 2
    }

    /// Stacks through `inner` and `outer`, one through no module, the roots, and one whose frame
    /// does not exist.
    fn recording() -> Recording {
        let mut frames = vec![Frame::default(); ROOTS];
        let mut push = |parent, address| {
            frames.push(Frame { parent, generation: 0, address, group: 0 });
            u32::try_from(frames.len() - 1).unwrap()
        };
        let outer_complete = push(ROOT_COMPLETE, within(outer));
        let inner_complete = push(outer_complete, within(inner));
        let broken = push(ROOT_BROKEN, 0x10);
        let inner_truncated = push(ROOT_TRUNCATED, within(inner));
        let innermost = [inner_complete, broken, inner_truncated, outer_complete, 2, 0, 99];
        let site = |frame| Site { frame, counters: Counters::default() };
        let sites = innermost.into_iter().map(site).collect();
        Recording { modules: vec![this_program()], frames, sites, ..Recording::default() }
    }

    fn texts(names: &mut SiteNames, recording: &Recording, innermost: u32) -> Vec<String> {
        let ids = names.stack(recording, innermost);
        ids.iter().map(|&id| names.frame(id).unwrap().to_string()).collect()
    }

    #[test]
    fn a_site_has_the_same_stack_as_in_a_profile() {
        let recording = recording();
        for trim in [true, false] {
            let options = Options { trim, ..Options::default() };
            let mut names = SiteNames::new(&recording, &options);
            // In another order than the profile's, so that nothing depends on what was before.
            for site in recording.sites.iter().rev() {
                let mut alone = recording.clone();
                alone.sites = vec![*site];
                let profile = Profile::from_recording(&alone, &options);
                let stack = profile.stacks().next().unwrap();
                let expected: Vec<String> = stack.frames().map(|frame| frame.to_string()).collect();
                assert_eq!(texts(&mut names, &recording, site.frame), expected);
            }
        }
    }

    #[test]
    fn profiles_of_later_readings_are_as_if_made_alone() {
        let later = recording();
        let mut early = later.clone();
        early.modules.clear();
        early.sites.truncate(2);
        early.frames.truncate(ROOTS + 3);
        let options = Options { trim: false, ..Options::default() };
        let mut names = SiteNames::new(&early, &options);
        let lines = |profile: &Profile| -> Vec<Vec<String>> {
            let frames = |stack: crate::report::StackRef<'_>| {
                stack.frames().map(|frame| frame.to_string()).collect()
            };
            profile.stacks().map(frames).collect()
        };
        for recording in [&early, &later, &later] {
            let alone = lines(&Profile::from_recording(recording, &options));
            assert_eq!(names.with_profile(recording, lines), alone);
        }
    }

    #[test]
    fn functions_are_named() {
        let recording = recording();
        let mut names = SiteNames::new(&recording, &Options { trim: false, ..Options::default() });
        let stack = names.stack(&recording, recording.sites[0].frame);
        let function = |id: &u32| names.frame(*id).and_then(|frame| frame.function()).unwrap();
        let functions: Vec<&str> = stack.iter().map(function).collect();
        // What is inlined there comes first.
        let place = |name| functions.iter().position(|function| function.ends_with(name));
        let (inner, outer) = (place("tests::inner"), place("tests::outer"));
        assert!(inner.is_some() && inner < outer, "{functions:?}");
        assert!(names.frame(1_000).is_none());
    }

    #[test]
    fn later_readings_bring_more_frames_and_modules() {
        let later = recording();
        let mut early = later.clone();
        early.modules.clear();
        early.frames.truncate(ROOTS + 1);
        let mut names = SiteNames::new(&early, &Options { trim: false, ..Options::default() });
        let outer = u32::try_from(ROOTS).unwrap();
        assert!(texts(&mut names, &early, outer)[0].contains("??? (in ???)"));
        assert!(!names.update(&early));
        assert!(names.update(&later));
        let mut has =
            |node, name| texts(&mut names, &later, node).iter().any(|text| text.contains(name));
        assert!(has(outer, "tests::outer"));
        assert!(has(outer + 1, "tests::inner"));
        assert!(!names.update(&later));
    }
}
