//! The quick way of an ordinary event: it looks at all that could be in its way first, and then
//! does nothing but store. If anything is in its way it has changed nothing, and the event takes
//! the way that [`events`](crate::engine::events) describes, which has the same outcome.
//!
//! | looked at | so that |
//! |---|---|
//! | the [count of changes](crate::base::changes) | mode, window, modules, clock are as before |
//! | the stack (of an allocation) | the site is that of the last event |
//! | the due time, the limits of the front | no sample is due, the heap's peak stays where it is |
//! | the site's owner and epoch | the site's numbers are this thread's alone, and saved |
//!
//! Nothing here is a call, but for the one of the other way, which comes last: so the processor's
//! registers need not be saved for it.

use crate::base::changes;
use crate::base::os::clock::counted_since;
use crate::base::sync::amount::Amount;
use crate::base::sync::{Ordering, compiler_fence, own};
#[cfg(any(feature = "preload", all(target_arch = "x86_64", not(miri))))]
use crate::capture::registers::Registers;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::engine::inside::Inside;
#[cfg(all(target_arch = "x86_64", not(miri)))]
use crate::engine::ledger::{self, Allocated};
use crate::engine::session::Session;
use crate::engine::stack_site;
use crate::engine::thread::{Books, Thread};
use crate::engine::thread_cell::{Claim, ThreadCell};
use crate::engine::windows;
use crate::store::group::NO_GROUP;
use crate::store::ids::SiteId;
use crate::store::peak::{EXACT, SOLE};
use crate::store::sites::OwnerWords;
use crate::store::tally::{Epoch, Tally};
use crate::store::thread_slot::{SHARED, ThreadSlot};

/// The thread is inside the hook, and nothing has changed since it last looked. Leaves when
/// dropped.
pub(super) struct Quick {
    claim: Claim,
    slot: &'static ThreadSlot,
}

impl Quick {
    /// `seen`: the count of changes that such an event relies on.
    ///
    /// # Safety
    ///
    /// `cell` and `slot` must be the calling thread's.
    #[inline(always)]
    pub(super) unsafe fn enter(
        cell: &'static ThreadCell,
        slot: &'static ThreadSlot,
        seen: impl Fn(&Thread) -> u32,
    ) -> Option<Quick> {
        // SAFETY: this thread alone stores there.
        if unsafe { own(&slot.inside) } != 0 {
            return None;
        }
        slot.inside.store(1, Ordering::Relaxed);
        // The partner is the barrier that follows a change; see `peak`.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the flag was 0, so this thread, whose cell it is, has no `Inside`; a claim ends
        // before the cell becomes the thread's.
        let mut quick = Quick { claim: unsafe { Claim::new(cell) }, slot };
        (seen(quick.thread()) == changes::count()).then_some(quick)
    }

    /// As [`enter`](Self::enter), of a thread's word.
    ///
    /// # Safety
    ///
    /// `word` must be the calling thread's word.
    #[inline(always)]
    pub(super) unsafe fn enter_by(word: *mut (), seen: impl Fn(&Thread) -> u32) -> Option<Quick> {
        // SAFETY: the caller's promise.
        let cell = unsafe { ThreadCell::of_word(word) }?;
        // SAFETY: the thread's own, as its word is.
        unsafe { Quick::enter(cell, cell.slot()?, seen) }
    }

    /// The thread's slot.
    #[inline(always)]
    pub(super) fn slot(&self) -> &'static ThreadSlot {
        self.slot
    }

    #[inline(always)]
    pub(super) fn thread(&mut self) -> &mut Thread {
        self.claim.thread()
    }
}

impl Drop for Quick {
    #[inline(always)]
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        // Release pairs with the Acquire in `join`: the event is done.
        self.slot.inside.store(0, Ordering::Release);
    }
}

/// Something is in the way of an allocation; nothing is done. The registers are those given.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[derive(Debug, Clone, Copy)]
pub(crate) struct InTheWay {
    pub(crate) at: Registers,
    /// The stack is the sealed one: see [`allocated_when_told`].
    pub(crate) is_known: bool,
}

