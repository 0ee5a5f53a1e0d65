//! The interface of the engine for tools/preload alone: it changes without notice.
//!
//! A block has its trailer at the end of its usable bytes, as the next allocator tells them. So a
//! caller asks that allocator for a [trailer](Recorder::trailer)'s bytes more.

use core::ffi::{CStr, c_int};

use crate::base::current;
use crate::base::os;
use crate::capture::registers::{Registers, with_callers_registers};
use crate::engine::events;
use crate::engine::inside;
use crate::engine::quick;
use crate::engine::registration;
pub use crate::engine::sandbox::{Forbids, Prepared};
use crate::engine::session;
use crate::engine::session::Session;
use crate::start;
use crate::store::group;
use crate::store::ids::{GroupId, SiteId};
pub use crate::store::kinds::{Kind, Why};
use crate::store::test_starts;
use crate::store::trailer::at_end::{self, Trailer};

mod calls;
mod special;

pub use calls::NewThread;

/// The process is recorded, and blocks have trailers.
#[derive(Debug, Clone, Copy)]
pub struct Recorder(&'static Session);

/// The content of a block's trailer.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    site: SiteId,
    size: usize,
    /// In clock units; 0 where blocks do not keep their births.
    born: u64,
    /// The trailer was overwritten, and is known all the same.
    is_repaired: bool,
    /// The program may have used all that is usable.
    is_open: bool,
}

impl Known {
    /// True if the trailer was overwritten by the first byte behind the block.
    #[must_use]
    pub fn is_repaired(self) -> bool {
        self.is_repaired
    }
}

impl Recorder {
    /// The recorder, if the process is recorded. The first call decides that for good; meanwhile
    /// the deciding thread gets `None`.
    #[inline(always)]
    #[must_use]
    pub fn get() -> Option<Recorder> {
        match session::decided() {
            Ok(session) => session.map(Recorder),
            Err(_) => Self::decide(),
        }
    }

    #[cold]
    fn decide() -> Option<Recorder> {
        if current::is_profiler() {
            return None;
        }
        current::as_profiler(start::session).map(Recorder)
    }

    /// Bytes that a block's trailer takes.
    #[inline(always)]
    #[must_use]
    pub fn trailer(self) -> usize {
        self.0.trailer
    }

    /// Records a new block of `size` bytes and writes its trailer. Its stack begins with the
    /// caller.
    ///
    /// # Safety
    ///
    /// `block` must be valid for writes of `usable` bytes, at least `size` and a trailer's.
    #[inline(always)]
    pub unsafe fn allocated(self, block: *mut u8, usable: usize, size: usize) {
        if self.0.is_special {
            // SAFETY: the caller's promise.
            return unsafe { self.allocated_specially(block, usable, size) };
        }
        // SAFETY: no preconditions.
        let site = unsafe { site_of_new(self.0, 0, size) };
        // SAFETY: the caller's promise.
        unsafe { at_end::write(block, usable, size, site) };
    }

    /// Records that a block is about to be freed; `false` if its trailer is none: it was
    /// overwritten, or the block has none.
    ///
    /// # Safety
    ///
    /// `block` must be valid for reads and writes of `usable` bytes.
    #[inline(always)]
    pub unsafe fn freed(self, block: *mut u8, usable: usize) -> bool {
        // SAFETY: the caller's promise.
        match unsafe { at_end::take(block, usable) } {
            Some((site, size, is_whole)) => {
                note_overrun(self.0, is_whole);
                let word = current::word();
                // SAFETY: the word is this thread's.
                let is_done = unsafe { quick::freed(word, site, size) }
                    // SAFETY: as above.
                    || unsafe { quick::freed_elsewhere(word, site, size) };
                if !is_done {
                    events::freed(self.0, site, size);
                }
                true
            }
            // SAFETY: the caller's promise.
            None => unsafe { self.freed_otherwise(block, usable) },
        }
    }

