//! From registers to a call site: captures the stack and names it in the table.
//!
//! ```text
//!  registers ──▶ a stack that is remembered? ──yes──▶ its site
//!                       │ no
//!                       ▼
//!                the same as last time? ──yes──▶ its site
//!                       │ no
//!                       ▼
//!                capture: walk the frames that are new, check the others' words
//!                       ▼
//!                name each new frame in the frame table, outermost first
//!                       ▼
//!                the innermost frame's site, made at its first event
//! ```
//!
//! The first two questions cost a load per frame and no walk. A stack that was the same several
//! times in a row does not even come here: see [`quick`](crate::engine::quick).
//!
//! Only the stack that the thread was started with is remembered. On another one (a fiber's, or a
//! signal's alternate stack) a copy is walked, and all of it each time.
//!
//! A stack that is not whole has a root that says so: cut off at the setting's depth, or broken
//! where no rule leads on. Both are counted at each capture.

use crate::base::os;
use crate::base::sync::Ordering;
use crate::capture::own_stack::{CopiedStack, OwnStack};
use crate::capture::process_rules::ProcessRules;
use crate::capture::registers::Registers;
use crate::capture::rule_cache;
use crate::capture::stack::{Base, Names, Naming, NoNames, Stack};
use crate::engine::session::Session;
use crate::engine::thread::{Paths, Place, Thread};
use crate::engine::windows;
use crate::store::frames::{
    ADDRESS_BITS, Level, NO_ROOM, ROOT_BROKEN, ROOT_COMPLETE, ROOT_TRUNCATED,
};
use crate::store::group::Member;
use crate::store::group_frames::Roots;
#[cfg(feature = "preload")]
use crate::store::ids::GroupId;
use crate::store::ids::{FrameId, SiteId};
use crate::store::modules::Modules;
use crate::store::sites::{Maker, NO_SITE};
use crate::store::trailer;

/// The site of the stack whose innermost frame has the registers `at`; `None` while nothing is
/// recorded.
#[inline(always)]
pub(crate) fn of(thread: &mut Thread, session: &'static Session, at: Registers) -> Option<SiteId> {
    let site = of_any(thread, session, at.pc, at.sp, at.bp);
    (site != NO_SITE).then_some(site)
}

/// Makes the thread's memory of its last stack what a new count of changes allows; `false`: its
/// frames are of another generation.
pub(crate) fn renew(thread: &mut Thread) -> bool {
    if thread.fast_site < windows::first_named() {
        thread.set_fast_site(NO_SITE);
    }
    thread.generation == rule_cache::generation()
}

/// [`of`]; [`NO_SITE`] while nothing is recorded. Single arguments stay in registers.
#[inline(never)]
fn of_any(thread: &mut Thread, session: &'static Session, pc: u64, sp: u64, bp: u64) -> SiteId {
    let at = Registers { pc, sp, bp };
    let first = windows::first_named();
    if windows::names(first)
        && !session.settings.self_check
        && let Some(site) = recall(thread, &at, first)
        && thread.note_recalled(site, &at)
    {
        return site;
    }
    of_last_or_walked(thread, session, pc, sp, bp)
}

/// The rest of [`of_any`], out of line, so that a stack that is recalled saves no registers for it.
#[inline(never)]
fn of_last_or_walked(
    thread: &mut Thread,
    session: &'static Session,
    pc: u64,
    sp: u64,
    bp: u64,
) -> SiteId {
    let at = Registers { pc, sp, bp };
    let first = windows::first_named();
    if !windows::names(first) {
        return windows::site_without_stack(first);
    }
    if session.settings.self_check {
        return checked(thread, session, at, first);
    }
    // A site of an older window is less than the first.
    if thread.fast_site >= first && is_unchanged(thread, &at) {
        thread.note_repeat(&at);
        return thread.fast_site;
    }
    changed(thread, session, at, first)
}

