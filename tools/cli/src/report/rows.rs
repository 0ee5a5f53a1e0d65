//! The rows of tables: stacks with equal telling frames, added up and sorted.

use std::collections::HashMap;
use std::hash::Hash;

use crate::dhat_file::{Document, Frame, Location, Numbers, Site};

use super::sort::Sort;
use super::telling::telling;
use crate::origin::{Judge, Origin, is_entrance};

/// A line of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row<'d> {
    pub(super) numbers: Numbers,
    /// The number of stacks that were added up.
    pub(super) stacks: u64,
    /// The frames that tell what goes on, the leading one first; or all of them, innermost first.
    pub(super) frames: Vec<TellingFrame<'d>>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TellingFrame<'d> {
    pub(crate) frame: Frame<'d>,
    pub(crate) origin: Origin,
}

/// The document's frames, looked at once.
#[derive(Debug)]
pub(crate) struct Rows<'d> {
    document: &'d Document,
    frames: Vec<TellingFrame<'d>>,
    /// For each frame, the first one that says the same: the address does not count where there is
    /// anything better.
    same: Vec<u32>,
    whole_stacks: bool,
}

impl<'d> Rows<'d> {
    /// `whole_stacks`: a row for each stack, with all its frames.
    pub(crate) fn new(document: &'d Document, whole_stacks: bool) -> Self {
        let judge = Judge::new(document);
        let parse = |text: &'d String| {
            let frame = Frame::parse(text);
            TellingFrame { frame, origin: judge.origin(&frame) }
        };
        let frames: Vec<_> = document.frames.iter().map(parse).collect();
        let mut known = HashMap::new();
        let same = frames
            .iter()
            .enumerate()
            .map(|(index, telling)| *known.entry(said(&telling.frame)).or_insert(index as u32));
        Self { document, same: same.collect(), frames, whole_stacks }
    }

    /// The rows of a table, first the ones with the most; none whose number is 0.
    pub(super) fn sorted(&self, sort: Sort) -> Vec<Row<'d>> {
        let mut rows: Vec<_> = self.grouped(sort).into_values().collect();
        rows.retain(|group| sort.key(&group.numbers) > 0);
        // Equal ones in the order of their first stack, so that the same file gives the same text.
        rows.sort_by_key(|group| (std::cmp::Reverse(sort.key(&group.numbers)), group.first));
        rows.into_iter().map(|group| self.row(&group)).collect()
    }

    fn grouped(&self, sort: Sort) -> HashMap<Vec<u32>, Group> {
        let mut groups = HashMap::<Vec<u32>, Group>::new();
        for (index, site) in self.document.sites.iter().enumerate() {
            if sort == Sort::Short && !self.document.is_short_lived(&site.numbers) {
                continue;
            }
            let group = groups.entry(self.telling(site)).or_insert_with_key(|key| Group {
                first: index,
                frames: key.clone(),
                ..Group::default()
            });
            group.numbers.add(&site.numbers);
            group.stacks += 1;
        }
        groups
    }

    /// The document's frame with a number.
    pub(crate) fn frame(&self, id: u32) -> TellingFrame<'d> {
        self.frames[id as usize]
    }

    /// The first frame that says what the frame with a number says.
    pub(super) fn same(&self, id: u32) -> u32 {
        self.same[id as usize]
    }

    /// The frames that a stack is known by.
    pub(crate) fn telling(&self, site: &Site) -> Vec<u32> {
        if self.whole_stacks {
            return site.stack.clone();
        }
        let frame = |index: usize| &self.frames[site.stack[index] as usize];
        let origins: Vec<_> = (0..site.stack.len()).map(|index| frame(index).origin).collect();
        let has_telling_name =
            |index: usize| frame(index).frame.function.is_some_and(|name| !is_entrance(name));
        let chosen = telling(&origins, has_telling_name);
        chosen.into_iter().map(|index| self.same[site.stack[index] as usize]).collect()
    }

    fn row(&self, group: &Group) -> Row<'d> {
        let frames = group.frames.iter().map(|&id| self.frames[id as usize]).collect();
        Row { numbers: group.numbers, stacks: group.stacks, frames }
    }
}

#[derive(Debug, Default)]
struct Group {
    numbers: Numbers,
    stacks: u64,
    /// Index of the first site in it.
    first: usize,
    frames: Vec<u32>,
}

/// The part of a frame that a reader sees.
fn said<'d>(frame: &Frame<'d>) -> impl Hash + Eq + 'd + use<'d> {
    let place = match frame.location {
        Location::Source { file, line, .. } => (file, line),
        Location::Module(path) => (path, 0),
        Location::Unknown => ("", 0),
    };
    // Without a name, the address is all there is.
    let name = frame.function.or(frame.address).unwrap_or(frame.text);
    (name, place)
}
