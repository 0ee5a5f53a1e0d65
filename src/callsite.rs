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
    // The remembered stack is this thread's own, so its words may be read without asking.
    let memory = OwnStack { low: at.sp, high: 0 };
    if thread.last_site != NO_SITE
        && thread.generation == rule_cache::generation()
        && thread.stack.is_unchanged(&at, &memory)
    {
        return thread.last_site;
    }
    changed(thread, session, at)
}

/// The site of a stack that is not the one captured last.
#[inline(never)]
fn changed(thread: &mut Thread, session: &'static Session, at: Registers) -> u32 {
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
        return changed(thread, session, at);
    }
    let site = site(thread, fresh);
    if !is_own {
        thread.stack.clear();
        thread.last_site = NO_SITE;
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
    if len == 0 {
        return ROOT_BROKEN;
    }
    if fresh == len {
        let node = thread.stack.entries()[len - 1].node;
        return if node == NO_NODE { name_at(thread, len - 1) } else { node };
    }
    let mut outer = if fresh == 0 { root(thread) } else { thread.stack.entries()[fresh - 1].node };
    if outer == NO_NODE && fresh == 0 {
        return name_at(thread, len - 1); // the others are named when a capture meets them
    }
    if outer == NO_NODE {
        outer = name_at(thread, fresh - 1);
    }
    for index in fresh..len {
        outer = inward(thread, outer, index);
        thread.stack.entries()[index].node = outer;
    }
    outer
}

/// The root of the stack, or [`NO_NODE`] if its outermost frames were not walked.
fn root(thread: &Thread) -> u32 {
    match thread.stack.base() {
        Base::Complete => ROOT_COMPLETE,
        Base::Broken => ROOT_BROKEN,
        Base::Unwalked => NO_NODE,
    }
}

/// The frame of entry `index`, whose next outer entry's frame is `outer`.
#[inline(always)]
fn inward(thread: &mut Thread, outer: u32, index: usize) -> u32 {
    if outer >= NO_ROOM {
        return if outer == NO_ROOM { NO_ROOM } else { name_at(thread, index) };
    }
    let address = address(thread, index);
    match thread.edges.get(outer, address) {
        Some(child) => child,
        None => inward_by_table(thread, outer, index, address),
    }
}

#[cold]
#[inline(never)]
fn inward_by_table(thread: &mut Thread, outer: u32, index: usize, address: u64) -> u32 {
    let found = thread.frames.find(outer, address).ok_or(Full).or_else(|_| {
        if thread.sites.is_full() {
            return Err(Full); // a frame that no site could use
        }
        // A stack that had as many frames as are kept loses its outermost one.
        let full_window = thread.stack.base() == Base::Unwalked || index >= thread.stack.limit();
        let target = full_window.then(|| window(thread, index));
        match target {
            Some(NO_ROOM | NO_NODE) => Err(Full),
            target => thread.frames.insert(outer, address, target),
        }
    });
    let Ok(child) = found else { return NO_ROOM };
    thread.edges.put(outer, address, child);
    child
}

/// The return address of an entry, with the generation of the module list.
#[inline(always)]
fn address(thread: &mut Thread, index: usize) -> u64 {
    let generation = u64::from(thread.generation) << ADDRESS_BITS;
    thread.stack.entries()[index].pc | generation
}

/// Names entry `index` from its window's outermost frame on, and remembers that.
#[cold]
#[inline(never)]
fn name_at(thread: &mut Thread, index: usize) -> u32 {
    let named = if thread.stack.base() == Base::Unwalked || index >= thread.stack.limit() {
        window(thread, index)
    } else {
        let root = root(thread);
        chain(thread, root, 0, index)
    };
    if let Some(entry) = thread.stack.entries().get_mut(index) {
        entry.node = named;
    }
    named
}

/// The innermost N frames up to entry `index`; [`NO_NODE`] if fewer have been walked.
fn window(thread: &mut Thread, index: usize) -> u32 {
    match (index + 1).checked_sub(thread.stack.limit()) {
        Some(first) => chain(thread, ROOT_TRUNCATED, first, index),
        None => NO_NODE,
    }
}

/// The frame at the end of entries `first..=last`, inward of `root`.
fn chain(thread: &mut Thread, root: u32, first: usize, last: usize) -> u32 {
    let mut outer = root;
    for index in first..=last {
        let address = address(thread, index);
        let child = thread.edges.get(outer, address).or_else(|| thread.frames.find(outer, address));
        let child = match child {
            Some(child) => child,
            None if thread.sites.is_full() => return NO_ROOM,
            None => match thread.frames.insert(outer, address, None) {
                Ok(child) => child,
                Err(Full) => return NO_ROOM,
            },
        };
        thread.edges.put(outer, address, child);
        outer = child;
    }
    outer
}
