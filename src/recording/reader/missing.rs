//! The parts of an ended process's recording that are missing: pages of a copy that are empty.
//!
//! A page without content is read as zeros. Each check takes two places that tell of the same
//! thing, or a word that is never zero where the thing exists. A thread that was stopped in the
//! middle of an event may have been between two stores: so each may be in one contradiction.

use std::vec;
use std::vec::Vec;

use crate::base::sync::Ordering;
use crate::recording::missing::Missing;
use crate::recording::moment_log::records;
use crate::store::arena::Arena;
use crate::store::frames::{ROOT_TABLE_FULL, ROOTS};
use crate::store::sites::{FIRST_SITE, TABLE_FULL};
use crate::store::tally::Tally;
use crate::store::thread_slot::SHARED;
use crate::store::timeline::{count, sample};
use crate::store::view::View;

use super::moments::log_bytes;
use super::samples::mean_gap;
use super::span::Window;

/// The first part of the recording that is found to be missing. The journals were read before.
pub(crate) fn missing(view: &View<'_>) -> Option<Missing> {
    let checks: [(&'static str, u64); 10] = [
        ("modules", modules(view)),
        ("threads", threads(view)),
        ("call sites", records_of_frames(view)),
        ("call sites", owners(view)),
        ("frames", frames(view)),
        ("call sites", tallies(view)),
        ("call sites", shared(view)),
        ("groups", groups(view)),
        ("samples of the heap", samples(view) + moments(view)),
        ("mappings", mappings(view)),
    ];
    let found = checks.into_iter().find(|(_, missing)| *missing != 0);
    found.map(|(what, missing)| Missing::Things { missing, what }).or_else(|| blocks(view))
}

fn number(count: usize) -> u64 {
    count as u64
}

/// Threads that were stopped in the middle of an event.
fn inside(view: &View<'_>) -> u64 {
    let slots = view.used_slots();
    number(slots.filter(|(_, slot)| slot.inside.load(Ordering::Relaxed) != 0).count())
}

/// A number of contradictions, unless stopped threads may have left them.
fn beyond_threads(view: &View<'_>, count: usize) -> u64 {
    if number(count) > inside(view) { number(count) } else { 0 }
}

/// A module has an end. It is described before it is counted.
fn modules(view: &View<'_>) -> u64 {
    let ends = view.modules.iter().map(|module| module.end.load(Ordering::Relaxed));
    number(ends.filter(|end| *end == 0).count())
}

/// A thread that has counted blocks has an id.
fn threads(view: &View<'_>) -> u64 {
    let slots = view.slots.iter().zip(view.histograms).take(SHARED.index());
    let has_blocks = slots.filter(|(slot, histograms)| {
        slot.id.load(Ordering::Relaxed) == 0
            && histograms.sizes.classes().any(|(_, blocks)| blocks != 0)
    });
    number(has_blocks.count())
}

/// A frame that names a site is the frame of a site.
fn records_of_frames(view: &View<'_>) -> u64 {
    let sites = view.frames.iter().skip(ROOTS.index());
    let sites = sites.map(|frame| frame.site.load(Ordering::Relaxed) as usize);
    let records = sites.filter(|site| *site >= FIRST_SITE.index());
    let records = records.filter_map(|site| view.records.get(site));
    number(records.filter(|record| record.frame.load(Ordering::Relaxed) == 0).count())
}

/// The sites that are stacks, by their numbers.
fn stacks<'v>(view: &'v View<'_>) -> impl Iterator<Item = (usize, &'v Tally)> {
    let sites = view.records.iter().zip(view.tallies).enumerate().skip(FIRST_SITE.index());
    sites.filter_map(|(site, (record, tally))| {
        let is_stack = record.frame.load(Ordering::Relaxed) != ROOT_TABLE_FULL.number();
        is_stack.then_some((site, tally))
    })
}

/// A site that has had events has an owner.
fn owners(view: &View<'_>) -> u64 {
    let used = stacks(view).filter(|(_, tally)| tally.total.blocks.get() != 0);
    let owners = used.filter_map(|(site, _)| view.owners.get(site));
    number(owners.filter(|owner| owner.is_nobody()).count())
}

/// A frame that a site or another frame leads to has an address.
fn frames(view: &View<'_>) -> u64 {
    let is_empty = |index: usize| {
        let frame = view.frames.get(index);
        frame.is_some_and(|frame| frame.address.load(Ordering::Relaxed) == 0)
    };
    let parents = view.frames.iter().enumerate().skip(ROOTS.index());
    let parents = parents.filter(|(index, _)| !is_empty(*index));
    let parents = parents.map(|(_, frame)| frame.parent.load(Ordering::Relaxed));
    let used = stacks(view).filter(|(_, tally)| tally.total.blocks.get() != 0);
    let records = used.filter_map(|(site, _)| view.records.get(site));
    let innermost = records.map(|record| record.frame.load(Ordering::Relaxed));
    let named = parents.chain(innermost).map(|index| index as usize);
    number(named.filter(|index| *index >= ROOTS.index() && is_empty(*index)).count())
}

