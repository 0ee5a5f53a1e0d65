//! The units of a file's debug information that tell of some addresses.
//!
//! A program has hundreds of units, and the addresses of its allocations are in a tenth of them. To
//! open a unit takes time in a debug build, and its pages; so `.debug_aranges` is asked for the
//! units of the addresses. A unit that is not listed there is asked itself.

use std::ops::Range;
use std::sync::Arc;
use std::vec::Vec;

use addr2line::gimli::{self, Reader as _};

use super::lines_at::Reader;
use super::symbol_table::first_from;

/// Bytes of `.debug_info` after which the pages of the file are given back.
const STEP: usize = 1 << 20;

/// The units of a file.
#[derive(Debug, Default)]
pub(super) struct Units {
    /// Those that may tell of the addresses.
    pub(super) at_probes: Vec<UnitAt>,
    /// The bytes of all in `.debug_info`, in order.
    pub(super) all: Vec<Range<usize>>,
}

/// A unit that may tell of some addresses.
#[derive(Debug)]
pub(super) struct UnitAt {
    /// Its bytes in `.debug_info`.
    pub(super) bytes: Range<usize>,
    /// Indices of the addresses.
    pub(super) probes: Vec<usize>,
    /// Nothing in it refers to other units, so that it can be read without them.
    pub(super) stands_alone: bool,
}

/// The units of `dwarf`, to the first that is damaged, and which of them may tell of `probes`,
/// which are in order. Several may hold an address. All units are passed, so that the file's pages
/// have to be given back meanwhile.
pub(super) fn units_at(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    probes: &[u64],
    give_back: impl Fn(),
) -> Units {
    let listed = listed(dwarf, probes);
    let mut found = Units::default();
    let mut tables = Tables::default();
    let (mut units, mut given_back) = (dwarf.units(), 0);
    while let Ok(Some(header)) = units.next() {
        let Some(offset) = header.debug_info_offset() else { continue };
        if offset.0 - given_back >= STEP {
            given_back = offset.0;
            give_back();
        }
        let bytes = offset.0..offset.0.saturating_add(header.length_including_self());
        found.all.push(bytes.clone());
        let known = listed.partition_point(|unit| unit.offset < offset.0);
        let known = listed[known..].iter().take_while(|unit| unit.offset == offset.0);
        let mut held = Held { probes, indices: Vec::new() };
        let mut is_listed = false;
        for unit in known {
            is_listed = true;
            held.indices.extend_from_slice(&unit.indices);
        }
        if !is_listed && has_code(&header) {
            held.add_unit(dwarf, header, &mut tables);
        }
        let mut indices = held.indices;
        if indices.is_empty() {
            continue;
        }
        indices.sort_unstable();
        indices.dedup();
        let stands_alone = stands_alone(dwarf, &header).unwrap_or(false);
        found.at_probes.push(UnitAt { bytes, probes: indices, stands_alone });
    }
    found
}

/// The latest table of abbreviations. Units that follow each other share one, when crates are
/// optimized together, and to read it takes longer than to read what is asked of the unit.
#[derive(Debug, Default)]
pub(super) struct Tables {
    latest: Option<(gimli::DebugAbbrevOffset, Arc<gimli::Abbreviations>)>,
}

impl Tables {
    /// Opens a unit.
    pub(super) fn unit<'d>(
        &mut self,
        dwarf: &gimli::Dwarf<Reader<'d>>,
        header: gimli::UnitHeader<Reader<'d>>,
    ) -> gimli::Result<gimli::Unit<Reader<'d>>> {
        let offset = header.debug_abbrev_offset();
        let latest = self.latest.take().filter(|(latest, _)| *latest == offset);
        let table = match latest {
            Some((_, table)) => table,
            None => dwarf.abbreviations(&header)?,
        };
        self.latest = Some((offset, Arc::clone(&table)));
        gimli::Unit::new_with_abbreviations(dwarf, header, table)
    }
}

/// A unit of `.debug_aranges`.
struct Listed {
    /// Its place in `.debug_info`.
    offset: usize,
    indices: Vec<usize>,
}

/// The units of `.debug_aranges` that have addresses there, in order.
fn listed(dwarf: &gimli::Dwarf<Reader<'_>>, probes: &[u64]) -> Vec<Listed> {
    let mut listed = Vec::new();
    let mut headers = dwarf.debug_aranges.headers();
    while let Ok(Some(header)) = headers.next() {
        let mut held = Held { probes, indices: Vec::new() };
        let (mut entries, mut has_addresses) = (header.entries(), false);
        // An address that overflows is the linker's, of code that is not there.
        while let Some(entry) = entries.next().transpose() {
            let Ok(entry) = entry else { continue };
            has_addresses |= entry.length() != 0;
            held.add(entry.range());
        }
        if has_addresses {
            listed.push(Listed { offset: header.debug_info_offset().0, indices: held.indices });
        }
    }
    listed.sort_by_key(|unit| unit.offset);
    listed
}

/// The addresses that a unit holds.
struct Held<'p> {
    probes: &'p [u64],
    indices: Vec<usize>,
}

impl Held<'_> {
    fn add(&mut self, range: gimli::Range) {
        let mut index = first_from(self.probes, range.begin);
        while index < self.probes.len() && self.probes[index] < range.end {
            self.indices.push(index);
            index += 1;
        }
    }

    /// Adds those of a unit's own ranges; of its lines, if it has none.
    fn add_unit<'d>(
        &mut self,
        dwarf: &gimli::Dwarf<Reader<'d>>,
        header: gimli::UnitHeader<Reader<'d>>,
        tables: &mut Tables,
    ) {
        let Ok(unit) = tables.unit(dwarf, header) else { return };
        let mut has_addresses = false;
        if let Ok(mut ranges) = dwarf.unit_ranges(&unit) {
            while let Ok(Some(range)) = ranges.next() {
                has_addresses |= range.begin < range.end;
                self.add(range);
            }
        }
        if has_addresses {
            return;
        }
        let sequences = unit.line_program.map(|lines| lines.sequences());
        for sequence in sequences.and_then(Result::ok).map_or(Vec::new(), |(_, all)| all) {
            self.add(gimli::Range { begin: sequence.start, end: sequence.end });
        }
    }
}

/// Units of types have none, and neither have those that others include.
fn has_code(header: &gimli::UnitHeader<Reader<'_>>) -> bool {
    use gimli::UnitType::{Partial, SplitType, Type};
    !matches!(header.type_(), Partial | Type { .. } | SplitType { .. })
}

/// True if the abbreviations of the unit have no reference to other units. Their numbers may have
/// gaps, so they are read here.
fn stands_alone(
    dwarf: &gimli::Dwarf<Reader<'_>>,
    header: &gimli::UnitHeader<Reader<'_>>,
) -> gimli::Result<bool> {
    use gimli::Section as _;
    let mut input = *dwarf.debug_abbrev.reader();
    input.skip(header.debug_abbrev_offset().0)?;
    while input.read_uleb128()? != 0 {
        input.read_uleb128()?; // the tag
        input.read_u8()?; // whether it has children
        loop {
            let (name, form) = (input.read_uleb128()?, input.read_uleb128()?);
            if (name, form) == (0, 0) {
                break;
            }
            if form == u64::from(gimli::DW_FORM_ref_addr.0) {
                return Ok(false);
            }
            if form == u64::from(gimli::DW_FORM_implicit_const.0) {
                input.read_sleb128()?;
            }
        }
    }
    Ok(true)
}
