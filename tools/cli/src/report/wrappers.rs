//! Functions that allocate for their callers: `xmalloc`, `make_node`, `Pool::create`.
//!
//! Some are known by name (see [`crate::origin`]), the others by how the program uses them. Round
//! by round, from the allocator outward, the innermost function of the program's own that is no
//! wrapper yet is looked at in all stacks. It is one if
//!
//! - all it does, as far as memory goes, is to ask for a block or two: it allocates at few places,
//!   calls no other function that allocates, and does not grow a container;
//! - several functions call it, none of them a library, and no single call has nearly all blocks.
//!
//! A function with one caller is one, too, if the chain of such callers ends in a wrapper: the way
//! to the allocator of a wrapper in several pieces. So `main`, a parser that calls itself, and what
//! is called by one function that is no wrapper stay what rows are named after.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::frames::Frames;
use super::pattern::Pattern;
use crate::dhat_file::{Location, Site};
use crate::origin::{Origin, is_constructor, is_nearest_name, sounds_like_a_maker};

/// Wrappers around wrappers around wrappers are found up to this depth.
const ROUNDS: usize = 12;
/// Functions with one caller each, from the allocator to a wrapper, are followed up to this depth.
const DEEPEST_CHAIN: usize = 4;

/// The most places in a function that allocate, and the fewest callers: of one with any name, of
/// one that is called like a maker, and of one without a name, which may be a maker. A constructor
/// may have one caller.
const ANY: (usize, usize) = (2, 3);
const MAKER: (usize, usize) = (6, 2);
const NAMELESS: (usize, usize) = (2, 2);
/// With so many callers, one of them may have nearly all blocks.
const MANY_CALLERS: usize = 5;

/// The functions that were taken as wrappers.
#[derive(Debug, Default)]
pub(crate) struct Wrappers {
    /// By their generic names.
    functions: HashSet<String>,
}

impl Wrappers {
    /// The wrappers of all `documents` together, and the functions that `named` matches.
    pub(crate) fn of(documents: &[&Frames<'_>], named: &[Pattern]) -> Self {
        let mut found = Self::default();
        for looked in documents.iter().flat_map(|frames| &frames.frames) {
            let is_meant = |pattern: &Pattern| {
                let name = looked.telling.frame.function;
                name.is_some_and(|name| pattern.is_met_by(name, &looked.function))
            };
            if named.iter().any(is_meant) {
                found.functions.insert(looked.function.clone().into_owned());
            }
        }
        let stacks: Vec<_> = documents.iter().map(|frames| own_stacks(frames)).collect();
        for _ in 0..ROUNDS {
            let known = found.functions.len();
            for (frames, stacks) in documents.iter().zip(&stacks) {
                let more = found.round(frames, stacks);
                found.functions.extend(more);
            }
            if found.functions.len() == known {
                break;
            }
        }
        found
    }

    pub(super) fn has(&self, function: &str) -> bool {
        self.functions.contains(function)
    }

    /// The wrappers that become visible behind those that are known.
    fn round(&self, frames: &Frames<'_>, stacks: &[Stack]) -> BTreeSet<String> {
        let mut is_known: Vec<bool> =
            frames.frames.iter().map(|looked| self.has(&looked.function)).collect();
        let uses = Uses::of(stacks, &is_known);
        let mut found: BTreeSet<u32> = uses.wrappers(frames).collect();
        // What has one caller is one, too, if the way from there leads to a wrapper that asks for
        // blocks in no other way.
        let mut callers = BTreeMap::new();
        for _ in 0..DEEPEST_CHAIN {
            if !found.is_empty() {
                break;
            }
            callers.extend(Uses::of(stacks, &is_known).passed_through(frames));
            let begun: Vec<u32> = callers.keys().copied().collect();
            begun.iter().for_each(|&function| is_known[function as usize] = true);
            let behind: BTreeSet<u32> = Uses::of(stacks, &is_known).wrappers(frames).collect();
            let ends = |caller: u32| {
                let is_new = behind.contains(&caller) && !uses.of.contains_key(&caller);
                is_new || self.has(&frames.looked(caller).function)
            };
            for function in begun {
                let mut chain = BTreeSet::from([function]);
                let mut at = callers[&function];
                while let Some(&next) = callers.get(&at).filter(|_| chain.insert(at)) {
                    at = next;
                }
                if ends(at) {
                    found.extend(chain);
                    found.insert(at);
                }
            }
        }
        found.into_iter().map(|id| frames.looked(id).function.clone().into_owned()).collect()
    }
}

/// The ways in which leading functions are used.
struct Uses {
    of: HashMap<u32, Use>,
    /// By function: the blocks of stacks in which another one leads.
    outer: Vec<u64>,
}

impl Uses {
    fn of(stacks: &[Stack], is_known: &[bool]) -> Self {
        let (mut of, mut outer) = (HashMap::<u32, Use>::new(), vec![0_u64; is_known.len()]);
        for stack in stacks {
            let lead = stack.own.iter().position(|step| !is_known[step.function as usize]);
            let Some(lead) = lead else { continue };
            let function = stack.own[lead].function;
            of.entry(function).or_default().add(stack, lead);
            let outward = stack.own[lead + 1..].iter();
            for step in outward.filter(|step| step.is_outermost && step.function != function) {
                let sum = &mut outer[step.function as usize];
                *sum = sum.saturating_add(stack.blocks);
            }
        }
        Self { of, outer }
    }

