//! What one thread needs inside the hook: its slot and arena in the recording, and its own
//! memory of the last stack.

use core::ptr::NonNull;

use crate::base::os;
use crate::capture::stack::Stack;
use crate::engine::session::Session;
use crate::store::arena::Arena;
use crate::store::frames::Frames;
use crate::store::group::{Group, Member, Roots};
use crate::store::ids::{GroupId, SiteId, ThreadIndex};
use crate::store::sites::{NO_SITE, Sites};
use crate::store::slot::MAX_ID;
use crate::store::thread_slot::ThreadSlot;

/// Paths a thread remembers: 64 KiB, backed by memory where they are used.
const PATHS: usize = 16384;
/// Words of a stack that is not the thread's own that are looked at.
pub(crate) const FOREIGN_WORDS: usize = 4096;

/// A thread's state. Lies in zeroed memory of its own, not in the recording.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Thread {
    /// First, because zero is no value of it: see [`initialize`](Self::initialize).
    pub(crate) place: Place,
    /// Which group the thread belongs to.
    pub(crate) member: Member,
    /// What the thread's stacks have as their roots …
    pub(crate) roots: Roots,
    /// … for this group, which is the thread's as of its last capture.
    named_for: GroupId,
    /// See [`has_arena`](Self::has_arena).
    arena_state: u32,
    /// The generation of the module list that `stack` belongs to.
    pub(crate) generation: u32,
    /// First address and one past the last of the thread's stack; both 0 if unknown.
    pub(crate) bounds: (u64, u64),
    /// The site of the stack captured last, if that stack is whole and the thread's own; else 0.
    pub(crate) last_site: SiteId,
    /// The same as `last_site`, but 0 where every capture has to be checked.
    pub(crate) fast_site: SiteId,
    pub(crate) stack: Stack,
    /// The same stack, walked from scratch: `MOD_ALLOC_SELF_CHECK=on`.
    pub(crate) checker: Stack,
    pub(crate) paths: Paths,
    pub(crate) foreign: [u64; FOREIGN_WORDS],
}

/// Where the thread's numbers go: the same for all threads that use the state one after another.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) index: ThreadIndex,
    pub(crate) slot: &'static ThreadSlot,
    pub(crate) arena: &'static Arena,
    pub(crate) frames: Frames,
    pub(crate) sites: Sites,
    pub(crate) groups: &'static [Group],
}

impl core::ops::Deref for Thread {
    type Target = Place;

    #[inline(always)]
    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Thread {
    /// Makes a thread state of zeroed memory.
    ///
    /// # Safety
    ///
    /// `thread` must point to zeroed memory of this type's size that nobody else uses.
    pub(crate) unsafe fn initialize(
        thread: NonNull<Thread>,
        session: &'static Session,
        index: ThreadIndex,
    ) -> Option<()> {
        let place = Place {
            index,
            slot: session.slot(index)?,
            arena: session.arenas.get(index.index())?,
            frames: session.frames,
            sites: session.sites,
            groups: session.groups,
        };
        // SAFETY: valid for writes by the caller's promise; the place is the first field.
        unsafe { thread.cast::<Place>().write(place) };
        {
            // The innermost frame is the allocator's, which no report shows.
            let limit =
                session.header.process.frames.load(crate::base::sync::Ordering::Relaxed) + 1;
            // SAFETY: all of the state is initialised now: the other fields may be zero.
            let thread = unsafe { &mut *thread.as_ptr() };
            thread.stack.set_limit(limit as usize);
            thread.checker.set_limit(limit as usize);
        }
        Some(())
    }

    /// A thread begins to use this state. `bounds` are its stack's; both 0 if they are not known.
    pub(crate) fn begin(&mut self, bounds: (u64, u64)) {
        self.slot.describe(os::thread_id(), os::thread_name());
        {
            self.bounds = bounds;
            self.stack.clear();
            self.last_site = NO_SITE;
            self.fast_site = NO_SITE;
            self.join_group(crate::engine::member::entered());
            self.begin_names();
        }
    }
}

impl Thread {
    /// What the thread allocates from now on is its group's.
    #[inline]
    pub(crate) fn join_group(&mut self, member: Member) {
        if self.member != member {
            self.member = member;
            // The next capture looks for whom it is.
            self.last_site = NO_SITE;
            self.fast_site = NO_SITE;
        }
    }

    /// Sees to it that the stack is named for the thread's group. Groups that are entered and left again
    /// before anything is captured cost nothing that way.
    #[inline(always)]
    pub(crate) fn name_for_group(&mut self) {
        if self.named_for != self.member.group {
            self.begin_names();
        }
    }

    /// The frames of the last stack, which are named outward of another root, get new names.
    #[inline(never)]
    fn begin_names(&mut self) {
        self.named_for = self.member.group;
        self.roots = crate::store::group::roots(&self.place.frames, self.named_for);
        self.stack.forget_names();
    }

    /// Whether there is room for the thread's arena. Asked for the first time when it is needed first:
    /// most threads never change other threads' sites.
    #[inline(always)]
    pub(crate) fn has_arena(&mut self) -> bool {
        const READY: u32 = 1;
        const REFUSED: u32 = 2;
        if self.arena_state == 0 {
            let has_room = crate::store::space::SPACE.has_arena(self.index);
            self.arena_state = if has_room { READY } else { REFUSED };
        }
        self.arena_state == READY
    }
}

/// A thread's memory of which frame was reached by which trail: direct-mapped, with 8 bits of the
/// trail's hash above the frame's 24, so that it is seldom wrong. Whoever asks compares the frames.
#[derive(Debug)]
pub(crate) struct Paths([u32; PATHS]);

impl Paths {
    /// The place of a trail, and its tag.
    #[inline(always)]
    fn place(outer: u32, trail: u64) -> (usize, u32) {
        const K: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / golden ratio
        let mixed = (trail ^ u64::from(outer) << 32).wrapping_mul(K);
        ((mixed >> (64 - PATHS.ilog2())) as usize, (mixed >> 16) as u32 & !(MAX_ID - 1))
    }

    #[inline(always)]
    pub(crate) fn get(&self, outer: u32, trail: u64) -> Option<u32> {
        let (place, tag) = Self::place(outer, trail);
        let node = self.0[place] ^ tag;
        (node < MAX_ID).then_some(node)
    }

    #[inline(always)]
    pub(crate) fn put(&mut self, outer: u32, trail: u64, node: u32) {
        let (place, tag) = Self::place(outer, trail);
        if node < MAX_ID {
            self.0[place] = tag | node;
        }
    }
}
