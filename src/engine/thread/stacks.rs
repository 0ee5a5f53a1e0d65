//! A thread's state inside the hook: its slot and arena in the recording, and its memory of the
//! last stack.

use core::ptr::NonNull;

use crate::base::os;
use crate::base::sync::Ordering;
use crate::capture::own_stack::OwnStack;
use crate::capture::registers::Registers;
use crate::capture::stack::{Recall, Seal, Stack};
use crate::engine::member;
use crate::engine::sampling::Sampling;
use crate::engine::session::Session;
use crate::store::arena::Arena;
use crate::store::frames::Frames;
use crate::store::group::{Group, Member};
use crate::store::group_frames::{self, Roots};
use crate::store::histograms::Histograms;
use crate::store::ids::{GroupId, SiteId, ThreadIndex};
use crate::store::layout::Header;
use crate::store::sites::{NO_SITE, Owner, OwnerWords, Sites};
use crate::store::slot::MAX_ID;
use crate::store::space::{SPACE, arena_of};
use crate::store::tally::Tally;
use crate::store::thread_slot::ThreadSlot;

/// Paths a thread remembers, at most: 64 KiB; a page of them at first.
const PATHS: usize = 16384;
const FIRST_PATHS: u32 = 1024;
/// Words looked at on a stack other than the one the thread was started with.
pub(crate) const FOREIGN_WORDS: usize = 4096;

/// A thread's state. Lies in separate zeroed memory, not in the recording.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Thread {
    /// First, because zero is no value of it: see [`initialize`](Self::initialize).
    pub(crate) place: Place,
    /// The group that the thread belongs to.
    pub(crate) member: Member,
    /// The roots of the thread's stacks …
    pub(crate) roots: Roots,
    /// … for this group, the thread's group at its last capture.
    named_for: GroupId,
    /// See [`has_arena`](Self::has_arena).
    arena_state: u32,
    /// The generation of the module list that `stack` belongs to.
    pub(crate) generation: u32,
    /// The count of changes that the thread has looked at, see [`crate::engine::quick`]; 0: none.
    pub(crate) seen: u32,
    /// The first site whose blocks are known, as of then.
    pub(crate) first_known: SiteId,
    /// The thread's samples, if they are taken.
    pub(crate) sampling: Sampling,
    /// First address and one past the last of the thread's stack; both 0 if unknown.
    pub(crate) bounds: (u64, u64),
    /// The site of the stack captured last, if that stack is whole and the one the thread was
    /// started with; else 0.
    pub(crate) last_site: SiteId,
    /// `last_site`, but 0 if every capture has to be checked.
    pub(crate) fast_site: SiteId,
    /// Captures in a row that have found that stack.
    repeats: u32,
    /// The site recalled last, and the times in a row.
    recalled: (SiteId, u32),
    /// `last_site` and its stack, once that was captured several times in a row.
    sealed: Sealed,
    /// The last stack, with the words that its walk has read.
    pub(crate) stack: Stack,
    /// The last stack, walked from scratch: `MOD_ALLOC_SELF_CHECK=on`.
    pub(crate) checker: Stack,
    /// Frames that were reached before by the same new frames.
    pub(crate) paths: Paths,
    /// Stacks that were captured before, and the sites they had.
    pub(crate) recall: Recall,
    /// The copy of another stack.
    pub(crate) foreign: [u64; FOREIGN_WORDS],
    /// The top of the stack on which that copy is walked.
    pub(crate) spare: Option<NonNull<u8>>,
}

/// Captures of a stack in a row after which it is sealed: so that stacks that take turns are not
/// sealed each time.
const SEALED_AFTER: u32 = 2;

/// Times in a row that a stack is recalled before it is captured.
const RECALLED_MOST: u32 = 4;

/// The owner and the tally of a site.
pub(crate) type Books = (&'static Owner, &'static Tally);

/// A site with its stack.
#[derive(Debug)]
struct Sealed {
    stack: Seal,
    site: SiteId,
    books: Option<Books>,
}

/// The slot and arena that take the thread's numbers; all threads that use the state in turn share
/// them.
#[derive(Debug)]
pub(crate) struct Place {
    /// The slot's index, which is the owner's name in its sites.
    pub(crate) index: ThreadIndex,
    /// The thread's totals and losses, in the recording.
    pub(crate) slot: &'static ThreadSlot,
    /// Shares of other threads' sites.
    pub(crate) arena: &'static Arena,
    /// The thread's blocks by their sizes and lifetimes, in the recording.
    pub(crate) histograms: &'static Histograms,
    /// The table of frames: a copy of the session's view, which no event has to read then.
    pub(crate) frames: Frames,
    /// The table of sites, copied for the same reason.
    pub(crate) sites: Sites,
    /// The groups' numbers.
    pub(crate) groups: &'static [Group],
    /// The recording's header: the heap, and the time when a sample is due.
    pub(crate) header: &'static Header,
    /// The clock's value at the start.
    pub(crate) origin: u64,
    /// The word of sites that are the thread's alone.
    pub(crate) own_word: u32,
    /// The words of owners, as this thread reads them.
    pub(crate) owner_words: OwnerWords,
}

