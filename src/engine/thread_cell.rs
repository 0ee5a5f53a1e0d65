//! A thread's state, in two parts: words that the thread may read at any moment, and the [`Thread`]
//! that only one owner may touch.
//!
//! ```text
//!  current's word ──▶ ThreadCell ── slot, index, member, bounds    read without the hook's guard
//!                         └──────── Thread                  through `Inside` or `Claim` alone
//! ```
//!
//! The cell lies in separate zeroed memory, not in the recording, and stays for the next thread in
//! the slot. In a forked child the kernel may have zeroed it again ([`os::files::wipe_on_fork`]):
//! then it has no slot.
//!
//! [`os::files::wipe_on_fork`]: crate::base::os::files::wipe_on_fork

use core::mem::MaybeUninit;
use core::ptr::NonNull;

use crate::base::current;
#[cfg(feature = "backtraces")]
use crate::base::os;
use crate::base::sync::{AtomicPtr, AtomicU32, Ordering, UnsafeCell};
use crate::engine::session::Session;
use crate::engine::thread::Thread;
use crate::store::ids::ThreadIndex;
use crate::store::thread_slot::ThreadSlot;
#[cfg(feature = "backtraces")]
use crate::{base::sync::AtomicU64, store::group::Member};

/// See the module's description. All but the `Thread` are words of the calling thread, which a
/// signal handler in it may read; so they are atomics.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct ThreadCell {
    /// Null: the cell is not initialized, or was wiped.
    slot: AtomicPtr<ThreadSlot>,
    /// The slot's index.
    index: AtomicU32,
    /// The number of times that the thread's end was announced.
    end_rounds: AtomicU32,
    /// The thread's part in a group, as [`Member::word`] gives it.
    #[cfg(feature = "backtraces")]
    member: AtomicU64,
    /// First address and one past the last of the thread's stack; both 0 if unknown.
    #[cfg(feature = "backtraces")]
    bounds: [AtomicU64; 2],
    /// For `Inside` and `Claim` alone.
    thread: UnsafeCell<MaybeUninit<Thread>>,
    /// The stack of which the `Thread` knows the top: in use while the thread walks another stack.
    #[cfg(feature = "backtraces")]
    spare: UnsafeCell<os::spare_stack::Memory>,
}

