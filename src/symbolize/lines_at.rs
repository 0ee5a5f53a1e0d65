//! Lines and inlined functions at many addresses of one file, looked up at once.
//!
//! A file that is opened for single questions stays open, with all that was read of it. Where the
//! addresses are known before, the file is opened, asked and closed again; its pages go back to the
//! kernel in between. So the debug information of a large program passes through a few megabytes of
//! memory. It is read without the relocations and the symbols that [`super::dwarf`] allows for,
//! and a unit at a time, which is what the time in a debug build goes for. Units that refer to
//! others are opened some at a time, with the others that the functions at the addresses need.

use std::borrow::Cow;
use std::cell::Cell;
use std::ops::Range;
use std::path::Path;
use std::vec::Vec;

use addr2line::gimli::{self, AbbreviationsCacheStrategy, Reader as _, Section as _};
use addr2line::{Context, LookupResult};
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection};

use crate::base::os::mapped_file::{MappedFile, SparseBytes};

use super::dwarf::{NameOfFunction, append};
use super::excerpt::{excerpt, holding, places};
use super::known::Known;
use super::names::Names;
use super::object_file;
use super::strings::Strings;
use super::symbol::Symbol;
use super::units_at::{UnitAt, units_at};

/// Lookups after which a file's pages are given back.
const LOOKUPS: usize = 8;

/// Most times that units are opened in which names turned out to be.
const ROUNDS: usize = 64;
/// Bytes of units that refer to others and are opened together.
const BATCH: usize = 512 << 10;

/// The answers for some addresses of a file.
#[derive(Debug, Default)]
pub(super) struct LinesAt {
    /// Linked addresses, in order.
    answers: Vec<Answer>,
    symbols: Vec<Symbol>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    probe: u64,
    name: NameOfFunction,
    /// Its functions in `symbols`, from one index to another.
    functions: (usize, usize),
    /// The answer is in another file, which was not opened.
    is_elsewhere: bool,
}

pub(super) type Reader<'a> = gimli::EndianSlice<'a, gimli::RunTimeEndian>;

impl LinesAt {
    /// Looks up the linked addresses `probes`, which are in order, in the file at `path`, except
    /// for those that are `known`; it takes note of the others. The file is not opened for none.
    pub(super) fn look_up(
        path: &Path,
        probes: &[u64],
        known: &mut Known,
        strings: &mut Strings,
    ) -> Option<Self> {
        let unknown: Vec<u64> = probes.iter().copied().filter(|&probe| !known.has(probe)).collect();
        // Units have another order than addresses. Strings have that of the addresses, if these
        // were known or not.
        let mut apart = Strings::default();
        let read = match &*unknown {
            [] => Self::default(),
            unknown => Self::read(path, unknown, &mut apart)?,
        };
        let mut found = Self::default();
        for &probe in probes {
            let first = found.symbols.len();
            let mut answer = unanswered(&probe);
            if let Some(name) = known.resolve(probe, strings, &mut found.symbols) {
                answer.name = name;
            } else if let Some(of_probe) = read.answer_for(probe) {
                answer = *of_probe;
                for symbol in &read.symbols[answer.functions.0..answer.functions.1] {
                    let mut take = |id: Option<_>| id.and_then(|id| strings.intern(apart.get(id)));
                    let (name, file) = (take(symbol.name), take(symbol.file));
                    found.symbols.push(Symbol { name, file, ..*symbol });
                }
                if !answer.is_elsewhere {
                    known.add(probe, answer.name, &found.symbols[first..], strings);
                }
            }
            answer.functions = (first, found.symbols.len());
            found.answers.push(answer);
        }
        Some(found)
    }

    /// Looks up `probes` in the file's units, in the order of these.
    fn read(path: &Path, probes: &[u64], strings: &mut Strings) -> Option<Self> {
        let names = &mut Names::default();
        let mapped = MappedFile::new(&object_file::open(path)?)?;
        let elf = ElfFile64::<Endianness>::parse(mapped.bytes()).ok()?;
        let endian = match elf.endian() {
            Endianness::Little => gimli::RunTimeEndian::Little,
            Endianness::Big => gimli::RunTimeEndian::Big,
        };
        let sections = gimli::DwarfSections::load(|id| section(&elf, id)).ok()?;
        let borrowed = || sections.borrow(|bytes| Reader::new(bytes, endian));
        let units = units_at(&borrowed(), probes, || mapped.give_back());
        let mut found =
            Self { answers: probes.iter().map(unanswered).collect(), symbols: Vec::new() };
        mapped.give_back();
        let pages = Pages { mapped: &mapped, lookups: Cell::new(0) };
        for batch in batches(&units.at_probes) {
            found.read_batch((batch, &units.all), probes, &borrowed, &pages, names, strings);
        }
        Some(found)
    }