    /// Records that a block is about to be freed whose trailer is not an ordinary one.
    ///
    /// # Safety
    ///
    /// As for [`freed`](Self::freed).
    #[cold]
    unsafe fn freed_otherwise(self, block: *mut u8, usable: usize) -> bool {
        // SAFETY: the caller's promise.
        let known = unsafe { self.take_otherwise(block, usable) };
        self.gone(usable, known);
        known.is_some_and(|known| !known.is_repaired)
    }

    /// The content of a trailer that is not an ordinary one.
    ///
    /// # Safety
    ///
    /// As for [`freed`](Self::freed).
    #[cold]
    unsafe fn take_otherwise(self, block: *mut u8, usable: usize) -> Option<Known> {
        if self.0.is_timed() {
            // SAFETY: the caller's promise.
            return unsafe { take_timed(self.0, block, usable) };
        }
        // SAFETY: the caller's promise.
        if let Some((site, size)) = unsafe { at_end::take_open(block, usable) } {
            return Some(Known { site, size, born: 0, is_repaired: false, is_open: true });
        }
        // SAFETY: the caller's promise.
        let (site, size) = unsafe { at_end::repair(block, usable) }?;
        events::overrun(self.0);
        Some(Known { site, size, born: 0, is_repaired: true, is_open: false })
    }

    /// Takes the trailer's content from a block that is about to be reallocated; the block is
    /// unknown afterwards.
    ///
    /// # Safety
    ///
    /// `block` must be valid for reads and writes of `usable` bytes.
    #[inline(always)]
    #[must_use]
    pub unsafe fn take(self, block: *mut u8, usable: usize) -> Option<Known> {
        // SAFETY: the caller's promise.
        match unsafe { at_end::take(block, usable) } {
            Some((site, size, is_whole)) => {
                note_overrun(self.0, is_whole);
                Some(Known { site, size, born: 0, is_repaired: false, is_open: false })
            }
            // SAFETY: the caller's promise.
            None => unsafe { self.take_otherwise(block, usable) },
        }
    }

    /// Puts back the content that was taken from a block that could not be reallocated.
    ///
    /// # Safety
    ///
    /// `block` must be the block that it was taken from, with the same `usable` bytes.
    pub unsafe fn put_back(self, block: *mut u8, usable: usize, known: Option<Known>) {
        match known {
            Some(Known { site, size, born, is_open: true, .. }) => {
                let born = self.0.is_timed().then_some(born);
                // SAFETY: the caller's promise.
                unsafe { at_end::write_open(block, usable, size, site, born) };
            }
            // SAFETY: the caller's promise.
            Some(Known { site, size, born, .. }) => unsafe {
                write(self.0, (block, usable), (site, size), born);
            },
            None => {}
        }
    }

    /// Records that a block is freed whose trailer's content was taken. `usable`: its bytes.
    pub fn gone(self, usable: usize, known: Option<Known>) {
        match known {
            Some(Known { site, size, .. }) if !self.0.is_timed() => {
                events::freed(self.0, site, size);
            }
            Some(Known { site, size, born, .. }) => events::freed_timed(self.0, site, size, born),
            None => events::damaged(self.0, usable),
        }
    }

    /// Records that a block was resized, and writes its trailer anew. A block that is not known is
    /// a new block.
    ///
    /// # Safety
    ///
    /// `block` must be valid for writes of `usable` bytes, at least `size` and a trailer's.
    #[inline(always)]
    pub unsafe fn resized(self, block: *mut u8, usable: usize, known: Option<Known>, size: usize) {
        let (site, old, born) = known
            .map_or((None, usable, 0), |Known { site, size, born, .. }| (Some(site), size, born));
        if self.0.is_sampled() {
            // No trailer has this number.
            let number = site.map_or(usize::MAX, SiteId::index);
            // SAFETY: no preconditions.
            let number = unsafe { special::number_of_resized(number, old, size) };
            // SAFETY: the caller's promise.
            return unsafe { at_end::write(block, usable, size, number) };
        }
        match events::resized(self.0, site, old, size) {
            // SAFETY: the caller's promise.
            Some(site) => unsafe { write(self.0, (block, usable), (site, size), born) },
            // SAFETY: the caller's promise.
            None => unsafe { self.allocated(block, usable, size) },
        }
    }