/// Frames of a walk that costs more than to recall any stack …
const WORTH_REMEMBERING: usize = 6;
/// … and than to recall one of few frames: each word of it is read.
const WORTH_IF_SHORT: usize = 3;
const SHORT: usize = 16;

/// True if to recall the stack captured last will cost less than its walk did.
#[inline(always)]
fn is_worth_remembering(thread: &Thread) -> bool {
    let walked = thread.stack.walked();
    let is_short = || thread.stack.marks().len() <= SHORT;
    walked >= WORTH_REMEMBERING || walked >= WORTH_IF_SHORT && is_short()
}

/// The state that a site depends on besides its stack.
#[inline(always)]
fn naming(thread: &Thread, first: SiteId, generation: u32) -> Naming {
    let era = u64::from(first.number()) << 32 | u64::from(generation);
    Naming { era, group: thread.member.group.number() }
}

/// The site of a stack that was captured before, if it is remembered.
#[inline(always)]
fn recall(thread: &mut Thread, at: &Registers, first: SiteId) -> Option<SiteId> {
    let naming = naming(thread, first, rule_cache::generation());
    // SAFETY: `at` is a frame of this thread that calls us, and stacks are remembered that were the
    // thread's own.
    let memory = unsafe { OwnStack::as_remembered() };
    // SAFETY: as above.
    unsafe { thread.recall.find(at, naming, &memory) }.map(SiteId::new)
}

/// Remembers the stack captured last, which is the thread's own and whole.
fn remember(thread: &mut Thread, at: &Registers, first: SiteId) {
    // That of the walk: by now another may have begun.
    let naming = naming(thread, first, thread.generation);
    let site = thread.last_site.number();
    // SAFETY: `at` is a frame of this thread that calls us, and the stack the thread's own.
    let memory = unsafe { OwnStack::as_remembered() };
    thread.recall.remember((&thread.stack, &memory), at, naming, site, trailer::secret());
}

/// The id of the innermost frame, which has the registers `at`, if it has an id; for events of no
/// block.
#[cfg(any(feature = "dhat-compat", feature = "preload"))]
pub(crate) fn frame_of(
    thread: &mut Thread,
    session: &'static Session,
    at: Registers,
) -> Option<FrameId> {
    let node = walked(thread, session, at);
    let node = node.unwrap_or_else(|| name_again(thread));
    // The remembered stack is now not that of the remembered site.
    forget(thread);
    (node != NO_ROOM).then_some(node)
}

/// True if the stack is the one captured last.
#[inline(always)]
fn is_unchanged(thread: &Thread, at: &Registers) -> bool {
    // SAFETY: `at` is a frame of this thread that calls us. Of another stack nothing is remembered:
    // `changed` and `frame_of` forget it, and then no remembered frame has these registers.
    let memory = unsafe { OwnStack::as_remembered() };
    thread.generation == rule_cache::generation() && thread.stack.is_unchanged(at, &memory)
}

/// Captures the stack in the usual way and once more from scratch, and counts a difference.
///
/// The remembered stack is not trusted here, and is what is tested: the second walk has a stack of
/// its own, remembers nothing, and looks up each frame's rule again. `MOD_ALLOC_SELF_CHECK` alone
/// leads here.
#[cold]
#[inline(never)]
fn checked(thread: &mut Thread, session: &'static Session, at: Registers, first: SiteId) -> SiteId {
    let generation = rule_cache::generation();
    let sealed = || {
        // SAFETY: `at` is a frame of this thread that calls us, and just compared.
        thread.is_sealed_at(&at).then(|| unsafe { thread.sealed(at.bp) })?
    };
    let sealed = sealed().map(|(site, _)| site);
    let recalled = recall(thread, &at, first);
    let unchanged =
        thread.last_site >= first && !thread.stack.has_late() && is_unchanged(thread, &at);
    let site = if unchanged {
        thread.note_repeat(&at);
        thread.last_site
    } else {
        changed(thread, session, at, first)
    };
    // Every event comes here then. The seal stays.
    thread.fast_site = NO_SITE;
    let (low, high) = thread.bounds;
    if !(low..high).contains(&at.sp) {
        return site;
    }
    thread.checker.clear();
    let rules = session.rules();
    // SAFETY: the bounds are this thread's, and `at`, a frame that calls us, is within; nothing is
    // remembered.
    let memory = unsafe { OwnStack::new(high) };
    thread.checker.capture(at, &memory, &rules, &mut NoNames);
    let found = &session.header.self_check;
    found.checked.add_shared(1);
    let is_own = thread.stack.window_equals(&thread.checker);
    // A site is of one generation: what was found before the next one began is another.
    let is_known = thread.generation != generation
        || [sealed, recalled].into_iter().flatten().all(|known| known == site);
    if !is_own || !is_known || !(site == first || is_site_of(thread, site)) {
        found.differences.add_shared(1);
    }
    site
}