/// An allocation of `size` bytes; its site.
///
/// # Errors
///
/// Something is in the way.
///
/// # Safety
///
/// `word` must be the calling thread's word and lead to a state with a sealed stack; `at` must be a
/// frame of this thread that calls us.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub(crate) unsafe fn allocated(
    word: *mut (),
    size: usize,
    at: Registers,
) -> Result<SiteId, InTheWay> {
    // SAFETY: the caller's promise.
    let (cell, slot) = unsafe { ThreadCell::of_sealed(word) };
    // SAFETY: the thread's own, as its word is.
    let quick = unsafe { Quick::enter(cell, slot, |thread| thread.seen) };
    let Some(mut quick) = quick else { return Err(InTheWay { at, is_known: false }) };
    let thread = quick.thread();
    if !thread.is_sealed_at(&at) {
        return Err(InTheWay { at, is_known: false });
    }
    // Those are the registers given, which need not be kept so.
    let in_the_way = |is_known| InTheWay { at: thread.sealed_at(at.bp), is_known };
    // SAFETY: just seen, of the caller's frame.
    let Some((site, books)) = (unsafe { thread.sealed(at.bp) }) else {
        return Err(in_the_way(false));
    };
    match enter_allocated(thread, slot, books, size) {
        true => Ok(site),
        false => Err(in_the_way(true)),
    }
}

/// An allocation of `size` bytes that the heap has to be told of, or that counts elsewhere than at
/// a site of this thread's; its site. `None`: something has come in the way meanwhile.
///
/// # Safety
///
/// [`allocated`] must have found, for a frame of this thread that calls us, that the stack is
/// known.
#[cfg(all(target_arch = "x86_64", not(miri)))]
pub(crate) unsafe fn allocated_when_told(
    session: &'static Session,
    size: usize,
    at: Registers,
) -> Option<SiteId> {
    let mut inside = Inside::enter_fast(session)?;
    let thread = inside.thread();
    // A signal's handler may have come between, and captured stacks: none that begins here.
    if thread.seen != changes::count() || !thread.is_sealed_at(&at) {
        return None;
    }
    let site = thread.sealed_site();
    ledger::enter(thread, session, site, Allocated { bytes: size as u64 }, session.clock.now());
    Some(site)
}

/// As [`allocated`], whatever the word leads to; `None`: nothing is done. The hook of the crate has
/// looked at the word before it calls; that of the preload library has not.
///
/// # Safety
///
/// `word` must be the calling thread's word; `at` must be a frame of this thread that calls us.
#[cfg(feature = "preload")]
#[inline(always)]
pub(crate) unsafe fn allocated_if_sealed(
    word: *mut (),
    size: usize,
    at: Registers,
) -> Option<SiteId> {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        // SAFETY: the caller's promise.
        if !unsafe { ThreadCell::is_sealed(word) } {
            return None;
        }
        // SAFETY: the caller's promise; a stack is sealed where the word leads.
        match unsafe { allocated(word, size, at) } {
            Ok(site) => Some(site),
            // SAFETY: so it was found.
            Err(found) if found.is_known => unsafe {
                allocated_when_told(crate::engine::session::get()?, size, at)
            },
            Err(_) => None,
        }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        let _ = (word, size, at);
        None
    }
}

/// Enters an allocated block of a site with these books; `false`: nothing is done.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn enter_allocated(thread: &Thread, slot: &ThreadSlot, books: Books, size: usize) -> bool {
    let header = thread.place.header;
    let epoch = Epoch::new(header.heap.epoch.get());
    let Some(tally) = if_own(books, thread, epoch) else { return false };
    let bytes = size as u64;
    let Some(grown) = slot.front.with_allocated(bytes, &header.heap) else { return false };
    let now = counted_since(&thread.place.origin);
    if now >= header.process.timeline.due.get() {
        return false;
    }
    let block = Amount::block(bytes);
    slot.enter_allocated(grown, block, now);
    thread.histograms.sizes.add(bytes, block);
    tally.add_allocated(block, now);
    true
}

