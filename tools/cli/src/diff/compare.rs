//! Rows of two documents that are of the same code.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use crate::dhat_file::{Document, Location, Numbers, Site, stable_name};
use crate::origin::is_nearest_name;
use crate::report::{Frames, Part, Pattern, Rows, Sort, TellingFrame, Wrappers};

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
    /// The leading one.
    pub(super) lead: usize,
}

/// Two documents, compared.
#[derive(Debug)]
pub(super) struct Comparison<'d> {
    /// The earlier one and the later one.
    pub(super) documents: [&'d Document; 2],
    /// The sums of both; the heap's exact numbers where blocks were sampled.
    pub(super) totals: [Side; 2],
    /// In the order of the later document, then what is in the earlier one alone.
    pub(super) rows: Vec<Row<'d>>,
}

impl<'d> Comparison<'d> {
    /// `whole_stacks`: rows are stacks, with all their frames.
    /// Wrappers of one document are wrappers in the other, so that both have the same rows.
    pub(super) fn new(
        documents: [&'d Document; 2],
        by: By,
        whole_stacks: bool,
        wrappers: &[Pattern],
    ) -> Self {
        let mut matching = Matching { rebuilt: rebuilt(documents), ..Matching::default() };
        let mut totals = [Side::default(); 2];
        let [before, after] = documents.map(Frames::new);
        let wrappers = Wrappers::of(&[&before, &after], wrappers);
        for (frames, document, is_later) in
            [(after, documents[1], true), (before, documents[0], false)]
        {
            let rows = Rows::new(frames, &wrappers, whole_stacks);
            let mut keys = |by| -> Vec<u32> {
                let ids = 0..document.frames.len() as u32;
                ids.map(|id| matching.key(&rows.by_id(id), by)).collect()
            };
            let (places, functions) = (keys(by), keys(By::Function));
            for (index, site) in document.sites.iter().enumerate() {
                let telling = rows.telling(index);
                let parts = telling.parts.iter().map(|part| match *part {
                    Part::Place(id) => places[id as usize],
                    Part::Function(id) => functions[id as usize],
                });
                let mut key: Vec<_> = parts.collect();
                let mut shown = telling.shown.clone();
                if whole_stacks {
                    shown = folded(&key);
                    key = shown.iter().map(|&frame| key[frame]).collect();
                }
                let row = matching.row(key, || Row {
                    before: Side::default(),
                    after: Side::default(),
                    lead: shown.iter().position(|&at| at == telling.leading()).unwrap_or(0),
                    frames: shown.iter().map(|&at| rows.frame(index, at)).collect(),
                });
                let side = if is_later { &mut row.after } else { &mut row.before };
                side.add(document, site);
                totals[usize::from(is_later)].add(document, site);
            }
        }
        // The whole heap is known exactly, also where its stacks are estimates.
        for (total, document) in totals.iter_mut().zip(documents) {
            if let Some(samples) = document.samples() {
                total.numbers = samples.instead_of(&total.numbers);
            }
        }
        Self { documents, totals, rows: matching.rows }
    }
}

/// Rows so far, by their frames' keys.
#[derive(Debug, Default)]
struct Matching<'d> {
    /// Paths of modules that are of two builds.
    rebuilt: HashSet<String>,
    keys: HashMap<Key<'d>, u32>,
    row_ids: HashMap<Vec<u32>, usize>,
    rows: Vec<Row<'d>>,
}

/// The paths of modules that have two build ids, or none.
fn rebuilt(documents: [&Document; 2]) -> HashSet<String> {
    let mut builds = HashMap::<String, HashSet<&[u8]>>::new();
    for module in documents.iter().flat_map(|document| &document.extras.modules) {
        let path = module.path.to_string_lossy().into_owned();
        builds.entry(path).or_default().insert(&module.build_id);
    }
    builds.retain(|_, ids| ids.len() > 1 || ids.contains(&[][..]));
    builds.into_keys().collect()
}

/// The part of a frame that is compared: a name, and with it a file and a line or a module.
type Key<'d> = (Cow<'d, str>, &'d str, u32);

impl<'d> Matching<'d> {
    fn key(&mut self, telling: &TellingFrame<'d>, by: By) -> u32 {
        let key = key(telling, by, |module| self.rebuilt.contains(module));
        let next = self.keys.len() as u32;
        *self.keys.entry(key).or_insert(next)
    }

    fn row(&mut self, key: Vec<u32>, new: impl FnOnce() -> Row<'d>) -> &mut Row<'d> {
        let next = self.rows.len();
        let known = *self.row_ids.entry(key).or_insert(next);
        if known == next {
            self.rows.push(new());
        }
        &mut self.rows[known]
    }
}

fn key<'d>(telling: &TellingFrame<'d>, by: By, is_rebuilt: impl Fn(&str) -> bool) -> Key<'d> {
    let frame = &telling.frame;
    match (frame.function, frame.location, by) {
        (Some(name), Location::Source { file, line, .. }, By::Line) => {
            (stable_name(name), file, line)
        }
        // In another build such a name stands for another function.
        (Some(name), Location::Module(path), _) if is_nearest_name(name) => {
            (if is_rebuilt(path) { Cow::Borrowed("") } else { name.into() }, path, 0)
        }
        (Some(name), ..) => (stable_name(name), "", 0),
        // Addresses are others after each build: of unnamed code the module is all there is.
        (None, Location::Module(path), _) => (Cow::Borrowed(""), path, 0),
        (None, ..) if frame.is_remark() => (frame.text.into(), "", 0),
        (None, ..) => (Cow::Borrowed("???"), "", 0),
    }
}

/// The places in a stack of frames, without the repetitions of recursion: how deep it went depends
/// on the input.
fn folded(keys: &[u32]) -> Vec<usize> {
    let mut kept: Vec<usize> = Vec::with_capacity(keys.len().min(64));
    for frame in 0..keys.len() {
        kept.push(frame);
        let same = |cycle: usize| {
            let Some(start) = kept.len().checked_sub(2 * cycle) else { return false };
            let (first, second) = kept[start..].split_at(cycle);
            first.iter().zip(second).all(|(a, b)| keys[*a] == keys[*b])
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
        let fold = |keys: &[u32]| folded(keys).into_iter().map(|at| keys[at]).collect::<Vec<_>>();
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
