//! From registers to a call site: captures the stack and names it in the table.

use crate::capture::registers::Registers;
use crate::capture::rule_cache;
use crate::capture::stack::{Base, NO_NODE};
use crate::session::Session;
use crate::table::frames::{ADDRESS_BITS, Full, ROOT_BROKEN, ROOT_COMPLETE, ROOT_TRUNCATED};
use crate::table::sites::{NO_SITE, TABLE_FULL};
use crate::thread::Thread;
use crate::unwinding::{CopiedStack, OwnStack, ProcessRules};

/// Stands for all frames that found no room in the table.
const NO_ROOM: u32 = NO_NODE - 1;

/// The site of the stack whose innermost frame has the registers `at`.
#[inline(always)]
pub(crate) fn of(thread: &mut Thread, session: &'static Session, at: Registers) -> u32 {
    if thread.fast_site != NO_SITE && is_unchanged(thread, &at) {
        return thread.fast_site;
    }
    if session.settings.self_check {
        checked(thread, session, at)
    } else {
        changed(thread, session, at.pc, at.sp, at.bp)
    }
}

/// Whether the stack is the one captured last.
#[inline(always)]
fn is_unchanged(thread: &Thread, at: &Registers) -> bool {
    // The remembered stack is this thread's own, so its words may be read without asking.
    let memory = OwnStack { low: at.sp, high: 0 };
    thread.generation == rule_cache::generation() && thread.stack.is_unchanged(at, &memory)
}

/// Captures the stack as always and once more from scratch, and counts the difference if
/// there is one.
#[cold]
#[inline(never)]
fn checked(thread: &mut Thread, session: &'static Session, at: Registers) -> u32 {
    let unchanged = thread.last_site != NO_SITE && is_unchanged(thread, &at);
    let site =
        if unchanged { thread.last_site } else { changed(thread, session, at.pc, at.sp, at.bp) };
    thread.fast_site = NO_SITE;
    let (low, high) = thread.bounds;
    if !(low..high).contains(&at.sp) {
        return site;
    }
    thread.checker.clear();
    let rules = ProcessRules { session };
    thread.checker.capture(at, &OwnStack { low: at.sp, high }, &rules);
    let losses = &session.header.self_check;
    losses.checked.add_shared(1);
    if !thread.stack.window_equals(&thread.checker) {
        losses.differences.add_shared(1);
    }
    site
}

/// The site of a stack that is not the one captured last. The registers come one by one, to
/// stay in the processor's.
#[inline(never)]
fn changed(thread: &mut Thread, session: &'static Session, pc: u64, sp: u64, bp: u64) -> u32 {
    let at = Registers { pc, sp, bp };
    let rules = ProcessRules { session };
    if thread.generation != rule_cache::generation() {
        begin_generation(thread);
    }
    let (low, high) = thread.bounds;
    let is_own = (low..high).contains(&at.sp);
    let fresh = if is_own {
        let memory = OwnStack { low: at.sp, high };
        thread.stack.capture(at, &memory, &rules)
    } else {
        capture_foreign(thread, at, &rules)
    };
    if thread.generation != rule_cache::generation() {
        // An object was unloaded while the stack was walked: its frames may have been taken
        // for others'. The next round walks all of it by the new rules.
        return changed(thread, session, pc, sp, bp);
    }
    let site = site(thread, fresh);
    if !is_own {
        thread.stack.clear();
        thread.last_site = NO_SITE;
        thread.fast_site = NO_SITE;
    }
    site
}

#[cold]
fn begin_generation(thread: &mut Thread) {
    thread.generation = rule_cache::generation();
    thread.edges.clear();
    thread.stack.clear();
}

/// A stack that is not the thread's own: a copy is walked, and nothing of it remembered.
#[cold]
fn capture_foreign(thread: &mut Thread, at: Registers, rules: &ProcessRules) -> usize {
    let copied = crate::os::copy_memory(at.sp, &mut thread.foreign) / 8;
    let words = &thread.foreign[..copied];
    thread.stack.clear();
    thread.stack.capture(at, &CopiedStack { low: at.sp, words }, rules)
}