    /// Looks up those of `probes` that the units of `batch` hold. Where a name is in another unit,
    /// of `all` of the file, that one is opened, too, until there is none.
    fn read_batch<'d>(
        &mut self,
        (batch, all): (&[UnitAt], &[Range<usize>]),
        probes: &[u64],
        dwarf: &impl Fn() -> gimli::Dwarf<Reader<'d>>,
        pages: &Pages<'_>,
        names: &mut Names,
        strings: &mut Strings,
    ) -> Option<()> {
        let mut places = places(&dwarf(), batch, probes);
        let mut asked: Vec<usize> = batch.iter().flat_map(|unit| unit.probes.clone()).collect();
        let mut opened = Vec::new();
        for _ in 0..ROUNDS {
            let before = opened.len();
            opened = holding(all, &places);
            if asked.is_empty() || opened.len() == before {
                break;
            }
            let mut dwarf = dwarf();
            let endian = dwarf.debug_info.reader().endian();
            let copy;
            let whole = dwarf.debug_info.reader().slice();
            let info = match batch {
                [unit] if unit.stands_alone => whole.get(unit.bytes.clone())?,
                _ => {
                    copy = excerpt(&dwarf, &opened);
                    // Without addresses for a copy, all units are opened.
                    copy.as_ref().map_or(whole, SparseBytes::bytes)
                }
            };
            dwarf.debug_info = gimli::DebugInfo::new(info, endian);
            dwarf.debug_aranges = gimli::DebugAranges::new(&[], endian);
            if opened.len() > 1 {
                dwarf.populate_abbreviations_cache(AbbreviationsCacheStrategy::Duplicates);
            }
            let context = Context::from_dwarf(dwarf).ok()?;
            if opened.len() > 1 {
                pages.mapped.give_back();
            }
            asked.retain(|&index| {
                pages.before_lookup();
                let missing = self.answer(index, &context, names, strings);
                places.extend(missing);
                missing.is_some()
            });
        }
        Some(())
    }

    /// Looks up the address of the answer at `index`, unless it has functions already. Returns the
    /// place in `.debug_info` of a name that is missing there.
    fn answer(
        &mut self,
        index: usize,
        context: &Context<Reader<'_>>,
        names: &mut Names,
        strings: &mut Strings,
    ) -> Option<usize> {
        let answer = &mut self.answers[index];
        let first = self.symbols.len();
        if answer.functions.0 != answer.functions.1 {
            return None;
        }
        match context.find_frames(answer.probe) {
            LookupResult::Output(Ok(frames)) => {
                answer.name = append(frames, names, strings, &mut self.symbols);
            }
            LookupResult::Output(Err(gimli::Error::NoEntryAtGivenOffset(place))) => {
                return usize::try_from(place).ok();
            }
            LookupResult::Output(Err(_)) => {}
            LookupResult::Load { .. } => answer.is_elsewhere = true,
        }
        answer.functions = (first, self.symbols.len());
        None
    }

    fn answer_for(&self, probe: u64) -> Option<&Answer> {
        let index = self.answers.binary_search_by_key(&probe, |answer| answer.probe).ok()?;
        self.answers.get(index)
    }

    /// Appends the functions at `probe`, innermost first; `None` if it was not looked up.
    pub(super) fn resolve(&self, probe: u64, out: &mut Vec<Symbol>) -> Option<NameOfFunction> {
        let answer = self.answer_for(probe).filter(|answer| !answer.is_elsewhere)?;
        out.extend_from_slice(&self.symbols[answer.functions.0..answer.functions.1]);
        Some(answer.name)
    }
}

/// The file's pages, given back as lookups make them resident.
struct Pages<'m> {
    mapped: &'m MappedFile,
    lookups: Cell<usize>,
}

impl Pages<'_> {
    fn before_lookup(&self) {
        self.lookups.set(self.lookups.get() + 1);
        if self.lookups.get().is_multiple_of(LOOKUPS) {
            self.mapped.give_back();
        }
    }
}

/// The units in the order in which they are opened: one that stands alone, or some that do not.
fn batches(units: &[UnitAt]) -> impl Iterator<Item = &[UnitAt]> {
    let mut len = 0;
    units.chunk_by(move |unit, next| {
        len += unit.bytes.len();
        let are_together = !unit.stands_alone && !next.stands_alone && len < BATCH;
        if !are_together {
            len = 0;
        }
        are_together
    })
}

fn unanswered(&probe: &u64) -> Answer {
    Answer { probe, name: NameOfFunction::Missing, functions: (0, 0), is_elsewhere: false }
}

/// The bytes of a section, unpacked if it was compressed; empty if there is none.
fn section<'d>(
    elf: &ElfFile64<'d, Endianness>,
    id: gimli::SectionId,
) -> object::Result<Cow<'d, [u8]>> {
    match elf.section_by_name(id.name()) {
        Some(section) => section.uncompressed_data(),
        None => Ok(Cow::Borrowed(&[])),
    }
}
