//! The stacks of a [`Recall`](super::Recall) by their sums: a table of two ways.
//!
//! A stack lies at the place that its sum gives, or at the neighbour of that, and gives way to
//! those that come later. So the table is as large as many of its stacks giving way have made it.
//! It has memory of its own; what the larger ones of all threads have together is bounded.

#![expect(
    clippy::indexing_slicing,
    reason = "places are masked by the last one, which is odd: their neighbours are no greater"
)]

use core::ptr::NonNull;

use super::Sum;
use crate::base::os;
use crate::base::sync::{AtomicU64, Ordering};

/// Entries at first: those of a page.
const FIRST: usize = 256;
/// The most entries that another thread finds in use, and that are not counted in [`BYTES`].
pub(super) const FEW: usize = 1 << 12;
/// The most entries.
const MOST: usize = 1 << 21;
/// The most bytes that the larger tables of all threads have together.
const MOST_BYTES: u64 = 128 << 20;

/// Bytes that tables of more than few entries have.
static BYTES: AtomicU64 = AtomicU64::new(0);

/// See the module's description. Zeroed memory is an empty table.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Entries {
    /// The last place.
    last: usize,
    /// Entries that gave way since they became more.
    evicted: usize,
    /// `None`: there is none, or no memory for it.
    table: Option<NonNull<Entry>>,
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
    /// The site of the stack with this sum, if it is among them.
    #[inline(always)]
    pub(super) fn find(&self, sum: Sum) -> Option<u32> {
        let place = Entry::new(sum, 0).place() & self.last;
        let table = self.table?;
        let entry = |place: usize| {
            // SAFETY: the table has entries up to `last`.
            let entry = unsafe { table.add(place) };
            // SAFETY: as above; this thread alone writes there, and not while this is borrowed.
            unsafe { entry.as_ref() }
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
        if self.table.is_none() {
            self.become_of(FIRST);
        }
        let entry = Entry::new(sum, site);
        let place = entry.place() & self.last;
        let entries = self.entries();
        if entries.is_empty() {
            return;
        }
        let before = entries[place];
        let gives_way = before.low != entry.low && before.site != 0;
        let is_lost = gives_way && entries[place ^ 1].site != 0;
        if gives_way {
            entries[place ^ 1] = before;
        }
        entries[place] = entry;
        self.evicted += usize::from(is_lost);
        if self.evicted > self.last / 8 && self.last < MOST - 1 {
            self.become_of(2 * (self.last + 1));
        }
    }

    /// All entries.
    fn entries(&mut self) -> &mut [Entry] {
        match self.table {
            // SAFETY: memory of so many entries, this table's own.
            Some(table) => unsafe {
                core::slice::from_raw_parts_mut(table.as_ptr(), self.last + 1)
            },
            None => &mut [],
        }
    }

    /// Uses so many entries, a power of two, if there is memory for them.
    #[cold]
    fn become_of(&mut self, count: usize) {
        self.evicted = 0;
        let Some(memory) = memory_of(count) else { return };
        // SAFETY: new memory of so many entries, which are valid when zeroed.
        let new = unsafe { core::slice::from_raw_parts_mut(memory.as_ptr(), count) };
        let last = self.last;
        for (index, entry) in self.entries().iter().enumerate() {
            if entry.site != 0 {
                new[index | entry.place() & (count - 1) & !last] = *entry;
            }
        }
        self.give_back();
        (self.table, self.last) = (Some(memory), count - 1);
    }

    /// Gives many entries back, as another thread begins. Those that stay are of shapes that are
    /// forgotten, and match no stack.
    pub(super) fn make_small(&mut self) {
        if self.last >= FEW {
            self.give_back();
        }
    }

    fn give_back(&mut self) {
        if let Some(memory) = self.table.take() {
            let count = self.last + 1;
            // SAFETY: all of a mapping that was reserved, and that nothing uses any more.
            unsafe { os::release(memory.cast(), count * size_of::<Entry>()) };
            BYTES.fetch_sub(counted(count), Ordering::Relaxed);
            self.last = 0;
        }
    }
}

/// The bytes of so many entries, as far as they are bounded.
fn counted(count: usize) -> u64 {
    if count > FEW { (count * size_of::<Entry>()) as u64 } else { 0 }
}

/// Zeroed memory of so many entries.
fn memory_of(count: usize) -> Option<NonNull<Entry>> {
    let bytes = counted(count);
    let all = BYTES.fetch_add(bytes, Ordering::Relaxed) + bytes;
    let is_granted = all <= MOST_BYTES;
    let memory = is_granted.then(|| os::reserve(count * size_of::<Entry>())).flatten();
    if memory.is_none() {
        BYTES.fetch_sub(bytes, Ordering::Relaxed);
    }
    memory.map(NonNull::cast)
}