    fn wrappers(&self, frames: &Frames<'_>) -> impl Iterator<Item = u32> {
        let name = |function: u32| &frames.looked(function).function;
        let is_one = move |(function, of): &(&u32, &Use)| {
            of.is_wrapper(name(**function), self.outer[**function as usize])
        };
        self.of.iter().filter(is_one).map(|(function, _)| *function)
    }

    /// Functions that would be wrappers if they had more than the one caller that they have, which
    /// is given.
    fn passed_through(&self, frames: &Frames<'_>) -> impl Iterator<Item = (u32, u32)> {
        let name = |function: u32| &frames.looked(function).function;
        self.of.iter().filter_map(move |(function, of)| {
            let caller = of.only_caller(name(*function), self.outer[*function as usize])?;
            Some((*function, caller))
        })
    }
}

/// The steps of a stack that are the program's own, innermost first.
struct Stack {
    blocks: u64,
    own: Vec<Step>,
}

struct Step {
    function: u32,
    place: u32,
    /// Between it and the allocator, the standard library does nothing but make a block.
    is_direct: bool,
    /// A library calls it, or nobody does.
    has_foreign_caller: bool,
    /// The function does not come again further out.
    is_outermost: bool,
}

fn own_stacks(frames: &Frames<'_>) -> Vec<Stack> {
    let stack = |site: &Site| {
        let start = frames.allocator_depth(site);
        let mut own: Vec<Step> = Vec::new();
        let (mut is_direct, mut has_library) = (true, false);
        for &id in &site.stack[start..] {
            let looked = frames.looked(id);
            let origin = looked.telling.origin;
            is_direct &= looked.is_direct;
            has_library |= matches!(origin, Origin::Library | Origin::Remark);
            if origin == Origin::Own {
                if let Some(called) = own.last_mut() {
                    called.has_foreign_caller = has_library;
                }
                has_library = false;
                // Without lines, addresses tell calls apart.
                let has_line = matches!(looked.telling.frame.location, Location::Source { .. });
                let place = if has_line { looked.place_id } else { id };
                let function = looked.function_id;
                own.push(Step {
                    function,
                    place,
                    is_direct,
                    has_foreign_caller: true,
                    is_outermost: false,
                });
            }
        }
        let mut known = HashSet::new();
        for step in own.iter_mut().rev() {
            step.is_outermost = known.insert(step.function);
        }
        Stack { blocks: site.numbers.total_blocks.max(1), own }
    };
    frames.document.sites.iter().map(stack).collect()
}

/// The way in which a function is used, in blocks.
#[derive(Default)]
struct Use {
    /// Of stacks that it leads.
    blocks: u64,
    /// Of these `blocks`: it calls itself; a library calls it; it does more than make a block.
    recursive: u64,
    foreign: u64,
    indirect: u64,
    places: HashSet<u32>,
    callers: HashSet<u32>,
    /// By place.
    calls: HashMap<u32, u64>,
}

impl Use {
    fn add(&mut self, stack: &Stack, lead: usize) {
        let (step, outward) = (&stack.own[lead], &stack.own[lead + 1..]);
        let blocks = stack.blocks;
        let add = |sum: &mut u64, is_so: bool| {
            *sum = sum.saturating_add(if is_so { blocks } else { 0 });
        };
        add(&mut self.blocks, true);
        add(&mut self.recursive, !step.is_outermost);
        add(&mut self.foreign, step.has_foreign_caller);
        add(&mut self.indirect, !step.is_direct);
        self.places.insert(step.place);
        if let Some(caller) = outward.first().filter(|_| !step.has_foreign_caller) {
            self.callers.insert(caller.function);
            add(self.calls.entry(caller.place).or_default(), true);
        }
    }

    /// `outer`: blocks of stacks in which another function leads.
    fn is_wrapper(&self, name: &str, outer: u64) -> bool {
        let (places, callers) = match name {
            name if is_constructor(name) => (MAKER.0, 1),
            name if sounds_like_a_maker(name) => MAKER,
            name if is_nearest_name(name) => NAMELESS,
            _ => ANY,
        };
        let most = self.calls.values().max().copied().unwrap_or(0);
        let is_spread = callers == 1
            || self.callers.len() >= MANY_CALLERS
            || most <= self.blocks - self.blocks / 20;
        self.merely_allocates(name, outer, places) && self.callers.len() >= callers && is_spread
    }

    /// The one function that calls it, if it merely allocates for that.
    fn only_caller(&self, name: &str, outer: u64) -> Option<u32> {
        let mut callers = self.callers.iter();
        let caller = *callers.next()?;
        let merely_allocates = self.merely_allocates(name, outer, ANY.0);
        (callers.next().is_none() && merely_allocates).then_some(caller)
    }

    fn merely_allocates(&self, name: &str, outer: u64, places: usize) -> bool {
        if self.blocks == 0 || name == "main" || name.ends_with("::main") {
            return false;
        }
        let few = |part: u64| part <= self.blocks / 20;
        [self.recursive, self.foreign, self.indirect, outer].into_iter().all(few)
            && self.places.len() <= places
    }
}

#[cfg(test)]
mod tests;
