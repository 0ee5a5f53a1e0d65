//! MiniDebugInfo: the symbols of a stripped object, as an xz-compressed ELF file in its section
//! `.gnu_debugdata`.
//!
//! Fedora and its relatives ship it. It has the functions that the dynamic symbol table has not.

use std::io::{Cursor, Read};
use std::num::NonZeroUsize;
use std::vec::Vec;

use object::{Object, ObjectSection};
use xz4rust::{XzDecoder, XzReader};

use super::object_file::Elf;

/// The most bytes that are unpacked. The greatest programs stay below a tenth of it; a hostile
/// file does not get to fill the memory.
const LARGEST: u64 = 256 << 20;

/// The most memory of the decoder: `xz -9` asks for this much.
const LARGEST_DICTIONARY: usize = 64 << 20;

/// The decoder's first buffers; its dictionary grows as the data asks for it.
const BUFFER: NonZeroUsize = NonZeroUsize::new(64 * 1024).unwrap();

/// The unpacked file. `None` if `elf` has none, or a damaged one.
pub(super) fn unpack(elf: &Elf<'_>) -> Option<Vec<u8>> {
    let packed = elf.section_by_name(".gnu_debugdata")?.data().ok()?.to_vec();
    unpack_xz(packed, LARGEST)
}

fn unpack_xz(packed: Vec<u8>, largest: u64) -> Option<Vec<u8>> {
    let decoder = XzDecoder::in_heap_with_alloc_dict_size(BUFFER.get(), LARGEST_DICTIONARY);
    let reader = XzReader::new_with_buffer_size_and_decoder(Cursor::new(packed), BUFFER, decoder);
    let mut unpacked = Vec::new();
    reader.take(largest + 1).read_to_end(&mut unpacked).ok()?;
    (unpacked.len() as u64 <= largest).then_some(unpacked)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thirty lines `abcdefgh`, by `xz`.
    const PACKED: &[u8] = &[
        253, 55, 122, 88, 90, 0, 0, 4, 230, 214, 180, 70, 2, 0, 33, 1, 22, 0, 0, 0, 116, 47, 229,
        163, 224, 1, 13, 0, 16, 93, 0, 48, 152, 136, 152, 62, 203, 226, 111, 49, 206, 155, 89, 253,
        96, 0, 0, 0, 137, 198, 163, 30, 173, 110, 166, 26, 0, 1, 44, 142, 2, 0, 0, 0, 232, 215,
        228, 23, 177, 196, 103, 251, 2, 0, 0, 0, 0, 4, 89, 90,
    ];

    fn lines() -> Option<Vec<u8>> {
        Some(b"abcdefgh\n".repeat(30))
    }

    #[test]
    fn what_is_packed_comes_out() {
        assert_eq!(unpack_xz(PACKED.to_vec(), 1000), lines());
        assert_eq!(unpack_xz(PACKED.to_vec(), 270), lines());
    }

    #[test]
    fn more_than_the_limit_is_nothing() {
        assert_eq!(unpack_xz(PACKED.to_vec(), 269), None);
    }

    #[test]
    fn damage_ends_without_a_result() {
        for length in 0..PACKED.len() {
            assert_eq!(unpack_xz(PACKED[..length].to_vec(), 1000), None, "{length} bytes");
        }
        // A bit that nothing depends on may leave the result as it was.
        for at in 0..PACKED.len() * 8 {
            let mut damaged = PACKED.to_vec();
            damaged[at / 8] ^= 1 << (at % 8);
            let found = unpack_xz(damaged, 1000);
            assert!(found.is_none() || found == lines(), "bit {at}");
        }
    }
}