#[inline(always)]
fn site(thread: &mut Thread, fresh: usize) -> u32 {
    let whole = !thread.stack.is_truncated() && thread.stack.base() == Base::Complete;
    if !whole {
        count_incomplete(thread);
    }
    let frame = name(thread, fresh);
    let site = match frame {
        NO_ROOM => TABLE_FULL,
        frame => thread.sites.of(&thread.frames, frame, thread.index),
    };
    if site == TABLE_FULL {
        thread.slot.losses.table_full.add(1);
    }
    // What is counted each time is looked at each time.
    thread.last_site = if whole && site != TABLE_FULL { site } else { NO_SITE };
    thread.fast_site = thread.last_site;
    site
}

#[cold]
fn count_incomplete(thread: &Thread) {
    let losses = &thread.slot.losses;
    if thread.stack.is_truncated() {
        losses.truncated_stacks.add(1);
    } else {
        losses.broken_stacks.add(1);
    }
}

/// The innermost frame's id, after naming the entries from `fresh` on.
#[inline(always)]
fn name(thread: &mut Thread, fresh: usize) -> u32 {
    let len = thread.stack.entries().len();
    if thread.stack.is_truncated() || len == 0 {
        return name_window(thread);
    }
    let mut outer = match fresh.checked_sub(1) {
        Some(last_kept) => named(thread, last_kept),
        None => root(thread),
    };
    for index in fresh..len {
        outer = inward(thread, outer, index);
        thread.stack.entries()[index].node = outer;
    }
    outer
}

/// The root of a stack that is not truncated.
fn root(thread: &Thread) -> u32 {
    match thread.stack.base() {
        Base::Complete => ROOT_COMPLETE,
        Base::Broken | Base::Unwalked => ROOT_BROKEN,
    }
}

/// The frame of a kept entry. It has a name, unless the stack was truncated when it was captured.
#[inline(always)]
fn named(thread: &mut Thread, index: usize) -> u32 {
    let node = thread.stack.entries()[index].node;
    if node == NO_NODE {
        let root = root(thread);
        let node = name_from(thread, root, 0, index);
        thread.stack.entries()[index].node = node;
        return node;
    }
    node
}

/// The innermost N frames of a stack that has more, or the root of one that has none.
///
/// Only the whole window is named, not the stacks that its entries end: each of those would
/// be a window of its own, and share no frame with this one.
#[cold]
#[inline(never)]
fn name_window(thread: &mut Thread) -> u32 {
    match thread.stack.entries().len().checked_sub(1) {
        Some(last) => {
            let first = (last + 1).saturating_sub(thread.stack.limit());
            name_from(thread, ROOT_TRUNCATED, first, last)
        }
        None => root(thread),
    }
}

/// The frame at the end of entries `first..=last`, inward of `root`.
#[cold]
#[inline(never)]
fn name_from(thread: &mut Thread, root: u32, first: usize, last: usize) -> u32 {
    (first..=last).fold(root, |outer, index| inward(thread, outer, index))
}

/// The frame of entry `index`, whose next outer entry's frame is `outer`.
#[inline(always)]
fn inward(thread: &mut Thread, outer: u32, index: usize) -> u32 {
    let address = address(thread, index);
    match thread.edges.get(outer, address) {
        Some(child) => child,
        None => inward_by_table(thread, outer, address),
    }
}

#[cold]
#[inline(never)]
fn inward_by_table(thread: &mut Thread, outer: u32, address: u64) -> u32 {
    if outer == NO_ROOM {
        return NO_ROOM;
    }
    let child = match thread.frames.find(outer, address) {
        Some(child) => child,
        None if thread.sites.is_full() => return NO_ROOM, // no site could use the frame
        None => match thread.frames.insert(outer, address) {
            Ok(child) => child,
            Err(Full) => return NO_ROOM,
        },
    };
    thread.edges.put(outer, address, child);
    child
}

/// The return address of an entry, with the generation of the module list.
#[inline(always)]
fn address(thread: &mut Thread, index: usize) -> u64 {
    let generation = u64::from(thread.generation) << ADDRESS_BITS;
    thread.stack.entries()[index].pc | generation
}