    /// The bytes of a block that are the program's: as many as it has asked for, or as it was told
    /// that it may use.
    ///
    /// # Safety
    ///
    /// `block` must be valid for reads of `usable` bytes.
    #[must_use]
    pub unsafe fn size(self, block: *mut u8, usable: usize) -> usize {
        // SAFETY: the caller's promise.
        unsafe { at_end::size(block, usable, self.0.is_timed()) }
    }

    /// The number of usable bytes that are the program's of an open block of `size` bytes with
    /// `usable` ones.
    #[must_use]
    pub fn usable_of(self, usable: usize, size: usize) -> usize {
        at_end::usable_of(usable, size, self.0.is_timed())
    }

    /// The bytes of a block that the program may use from now on.
    ///
    /// # Safety
    ///
    /// `block` must be valid for reads and writes of `usable` bytes.
    #[must_use]
    pub unsafe fn open(self, block: *mut u8, usable: usize) -> usize {
        // SAFETY: the caller's promise.
        unsafe { at_end::open(block, usable, self.0.is_timed()) }
    }

    /// Registers the calling thread, which is just beginning and has not allocated. `stack`: the
    /// size of its stack in bytes, if it is not the first thread.
    pub fn begin_thread(self, stack: Option<usize>) {
        registration::begin_thread(self.0, stack);
    }

    /// True if each test is a separate group.
    #[must_use]
    pub fn groups_tests(self) -> bool {
        self.0.settings.tests.is_some()
    }

    /// True if the first thread is a group, too: then a test is the program's `main`.
    #[must_use]
    pub fn groups_main(self) -> bool {
        self.0.settings.tests.is_some_and(test_starts::has_main)
    }

    /// The calling thread's group.
    #[must_use]
    pub fn group(self) -> u32 {
        inside::member().group.number()
    }

    /// Counts all allocations of the calling thread for a group from now on.
    pub fn join(self, group: u32) {
        let group = GroupId::new(group);
        inside::join_group(self.0, group::Member { group, whole: true, ..Default::default() });
    }

    /// Begins a group with the calling thread, whose name, or the beginning of it, is
    /// `thread_name`. `name` is the whole name as far as it is known.
    pub fn begin_group(self, thread_name: &[u8], name: &[u8]) {
        let group = self.0.make_group(thread_name, name);
        if group != group::NO_GROUP {
            inside::join_group(self.0, group::Member { group, leads: true, ..Default::default() });
        }
    }
}

/// Writes a block's trailer.
///
/// # Safety
///
/// `block` must be valid for writes of `usable` bytes, at least its size and a trailer's.
#[inline(always)]
unsafe fn write(
    session: &Session,
    (block, usable): (*mut u8, usize),
    (site, size): (SiteId, usize),
    born: u64,
) {
    if session.is_timed() {
        // SAFETY: the caller's promise.
        return unsafe { at_end::write_timed(block, usable, size, site, born) };
    }
    // SAFETY: the caller's promise.
    unsafe { at_end::write(block, usable, size, site) };
}

/// Counts a block whose slack was written to.
#[inline(always)]
fn note_overrun(session: &Session, is_whole: bool) {
    if !is_whole {
        events::overrun(session);
    }
}

/// Takes the content of a trailer that has a birth; `None` if it is not one.
///
/// # Safety
///
/// `block` must be valid for reads and writes of `usable` bytes.
unsafe fn take_timed(session: &Session, block: *mut u8, usable: usize) -> Option<Known> {
    // SAFETY: the caller's promise.
    let (Trailer { site, size, born, is_open }, is_whole) =
        unsafe { at_end::take_timed(block, usable) }?;
    note_overrun(session, is_whole);
    Some(Known { site, size, born, is_repaired: false, is_open })
}

