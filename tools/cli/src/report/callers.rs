//! The functions that call what a row is named after.

use std::collections::HashMap;

use super::frames::{Frames, TellingFrame};
use crate::dhat_file::Site;
use crate::origin::Origin;

/// Callers of callers are told up to this number.
const DEEPEST: usize = 4;

/// A function, with the part of a row's number that comes through it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Caller<'d> {
    /// The caller, and its own callers as far as there is one only; not empty.
    pub(super) chain: Vec<TellingFrame<'d>>,
    /// In the unit that the table is sorted by.
    pub(super) part: u64,
}

impl Caller<'_> {
    /// True if `main` alone calls: that tells nothing.
    pub(super) fn is_main(&self) -> bool {
        let is_main = |name: &str| name == "main" || name.ends_with("::main");
        self.chain.len() == 1 && self.chain[0].frame.function.is_some_and(is_main)
    }
}

/// The frames that lead to the frame `lead` of `site`, from there outward: the program's own
/// functions, up to the first that comes again.
pub(super) fn outward(frames: &Frames<'_>, site: &Site, lead: usize) -> Vec<usize> {
    let function = |index: usize| frames.looked(site.stack[index]).function_id;
    let is_own = |&index: &usize| {
        let looked = frames.looked(site.stack[index]);
        let origin = looked.telling.origin;
        matches!(origin, Origin::Own | Origin::Plumbing) && looked.has_telling_name
    };
    let mut chain: Vec<usize> = Vec::new();
    for index in (lead + 1..site.stack.len()).filter(is_own) {
        if function(index) == function(lead) && chain.is_empty() {
            continue;
        }
        if chain.len() == DEEPEST || chain.iter().any(|&known| function(known) == function(index)) {
            break;
        }
        chain.push(index);
    }
    chain
}

/// The callers in `stacks`: a number of each and its frames outward.
pub(super) fn of<'d>(
    stacks: impl Iterator<Item = (u64, Vec<TellingFrame<'d>>)>,
) -> Vec<Caller<'d>> {
    let mut callers = Vec::<Caller<'d>>::new();
    let mut known = HashMap::new();
    for (part, chain) in stacks {
        let Some(name) = chain.first().and_then(|telling| telling.frame.function) else { continue };
        let next = callers.len();
        let index = *known.entry(name).or_insert(next);
        if index == next {
            callers.push(Caller { chain, part });
            continue;
        }
        let caller = &mut callers[index];
        caller.part = caller.part.saturating_add(part);
        let is_same =
            |(a, b): &(&TellingFrame<'d>, &TellingFrame<'d>)| a.frame.function == b.frame.function;
        let length = caller.chain.iter().zip(&chain).take_while(is_same).count();
        caller.chain.truncate(length);
    }
    callers.sort_by_key(|caller| std::cmp::Reverse(caller.part));
    callers
}
