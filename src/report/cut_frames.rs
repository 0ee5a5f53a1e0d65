//! Frames that trimming takes away, told by the symbol table alone.
//!
//! A third of a program's frames are the runtime's and the allocator's. To look them up in debug
//! information would read the standard library's largest units, and the C library's debug file, for
//! frames that no report shows.
//!
//! ```text
//!  __rust_alloc, and all inward of it     ┐ a name is enough
//!  app::load                              │ looked up
//!  app::main                              ┘
//!  __rust_begin_short_backtrace             looked up: closures are inlined into it
//!  all outward of it; else the C          ┐ a name is enough
//!  library's start                        ┘
//! ```
//!
//! A frame that is cut from one stack and stays in another is looked up.

use std::vec::Vec;

use crate::recording::model::{ROOTS, Recording};
use crate::symbolize::{FixedMap, Place, Symbol, Symbolizer};

use super::frames::FrameTable;
use super::kind::{self, Kind};
use super::options::{Form, Options};

/// The names of the frames that are cut off, by entry of [`Recording::frames`].
pub(super) struct CutFrames {
    names: Vec<Option<(Place, Symbol)>>,
}

impl CutFrames {
    /// `nodes` are the entries of all stacks, in order; `symbolizer` was told of their addresses.
    pub(super) fn of(
        recording: &Recording,
        nodes: &[usize],
        options: &Options,
        symbolizer: &mut Symbolizer<'_>,
        frames: &mut FrameTable,
    ) -> Self {
        // dhat-rs's stacks begin elsewhere.
        let trims = options.trim && matches!(options.form, Form::Own | Form::Version1);
        if !trims || options.max_frames.is_some() {
            return Self { names: Vec::new() };
        }
        let mut kinds = std::vec![Kind::Program; recording.frames.len()];
        let mut judged = FixedMap::default();
        for &node in nodes {
            let at = &recording.frames[node];
            let address = (at.address, at.generation);
            kinds[node] = *judged.entry(address).or_insert_with(|| {
                symbolizer.raw_name(address.0, address.1).map_or(Kind::Program, kind::end_of_stack)
            });
        }
        let shown = shown(recording, nodes, &kinds);
        let mut names = std::vec![None; recording.frames.len()];
        for &node in nodes.iter().filter(|&&node| !shown[node]) {
            let at = &recording.frames[node];
            names[node] = symbolizer.bare(at.address, at.generation, frames.strings_mut());
        }
        Self { names }
    }

    /// True if the entry is cut from all stacks.
    pub(super) fn has(&self, node: usize) -> bool {
        self.names.get(node).is_some_and(Option::is_some)
    }

    /// The frame of an entry that is cut from all stacks.
    pub(super) fn take(&mut self, node: usize) -> Option<(Place, Symbol)> {
        self.names.get_mut(node)?.take()
    }
}

/// True for the entries that some stack may show.
fn shown(recording: &Recording, nodes: &[usize], kinds: &[Kind]) -> Vec<bool> {
    let mut is_start = std::vec![false; kinds.len()];
    for &node in nodes {
        // Entries come after their parents.
        let parent = recording.frames[node].parent as usize;
        let follows = parent < ROOTS || is_start.get(parent) == Some(&true);
        is_start[node] = follows && kinds[node] == Kind::Start;
    }
    let mut shown = std::vec![false; kinds.len()];
    let mut stack = Vec::new();
    for site in &recording.sites {
        stack.clear();
        let mut at = site.frame as usize;
        while let (true, Some(frame)) = (at >= ROOTS, recording.frames.get(at)) {
            if is_start[at] {
                break;
            }
            stack.push(at);
            // The program's closure may be inlined into it.
            if kinds[at] == Kind::ShortBacktrace {
                break;
            }
            // A parent that is not further out would make this walk endless.
            at = (frame.parent as usize).min(at - 1);
        }
        let entrance = stack.iter().rposition(|&at| kinds[at] == Kind::Entrance);
        let inner = entrance.map_or(0, |at| at + 1);
        // A stack of nothing else keeps one of its frames, by rules of `trim`.
        let shows = if inner < stack.len() { &stack[inner..] } else { &stack };
        shows.iter().for_each(|&at| shown[at] = true);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::model::{Frame, ROOT_COMPLETE, Site};
    use std::vec;

    /// The entries that are shown of stacks, whose entries begin at [`ROOTS`]: each has its parent's
    /// number among them and its kind.
    fn shown_of(entries: &[(Option<usize>, Kind)], sites: &[usize]) -> Vec<usize> {
        let mut frames = vec![Frame::default(); ROOTS];
        let id = |index: usize| u32::try_from(ROOTS + index).unwrap();
        frames.extend(entries.iter().map(|(parent, _)| Frame {
            parent: parent.map_or(ROOT_COMPLETE, id),
            ..Frame::default()
        }));
        let site = |&at: &usize| Site { frame: id(at), ..Site::default() };
        let sites = sites.iter().map(site).collect();
        let recording = Recording { frames, sites, ..Recording::default() };
        let mut kinds = vec![Kind::Program; ROOTS];
        kinds.extend(entries.iter().map(|(_, kind)| *kind));
        let nodes: Vec<usize> = (ROOTS..kinds.len()).collect();
        let shown = shown(&recording, &nodes, &kinds);
        (0..entries.len()).filter(|index| shown[ROOTS + index]).collect()
    }

    #[test]
    fn ends_of_stacks_are_known_by_their_mangled_names() {
        let legacy = "_ZN3std3sys9backtrace28__rust_begin_short_backtrace17h0123456789abcdefE";
        assert_eq!(kind::end_of_stack(legacy), Kind::ShortBacktrace);
        assert_eq!(kind::end_of_stack("_RNvCs1_7___rustc12___rust_alloc"), Kind::Entrance);
        assert_eq!(kind::end_of_stack("__rust_alloc"), Kind::Entrance);
        for start in ["_start", "__libc_start_main@@GLIBC_2.34", "start_thread", "clone3"] {
            assert_eq!(kind::end_of_stack(start), Kind::Start, "{start}");
        }
        for other in ["main", "malloc", "_ZN3app12__rust_alloc17h0123456789abcdefE", "restart"] {
            assert_eq!(kind::end_of_stack(other), Kind::Program, "{other}");
        }
    }

    #[test]
    fn the_runtimes_frames_and_the_allocators_are_cut() {
        use Kind::{Entrance, Program, ShortBacktrace, Start};
        let entries = [
            (None, Start),
            (Some(0), Program),
            (Some(1), ShortBacktrace),
            (Some(2), Program),
            (Some(3), Entrance),
            (Some(4), Program),
        ];
        assert_eq!(shown_of(&entries, &[5]), [2, 3]);
        assert_eq!(shown_of(&entries, &[5, 1]), [1, 2, 3], "the runtime's own block");
        assert_eq!(shown_of(&entries, &[4]), [2, 3]);
        let of_c = [(None, Start), (Some(0), Start), (Some(1), Program), (Some(2), Start)];
        assert_eq!(shown_of(&of_c, &[3]), [2, 3], "a start within a stack");
        assert_eq!(shown_of(&[(None, Entrance)], &[0]), [0], "all that there is");
    }
}