/// Enters the free of a block of `site`, just before it happens. `false`: nothing is done.
///
/// # Safety
///
/// `word` must be the calling thread's word.
#[inline(always)]
pub(crate) unsafe fn freed(word: *mut (), site: SiteId, size: usize) -> bool {
    // SAFETY: the caller's promise.
    let quick = unsafe { Quick::enter_by(word, |thread| thread.seen) };
    let Some(mut quick) = quick else { return false };
    let slot = quick.slot;
    let thread = quick.thread();
    if site < thread.first_known {
        return false;
    }
    let header = thread.place.header;
    let bytes = size as u64;
    let block = Amount::block(bytes);
    let Some(shrunk) = slot.front.with_freed(block) else { return false };
    let epoch = Epoch::new(header.heap.epoch.get());
    let books = thread.place.books(site);
    let Some(tally) = books.and_then(|books| if_own(books, thread, epoch)) else { return false };
    let now = counted_since(&thread.place.origin);
    if now >= header.process.timeline.due.get() {
        return false;
    }
    slot.enter_freed(shrunk);
    tally.note_and_add_freed(block, now);
    true
}

/// [`freed`], where several threads change the site: the owner, or another one that has a share of
/// it. `false`: nothing is done.
///
/// # Safety
///
/// `word` must be the calling thread's word.
pub(crate) unsafe fn freed_elsewhere(word: *mut (), site: SiteId, size: usize) -> bool {
    // SAFETY: the caller's promise.
    let quick = unsafe { Quick::enter_by(word, |thread| thread.seen) };
    let Some(mut quick) = quick else { return false };
    let slot = quick.slot;
    let thread = quick.thread();
    let sites = &thread.place.sites;
    let books = sites.owners.get(site.index()).zip(sites.tallies.get(site.index()));
    let Some((owner, own)) = books.filter(|_| site >= thread.first_known) else { return false };
    let header = thread.place.header;
    let bytes = size as u64;
    let block = Amount::block(bytes);
    let Some(shrunk) = slot.front.with_freed(block) else { return false };
    let epoch = Epoch::new(header.heap.epoch.get());
    let now = counted_since(&thread.place.origin);
    if now >= header.process.timeline.due.get() || owner.group() != NO_GROUP {
        return false;
    }
    if owner.has_word_or_shares(thread.place.own_word) {
        if !own.is_of(epoch) {
            return false;
        }
        sites.before_shrinking(site, own);
        slot.enter_freed(shrunk);
        own.count_freed(bytes, now);
    } else {
        let share = thread.place.arena.place_of(site);
        let keeps = |live: i64| live.unsigned_abs() < slot.front.step().unsigned_abs();
        // A thread without an arena has an empty one, with no site's share.
        let is_begun = thread.has_arena() && share.site() == site && share.is_of(epoch);
        if !is_begun || !keeps(share.live_bytes().wrapping_sub(bytes.cast_signed())) {
            return false;
        }
        slot.enter_freed(shrunk);
        share.count_freed(bytes, now);
    }
    true
}

/// The tally of these books, if the site is this thread's alone and was changed in this epoch.
#[inline(always)]
fn if_own((owner, tally): Books, thread: &Thread, epoch: Epoch) -> Option<&'static Tally> {
    (owner.has_word(thread.place.own_word) && tally.is_of(epoch)).then_some(tally)
}

/// Notes that the thread, which is inside the hook, has looked at all that changes, if its events
/// may take the quick way from now on. `seen`: the count of changes from before it looked.
#[cold]
pub(crate) fn note_seen(thread: &mut Thread, session: &'static Session, seen: u32) {
    let heap = session.heap();
    thread.first_known = windows::first_known();
    let is_ordinary = stack_site::renew(thread)
        && thread.place.index != SHARED
        && thread.slot.front.is_current(heap)
        && heap.mode.load(Ordering::Relaxed) != EXACT
        && session.clock.is_counter()
        && !session.is_special
        && !session.settings.self_check
        && changes::is_enough(seen);
    // As the only one, this thread may read the copies. If another one comes, it is told of that.
    let is_sole = heap.mode.load(Ordering::Relaxed) == SOLE && is_ordinary;
    let words = if is_sole { OwnerWords::of_tallies } else { OwnerWords::of_table };
    thread.place.owner_words = words(&thread.place.sites);
    thread.seen = if is_ordinary { seen } else { 0 };
}