/// True if `site` is that of the stack walked from scratch, named from scratch.
fn is_site_of(thread: &mut Thread, site: SiteId) -> bool {
    let mut names =
        FrameNames::new(&thread.place, &thread.roots, &mut thread.paths, thread.generation);
    let node = name_of(&thread.checker, &mut names);
    let record = thread.sites.records.get(site.index());
    let frame = record.map(|record| FrameId::new(record.frame.load(Ordering::Relaxed)));
    node == NO_ROOM || frame == Some(node)
}

/// The site of a stack that is not the one captured last.
#[inline(always)]
fn changed(thread: &mut Thread, session: &'static Session, at: Registers, first: SiteId) -> SiteId {
    let node = walked(thread, session, at);
    let site = match node {
        Some(node) if thread.stack.base() == Base::Complete => site(thread, node, true, first),
        node => incomplete(thread, node, first),
    };
    if !is_on_own_stack(thread, at) {
        forget(thread);
    } else if thread.fast_site != NO_SITE && is_worth_remembering(thread) {
        remember(thread, &at, first);
    }
    site
}

/// Makes the next capture know nothing of this one.
#[cold]
fn forget(thread: &mut Thread) {
    thread.stack.clear();
    thread.last_site = NO_SITE;
    thread.set_fast_site(NO_SITE);
}

/// True if the stack is the one that the thread was started with.
#[inline(always)]
fn is_on_own_stack(thread: &Thread, at: Registers) -> bool {
    let (low, high) = thread.bounds;
    (low..high).contains(&at.sp)
}

/// Captures the stack; the innermost frame's id, if all that was walked is kept.
///
/// Modules may be loaded and unloaded while the program runs, and frames' names hold the generation
/// of the module list. So a change of the generation before the walk forgets the last stack, and
/// one during the walk repeats it.
#[inline(always)]
fn walked(thread: &mut Thread, session: &'static Session, at: Registers) -> Option<FrameId> {
    let rules = session.rules();
    if thread.generation != rule_cache::generation() {
        begin_generation(thread);
    }
    thread.name_for_group();
    let node = if is_on_own_stack(thread, at) {
        let high = thread.bounds.1;
        let place = &thread.place;
        let mut names = FrameNames::new(place, &thread.roots, &mut thread.paths, thread.generation);
        // SAFETY: the bounds are this thread's, and `at`, a frame that calls us, is within; of
        // another stack nothing is remembered: `changed` and `frame_of` forget it.
        let memory = unsafe { OwnStack::new(high) };
        thread.stack.capture(at, &memory, &rules, &mut names).map(FrameId::new)
    } else {
        on_spare_stack(thread, at, &rules)
    };
    if thread.stack.has_late() {
        rules.revise(thread.stack.late());
    }
    if thread.generation != rule_cache::generation() {
        // A module was unloaded while the stack was walked: its frames may have been taken for
        // another's. The next round walks all of it by the new rules.
        return walked_again(thread, session, at);
    }
    node
}

