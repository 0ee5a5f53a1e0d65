//! Events with stacks: a site, a trailer behind the block, and numbers per site.

use core::alloc::Layout;

use crate::base::current;
use crate::capture::registers::{Registers, with_callers_registers_quickly};
use crate::engine::events;
use crate::engine::quick;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::engine::quick::InTheWay;
use crate::engine::sampling;
use crate::engine::session::{self, Session};
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::engine::thread_cell::ThreadCell;
use crate::store::ids::SiteId;
use crate::store::trailer;
use crate::store::trailer::timed;
use crate::store::trailer::timed::Timed;
use crate::tracker;

#[cfg(feature = "usdt")]
#[path = "probes.rs"]
pub(super) mod probes;
#[path = "sampled.rs"]
pub(super) mod sampled;

/// The content of a trailer: what a block keeps when it is resized.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// `None`: the trailer is damaged.
    site: Option<SiteId>,
    /// In clock units; 0 where blocks do not keep their births.
    born: u64,
}

/// The layout to ask the inner allocator for: with room for the trailer. `None`: larger than an
/// object may be.
#[inline(always)]
pub(super) fn padded(session: &Session, layout: Layout) -> Option<Layout> {
    trailer::padded(layout, session.trailer)
}

/// True if blocks have the trailer that [`ordinarily_padded`] has room for.
#[inline(always)]
pub(super) fn has_ordinary_trailers(session: &Session) -> bool {
    !session.is_timed()
}

/// As [`padded`], for trailers without births.
#[inline(always)]
pub(super) fn ordinarily_padded(layout: Layout) -> Option<Layout> {
    trailer::padded(layout, trailer::TRAILER)
}

/// Records a new block, whose stack begins with the caller, and writes its trailer.
///
/// # Safety
///
/// The block must be valid for writes of `size` bytes and the trailer.
#[inline(always)]
pub(super) unsafe fn allocated(_session: &'static Session, block: *mut u8, size: usize) {
    // SAFETY: the caller's promise; the word is this thread's.
    unsafe { hand_on(current::word(), block, size) }
}

with_callers_registers_quickly! {
    /// Records a new block, whose stack begins with the caller, and writes its trailer.
    ///
    /// # Safety
    ///
    /// The first argument must be the calling thread's word. The block must be valid for writes of
    /// its size (the last argument) and the trailer.
    hand_on(*mut (), *mut u8, usize) => record_quickly, record_or_report;
    if current::LAST_NUMBER, ThreadCell::SEALED_SP
}

/// Records a new block in the quick way and writes its trailer, or goes the other way.
///
/// # Safety
///
/// As for [`hand_on`]; the thread's word must lead to a state with a sealed stack.
#[cfg(all(target_arch = "x86_64", not(miri)))]
unsafe extern "C" fn record_quickly(
    word: *mut (),
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    // SAFETY: the caller's promise.
    match unsafe { quick::allocated(word, size, Registers { pc, sp, bp }) } {
        // SAFETY: the caller's promise.
        Ok(site) => unsafe { trailer::write(block, size, site) },
        Err(InTheWay { at: Registers { pc, sp, bp }, is_known: false }) => {
            // SAFETY: the caller's promise.
            unsafe { record_or_report(word, block, size, pc, sp, bp) };
        }
        Err(InTheWay { at: Registers { pc, sp, bp }, is_known: true }) => {
            // SAFETY: the caller's promise.
            unsafe { record_when_told(word, block, size, pc, sp, bp) };
        }
    }
}

/// Records a new block whose stack is known, and writes its trailer.
///
/// # Safety
///
/// As for [`hand_on`]; [`quick::allocated`] must have found that the stack is known.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(never)]
unsafe extern "C" fn record_when_told(
    word: *mut (),
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    let at = Registers { pc, sp, bp };
    let session = session::get();
    // SAFETY: the caller's promise.
    let site = session.and_then(|session| unsafe { quick::allocated_when_told(session, size, at) });
    match site {
        // SAFETY: the caller's promise.
        Some(site) => unsafe { trailer::write(block, size, site) },
        // SAFETY: the caller's promise.
        None => unsafe { record_or_report(word, block, size, pc, sp, bp) },
    }
}