/// A site is made by its owner, for an event of the owner's own.
fn tallies(view: &View<'_>) -> u64 {
    let unused = stacks(view).filter(|(_, tally)| tally.total.blocks.get() == 0);
    beyond_threads(view, unused.count())
}

/// A site that others than its owner have changed has their events, in an arena or in its shared
/// tally.
fn shared(view: &View<'_>) -> u64 {
    let mut has_share = vec![false; view.records.len()];
    for share in view.used_arenas().flat_map(Arena::shares) {
        if let Some(has_share) = has_share.get_mut(share.site().index()) {
            *has_share = true;
        }
    }
    let is_lost = |site: usize| {
        view.owners.get(site).is_some_and(|owner| owner.is_shared())
            && has_share.get(site) == Some(&false)
            && view
                .shared
                .get(site)
                .is_some_and(|tally| tally.total.blocks.get() == 0 && tally.freed.blocks.get() == 0)
    };
    beyond_threads(view, stacks(view).filter(|(site, _)| is_lost(*site)).count())
}

/// A group has the blocks of its sites.
fn groups(view: &View<'_>) -> u64 {
    let mut blocks: Vec<u64> = vec![0; view.groups.len()];
    for (site, tally) in stacks(view).filter(|(site, _)| *site >= Window::of(view.header).first) {
        let group = view.owners.get(site).map_or(0, |owner| owner.group().index());
        if let Some(sum) = blocks.get_mut(group) {
            *sum = sum.saturating_add(tally.total.blocks.get());
        }
    }
    let least = inside(view);
    let groups = view.groups.iter().zip(blocks).skip(1);
    let lost = groups.filter(|(group, blocks)| {
        *blocks > least && group.total_blocks.load(Ordering::Relaxed) == 0
    });
    number(lost.count())
}

/// A sample has an end, but for the first.
fn samples(view: &View<'_>) -> u64 {
    let state = view.header.process.timeline.samples.load(Ordering::Acquire);
    let samples = (1..count(state)).filter_map(|index| sample(view.timeline, state, index));
    number(samples.filter(|sample| sample.end.get() == 0).count())
}

/// A moment has an end, and each of its sites once.
fn moments(view: &View<'_>) -> u64 {
    let log = log_bytes(view);
    let lost = records(&log).filter(|record| {
        let mut last = None;
        let mut changes = record.changes();
        record.moment.end == 0 || changes.any(|(site, _)| last.replace(site) == Some(site))
    });
    number(lost.count())
}

/// A call site of mappings has a kind.
fn mappings(view: &View<'_>) -> u64 {
    let kinds = view.mappings.iter().skip(1).map(|entry| entry.kind.load(Ordering::Relaxed));
    number(kinds.filter(|kind| *kind == 0).count())
}

/// The threads have counted all events that call sites have. A copy that was made at a fork has its
/// parts of different moments, and an older recording does not tell if it is one.
fn blocks(view: &View<'_>) -> Option<Missing> {
    let first = view.used_slots().next()?.1;
    // The histograms, which have what the threads counted, are older than the thread counts.
    let is_known = first.threads.load(Ordering::Relaxed) != 0 && !view.histograms.is_empty();
    let is_copy = first.forked.load(Ordering::Relaxed) != 0;
    // A trailer that was written over may have led to no site.
    let is_damaged = view.used_slots().any(|(_, slot)| slot.losses.damaged_trailers.get() != 0);
    // Sites have estimates.
    let is_sampled = mean_gap(view.header) != 0;
    if !is_known || is_copy || is_damaged || is_sampled {
        return None;
    }
    let window = Window::of(view.header).first;
    let sizes = view.used_histograms().flat_map(|entry| entry.sizes.classes());
    let counted = sum(sizes.map(|(_, blocks)| blocks));
    let found = sum(of_sites(view, window).map(|tally| tally.total.blocks.get()));
    let fronts = view.used_slots().map(|(_, slot)| slot.front.freed.blocks.get());
    // The threads' own numbers are those of all windows.
    let (freed, found_freed) = match window {
        0 => (sum(fronts), sum(of_sites(view, 0).map(|tally| tally.freed.blocks.get()))),
        _ => (0, 0),
    };
    let missing = counted.abs_diff(found).max(freed.abs_diff(found_freed));
    let of = counted.max(found).max(freed).max(found_freed);
    (missing > inside(view)).then_some(Missing::Blocks { missing, of })
}

fn sum(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::wrapping_add)
}

/// The parts of the sites' numbers, from a site on.
fn of_sites<'v>(view: &'v View<'_>, first: usize) -> impl Iterator<Item = &'v Tally> {
    let first = first.max(TABLE_FULL.index());
    let shares = view.used_arenas().flat_map(Arena::shares);
    let shares = shares.filter(move |share| share.site().index() >= first);
    let own = view.tallies.get(first..).unwrap_or_default();
    let others = view.shared.get(first..).unwrap_or_default();
    own.iter().chain(others).chain(shares)
}
