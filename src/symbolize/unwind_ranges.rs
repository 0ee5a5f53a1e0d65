//! Where functions without a symbol begin: unwind tables have a range for each.

use std::path::PathBuf;
use std::vec::Vec;

use addr2line::gimli::{BaseAddresses, CieOrFde, EhFrame, RunTimeEndian, UnwindSection};
use object::{Object, ObjectSection};

use super::object_file::{Elf, with_elf};

/// The ranges of one file's functions, by address.
#[derive(Debug, Default)]
pub(super) struct UnwindRanges {
    /// Start and end.
    ranges: Vec<(u64, u64)>,
}

impl UnwindRanges {
    /// The ranges of the first of `paths` that has any. Debug files have none.
    pub(super) fn read_first(paths: &[PathBuf]) -> Self {
        let found = paths.iter().find_map(|path| with_elf(path, ranges).flatten());
        Self { ranges: found.unwrap_or_default() }
    }

    /// The start and the end of the function that holds the linked address `address`.
    pub(super) fn containing(&self, address: u64) -> Option<(u64, u64)> {
        let after = self.ranges.partition_point(|&(start, _)| start <= address);
        let (start, end) = *self.ranges.get(after.checked_sub(1)?)?;
        (address < end).then_some((start, end))
    }
}

fn ranges(elf: &Elf<'_>) -> Option<Vec<(u64, u64)>> {
    let section = elf.section_by_name(".eh_frame")?;
    // Debug files keep the section without its bytes.
    let data = section.data().ok().filter(|data| !data.is_empty())?;
    let endian = if elf.is_little_endian() { RunTimeEndian::Little } else { RunTimeEndian::Big };
    let table = EhFrame::new(data, endian);
    let bases = BaseAddresses::default().set_eh_frame(section.address());
    let mut ranges = Vec::new();
    let mut entries = table.entries(&bases);
    // A damaged entry ends the table: the next one's place is not known.
    while let Ok(Some(entry)) = entries.next() {
        let CieOrFde::Fde(partial) = entry else { continue };
        let Ok(entry) = partial.parse(|section, bases, at| section.cie_from_offset(bases, at))
        else {
            continue;
        };
        let start = entry.initial_address();
        ranges.push((start, start.saturating_add(entry.len())));
    }
    ranges.sort_unstable();
    (!ranges.is_empty()).then_some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_the_range_that_holds_it() {
        let table = UnwindRanges { ranges: std::vec![(0x10, 0x20), (0x30, 0x40)] };
        assert_eq!(table.containing(0x0f), None);
        assert_eq!(table.containing(0x10), Some((0x10, 0x20)));
        assert_eq!(table.containing(0x1f), Some((0x10, 0x20)));
        assert_eq!(table.containing(0x20), None);
        assert_eq!(table.containing(0x3f), Some((0x30, 0x40)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "there are no files")]
    fn this_test_has_a_range() {
        let path = std::env::current_exe().unwrap();
        let table = UnwindRanges::read_first(&[PathBuf::from("/nowhere"), path]);
        assert!(table.ranges.len() > 100, "{}", table.ranges.len());
        assert!(table.ranges.iter().all(|(start, end)| start <= end));
    }
}