/// Records a new block like `record`, or with its birth, and tells a tracker if there is one. The
/// functions are apart, so that none has to keep registers for the others.
#[inline(never)]
unsafe extern "C" fn record_or_report(
    _word: *mut (),
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    // A block of a process that is recorded.
    let Some(session) = session::get() else { return };
    if session.is_special {
        // SAFETY: the caller's promise.
        unsafe { record_specially(session, block, size, pc, sp, bp) };
    } else if tracker::is_watched() {
        // SAFETY: the caller's promise.
        unsafe { tracker::record(session, block, size, pc, sp, bp) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { record(session, block, size, pc, sp, bp) };
    }
}

/// Records a new block and writes its trailer. `pc`, `sp` and `bp` are the registers of the
/// innermost frame to record.
#[cfg_attr(feature = "groups", inline(never))]
unsafe extern "C" fn record(
    session: &'static Session,
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    let site = events::allocated(session, size, Registers { pc, sp, bp });
    // SAFETY: the caller's promise.
    unsafe { trailer::write(block, size, site) };
}

/// Records a new block where each has its birth, or where blocks are sampled. A tracker is told of
/// no samples: it counts on hearing of each block.
#[cold]
#[inline(never)]
unsafe extern "C" fn record_specially(
    session: &'static Session,
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    if session.is_sampled() {
        let number = sampling::allocated(session, size, Registers { pc, sp, bp });
        // SAFETY: the caller's promise.
        unsafe { trailer::unsampled::write_either(block, size, number) };
        #[cfg(feature = "usdt")]
        probes::allocated(block, size, number);
    } else if tracker::is_watched() {
        // SAFETY: the caller's promise.
        unsafe { tracker::record(session, block, size, pc, sp, bp) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { record_timed(session, block, size, pc, sp, bp) };
    }
}

/// Records a new block and writes its trailer with its birth.
#[cold]
#[inline(never)]
unsafe extern "C" fn record_timed(
    session: &'static Session,
    block: *mut u8,
    size: usize,
    pc: u64,
    sp: u64,
    bp: u64,
) {
    let born = session.clock.now();
    let site = events::allocated_at(session, size, Registers { pc, sp, bp }, born);
    // SAFETY: the caller's promise.
    unsafe { timed::write(block, size, Timed { site, born, is_tracked: false }) };
}

/// Records that a block is about to be freed.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[inline(always)]
pub(super) unsafe fn freed(_session: &'static Session, block: *mut u8, size: usize) {
    // SAFETY: the caller's promise; the word is this thread's.
    unsafe { free(current::word(), block, size) }
}

/// Records that a block is about to be freed.
///
/// # Safety
///
/// `word` must be the calling thread's word, and `block` valid for reads of `size` bytes and the
/// trailer.
#[inline(never)]
unsafe fn free(word: *mut (), block: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    match unsafe { trailer::read(block, size) } {
        // SAFETY: the caller's promise.
        Some(site) if unsafe { quick::freed(word, site, size) } => {}
        // SAFETY: the caller's promise.
        Some(site) => unsafe { freed_slowly(word, site, size) },
        // SAFETY: the caller's promise.
        None => unsafe { freed_otherwise(block, size) },
    }
}

/// Records that a block of `site` is about to be freed, otherwise than in the quick way.
///
/// # Safety
///
/// `word` must be the calling thread's word.
#[inline(never)]
unsafe fn freed_slowly(word: *mut (), site: SiteId, size: usize) {
    // SAFETY: the caller's promise.
    if unsafe { quick::freed_elsewhere(word, site, size) } {
        return;
    }
    if let Some(session) = session::get() {
        events::freed(session, site, size);
    }
}

/// Records that a block is about to be freed whose trailer is not an ordinary one.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[cold]
#[inline(never)]
unsafe fn freed_otherwise(block: *mut u8, size: usize) {
    let Some(session) = session::get() else { return };
    if session.is_sampled() {
        // SAFETY: the caller's promise.
        return unsafe { sampled::freed(block, size) };
    }
    if !session.is_timed() {
        // SAFETY: the caller's promise.
        return unsafe { tracker::freed(session, block, size) };
    }
    // SAFETY: the caller's promise.
    let Some(Timed { site, born, is_tracked }) = (unsafe { timed::read(block, size) }) else {
        return events::damaged(session, size);
    };
    if is_tracked {
        tracker::report_gone(session, block, size, site);
    }
    events::freed_timed(session, site, size, born);
}

/// The content of the trailer of a block that is about to be reallocated.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[inline(never)]
pub(super) unsafe fn known(session: &'static Session, block: *mut u8, size: usize) -> Known {
    // SAFETY: the caller's promise.
    match unsafe { trailer::read(block, size) } {
        site @ Some(_) => Known { site, born: 0 },
        // SAFETY: the caller's promise.
        None => unsafe { known_otherwise(session, block, size) },
    }
}

/// The content of a trailer that is not an ordinary one.
///
/// # Safety
///
/// `block` must be valid for reads of `size` bytes and the trailer.
#[cold]
#[inline(never)]
unsafe fn known_otherwise(session: &'static Session, block: *mut u8, size: usize) -> Known {
    if !session.is_timed() {
        // SAFETY: the caller's promise.
        return Known { site: unsafe { tracker::take_site(session, block, size) }, born: 0 };
    }
    // SAFETY: the caller's promise.
    let Some(Timed { site, born, is_tracked }) = (unsafe { timed::read(block, size) }) else {
        return Known { site: None, born: 0 };
    };
    if is_tracked {
        tracker::report_gone(session, block, size, site);
    }
    Known { site: Some(site), born }
}

/// Called when a block could not be reallocated.
///
/// # Safety
///
/// `block` must be valid for writes of `size` bytes and the trailer.
#[cold]
pub(super) unsafe fn kept(session: &'static Session, block: *mut u8, size: usize) {
    if !session.is_timed() {
        // SAFETY: the caller's promise.
        return unsafe { tracker::kept(session, block, size) };
    }
    // SAFETY: the caller's promise.
    if let Some(content) = unsafe { timed::read(block, size) }
        && content.is_tracked
    {
        // SAFETY: the caller's promise.
        unsafe { tracker::report_new(session, block, size, content.site) };
    }
}

/// Records that a `known` block was resized, and writes its trailer anew. A block that is not
/// known is a new block.
///
/// # Safety
///
/// `block` must be valid for writes of `new` bytes and the trailer.
#[inline(never)]
pub(super) unsafe fn resized(
    session: &'static Session,
    block: *mut u8,
    known: Known,
    old: usize,
    new: usize,
) {
    let Some(site) = events::resized(session, known.site, old, new) else {
        // SAFETY: the caller's promise.
        return unsafe { hand_on(current::word(), block, new) };
    };
    if session.is_timed() {
        let content = Timed { site, born: known.born, is_tracked: false };
        // SAFETY: the caller's promise.
        unsafe { timed::write(block, new, content) };
    } else {
        // SAFETY: the caller's promise.
        unsafe { trailer::write(block, new, site) };
    }
    if tracker::is_watched() {
        // SAFETY: the caller's promise.
        unsafe { tracker::report_new(session, block, new, site) };
    }
}
