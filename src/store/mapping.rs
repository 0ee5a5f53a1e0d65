//! A recording's memory in the process that records: where its header and its regions are.
//!
//! A mapping is made once, of zeroed memory, and stays as long as the process. Its type is a
//! pointer: code that has it may read and write every word, because all of them are atomics. The
//! geometry in the header says where a region begins, so this file knows no fixed place but the
//! header's.

use core::ptr::NonNull;

use crate::store::layout::{Geometry, HEADER_SIZE, Header, MAGIC, Region, VERSION};

/// A recording in this process's memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mapping {
    base: NonNull<u8>,
}

// SAFETY: a mapping is memory of atomics, for any thread; it is never unmapped while used.
unsafe impl Send for Mapping {}
// SAFETY: see above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Writes the header's geometry into zeroed memory.
    ///
    /// # Safety
    ///
    /// `base` must point to as many zeroed bytes as `geometry` takes, aligned to a page, that
    /// stay mapped for the rest of the process and are used through this type alone.
    pub(crate) unsafe fn initialize(base: NonNull<u8>, geometry: &Geometry) -> Self {
        use crate::base::sync::Ordering::Relaxed;
        let (offsets, _) = geometry.offsets();
        let mapping = Mapping { base };
        let header = mapping.header();
        header.version.store(VERSION, Relaxed);
        header.header_size.store(HEADER_SIZE as u32, Relaxed);
        let places = offsets.iter().zip(geometry.0);
        for ([offset, entries], (at, count)) in header.places().zip(places) {
            offset.store(*at as u64, Relaxed);
            entries.store(count as u64, Relaxed);
        }
        header.magic.store(MAGIC, Relaxed);
        mapping
    }

    /// The mapping that begins at `base`.
    ///
    /// # Safety
    ///
    /// `base` must be that of an initialized mapping.
    #[cfg(feature = "backtraces")]
    pub(crate) unsafe fn at(base: NonNull<u8>) -> Self {
        Mapping { base }
    }

    pub(crate) fn header(&self) -> &'static Header {
        // SAFETY: by `initialize`'s contract the memory is mapped, aligned, and every bit pattern
        // of it is a valid header (atomics).
        unsafe { self.base.cast::<Header>().as_ref() }
    }

    #[cfg(feature = "backtraces")]
    pub(crate) fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// A region's offset and number of entries.
    pub(crate) fn place(&self, region: Region) -> (usize, usize) {
        let (offset, entries) = self.header().place(region);
        (offset as usize, entries as usize)
    }

    /// Bytes from its beginning to the end of its last region.
    #[cfg(feature = "backtraces")]
    pub(crate) fn len(&self) -> usize {
        let (offset, entries) = self.place(Region::Mappings);
        offset + entries * Region::Mappings.entry_size()
    }

    /// The entries of a region.
    ///
    /// # Safety
    ///
    /// `T` must consist of atomics, be of the region's entry size (or a divisor of it) and
    /// be valid when zeroed.
    pub(crate) unsafe fn region<T>(&self, region: Region) -> &'static [T] {
        let (offset, entries) = self.place(region);
        let len = entries * region.entry_size() / size_of::<T>();
        // SAFETY: `initialize` has placed the region inside the mapping, at a page's beginning;
        // the caller vouches for `T`.
        let first = unsafe { self.base.add(offset) }.cast::<T>();
        // SAFETY: see above.
        unsafe { core::slice::from_raw_parts(first.as_ptr(), len) }
    }
}