impl Place {
    /// The books of a site, as this thread reads them.
    #[inline(always)]
    pub(crate) fn books(&self, site: SiteId) -> Option<Books> {
        let tally = self.sites.tallies.get(site.index())?;
        // SAFETY: just seen.
        Some((unsafe { self.owner_words.of(site) }, tally))
    }
}

impl core::ops::Deref for Thread {
    type Target = Place;

    #[inline(always)]
    fn deref(&self) -> &Place {
        &self.place
    }
}

impl Thread {
    /// The place of the sealed stack's stack pointer; see [`crate::engine::quick`].
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub(crate) const SEALED_SP: usize =
        core::mem::offset_of!(Thread, sealed) + core::mem::offset_of!(Sealed, stack) + Seal::SP;

    /// Makes a thread state of zeroed memory.
    ///
    /// # Safety
    ///
    /// `thread` must point to zeroed memory of this type's size that nothing else uses.
    pub(crate) unsafe fn initialize(
        thread: NonNull<Thread>,
        session: &'static Session,
        index: ThreadIndex,
    ) -> Option<()> {
        let place = Place {
            index,
            slot: session.slot(index)?,
            // A thread without an arena has that of others, and never uses it.
            arena: session.arenas.get(arena_of(index, session.arenas.len()).unwrap_or(0))?,
            histograms: session.histograms.get(index.index())?,
            frames: session.frames,
            sites: session.sites,
            groups: session.groups,
            header: session.header,
            origin: session.clock.origin(),
            own_word: Owner::word_of(index),
            owner_words: OwnerWords::of_table(&session.sites),
        };
        // SAFETY: valid for writes by the caller's promise; the place is the first field.
        unsafe { thread.cast::<Place>().write(place) };
        // The innermost frame is the allocator's, which no report shows. Two frames are, where
        // blocks have births: the hook takes another way then.
        let own = 1 + u32::from(cfg!(not(feature = "preload")) && session.is_timed());
        let limit = session.header.process.frames.load(Ordering::Relaxed) + own;
        // SAFETY: all of the state is initialized now: the other fields may be zero.
        let thread = unsafe { &mut *thread.as_ptr() };
        thread.stack.set_limit(limit as usize);
        thread.checker.set_limit(limit as usize);
        Some(())
    }

    /// Prepares the state for a new thread. `bounds` are its stack's; both 0 if they are not known.
    pub(crate) fn begin(&mut self, bounds: (u64, u64)) {
        self.slot.describe(os::thread_id(), os::thread_name());
        self.bounds = bounds;
        self.stack.clear();
        self.recall.begin();
        self.last_site = NO_SITE;
        self.set_fast_site(NO_SITE);
        self.seen = 0;
        let id = u64::from(self.slot.id.load(Ordering::Relaxed)) << 32;
        self.sampling.begin(crate::store::trailer::secret() ^ id, &self.place.header.rates);
        self.join_group(member::entered());
        self.begin_names();
    }

    /// Makes the thread a member of a group, for its blocks from now on.
    #[inline]
    pub(crate) fn join_group(&mut self, member: Member) {
        if self.member != member {
            self.member = member;
            // The next capture compares the group.
            self.last_site = NO_SITE;
            self.set_fast_site(NO_SITE);
        }
    }

    /// Sets the site of the stack captured last, which is another one than before.
    #[inline(always)]
    pub(crate) fn set_fast_site(&mut self, site: SiteId) {
        self.fast_site = site;
        self.repeats = 0;
        self.sealed.stack.clear();
    }

    /// Called when the stack captured last, whose capture began with the registers `at`, was
    /// captured once more.
    #[inline(always)]
    pub(crate) fn note_repeat(&mut self, at: &Registers) {
        self.repeats = self.repeats.wrapping_add(1);
        if self.repeats == SEALED_AFTER {
            self.seal(at);
        }
    }

    /// Called when a stack was recalled, whose capture would begin with the registers `at`.
    /// `false`: it was recalled so often in a row that it had better be the one captured last.
    #[inline(always)]
    pub(crate) fn note_recalled(&mut self, site: SiteId, at: &Registers) -> bool {
        if site == self.fast_site {
            self.note_repeat(at);
            return true;
        }
        // Another stack comes now and then: to compare the sealed one each time gains nothing.
        self.repeats = 0;
        self.sealed.stack.clear();
        let (before, times) = self.recalled;
        if before != site {
            self.recalled = (site, 0);
            return true;
        }
        self.recalled.1 = times.wrapping_add(1);
        times < RECALLED_MOST
    }

