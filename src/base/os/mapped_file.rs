//! A file's bytes, mapped to be read now and then: its pages are given back in between. And memory
//! for a part of them.

use std::fs::File;

use memmap2::{Mmap, MmapMut, UncheckedAdvice};

use super::address_limit;

/// A whole file, mapped.
#[derive(Debug)]
pub(crate) struct MappedFile {
    map: Mmap,
}

impl MappedFile {
    /// Maps `file`; `None` if the system does not, or if the limit of the address space would leave
    /// too little to work with the file.
    pub(crate) fn new(file: &File) -> Option<Self> {
        // SAFETY: a private mapping that is only read. Whoever cuts an executable or its debug file
        // short, or writes into it, while a report is made ends the reader, as it would end the
        // program itself; linkers and package managers put a new file in its place.
        let map = unsafe { Mmap::map(file) }.ok()?;
        has_room_to_work(map.len()).then_some(Self { map })
    }

    /// The file's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Gives the pages back to the kernel: they come back from its cache when they are read again.
    /// The kernel maps the neighbours of each page that is touched, so that a few lookups make most
    /// of a file resident.
    pub(crate) fn give_back(&self) {
        // SAFETY: a file's pages that nobody has written to: they come back with the same bytes.
        // A failure leaves them resident.
        let _ = unsafe { self.map.unchecked_advise(UncheckedAdvice::DontNeed) };
    }
}

/// Most address space that reading a file takes beside its mapping: an arena of malloc, and a unit
/// of debug information.
const MOST_ROOM: usize = 80 << 20;

/// True if no limit keeps the process from taking as much again as a file of that length, or
/// [`MOST_ROOM`] if that is less. An allocation that fails while a report is made would abort the
/// program, which has ended well until then.
fn has_room_to_work(len: usize) -> bool {
    let room = len.clamp(1, MOST_ROOM);
    address_limit().is_none() || MmapMut::map_anon(room).is_ok()
}

/// Zeroed bytes, of which those alone take memory that something was written to. Allocators may
/// write the zeroes, which would be as large as a file.
#[derive(Debug)]
pub(crate) struct SparseBytes {
    map: MmapMut,
}

impl SparseBytes {
    /// `len` bytes, at least one; `None` if there are none, or if the limit of the address space
    /// would leave too little beside them.
    pub(crate) fn new(len: usize) -> Option<Self> {
        let map = MmapMut::map_anon(len).ok()?;
        has_room_to_work(len).then_some(Self { map })
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// The bytes, to write some of them.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "there are no files")]
    fn pages_that_were_given_back_have_the_same_bytes() {
        let path = std::env::current_exe().unwrap();
        let mapped = MappedFile::new(&File::open(&path).unwrap()).unwrap();
        let sum = || mapped.bytes().iter().fold(0_u64, |sum, &byte| sum.wrapping_add(byte.into()));
        let before = sum();
        mapped.give_back();
        assert_eq!(sum(), before);
        assert!(mapped.bytes().starts_with(b"\x7fELF"));
    }

    #[test]
    #[cfg_attr(miri, ignore = "there are no limits of memory")]
    fn sparse_bytes_are_zeroed_and_can_be_written() {
        let mut sparse = SparseBytes::new(1 << 20).unwrap();
        assert!(sparse.bytes().iter().all(|byte| *byte == 0));
        sparse.bytes_mut()[1 << 19] = 7;
        assert_eq!(sparse.bytes()[1 << 19], 7);
        assert!(SparseBytes::new(usize::MAX >> 1).is_none());
    }
}
