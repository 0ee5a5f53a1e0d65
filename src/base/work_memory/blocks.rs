//! Blocks in a range of addresses, by classes of sizes.

use core::alloc::Layout;
use core::ptr::{self, NonNull};

/// Memory is made usable in such steps: a call of the system each.
pub(super) const STEP: usize = 1 << 21;
/// The alignment of blocks that ask for no more.
const ALIGN: usize = 16;
/// Sizes up to this one have a class for each multiple of [`ALIGN`].
const SMALL: usize = 1024;
const SMALL_CLASSES: usize = SMALL / ALIGN;
/// Classes to each doubling of the size.
const PARTS: usize = 4;
const CLASSES: usize = SMALL_CLASSES + PARTS * (usize::BITS - SMALL.ilog2()) as usize;
/// Free blocks of this size and more have no memory but for their beginning.
const LARGE: usize = 1 << 20;
/// That beginning: whole pages, of any size.
const KEPT: usize = 1 << 16;

/// A block's class: an index of the lists, its size and its alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    index: usize,
    size: usize,
    align: usize,
}

impl Class {
    /// The class of a layout; `None`: no block is as large.
    pub(super) fn of(layout: Layout) -> Option<Class> {
        let (size, align) = (layout.size(), layout.align());
        if align > ALIGN {
            // Such blocks have lists of their own, by the power of two.
            let size = size.max(align).checked_next_power_of_two()?;
            return Some(Class { index: CLASSES + size.ilog2() as usize, size, align: size });
        }
        if size <= SMALL {
            let size = size.max(1).next_multiple_of(ALIGN);
            return Some(Class { index: size / ALIGN - 1, size, align: ALIGN });
        }
        // The size lies above a power of two, at most at the next: in one of its parts.
        let power = (size - 1).ilog2() as usize;
        let part_bits = power - PARTS.ilog2() as usize;
        let part = (size - 1) >> part_bits & (PARTS - 1);
        let size = (PARTS + part + 1).checked_mul(1 << part_bits)?;
        let index = SMALL_CLASSES + PARTS * (power - SMALL.ilog2() as usize) + part;
        Some(Class { index, size, align: if size < LARGE { ALIGN } else { KEPT } })
    }

    pub(super) fn index(self) -> usize {
        self.index
    }

    /// The part of a free block that needs no memory: its offset and length.
    pub(super) fn unused(self) -> Option<(usize, usize)> {
        (self.size >= LARGE).then(|| (KEPT, self.size - KEPT))
    }
}

/// The beginning of a free block.
#[derive(Debug)]
pub(super) struct Free {
    pub(super) next: *mut Free,
    /// The list that it belongs to.
    pub(super) list: usize,
}

/// See the module's description.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Blocks that are in use.
    pub(super) live: usize,
    /// Bytes that are blocks, free ones too.
    pub(super) used: usize,
    usable: usize,
    /// The first free block of each class.
    free: [*mut Free; CLASSES + usize::BITS as usize],
}

/// Where the blocks lie, and the function that makes whole pages of it memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) start: NonNull<u8>,
    pub(super) len: usize,
    pub(super) make_usable: unsafe fn(NonNull<u8>, usize) -> bool,
}

impl Blocks {
    pub(super) const NONE: Blocks = Blocks {
        live: 0,
        used: 0,
        usable: 0,
        free: [ptr::null_mut(); CLASSES + usize::BITS as usize],
    };

    /// Takes a free block of the class, or a new one, which is zeroed: `true`.
    pub(super) fn take(&mut self, class: Class, range: Range) -> Option<(NonNull<u8>, bool)> {
        let first = self.free.get_mut(class.index)?;
        let taken = match NonNull::new(*first) {
            Some(free) => {
                // SAFETY: `put` has written it, and nobody has had the block since.
                *first = unsafe { free.read() }.next;
                (free.cast(), false)
            }
            None => (self.new_block(class, range)?, true),
        };
        self.live += 1;
        Some(taken)
    }

