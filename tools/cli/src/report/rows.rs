//! The rows of tables: stacks with equal telling frames, added up and sorted.

use std::collections::HashMap;

use crate::dhat_file::{Document, Location, Numbers, Site};
use crate::origin::{Origin, is_nearest_name};

use super::ages;
use super::callers::{self, Caller};
use super::frames::{Frames, TellingFrame};
use super::pattern::Pattern;
use super::sort::Sort;
use super::telling::telling;
use super::wrappers::Wrappers;

/// A line of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row<'d> {
    pub(super) numbers: Numbers,
    /// The number of stacks that were added up: those with blocks of the table.
    pub(super) stacks: u64,
    /// The mean lifetime of the table's blocks, if it is known: where a stack has others too,
    /// only that of all of them is.
    pub(super) lifetime: Option<f64>,
    /// Without that, an age that at least half of the blocks have that are live at the end.
    pub(super) age_of_half: Option<f64>,
    /// The frames that tell what goes on, the leading one first; or all of them, innermost first.
    pub(super) frames: Vec<TellingFrame<'d>>,
    /// The leading one.
    pub(super) lead: usize,
    /// The functions that call the leading one, the one with the most first.
    pub(super) callers: Vec<Caller<'d>>,
    /// The parts that make it a row, in all tables.
    pub(super) parts: Vec<Part>,
}

/// A part of what makes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// The function and the place in it.
    Place(u32),
    /// The function alone: the lines of wrappers tell nothing.
    Function(u32),
}

/// The frames that a stack is known by; indices into its frames.
#[derive(Debug)]
pub(crate) struct Telling {
    /// Frames to show, the leading one first; without it innermost first.
    pub(crate) shown: Vec<usize>,
    /// Stacks with equal parts are of one row.
    pub(crate) parts: Vec<Part>,
    /// The leading frame's place in `shown`.
    pub(crate) lead: usize,
    /// The owners of all frames, with wrappers as plumbing.
    roles: Vec<Origin>,
}

impl Telling {
    /// The leading frame's index in the stack; 0 of an empty one.
    pub(crate) fn leading(&self) -> usize {
        self.shown.get(self.lead).copied().unwrap_or(0)
    }
}

/// The document's stacks as rows.
#[derive(Debug)]
pub(crate) struct Rows<'d> {
    frames: Frames<'d>,
    /// By site.
    tellings: Vec<Telling>,
    whole_stacks: bool,
}

impl<'d> Rows<'d> {
    /// `whole_stacks`: a row for each stack, with all its frames.
    pub(crate) fn new(frames: Frames<'d>, wrappers: &Wrappers, whole_stacks: bool) -> Self {
        let is_wrapper: Vec<_> =
            frames.frames.iter().map(|looked| wrappers.has(&looked.function)).collect();
        let sites = frames.document.sites.iter();
        let tellings = sites
            .map(|site| {
                let roles = roles(&frames, &is_wrapper, site);
                of_site(&frames, roles, site, whole_stacks)
            })
            .collect();
        Self { tellings, frames, whole_stacks }
    }

    /// The rows of one document, with its own wrappers and those that match `named`.
    pub(super) fn of(document: &'d Document, named: &[Pattern], whole_stacks: bool) -> Self {
        let frames = Frames::new(document);
        let wrappers = Wrappers::of(&[&frames], named);
        Self::new(frames, &wrappers, whole_stacks)
    }