    #[cold]
    #[inline(never)]
    fn seal(&mut self, at: &Registers) {
        self.sealed.site = self.last_site;
        self.sealed.stack.clear();
        self.sealed.books = self.place.books(self.last_site);
        // Without books the seal is void: `sealed` relies on it.
        if self.sealed.books.is_some() {
            // SAFETY: `at` is a frame of this thread that calls us, and the stack the thread's own.
            let memory = unsafe { OwnStack::as_remembered() };
            self.stack.seal(at, &memory, &mut self.sealed.stack);
        }
    }

    /// True if the sealed stack's innermost frame has this stack pointer and pc.
    #[inline(always)]
    pub(crate) fn is_sealed_at(&self, at: &Registers) -> bool {
        self.sealed.stack.is_at(at)
    }

    /// The sealed site and its books, if its stack is the present one, whose innermost frame has
    /// the frame pointer `bp`.
    ///
    /// # Safety
    ///
    /// A frame of this thread that calls us must have the registers that it [is sealed
    /// at](Self::is_sealed_at).
    #[inline(always)]
    pub(crate) unsafe fn sealed(&self, bp: u64) -> Option<(SiteId, Books)> {
        // SAFETY: the caller's promise. A seal is of a stack that is remembered, and so of the
        // thread's own stack.
        let memory = unsafe { OwnStack::as_remembered() };
        // SAFETY: the caller's promise, and the same.
        if !unsafe { self.sealed.stack.holds(bp, &memory) } {
            return None;
        }
        // SAFETY: a stack is sealed only where there are books.
        Some((self.sealed.site, unsafe { self.sealed.books.unwrap_unchecked() }))
    }

    /// The site of the stack that was sealed last.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub(crate) fn sealed_site(&self) -> SiteId {
        self.sealed.site
    }

    /// The registers of the sealed stack's innermost frame, where the frame pointer is `bp`.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub(crate) fn sealed_at(&self, bp: u64) -> Registers {
        self.sealed.stack.registers(bp)
    }

    /// Makes the stack's names those of the thread's group. So a group that is entered and left
    /// with no capture in between costs nothing.
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
        self.roots = group_frames::roots(&self.place.frames, self.named_for);
        self.stack.forget_names();
    }

    /// True if there is room for the thread's arena. Room is asked for at the first need: most
    /// threads never change other threads' sites.
    #[inline(always)]
    pub(crate) fn has_arena(&mut self) -> bool {
        const READY: u32 = 1;
        const REFUSED: u32 = 2;
        if self.arena_state == 0 {
            let has_room = SPACE.has_arena(self.index);
            self.arena_state = if has_room { READY } else { REFUSED };
        }
        self.arena_state == READY
    }
}

/// A thread's memory of which frame was reached by which trail: direct-mapped, with 8 bits of the
/// trail's hash above the frame's 24, so that it is seldom wrong. The caller compares the frames.
#[derive(Debug)]
pub(crate) struct Paths {
    /// Times that the table became larger.
    doublings: u32,
    /// Paths that gave way since the table became larger.
    evicted: u32,
    nodes: [u32; PATHS],
}

#[expect(clippy::indexing_slicing, reason = "a hash of as many bits as the table has")]
impl Paths {
    const MOST_DOUBLINGS: u32 = (PATHS as u32 / FIRST_PATHS).ilog2();

    /// The place of a trail, and its tag.
    #[inline(always)]
    fn place(&self, outer: u32, trail: u64) -> (usize, u32) {
        const K: u64 = 0x9e37_79b9_7f4a_7c15; // 2^64 / golden ratio
        let mixed = (trail ^ u64::from(outer) << 32).wrapping_mul(K);
        let place =
            (mixed >> (64 - PATHS.ilog2())) as usize >> (Self::MOST_DOUBLINGS - self.doublings);
        (place, (mixed >> 16) as u32 & !(MAX_ID - 1))
    }

    /// The frame that the trail led to from `outer`, or another one by chance.
    #[inline(always)]
    pub(crate) fn get(&self, outer: u32, trail: u64) -> Option<u32> {
        let (place, tag) = self.place(outer, trail);
        let node = self.nodes[place] ^ tag;
        (node < MAX_ID).then_some(node)
    }

    /// Remembers the frame that the trail led to; forgets another one at the same place.
    #[inline(always)]
    pub(crate) fn put(&mut self, outer: u32, trail: u64, node: u32) {
        let (place, tag) = self.place(outer, trail);
        if node >= MAX_ID {
            return;
        }
        self.evicted += u32::from(self.nodes[place] != 0);
        self.nodes[place] = tag | node;
        if self.evicted > FIRST_PATHS && self.doublings < Self::MOST_DOUBLINGS {
            // Those whose place is another one now are remembered anew.
            (self.doublings, self.evicted) = (self.doublings + 1, 0);
        }
    }
}