/// [`walked`], out of line: it calls itself seldom, and would be inlined without end.
#[cold]
#[inline(never)]
fn walked_again(thread: &mut Thread, session: &'static Session, at: Registers) -> Option<FrameId> {
    walked(thread, session, at)
}

/// Forgets the last stack: a module of it may be gone, and another at its place.
#[cold]
fn begin_generation(thread: &mut Thread) {
    thread.generation = rule_cache::generation();
    thread.stack.clear();
}

/// [`capture_foreign`], on another stack than the one that is walked: that may be small.
#[cold]
#[inline(never)]
fn on_spare_stack(
    thread: &mut Thread,
    at: Registers,
    rules: &ProcessRules<'_, Modules>,
) -> Option<FrameId> {
    match thread.spare {
        // SAFETY: the cell's memory for it, which this thread alone uses while it is inside.
        Some(top) => unsafe { os::spare_stack::on(top, || capture_foreign(thread, at, rules)) },
        None => capture_foreign(thread, at, rules),
    }
}

/// A stack that is not the thread's own: a copy is walked, and nothing of it remembered.
///
/// Its bounds are not known, so a read beyond them may fault. The kernel copies what is mapped, and
/// the walk ends where the copy ends.
#[cold]
fn capture_foreign(
    thread: &mut Thread,
    at: Registers,
    rules: &ProcessRules<'_, Modules>,
) -> Option<FrameId> {
    let copied = os::copy_memory(at.sp, &mut thread.foreign) / 8;
    let words = thread.foreign.get(..copied).unwrap_or(&[]);
    let memory = CopiedStack { low: at.sp, words };
    let mut names =
        FrameNames::new(&thread.place, &thread.roots, &mut thread.paths, thread.generation);
    thread.stack.clear();
    thread.stack.capture(at, &memory, rules, &mut names).map(FrameId::new)
}

/// The group that a block would belong to whose stack begins with the registers `at`; `None`: the
/// stack cannot be named.
#[cfg(feature = "preload")]
pub(crate) fn group_of(
    thread: &mut Thread,
    session: &'static Session,
    at: Registers,
) -> Option<GroupId> {
    let maker = maker(thread, SiteId::new(0));
    Some(maker.group_of(&session.frames, frame_of(thread, session, at)?))
}

/// The thread and group that new sites are made for.
/// The thread owns the sites that it makes, so its later events there are plain stores.
#[inline(always)]
fn maker(thread: &Thread, first: SiteId) -> Maker {
    let Member { group, whole, .. } = thread.member;
    Maker { thread: thread.index, group, whole, first }
}

/// The site of the stack whose innermost frame is `node`.
#[inline(always)]
fn site(thread: &mut Thread, node: FrameId, whole: bool, first: SiteId) -> SiteId {
    let site = match node {
        NO_ROOM => first,
        node => thread.sites.of(&thread.frames, node, maker(thread, first)),
    };
    if site == first {
        thread.slot.losses.table_full.add(1);
    }
    // A loss that is counted at each capture is looked at each time.
    thread.last_site = if whole && site != first { site } else { NO_SITE };
    // Modules that were loaded late must be checked each time: they may have been replaced.
    let is_late = thread.stack.has_late();
    thread.set_fast_site(if is_late { NO_SITE } else { thread.last_site });
    site
}

/// The site of a stack that is not whole; `node` is the innermost frame's, if all that was walked
/// is kept.
#[cold]
#[inline(never)]
fn incomplete(thread: &mut Thread, node: Option<FrameId>, first: SiteId) -> SiteId {
    let losses = &thread.slot.losses;
    if thread.stack.is_truncated() {
        losses.truncated_stacks.add(1);
    } else {
        losses.broken_stacks.add(1);
    }
    let node = node.unwrap_or_else(|| name_again(thread));
    site(thread, node, false, first)
}

