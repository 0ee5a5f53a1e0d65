//! Rows of two documents that are of the same code.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::dhat_file::{Document, Location, Numbers, Site, stable_name};
use crate::report::{Rows, Sort, TellingFrame};

/// The longest cycle of functions that is folded: `a b c a b c` is `a b c`.
const LONGEST_CYCLE: usize = 8;

/// `--by`: frames are the same if these are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum By {
    /// The function: edits that move lines change nothing
    Function,
    /// The function, the file and the line
    Line,
}

impl std::fmt::Display for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            By::Function => "function",
            By::Line => "line",
        })
    }
}

/// A row in one of the documents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) numbers: Numbers,
    /// Blocks of stacks whose blocks are short-lived.
    short_blocks: u64,
    /// The number of stacks that were added up; 0: the row is not in this document.
    pub(super) stacks: u64,
}

impl Side {
    fn add(&mut self, document: &Document, site: &Site) {
        self.numbers.add(&site.numbers);
        let short = Sort::Short.part(document, &site.numbers);
        self.short_blocks = self.short_blocks.saturating_add(short);
        self.stacks += 1;
    }

    pub(super) fn number(&self, sort: Sort) -> u64 {
        if sort == Sort::Short { self.short_blocks } else { sort.key(&self.numbers) }
    }
}

/// A row in both documents.
#[derive(Debug)]
pub(super) struct Row<'d> {
    pub(super) before: Side,
    pub(super) after: Side,
    /// As the later document has them, if it has the row.
    pub(super) frames: Vec<TellingFrame<'d>>,
}

/// Two documents, compared.
#[derive(Debug)]
pub(super) struct Comparison<'d> {
    /// The earlier one and the later one.
    pub(super) documents: [&'d Document; 2],
    /// The sums of both.
    pub(super) totals: [Side; 2],
    /// In the order of the later document, then what is in the earlier one alone.
    pub(super) rows: Vec<Row<'d>>,
}

impl<'d> Comparison<'d> {
    /// `whole_stacks`: rows are stacks, with all their frames.
    pub(super) fn new(documents: [&'d Document; 2], by: By, whole_stacks: bool) -> Self {
        let mut matching = Matching { by, ..Matching::default() };
        let mut totals = [Side::default(); 2];
        let [before, after] = documents;
        for (document, is_later) in [(after, true), (before, false)] {
            let rows = Rows::new(document, whole_stacks);
            let keys: Vec<u32> =
                (0..document.frames.len()).map(|id| matching.key(&rows.frame(id as u32))).collect();
            for site in &document.sites {
                let frames = folded(rows.telling(site), &keys);
                let row = matching.row(&frames, &keys, &rows);
                let side = if is_later { &mut row.after } else { &mut row.before };
                side.add(document, site);
                totals[usize::from(is_later)].add(document, site);
            }
        }
        Self { documents, totals, rows: matching.rows }
    }
}

/// Rows so far, by their frames' keys.
#[derive(Debug)]
struct Matching<'d> {
    by: By,
    keys: HashMap<Key<'d>, u32>,
    row_ids: HashMap<Vec<u32>, usize>,
    rows: Vec<Row<'d>>,
}

impl Default for Matching<'_> {
    fn default() -> Self {
        let (keys, row_ids) = (HashMap::new(), HashMap::new());
        Self { by: By::Function, keys, row_ids, rows: Vec::new() }
    }
}

/// The part of a frame that is compared: a name, and with it a file and a line or a module.
type Key<'d> = (Cow<'d, str>, &'d str, u32);

impl<'d> Matching<'d> {
    fn key(&mut self, telling: &TellingFrame<'d>) -> u32 {
        let key = key(telling, self.by);
        let next = self.keys.len() as u32;
        *self.keys.entry(key).or_insert(next)
    }

    fn row(&mut self, frames: &[u32], keys: &[u32], rows: &Rows<'d>) -> &mut Row<'d> {
        let key: Vec<u32> = frames.iter().map(|&frame| keys[frame as usize]).collect();
        let next = self.rows.len();
        let known = *self.row_ids.entry(key).or_insert(next);
        if known == next {
            let frames = frames.iter().map(|&frame| rows.frame(frame)).collect();
            self.rows.push(Row { before: Side::default(), after: Side::default(), frames });
        }
        &mut self.rows[known]
    }
}

fn key<'d>(telling: &TellingFrame<'d>, by: By) -> Key<'d> {
    let frame = &telling.frame;
    match (frame.function, frame.location, by) {
        (Some(name), Location::Source { file, line, .. }, By::Line) => {
            (stable_name(name), file, line)
        }
        (Some(name), ..) => (stable_name(name), "", 0),
        // Addresses are others after each build: of unnamed code the module is all there is.
        (None, Location::Module(path), _) => (Cow::Borrowed(""), path, 0),
        (None, ..) if frame.is_remark() => (frame.text.into(), "", 0),
        (None, ..) => (Cow::Borrowed("???"), "", 0),
    }
}

/// Frames without the repetitions of recursion: how deep it went depends on the input.
fn folded(frames: Vec<u32>, keys: &[u32]) -> Vec<u32> {
    let mut kept: Vec<u32> = Vec::with_capacity(frames.len().min(64));
    for frame in frames {
        kept.push(frame);
        let same = |cycle: usize| {
            let Some(start) = kept.len().checked_sub(2 * cycle) else { return false };
            let (first, second) = kept[start..].split_at(cycle);
            first.iter().zip(second).all(|(a, b)| keys[*a as usize] == keys[*b as usize])
        };
        if let Some(cycle) = (1..=LONGEST_CYCLE).find(|&cycle| same(cycle)) {
            kept.truncate(kept.len() - cycle);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_folded_however_often_they_come() {
        let keys: Vec<u32> = (0..20).collect();
        let fold = |frames: &[u32]| folded(frames.to_vec(), &keys);
        assert_eq!(fold(&[1, 2, 3]), [1, 2, 3]);
        assert_eq!(fold(&[1, 1, 1, 2]), [1, 2]);
        assert_eq!(fold(&[1, 2, 3, 2, 3, 2, 3, 4]), [1, 2, 3, 4]);
        assert_eq!(fold(&[1, 1, 2, 1, 1, 2, 5]), [1, 2, 5]);
        // Functions that only come again, such as `call_once`, stay.
        assert_eq!(fold(&[1, 7, 2, 7, 3]), [1, 7, 2, 7, 3]);
        let long: Vec<u32> = (0..9).chain(0..9).collect();
        assert_eq!(fold(&long), long);
        let deep: Vec<u32> = (0..100_000).map(|level| level % 3).collect();
        assert_eq!(fold(&deep), [0, 1, 2, 0], "the last level is not whole");
    }
}
