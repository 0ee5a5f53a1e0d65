//! Some units of a file's debug information, without the others that lie between them.
//!
//! Crates that were optimized together (thin LTO) have units that refer to each other: the name of
//! an inlined function is in the unit of its crate. Such units cannot be read alone, and to open
//! all units of the file takes most of the memory and much of the time of a report. So the units
//! that hold some addresses are read with those that their functions at these addresses refer to.

use std::ops::Range;
use std::vec::Vec;

use addr2line::gimli::{self, Reader as _, Section as _};

use crate::base::os::mapped_file::SparseBytes;

use super::lines_at::Reader;
use super::symbol_table::first_from;
use super::units_at::{Tables, UnitAt};

/// The smallest unit of types, in bytes: its header alone, in the format for long sections.
const SMALLEST: usize = 40;

/// `.debug_info` of `dwarf` with `units` at their places, which are in order. Between them are
/// units of types without content, which lookups of addresses pass over. They take no memory.
pub(super) fn excerpt(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    units: &[Range<usize>],
) -> Option<SparseBytes> {
    let reader = dwarf.debug_info.reader();
    let (whole, is_little) = (reader.slice(), reader.endian() == gimli::RunTimeEndian::Little);
    let mut excerpt = SparseBytes::new(units.last()?.end)?;
    let bytes = excerpt.bytes_mut();
    let mut end = 0;
    for unit in units {
        let (between, gap) = (end..unit.start, bytes.get_mut(end..unit.start)?);
        match gap.first_chunk_mut() {
            Some(start) => *start = header(between.len(), is_little),
            None => gap.copy_from_slice(whole.get(between)?),
        }
        bytes.get_mut(unit.clone())?.copy_from_slice(whole.get(unit.clone())?);
        end = unit.end;
    }
    Some(excerpt)
}

/// The places in `.debug_info` that the units of `batch` begin at, and those that their functions
/// at `probes` refer to, but for what these refer to in turn.
pub(super) fn places(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    batch: &[UnitAt],
    probes: &[u64],
) -> Vec<usize> {
    let mut tables = Tables::default();
    let mut places: Vec<usize> = batch.iter().map(|unit| unit.bytes.start).collect();
    for unit in batch.iter().filter(|unit| !unit.stands_alone) {
        let offset = gimli::DebugInfoOffset(unit.bytes.start);
        let opened = dwarf.unit_header(offset).and_then(|header| tables.unit(dwarf, header));
        let held: Vec<u64> = unit.probes.iter().map(|&index| probes[index]).collect();
        // A unit that is damaged is passed over when it is read.
        let _ = opened.and_then(|opened| add_references(dwarf, &opened, &held, &mut places));
    }
    places
}

/// The units of `all`, which are in order, that hold one of `places`.
pub(super) fn holding(all: &[Range<usize>], places: &[usize]) -> Vec<Range<usize>> {
    let unit_at = |place: &usize| {
        let after = all.partition_point(|unit| unit.start <= *place);
        all.get(after.checked_sub(1)?).filter(|unit| unit.contains(place)).cloned()
    };
    let mut units: Vec<Range<usize>> = places.iter().filter_map(unit_at).collect();
    units.sort_unstable_by_key(|unit| unit.start);
    units.dedup();
    units
}

/// The header of a unit of types that has `len` bytes in all.
fn header(len: usize, is_little: bool) -> [u8; SMALLEST] {
    let (len, version) = (len as u64 - 12, 5_u16);
    let mut header = [0; SMALLEST];
    header[..4].copy_from_slice(&[0xff; 4]);
    header[4..12].copy_from_slice(&if is_little { len.to_le_bytes() } else { len.to_be_bytes() });
    let version = if is_little { version.to_le_bytes() } else { version.to_be_bytes() };
    header[12..14].copy_from_slice(&version);
    header[14] = gimli::DW_UT_type.0;
    header[15] = 8; // the size of addresses
    header
}

/// Adds to `places` the places in `.debug_info` that the unit refers to, in its functions that hold
/// one of `probes`.
fn add_references(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    unit: &gimli::Unit<Reader<'_>>,
    probes: &[u64],
    places: &mut Vec<usize>,
) -> gimli::Result<()> {
    let mut entries = unit.entries_raw(None)?;
    // The depth of the function that holds a probe.
    let mut inside = None;
    while !entries.is_empty() {
        let depth = entries.next_depth();
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        inside = inside.filter(|of_function| depth > *of_function);
        let is_function = abbreviation.tag() == gimli::DW_TAG_subprogram;
        if inside.is_none() && !is_function {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        let before = places.len();
        let mut code = Code::default();
        for attribute in abbreviation.attributes() {
            let attribute = entries.read_attribute(*attribute)?;
            match attribute.value() {
                gimli::AttributeValue::DebugInfoRef(place) => places.push(place.0),
                value if inside.is_none() => {
                    code.add(dwarf, unit, attribute.name(), value, probes)?
                }
                _ => {}
            }
        }
        if inside.is_none() {
            if code.holds_any(probes) {
                inside = Some(depth);
            } else {
                places.truncate(before);
            }
        }
    }
    Ok(())
}

/// The addresses of a function.
#[derive(Debug, Default)]
struct Code {
    start: Option<u64>,
    end: Option<u64>,
    len: Option<u64>,
    /// One of several ranges holds a probe.
    has_probe: bool,
}

impl Code {
    fn add(
        &mut self,
        dwarf: &gimli::Dwarf<Reader<'_>>,
        unit: &gimli::Unit<Reader<'_>>,
        name: gimli::DwAt,
        value: gimli::AttributeValue<Reader<'_>>,
        probes: &[u64],
    ) -> gimli::Result<()> {
        match name {
            gimli::DW_AT_low_pc => self.start = dwarf.attr_address(unit, value)?,
            gimli::DW_AT_high_pc => match value {
                gimli::AttributeValue::Udata(len) => self.len = Some(len),
                value => self.end = dwarf.attr_address(unit, value)?,
            },
            gimli::DW_AT_ranges => {
                let Some(mut ranges) = dwarf.attr_ranges(unit, value)? else { return Ok(()) };
                while let Some(range) = ranges.next()? {
                    self.has_probe |= holds_any(range.begin..range.end, probes);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn holds_any(&self, probes: &[u64]) -> bool {
        let end = self.end.or_else(|| self.start?.checked_add(self.len?));
        let range = self.start.zip(end);
        self.has_probe || range.is_some_and(|(start, end)| holds_any(start..end, probes))
    }
}

fn holds_any(range: Range<u64>, probes: &[u64]) -> bool {
    let first = first_from(probes, range.start);
    probes.get(first).is_some_and(|probe| *probe < range.end)
}
