//! The places where stacks were cut short: the outermost frame that is known of each.

use std::collections::BTreeMap;
use std::path::Path;
use std::string::String;
use std::vec::Vec;

use crate::recording::model::{Module, ROOT_BROKEN, ROOTS, Recording};
use crate::symbolize::has_unwind_tables;

/// Places that are told of one recording.
const MOST: usize = 8;

/// Stacks that were cut short in one place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CutStacks {
    /// The module that the outermost known frame is in; `None`: code of no file, made at run time.
    pub module: Option<String>,
    /// True if that module has unwind tables. The stack then goes on where no table leads: it was
    /// made by the program itself, or went through assembly.
    pub has_tables: bool,
    /// Blocks that were allocated with such a stack.
    pub blocks: u64,
}

/// The places in which stacks of `recording` were cut short, those of most blocks first.
pub(super) fn places(recording: &Recording) -> Vec<CutStacks> {
    if recording.losses.broken_stacks == 0 {
        return Vec::new();
    }
    let outermost = outermost_broken(recording);
    let mut blocks = BTreeMap::<Option<&Path>, u64>::new();
    for site in &recording.sites {
        let Some(frame) = outermost.get(site.frame as usize).copied().flatten() else { continue };
        let module = module_of(recording, frame).map(|module| module.path.as_path());
        let sum = blocks.entry(module).or_default();
        *sum = sum.saturating_add(site.counters.total_blocks);
    }
    let mut places: Vec<_> = blocks.into_iter().collect();
    places.sort_by_key(|(_, blocks)| core::cmp::Reverse(*blocks));
    places.truncate(MOST);
    let place = |(module, blocks): (Option<&Path>, u64)| CutStacks {
        module: module.map(|path| path.to_string_lossy().into_owned()),
        has_tables: module.is_some_and(has_unwind_tables),
        blocks,
    };
    places.into_iter().map(place).collect()
}

/// For each frame the outermost of its stack, if the stack was cut short there.
fn outermost_broken(recording: &Recording) -> Vec<Option<usize>> {
    let mut outermost: Vec<Option<usize>> = Vec::with_capacity(recording.frames.len());
    for (index, frame) in recording.frames.iter().enumerate() {
        let parent = frame.parent as usize;
        outermost.push(match parent {
            _ if index < ROOTS => None,
            _ if frame.parent == ROOT_BROKEN => Some(index),
            _ if parent < index => outermost.get(parent).copied().flatten(),
            _ => None,
        });
    }
    outermost
}

/// The module that held the call of a frame.
fn module_of(recording: &Recording, frame: usize) -> Option<&Module> {
    let frame = recording.frames.get(frame)?;
    let call = frame.address.checked_sub(1)?;
    recording.modules.iter().find(|module| {
        (module.start..module.end).contains(&call)
            && (module.generations.0..=module.generations.1).contains(&frame.generation)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::model::{Counters, Frame, ROOT_COMPLETE, Site};
    use std::vec;

    fn module(path: &str, start: u64) -> Module {
        let path = path.into();
        Module { path, start, end: start + 100, generations: (0, 9), ..Module::default() }
    }

    /// Frames 4 and 5 are a whole stack, 6 and 7 one that was cut in `one`, 8 one that was cut in
    /// code of no file.
    fn recording() -> Recording {
        let frame = |parent, address| Frame { parent, address, ..Frame::default() };
        let mut frames = vec![Frame::default(); ROOTS];
        frames.extend([frame(ROOT_COMPLETE, 110), frame(4, 120)]);
        frames.extend([frame(ROOT_BROKEN, 130), frame(6, 210), frame(ROOT_BROKEN, 5000)]);
        let site = |frame, total_blocks| {
            let counters = Counters { total_blocks, ..Counters::default() };
            Site { frame, counters }
        };
        let mut recording = Recording {
            frames,
            modules: vec![module("/one", 100), module("/two", 200)],
            sites: vec![site(5, 1000), site(6, 5), site(7, 6), site(8, 40), site(ROOT_BROKEN, 3)],
            ..Recording::default()
        };
        recording.losses.broken_stacks = 54;
        recording
    }

    #[test]
    fn stacks_are_counted_where_they_end() {
        let found: Vec<_> =
            places(&recording()).into_iter().map(|place| (place.module, place.blocks)).collect();
        assert_eq!(found, [(None, 40), (Some("/one".into()), 11)]);
    }

    #[test]
    fn whole_stacks_have_no_such_place() {
        let mut whole = recording();
        whole.losses.broken_stacks = 0;
        assert!(places(&whole).is_empty());
    }
}
