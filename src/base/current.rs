//! The one thread-local word through which a thread finds its state: a pointer, or one of a few
//! small numbers, the reasons for having none.

use core::ptr::NonNull;

#[cfg(feature = "backtraces")]
use crate::base::sync::{AtomicI64, Ordering};

/// The thread has had no event yet.
pub(crate) const NEW: usize = 0;
/// The thread uses the shared slot: its allocations meanwhile are not recorded.
pub(crate) const BUSY: usize = 1;
/// The thread's allocations are the profiler's: it is being registered, or writes a report. Or the
/// process is a child that is not recorded.
pub(crate) const PROFILER: usize = 2;
/// The thread found no slot.
pub(crate) const SLOTLESS: usize = 3;
/// The thread is past its teardown: its last events go through the shared slot.
pub(crate) const ENDED: usize = 4;
/// As [`PROFILER`]; its blocks are taken from the memory of the profiler's work.
pub(crate) const AT_WORK: usize = 5;
/// Greater values are pointers to the thread's state.
pub(crate) const LAST_NUMBER: usize = 5;

/// Bytes that the profiler itself has allocated and not freed. Bytes that it handed to the program
/// are not among them: the profiler cannot know when the program frees those.
#[cfg(feature = "backtraces")]
static PROFILER_BYTES: AtomicI64 = AtomicI64::new(0);

#[cfg(all(feature = "preload", target_arch = "x86_64", target_env = "gnu", not(miri)))]
mod word {
    // In a shared library `thread_local!` calls a function at each access, which may allocate. This
    // word is at a fixed distance from the thread pointer (the initial-exec model): fine for a
    // library that is loaded with the program, as preloaded ones are.
    core::arch::global_asm!(
        ".pushsection .tbss.mod_alloc_current,\"awT\",@nobits",
        ".globl mod_alloc_current",
        ".hidden mod_alloc_current",
        ".type mod_alloc_current,@object",
        ".size mod_alloc_current,8",
        ".p2align 3",
        "mod_alloc_current:",
        ".zero 8",
        ".popsection",
    );

    #[inline(always)]
    pub(super) fn get() -> *mut () {
        let value: usize;
        // SAFETY: reads this thread's own word.
        unsafe {
            core::arch::asm!(
                "mov {0}, qword ptr [rip + mod_alloc_current@GOTTPOFF]",
                "mov {0}, qword ptr fs:[{0}]",
                out(reg) value,
                options(nostack, readonly, preserves_flags),
            );
        }
        core::ptr::with_exposed_provenance_mut(value)
    }

    #[inline(always)]
    pub(super) fn set(value: *mut ()) {
        let value = value.expose_provenance();
        // SAFETY: writes this thread's own word.
        unsafe {
            core::arch::asm!(
                "mov {0}, qword ptr [rip + mod_alloc_current@GOTTPOFF]",
                "mov qword ptr fs:[{0}], {1}",
                out(reg) _,
                in(reg) value,
                options(nostack, preserves_flags),
            );
        }
    }
}

#[cfg(not(all(feature = "preload", target_arch = "x86_64", target_env = "gnu", not(miri))))]
mod word {
    use core::cell::Cell;

    std::thread_local! {
        // A constant without a destructor: touching it neither allocates nor registers anything,
        // and it can be read until the thread's last instruction.
        static CURRENT: Cell<*mut ()> = const { Cell::new(core::ptr::null_mut()) };
    }

    #[inline(always)]
    pub(super) fn get() -> *mut () {
        CURRENT.with(Cell::get)
    }

    #[inline(always)]
    pub(super) fn set(value: *mut ()) {
        CURRENT.with(|current| current.set(value));
    }
}

/// The calling thread's word as a number; [`NEW`] until it is set.
#[inline(always)]
pub(crate) fn number() -> usize {
    word::get().addr()
}

/// Sets the word to one of the numbers above.
pub(crate) fn set_number(number: usize) {
    word::set(core::ptr::without_provenance_mut(number));
}

/// The calling thread's word, for [`state_of`]. The hook reads it in the program's own code: there
/// it is one load, where in a library it may be a call.
#[cfg(feature = "backtraces")]
#[inline(always)]
pub(crate) fn word() -> *mut () {
    word::get()
}

/// The state that a thread's word leads to; `None` while the word is a number. As [`state`].
#[cfg(feature = "backtraces")]
#[inline(always)]
pub(crate) fn state_of<T>(word: *mut ()) -> Option<NonNull<T>> {
    NonNull::new(word.cast()).filter(|_| word.addr() > LAST_NUMBER)
}

/// The calling thread's state; `None` while the word is a number.
///
/// The caller names the type: this folder does not know it. One type alone is ever set.
#[inline(always)]
pub(crate) fn state<T>() -> Option<NonNull<T>> {
    let word = word::get();
    NonNull::new(word.cast()).filter(|_| word.addr() > LAST_NUMBER)
}

/// Sets the word to the thread's state.
pub(crate) fn set_state<T>(state: NonNull<T>) {
    word::set(state.as_ptr().cast());
}

/// Records nothing of the calling thread from now on.
pub(crate) fn mute() {
    set_number(PROFILER);
}

/// Takes the calling thread's events for the program's again.
#[cfg(not(feature = "preload"))]
pub(crate) fn unmute() {
    set_number(NEW);
}

/// True while the calling thread's allocations are the profiler's.
#[cfg(feature = "backtraces")]
pub(crate) fn is_profiler() -> bool {
    matches!(number(), PROFILER | AT_WORK)
}

/// Runs `work`, whose allocations are the profiler's and not the program's. They are the
/// allocator's blocks, also where the caller is [at work](AT_WORK).
///
/// The word is restored at the end, also if `work` panics. Calls may be nested. Blocks that `work`
/// leaves behind belong to the profiler until it frees them in the same way.
pub(crate) fn as_profiler<R>(work: impl FnOnce() -> R) -> R {
    with_number(PROFILER, work)
}

/// As [`as_profiler`], for work whose blocks do not outlive the caller's: if that is
/// [at work](AT_WORK), so is this.
#[cfg(feature = "backtraces")]
pub(crate) fn as_caller_or_profiler<R>(work: impl FnOnce() -> R) -> R {
    with_number(if number() == AT_WORK { AT_WORK } else { PROFILER }, work)
}

/// Runs `work` with this number in the calling thread's word.
pub(crate) fn with_number<R>(number: usize, work: impl FnOnce() -> R) -> R {
    struct Restore(*mut ());
    impl Drop for Restore {
        fn drop(&mut self) {
            word::set(self.0);
        }
    }
    let _restore = Restore(word::get());
    set_number(number);
    work()
}

/// Bytes that the profiler now holds of the allocator.
#[cfg(feature = "backtraces")]
pub(crate) fn profiler_bytes() -> u64 {
    PROFILER_BYTES.load(Ordering::Relaxed).max(0).cast_unsigned()
}

/// The profiler has allocated `bytes` bytes, or, if negative, freed them or handed them to the
/// program.
#[cfg(feature = "backtraces")]
pub(crate) fn add_profiler_bytes(bytes: i64) {
    PROFILER_BYTES.fetch_add(bytes, Ordering::Relaxed);
}