/// The innermost frame's id of the stack captured last, not all of which is kept.
fn name_again(thread: &mut Thread) -> FrameId {
    let mut names =
        FrameNames::new(&thread.place, &thread.roots, &mut thread.paths, thread.generation);
    name_of(&thread.stack, &mut names)
}

/// The innermost frame's id, looked up from the outermost frame inward; a root's for an empty
/// stack.
///
/// Of a stack that has more frames than are kept only the whole window is named, not the stacks
/// that its frames end: each of those would be a window of its own, and share no frame with this
/// one.
fn name_of(stack: &Stack, names: &mut FrameNames<'_>) -> FrameId {
    let marks = stack.marks();
    let window = marks.get(marks.len().saturating_sub(stack.limit())..).unwrap_or(marks);
    let is_truncated = stack.is_truncated() && !window.is_empty();
    let truncated = names.root_of(ROOT_TRUNCATED);
    let root = if is_truncated { truncated.number() } else { names.root(stack.base()) };
    FrameId::new(window.iter().fold(root, |outer, mark| names.inward(outer, mark.pc)))
}

/// Names frames by the ids of the frame table.
struct FrameNames<'a> {
    place: &'a Place,
    roots: &'a Roots,
    paths: &'a mut Paths,
    /// Empty until a frame is looked up.
    level: Level,
    /// The generation of the module list, as a part of an address.
    generation: u64,
}

impl<'a> FrameNames<'a> {
    #[inline(always)]
    fn new(place: &'a Place, roots: &'a Roots, paths: &'a mut Paths, generation: u32) -> Self {
        let generation = u64::from(generation) << ADDRESS_BITS;
        FrameNames { place, roots, paths, level: Level::default(), generation }
    }

    /// The group's root in the place of `root`.
    #[inline(always)]
    #[expect(clippy::indexing_slicing, reason = "an array of all roots")]
    fn root_of(&self, root: FrameId) -> FrameId {
        self.roots[root.index()]
    }

    /// A frame that has not been seen before, as far as the known level says.
    #[cold]
    #[inline(never)]
    fn insert(&mut self, outer: FrameId, address: u64) -> FrameId {
        let frames = &self.place.frames;
        self.level = frames.level();
        if let Some(known) = frames.find_in(&self.level, outer, address) {
            return known;
        }
        if outer == NO_ROOM || self.place.sites.is_full() {
            return NO_ROOM; // no site could use the frame
        }
        let child = frames.insert(outer, address);
        self.level = frames.level();
        child.unwrap_or(NO_ROOM)
    }
}

impl Names for FrameNames<'_> {
    #[inline(always)]
    fn inward(&mut self, outer: u32, pc: u64) -> u32 {
        let address = pc | self.generation;
        let frames = &self.place.frames;
        let (outer, next) = (FrameId::new(outer), FrameId::new(outer.wrapping_add(1)));
        // A frame's first callee was most often added right after it.
        if frames.outward(next, address) == Some(outer) {
            return next.number();
        }
        let child = match frames.find_in(&self.level, outer, address) {
            Some(child) => child,
            None => self.insert(outer, address),
        };
        child.number()
    }

    #[inline(always)]
    fn root(&self, base: Base) -> u32 {
        let root = match base {
            Base::Complete => ROOT_COMPLETE,
            Base::Broken | Base::Unwalked => ROOT_BROKEN,
        };
        self.root_of(root).number()
    }

    #[inline(always)]
    fn recall(&self, outer: u32, trail: u64) -> Option<u32> {
        self.paths.get(outer, trail)
    }

    #[inline(always)]
    fn outward(&self, node: u32, pc: u64) -> Option<u32> {
        let outward = self.place.frames.outward(FrameId::new(node), pc | self.generation);
        outward.map(FrameId::number)
    }

    #[inline(always)]
    fn remember(&mut self, outer: u32, trail: u64, node: u32) {
        self.paths.put(outer, trail, node);
    }
}