    /// The rows of a table, first the ones with the most; none whose number is 0.
    pub(super) fn sorted(&self, sort: Sort) -> Vec<Row<'d>> {
        let number = |site: usize| sort.key(&self.site(site).numbers);
        let mut rows: Vec<_> = self.grouped(sort).into_values().collect();
        // Equal ones in the order of their first stack, so that the same file gives the same text.
        rows.sort_by_cached_key(|sites| {
            let sum = sites.iter().fold(0, |sum: u64, &site| sum.saturating_add(number(site)));
            (std::cmp::Reverse(sum), sites[0])
        });
        rows.into_iter().map(|sites| self.row(sort, &sites)).collect()
    }

    /// The stacks with blocks of the table, by row.
    fn grouped(&self, sort: Sort) -> HashMap<&[Part], Vec<usize>> {
        let mut groups = HashMap::<_, Vec<_>>::new();
        let document = self.frames.document;
        for (index, site) in document.sites.iter().enumerate() {
            if sort.part(document, &site.numbers) > 0 {
                groups.entry(&*self.tellings[index].parts).or_default().push(index);
            }
        }
        groups
    }

    fn site(&self, index: usize) -> &'d Site {
        &self.frames.document.sites[index]
    }

    /// The first frame that says what the frame with a number says.
    pub(super) fn same(&self, id: u32) -> u32 {
        self.frames.looked(id).place_id
    }

    fn row(&self, sort: Sort, sites: &[usize]) -> Row<'d> {
        let numbers = |site: usize| &self.site(site).numbers;
        let mut sum = Numbers::default();
        sites.iter().for_each(|&site| sum.add(numbers(site)));
        // The first of those with the most.
        let most = |best: usize, &site: &usize| {
            if sort.key(numbers(site)) > sort.key(numbers(best)) { site } else { best }
        };
        let example = sites.iter().fold(sites[0], most);
        let telling = self.telling(example);
        let lifetime = sum.mean_lifetime().filter(|_| {
            let has_no_others =
                |&site: &usize| sort.blocks(numbers(site)) == numbers(site).total_blocks;
            self.frames.document.knows_frees() && sites.iter().all(has_no_others)
        });
        let age_of_half = if sort == Sort::End && lifetime.is_none() {
            ages::of_half(self.frames.document, sites.iter().map(|&site| self.site(site)))
        } else {
            None
        };
        Row {
            numbers: sum,
            stacks: sites.len() as u64,
            lifetime,
            age_of_half,
            frames: telling.shown.iter().map(|&frame| self.frame(example, frame)).collect(),
            lead: telling.lead,
            callers: if self.whole_stacks { Vec::new() } else { self.callers(sort, sites) },
            parts: telling.parts.clone(),
        }
    }

    fn callers(&self, sort: Sort, sites: &[usize]) -> Vec<Caller<'d>> {
        callers::of(sites.iter().map(|&index| {
            let (site, telling) = (self.site(index), self.telling(index));
            let outward = callers::outward(&self.frames, site, telling.leading());
            let chain = outward.into_iter().map(|frame| self.frame(index, frame)).collect();
            (sort.key(&site.numbers), chain)
        }))
    }

    /// The frames that the document's site `site` is known by.
    pub(crate) fn telling(&self, site: usize) -> &Telling {
        &self.tellings[site]
    }

    /// A frame of the document's site `site`.
    pub(crate) fn frame(&self, site: usize, frame: usize) -> TellingFrame<'d> {
        let telling = self.frames.looked(self.site(site).stack[frame]).telling;
        TellingFrame { is_wrapper: self.tellings[site].roles[frame] == Origin::Plumbing, ..telling }
    }

    /// The document's frame with a number.
    pub(crate) fn by_id(&self, id: u32) -> TellingFrame<'d> {
        self.frames.looked(id).telling
    }

    /// The object with the most blocks of rows that are named after a function without a name of
    /// its own, if these are a tenth of all blocks or more.
    pub(crate) fn nameless(&self) -> Option<&'d str> {
        let (mut blocks, mut all) = (HashMap::<&str, u64>::new(), 0_u64);
        for (index, site) in self.frames.document.sites.iter().enumerate() {
            all = all.saturating_add(site.numbers.total_blocks);
            let lead = site.stack.get(self.tellings[index].leading());
            let Some(frame) = lead.map(|&id| self.by_id(id).frame) else { continue };
            if let Location::Module(path) = frame.location
                && frame.function.is_none_or(is_nearest_name)
            {
                let sum = blocks.entry(path).or_default();
                *sum = sum.saturating_add(site.numbers.total_blocks);
            }
        }
        let most = blocks.into_iter().max_by_key(|&(path, blocks)| (blocks, path));
        most.filter(|&(_, blocks)| blocks > 0 && blocks >= all / 10).map(|(path, _)| path)
    }

    /// Names of the program's functions that rows are not named after, the one with the most
    /// blocks first.
    pub(crate) fn passed_over(&self) -> Vec<&str> {
        let mut blocks = HashMap::<u32, u64>::new();
        for (site, telling) in self.frames.document.sites.iter().zip(&self.tellings) {
            for (&id, role) in site.stack.iter().zip(&telling.roles).take(telling.leading()) {
                let looked = self.frames.looked(id);
                let is_own = looked.is_own_place && looked.has_telling_name;
                if is_own && *role == Origin::Plumbing {
                    let sum = blocks.entry(looked.function_id).or_default();
                    *sum = sum.saturating_add(site.numbers.total_blocks);
                }
            }
        }
        let mut functions: Vec<_> = blocks.into_iter().collect();
        functions.sort_by_key(|&(id, blocks)| (std::cmp::Reverse(blocks), id));
        functions.into_iter().map(|(id, _)| &*self.frames.looked(id).function).collect()
    }
}

/// The owners of a stack's frames, with wrappers, and all code that the allocator's entrance calls,
/// as plumbing.
fn roles(frames: &Frames<'_>, is_wrapper: &[bool], site: &Site) -> Vec<Origin> {
    let inside = frames.allocator_depth(site);
    let origin = |id: u32| frames.looked(id).telling.origin;
    let role = |(index, &id): (usize, &u32)| {
        let is_passed_over = is_wrapper[id as usize] || index < inside;
        if origin(id) == Origin::Own && is_passed_over { Origin::Plumbing } else { origin(id) }
    };
    let mut roles: Vec<_> = site.stack.iter().enumerate().map(role).collect();
    // In a stack of wrappers alone, the outermost is all there is.
    if !roles.contains(&Origin::Own)
        && let Some(outermost) = site.stack.iter().rposition(|&id| origin(id) == Origin::Own)
    {
        roles[outermost] = Origin::Own;
    }
    roles
}

fn of_site(frames: &Frames<'_>, roles: Vec<Origin>, site: &Site, whole_stack: bool) -> Telling {
    let looked = |index: usize| frames.looked(site.stack[index]);
    let chosen = telling(&roles, |index| looked(index).has_telling_name);
    let place = |index: usize| Part::Place(looked(index).place_id);
    if whole_stack {
        let parts = site.stack.iter().map(|&id| Part::Place(id)).collect();
        let lead = chosen.first().copied().unwrap_or(0);
        return Telling { shown: (0..site.stack.len()).collect(), parts, lead, roles };
    }
    let parts = match chosen.as_slice() {
        // A node and its text, which a wrapper allocates both, are of one row.
        &[lead, called, ..] if roles[called] == Origin::Plumbing => {
            vec![place(lead), Part::Function(looked(called).function_id)]
        }
        chosen => chosen.iter().map(|&index| place(index)).collect(),
    };
    Telling { shown: chosen, parts, lead: 0, roles }
}
