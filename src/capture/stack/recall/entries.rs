//! The stacks of a [`Recall`](super::Recall) by their sums: a table of two ways.
//!
//! A stack lies at the place that its sum gives, or at the neighbour of that, and gives way to those
//! that come later. So the table is as large as many of its stacks giving way have made it. Few
//! entries are a part of the thread's state. More have memory of their own: most threads need none,
//! and what all threads may have together is bounded.

#![expect(
    clippy::indexing_slicing,
    reason = "places are masked by the last one, which is odd: their neighbours are no greater"
)]

use core::ptr::NonNull;

use super::Sum;
use crate::base::os;
use crate::base::sync::{AtomicU64, Ordering};

/// Entries in use at first, so that few pages are.
pub(super) const FIRST: usize = 256;
/// The most entries without memory of their own.
pub(super) const FEW: usize = 1 << 12;
/// The most entries.
const MOST: usize = 1 << 21;
/// The most bytes that the larger tables of all threads have together.
const MOST_BYTES: u64 = 128 << 20;

/// Bytes that larger tables have.
static BYTES: AtomicU64 = AtomicU64::new(0);

/// See the module's description. Zeroed memory is an empty table that needs [`begin`](Self::begin).
#[derive(Debug)]
#[repr(C)]
pub(super) struct Entries {
    /// The last place in use; 0: none is.
    last: usize,
    /// Entries that gave way since those in use became more.
    evicted: usize,
    /// Larger than `few`, and in its place; zeroed where it was not written.
    many: Option<NonNull<Entry>>,
    few: [Entry; FEW],
}

/// A stack by its sum, with its site; site 0: none.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(16))]
struct Entry {
    low: u64,
    high: u32,
    site: u32,
}

impl Entry {
    #[inline(always)]
    fn new(sum: Sum, site: u32) -> Self {
        Entry { low: sum.0 as u64, high: (sum.0 >> 64) as u32, site }
    }

    /// The place where the entry belongs, if all are in use.
    #[inline(always)]
    fn place(&self) -> usize {
        const K: u64 = 0xd6e8_feb8_6659_fd93; // odd, its bits evenly spread
        // Sums of stacks that are alike differ by sums of few differences.
        let mixed = (self.low ^ self.low >> 32).wrapping_mul(K);
        (mixed >> (u64::BITS - MOST.ilog2())) as usize
    }

    /// True if it is that of a stack with this sum. An unused entry has the sum 0, which a
    /// stack has as seldom as another's.
    #[inline(always)]
    fn is_of(&self, sum: Sum) -> bool {
        let Entry { low, high, .. } = Entry::new(sum, 0);
        self.low == low && self.high == high
    }
}

impl Entries {
    /// Uses the first entries, if none is in use yet.
    pub(super) fn begin(&mut self) {
        self.last = self.last.max(FIRST - 1);
    }

    /// The site of the stack with this sum, if it is among them.
    #[inline(always)]
    pub(super) fn find(&self, sum: Sum) -> Option<u32> {
        let place = Entry::new(sum, 0).place() & self.last;
        let table = self.many.map_or(self.few.as_ptr(), |many| many.as_ptr());
        let entry = |place: usize| {
            // SAFETY: the table has entries up to `last`.
            let entry = unsafe { table.add(place) };
            // SAFETY: as above.
            unsafe { &*entry }
        };
        let mut found = entry(place);
        if !found.is_of(sum) {
            found = entry(place ^ 1);
            if !found.is_of(sum) {
                return None;
            }
        }
        Some(found.site)
    }

    /// Enters a stack, in the place of the one that was not found there for longer.
    pub(super) fn put(&mut self, sum: Sum, site: u32) {
        let entry = Entry::new(sum, site);
        let place = entry.place() & self.last;
        let entries = self.in_use();
        let before = entries[place];
        let gives_way = before.low != entry.low && before.site != 0;
        let is_lost = gives_way && entries[place ^ 1].site != 0;
        if gives_way {
            entries[place ^ 1] = before;
        }
        entries[place] = entry;
        self.evicted += usize::from(is_lost);
        if self.evicted > self.last / 8 && self.last < MOST - 1 {
            self.grow();
        }
    }

    /// The entries in use.
    fn in_use(&mut self) -> &mut [Entry] {
        match self.many {
            // SAFETY: memory of so many entries, this table's own.
            Some(many) => unsafe { core::slice::from_raw_parts_mut(many.as_ptr(), self.last + 1) },
            None => &mut self.few[..=self.last],
        }
    }

    /// Uses twice as many entries, if there is memory for them.
    #[cold]
    fn grow(&mut self) {
        let old = self.last + 1;
        self.evicted = 0;
        if 2 * old <= FEW {
            self.last += old;
            let (stay, new) = self.in_use().split_at_mut(old);
            for (entry, upper) in stay.iter_mut().zip(new) {
                if entry.place() & old != 0 {
                    *upper = core::mem::take(entry);
                }
            }
            return;
        }
        let Some(memory) = memory_of(2 * old) else { return };
        // SAFETY: new memory of so many entries, which are valid when zeroed.
        let new = unsafe { core::slice::from_raw_parts_mut(memory.as_ptr(), 2 * old) };
        for (index, entry) in self.in_use().iter().enumerate() {
            if entry.site != 0 {
                new[index | entry.place() & old] = *entry;
            }
        }
        self.give_back();
        self.many = Some(memory);
        self.last = 2 * old - 1;
    }

    /// Begins anew with few entries, for another thread. Those that are left are of shapes that are
    /// forgotten, and match no stack.
    #[cold]
    pub(super) fn make_small(&mut self) {
        if self.many.is_some() {
            self.give_back();
            (self.last, self.evicted) = (FEW - 1, 0);
        }
    }

    /// Gives memory of its own back.
    fn give_back(&mut self) {
        if let Some(memory) = self.many.take() {
            let bytes = (self.last + 1) * size_of::<Entry>();
            // SAFETY: all of a mapping that was reserved, and that nothing uses any more.
            unsafe { os::release(memory.cast(), bytes) };
            BYTES.fetch_sub(bytes as u64, Ordering::Relaxed);
        }
    }
}

/// Zeroed memory of so many entries.
fn memory_of(entries: usize) -> Option<NonNull<Entry>> {
    let bytes = entries * size_of::<Entry>();
    let all = BYTES.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
    let memory = if all <= MOST_BYTES { os::reserve(bytes) } else { None };
    if memory.is_none() {
        BYTES.fetch_sub(bytes as u64, Ordering::Relaxed);
    }
    memory.map(NonNull::cast)
}