with_callers_registers! {
    /// The site of a new block of N bytes (the last argument), whose stack begins with the caller.
    site_of_new(&'static Session, usize, usize) -> SiteId => record
}

unsafe extern "C" fn record(
    session: &'static Session,
    _spare: usize,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) -> SiteId {
    let at = Registers { pc, sp, bp };
    // SAFETY: the word is this thread's, and the registers are those of a frame that calls us.
    match unsafe { quick::allocated_if_sealed(current::word(), size, at) } {
        Some(site) => site,
        None => events::allocated(session, size, at),
    }
}

/// Runs `work`, whose allocations are not recorded.
pub fn as_profiler<R>(work: impl FnOnce() -> R) -> R {
    current::as_profiler(work)
}

/// Copies this process's memory from `address`, as far as it is mapped; returns the number of
/// bytes.
#[must_use]
pub fn copy_memory(address: u64, buffer: &mut [u64]) -> usize {
    os::copy_memory(address, buffer)
}

/// The addresses of the module that has the code at `address`.
#[must_use]
pub fn object_at(address: u64) -> Option<core::ops::Range<u64>> {
    os::loaded::find(address).map(|loaded| loaded.start..loaded.end)
}

/// Prints one line on standard error, without the heap.
pub fn say(text: core::fmt::Arguments<'_>) {
    os::message::say(text);
}

/// Does what `mlockall(flags)` does, by the C library's function `next`, and leaves the recording
/// out.
#[must_use]
pub fn lock_all(flags: c_int, next: impl Fn(c_int) -> c_int) -> c_int {
    let Some(Recorder(session)) = Recorder::get() else { return next(flags) };
    os::locking::lock_all_but(&session.own_memory(), flags, next)
}

/// Bytes of a page.
#[must_use]
pub fn page_size() -> usize {
    os::page_size().bytes()
}

/// Gives the processor to another thread, if one waits for it.
pub fn yield_now() {
    os::yield_now();
}

/// Memory for the rest of the process, zeroed.
#[must_use]
pub fn reserve(len: usize) -> Option<core::ptr::NonNull<u8>> {
    os::reserve(len)
}

/// Notes a program that takes the place of this one, and is not recorded because that was not asked
/// for; `false` if this process is not recorded itself. `name`: of the program's file.
pub fn note_executed(name: &[u8]) -> bool {
    let session = recorded().filter(|session| session.is_this_process());
    // The recording ends here: what waits for the process sees the end of the other program.
    session.inspect(|session| session::note_moment(session));
    note(session, Why::NotAsked, name)
}

/// Notes a program that this process executes or starts, and that is not recorded; `false` if this
/// process is not recorded itself.
pub fn note_unrecorded(why: Why, name: &[u8]) -> bool {
    note(recorded(), why, name)
}

/// Takes the last note back: the program could not be executed.
pub fn take_back_unrecorded() {
    if let Some(session) = recorded() {
        session.header.self_check.unrecorded.take_back();
    }
}

fn note(session: Option<&Session>, why: Why, name: &[u8]) -> bool {
    session.inspect(|session| session.header.self_check.unrecorded.note(why, name)).is_some()
}

fn recorded() -> Option<&'static Session> {
    if session::is_muted() { None } else { session::get() }
}

/// True if forked and executed programs are to be recorded, too.
#[must_use]
pub fn follows_children() -> bool {
    os::environment(c"MOD_ALLOC_CHILDREN").map(CStr::to_bytes) != Some(b"no")
}

/// Tells the engine that the next allocator is glibc's, so glibc's figures are those of the
/// recorded blocks.
pub fn next_is_glibcs() {
    #[cfg(target_env = "gnu")]
    crate::engine::allocator::glibc::is_next();
}