    fn new_block(&mut self, class: Class, range: Range) -> Option<NonNull<u8>> {
        let skipped = range.start.as_ptr().wrapping_add(self.used).align_offset(class.align);
        let at = self.used.checked_add(skipped)?;
        let end = at.checked_add(class.size).filter(|end| *end <= range.len)?;
        if end > self.usable {
            let usable = end.checked_next_multiple_of(STEP)?.min(range.len);
            // SAFETY: in the range.
            let from = unsafe { range.start.add(self.usable) };
            // SAFETY: steps are whole pages.
            if !unsafe { (range.make_usable)(from, usable - self.usable) } {
                return None;
            }
            self.usable = usable;
        }
        self.used = end;
        // SAFETY: in the range.
        Some(unsafe { range.start.add(at) })
    }

    /// Puts a block on the list that its beginning names.
    ///
    /// # Safety
    ///
    /// The block must be a [taken](Self::take) one that nothing uses, with its class's list in its
    /// beginning.
    pub(super) unsafe fn put(&mut self, free: NonNull<Free>) {
        // SAFETY: the caller's promise.
        let list = unsafe { free.read() }.list;
        let Some(first) = self.free.get_mut(list) else { return };
        let next = core::mem::replace(first, free.as_ptr());
        // SAFETY: the caller's promise.
        unsafe { free.write(Free { next, list }) };
        self.live = self.live.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn classes_are_large_enough_and_not_much_larger() {
        let mut before = Class::of(layout(1, 1)).unwrap();
        for size in (1..5000).chain((1..2000).map(|n| n * 4999)) {
            let class = Class::of(layout(size, 8)).unwrap();
            assert!(class.size >= size && class.size <= size + ALIGN.max(size / PARTS), "{size}");
            assert_eq!(class.size % ALIGN, 0, "{size}");
            if size > 1 && size < 5000 {
                let is_next = class.index == before.index + 1 && class.size > before.size;
                assert!(class == before || is_next, "{size}");
            }
            // All of a class's blocks have room for each other.
            assert_eq!(Class::of(layout(class.size, 8)), Some(class), "{size}");
            before = class;
        }
        assert_eq!(Class::of(layout(100, 64)).unwrap().size, 128);
        assert_eq!(Class::of(layout(8, 4096)).unwrap().size, 4096);
        let largest = Class::of(layout(isize::MAX as usize, 1)).unwrap();
        assert!(largest.index < CLASSES, "{largest:?}");
    }

    #[test]
    fn blocks_lie_apart_and_are_used_again() {
        static USABLE: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);
        let mut memory = std::vec![0_u64; (4 << 20) / 8];
        let range = Range {
            start: NonNull::new(memory.as_mut_ptr()).unwrap().cast(),
            len: 4 << 20,
            make_usable: |_, len| {
                USABLE.fetch_add(len, core::sync::atomic::Ordering::Relaxed);
                true
            },
        };
        let mut blocks = Blocks::NONE;
        let layouts = [(1, 1), (24, 8), (1000, 8), (5000, 8), (100, 64), (9, 256), (2 << 20, 8)];
        let mut taken: Vec<(usize, NonNull<u8>, Class)> = Vec::new();
        for (size, align) in layouts {
            let class = Class::of(layout(size, align)).unwrap();
            let (block, is_new) = blocks.take(class, range).unwrap();
            assert!(is_new);
            assert_eq!(block.addr().get() % align, 0);
            let at = block.addr().get();
            assert!(taken.iter().all(|(_, other, class)| {
                let other = other.addr().get();
                at >= other + class.size || other >= at + size
            }));
            taken.push((size, block, class));
        }
        assert_eq!((blocks.live, USABLE.load(core::sync::atomic::Ordering::Relaxed)), (7, 4 << 20));
        let huge = Class::of(layout(3 << 20, 8)).unwrap();
        assert_eq!(blocks.take(huge, range), None, "no room");
        for (_, block, class) in &taken {
            let free = block.cast::<Free>();
            // SAFETY: the block has room for it, and nothing uses it.
            unsafe { free.write(Free { next: ptr::null_mut(), list: class.index }) };
            // SAFETY: taken, with its list just written.
            unsafe { blocks.put(free) };
        }
        assert_eq!(blocks.live, 0);
        for (_, block, class) in taken.into_iter().rev() {
            assert_eq!(blocks.take(class, range), Some((block, false)));
        }
    }
}