/// The right to a cell's [`Thread`] where no event can be under way: the slot was claimed for a
/// thread that has had no event yet, or the shared slot's lock is held.
#[derive(Debug)]
pub(crate) struct Claim(&'static ThreadCell);

impl ThreadCell {
    /// The place of the sealed stack's stack pointer in memory that a thread's word leads to.
    #[cfg(all(feature = "backtraces", target_arch = "x86_64", not(miri)))]
    pub(crate) const SEALED_SP: usize =
        core::mem::offset_of!(ThreadCell, thread) + Thread::SEALED_SP;

    /// Makes a cell of zeroed memory; `None` if the session has no slot of that index.
    ///
    /// # Safety
    ///
    /// `memory` must point to zeroed memory of this type's size, mapped as long as the process,
    /// whose `Thread` nothing uses.
    pub(crate) unsafe fn initialize(
        memory: NonNull<ThreadCell>,
        session: &'static Session,
        index: ThreadIndex,
    ) -> Option<&'static ThreadCell> {
        // SAFETY: zeroed memory is a cell without a slot; it stays by the caller's promise.
        let cell: &'static ThreadCell = unsafe { memory.as_ref() };
        let thread = cell.thread.with_mut(|thread| NonNull::new(thread.cast::<Thread>()))?;
        // SAFETY: zeroed memory of the right size, which nothing uses by the caller's promise.
        unsafe { Thread::initialize(thread, session, index)? };
        #[cfg(feature = "backtraces")]
        {
            let spare = cell.spare.with_mut(NonNull::new)?;
            // SAFETY: initialized above, and nothing uses it yet.
            unsafe { (*thread.as_ptr()).spare = Some(os::spare_stack::top(spare)) };
        }
        cell.index.store(index.number(), Ordering::Relaxed);
        let slot = core::ptr::from_ref(session.slot(index)?).cast_mut();
        cell.slot.store(slot, Ordering::Relaxed);
        Some(cell)
    }

    /// The calling thread's cell; `None` if it has none.
    #[inline(always)]
    pub(crate) fn current() -> Option<&'static ThreadCell> {
        let cell = current::state::<ThreadCell>()?;
        // SAFETY: the word is set to initialized cells alone. What the kernel has wiped is a cell,
        // too.
        Some(unsafe { cell.as_ref() })
    }

    /// The cell that the calling thread's word leads to.
    ///
    /// # Safety
    ///
    /// `word` must be the calling thread's word.
    #[cfg(feature = "backtraces")]
    #[inline(always)]
    pub(crate) unsafe fn of_word(word: *mut ()) -> Option<&'static ThreadCell> {
        let cell = current::state_of::<ThreadCell>(word)?;
        // SAFETY: as in `current`.
        Some(unsafe { cell.as_ref() })
    }

    /// The cell that a thread's word leads to, and its slot, where a stack is sealed in it.
    ///
    /// # Safety
    ///
    /// `word` must be the calling thread's word, and the one [`SEALED_SP`](Self::SEALED_SP) bytes
    /// behind it must not be 0: a cell without a slot, new or wiped, is zeroed.
    #[cfg(all(feature = "backtraces", target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub(crate) unsafe fn of_sealed(word: *mut ()) -> (&'static ThreadCell, &'static ThreadSlot) {
        // SAFETY: an initialized cell, by the caller's promise.
        let cell = unsafe { &*word.cast::<ThreadCell>() };
        // SAFETY: set when the cell was initialized, from such a reference.
        (cell, unsafe { &*cell.slot.load(Ordering::Relaxed) })
    }

    /// True if a thread's word leads to a cell in which a stack is sealed, as
    /// [`of_sealed`](Self::of_sealed) needs it.
    ///
    /// # Safety
    ///
    /// `word` must be the calling thread's word.
    #[cfg(all(feature = "preload", target_arch = "x86_64", not(miri)))]
    #[inline(always)]
    pub(crate) unsafe fn is_sealed(word: *mut ()) -> bool {
        let Some(cell) = current::state_of::<u8>(word) else { return false };
        // SAFETY: a cell, as the word is no number; the field is read as the hook reads it.
        let sealed_sp = unsafe { cell.as_ptr().add(Self::SEALED_SP) }.cast::<u64>();
        // SAFETY: as above.
        unsafe { sealed_sp.read() != 0 }
    }

    /// Makes it the calling thread's cell.
    pub(crate) fn set_current(&'static self) {
        current::set_state(NonNull::from(self));
    }

    /// The slot; `None` if the cell was wiped.
    #[inline(always)]
    pub(crate) fn slot(&self) -> Option<&'static ThreadSlot> {
        let slot = NonNull::new(self.slot.load(Ordering::Relaxed))?;
        // SAFETY: set from such a reference alone.
        Some(unsafe { slot.as_ref() })
    }

    pub(crate) fn index(&self) -> ThreadIndex {
        ThreadIndex::new(self.index.load(Ordering::Relaxed))
    }

    /// The number of times that the thread's end was announced.
    pub(crate) fn end_rounds(&self) -> u32 {
        self.end_rounds.load(Ordering::Relaxed)
    }

    pub(crate) fn set_end_rounds(&self, rounds: u32) {
        self.end_rounds.store(rounds, Ordering::Relaxed);
    }

    /// The [`Thread`], for its one owner.
    ///
    /// # Safety
    ///
    /// The cell is initialized, and there is no other reference to its `Thread` as long as this one
    /// lives.
    #[inline(always)]
    #[expect(clippy::mut_from_ref, reason = "the caller is the one owner, by its promise")]
    unsafe fn thread(&self) -> &mut Thread {
        // SAFETY: exclusive by the caller's promise.
        let thread = self.thread.with_mut(|thread| unsafe { &mut *thread });
        // SAFETY: initialized by the caller's promise.
        unsafe { thread.assume_init_mut() }
    }
}

#[cfg(feature = "backtraces")]
impl ThreadCell {
    /// The thread's part in a group.
    pub(crate) fn member(&self) -> Member {
        Member::of_word(self.member.load(Ordering::Relaxed))
    }

    pub(crate) fn set_member(&self, member: Member) {
        self.member.store(member.word(), Ordering::Relaxed);
    }

    /// First address and one past the last of the thread's stack; both 0 if unknown.
    pub(crate) fn bounds(&self) -> (u64, u64) {
        let [low, high] = &self.bounds;
        (low.load(Ordering::Relaxed), high.load(Ordering::Relaxed))
    }

    fn set_bounds(&self, (low, high): (u64, u64)) {
        self.bounds[0].store(low, Ordering::Relaxed);
        self.bounds[1].store(high, Ordering::Relaxed);
    }
}

impl Claim {
    /// Claims a cell's `Thread`.
    ///
    /// # Safety
    ///
    /// The calling thread alone uses the cell's slot, and has neither an
    /// [`Inside`](super::inside::Inside) nor another claim of it.
    pub(crate) unsafe fn new(cell: &'static ThreadCell) -> Self {
        Claim(cell)
    }

    pub(crate) fn cell(&self) -> &'static ThreadCell {
        self.0
    }

    /// The cell's `Thread`.
    #[inline(always)]
    pub(crate) fn thread(&mut self) -> &mut Thread {
        // SAFETY: `new` has the contract; the claim can be neither copied nor sent, and is
        // borrowed.
        unsafe { self.0.thread() }
    }

    /// Prepares the cell for a new thread. `bounds` are its stack's; both 0 if they are not known.
    pub(crate) fn begin(&mut self, bounds: (u64, u64)) {
        self.0.set_end_rounds(0);
        #[cfg(feature = "backtraces")]
        self.0.set_bounds(bounds);
        self.thread().begin(bounds);
        #[cfg(feature = "backtraces")]
        self.0.set_member(crate::engine::member::entered());
    }
}
