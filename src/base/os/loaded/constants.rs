//! The parts of a module's memory that never change, and what is read there.

use core::marker::PhantomData;
use core::ops::Range;
use core::ptr;

use super::{Headers, Loaded, ProgramHeader, headers_at};

impl Loaded {
    /// The parts of the module's memory that never change.
    ///
    /// # Safety
    ///
    /// The module must stay loaded while the result is used.
    pub(crate) unsafe fn constants(&self) -> Constants<'_> {
        // SAFETY: the caller's promise.
        let headers = self.headers.or_else(|| unsafe { headers_at(self.start) });
        let headers = headers.unwrap_or(Headers { first: ptr::null(), count: 0 });
        Constants { headers, bias: self.bias, object: PhantomData }
    }
}

/// The parts of a module's memory that never change: its segments that can be read and not written.
/// Between segments may be other memory, or none; writable segments are the program's to change.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constants<'a> {
    headers: Headers,
    bias: u64,
    object: PhantomData<&'a Loaded>,
}

impl<'a> Constants<'a> {
    fn headers(self) -> impl Iterator<Item = ProgramHeader> + Clone {
        // SAFETY: the object, whose headers these are, stays loaded by the promise of `constants`.
        unsafe { self.headers.read() }
    }

    /// The bytes from an address to the end of the segment that holds it; none, if no such segment
    /// does.
    pub(crate) fn bytes_from(self, address: u64) -> &'a [u8] {
        let Some(range) = constants_from(self.headers(), self.bias, address) else { return &[] };
        let first = ptr::with_exposed_provenance(range.start as usize);
        let len = (range.end - range.start) as usize;
        // SAFETY: a segment is mapped as long as its object is loaded, by the promise of
        // `constants`; no thread can write to it.
        unsafe { core::slice::from_raw_parts(first, len) }
    }

    /// The GNU build id; empty if the module has none.
    pub(crate) fn build_id(self) -> &'a [u8] {
        self.headers()
            .filter(|header| header.p_type == libc::PT_NOTE)
            .filter_map(|header| {
                let notes = self.bytes_from(self.bias.wrapping_add(header.p_vaddr));
                notes.get(..usize::try_from(header.p_filesz).ok()?)
            })
            .find_map(build_id_note)
            .unwrap_or(&[])
    }
}

/// From `address` to the end of the segment that holds it, if that can be read and not written. The
/// last page of such a segment goes on behind the file's bytes, but no code may rely on that.
fn constants_from(
    headers: impl Iterator<Item = ProgramHeader>,
    bias: u64,
    address: u64,
) -> Option<Range<u64>> {
    let is_constant = |header: &ProgramHeader| {
        let rights = header.p_flags & (libc::PF_R | libc::PF_W);
        header.p_type == libc::PT_LOAD && rights == libc::PF_R
    };
    headers.filter(is_constant).find_map(|header| {
        let start = bias.wrapping_add(header.p_vaddr);
        let end = start.checked_add(header.p_filesz.min(header.p_memsz))?;
        (start..end).contains(&address).then_some(address..end)
    })
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// The build id among a segment's notes (name "GNU", type 3).
fn build_id_note(mut notes: &[u8]) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    while notes.len() >= 16 {
        let (name, content, kind) = (half(notes, 0)?, half(notes, 4)?, half(notes, 8)?);
        let content_at = 12 + (name as usize).next_multiple_of(4);
        let content = content_at..content_at + content as usize;
        if kind == NT_GNU_BUILD_ID && notes.get(12..16)? == b"GNU\0" {
            return notes.get(content);
        }
        notes = notes.get(content.end.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) const BIAS: u64 = 0x5555_0000_0000;

    fn segment(p_type: u32, p_flags: u32, at: u64, p_filesz: u64, p_memsz: u64) -> ProgramHeader {
        let (p_vaddr, p_paddr) = (at, at);
        let (p_offset, p_align) = (at, 0x1000);
        ProgramHeader { p_type, p_flags, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align }
    }

    /// A module as linkers make them, with a gap between its code and its data.
    pub(in super::super) fn object() -> [ProgramHeader; 6] {
        use libc::{PF_R, PF_W, PF_X, PT_DYNAMIC, PT_LOAD};
        [
            segment(PT_LOAD, PF_R, 0, 0x800, 0x800),
            segment(PT_LOAD, PF_R | PF_X, 0x1000, 0x2345, 0x2345),
            segment(PT_LOAD, PF_X, 0x4000, 0x1000, 0x1000),
            segment(PT_LOAD, PF_R, 0x8000, 0x123, 0x2000),
            segment(PT_LOAD, PF_R | PF_W, 0x20_0000, 0x100, 0x5000),
            segment(PT_DYNAMIC, PF_R, 0x30_0000, 0x100, 0x100),
        ]
    }

    #[test]
    fn a_slice_ends_with_its_segment_and_is_of_what_nobody_writes() {
        for (at, expected) in [
            (0, Some(0x800)),
            (0x7ff, Some(0x800)),
            (0x800, None), // the rest of the page
            (0x1000, Some(0x3345)),
            (0x3344, Some(0x3345)),
            (0x3345, None),
            (0x4000, None), // code that can be run, but not read
            (0x8122, Some(0x8123)),
            (0x8123, None),    // not in the file
            (0x1_0000, None),  // the gap
            (0x20_0000, None), // data
            (0x20_0100, None),
            (0x30_0000, None), // no segment
            (u64::MAX - BIAS, None),
        ] {
            let found = constants_from(object().into_iter(), BIAS, BIAS + at);
            let expected = expected.map(|end| BIAS + at..BIAS + end);
            assert_eq!(found, expected, "{at:x}");
        }
        assert_eq!(constants_from(object().into_iter(), BIAS, BIAS - 1), None);
        let endless = [segment(libc::PT_LOAD, libc::PF_R, 0, u64::MAX, u64::MAX)];
        assert_eq!(constants_from(endless.into_iter(), BIAS, BIAS), None);
    }

    #[test]
    fn a_build_id_is_found_behind_other_notes() {
        let note = |kind: u32, name: &[u8], content: &[u8]| {
            let mut bytes = std::vec::Vec::new();
            for word in [name.len() as u32, content.len() as u32, kind] {
                bytes.extend(word.to_ne_bytes());
            }
            for part in [name, content] {
                bytes.extend(part);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
            }
            bytes
        };
        let notes = [note(1, b"GNU\0", b"abcde"), note(3, b"GNU\0", b"0123456789")].concat();
        assert_eq!(build_id_note(&notes), Some(&b"0123456789"[..]));
        assert_eq!(build_id_note(&note(3, b"FDO\0", b"x")), None);
        for len in 0..notes.len() - 2 {
            assert_eq!(build_id_note(&notes[..len]), None, "cut off at {len}");
        }
    }
}
