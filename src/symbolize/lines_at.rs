//! Lines and inlined functions at many addresses of one file, looked up at once.
//!
//! A file that is opened for single questions stays open, with all that was read of it. Where the
//! addresses are known before, the file is opened, asked and closed again; its pages go back to the
//! kernel in between. So the debug information of a large program passes through a few megabytes of
//! memory. It is read without the relocations and the symbols that [`super::dwarf`] allows for,
//! which is what the time in a debug build goes for.

use std::borrow::Cow;
use std::path::Path;
use std::vec::Vec;

use addr2line::{Context, LookupResult, gimli};
use object::read::elf::ElfFile64;
use object::{Endianness, Object, ObjectSection};

use crate::base::os::mapped_file::MappedFile;

use super::dwarf::{NameOfFunction, append};
use super::known::Known;
use super::names::Names;
use super::object_file;
use super::strings::Strings;
use super::symbol::Symbol;

/// Lookups after which a file's pages are given back.
const LOOKUPS: usize = 32;

/// The answers for some addresses of a file.
#[derive(Debug, Default)]
pub(super) struct LinesAt {
    /// Linked addresses, in order, and the ends of their functions in `symbols`.
    answers: Vec<Answer>,
    symbols: Vec<Symbol>,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    probe: u64,
    name: NameOfFunction,
    end: usize,
    /// The answer is in another file, which was not opened.
    is_elsewhere: bool,
}

type Reader<'a> = gimli::EndianSlice<'a, gimli::RunTimeEndian>;

impl LinesAt {
    /// Looks up the linked addresses `probes`, which are in order, in the file at `path`, except
    /// for those that are `known`; it takes note of the others. The file is not opened for none.
    pub(super) fn look_up(
        path: &Path,
        probes: &[u64],
        known: &mut Known,
        names: &mut Names,
        strings: &mut Strings,
    ) -> Option<Self> {
        let mut found = Self::default();
        if probes.iter().all(|&probe| known.has(probe)) {
            probes.iter().for_each(|&probe| _ = found.add_known(probe, known, strings));
            return Some(found);
        }
        let mapped = MappedFile::new(&object_file::open(path)?)?;
        let elf = ElfFile64::<Endianness>::parse(mapped.bytes()).ok()?;
        let endian = match elf.endian() {
            Endianness::Little => gimli::RunTimeEndian::Little,
            Endianness::Big => gimli::RunTimeEndian::Big,
        };
        let sections = gimli::DwarfSections::load(|id| section(&elf, id)).ok()?;
        let mut dwarf = sections.borrow(|bytes| Reader::new(bytes, endian));
        dwarf.populate_abbreviations_cache(gimli::AbbreviationsCacheStrategy::Duplicates);
        let context = Context::from_dwarf(dwarf).ok()?;
        // Known ones are not taken first: strings have the order in which they are found.
        let mut lookups = 0;
        for &probe in probes {
            if found.add_known(probe, known, strings) {
                continue;
            }
            if lookups % LOOKUPS == 0 {
                mapped.give_back();
            }
            lookups += 1;
            let first = found.symbols.len();
            let answer = found.add(&context, probe, names, strings);
            if !answer.is_elsewhere {
                known.add(probe, answer.name, &found.symbols[first..], strings);
            }
        }
        Some(found)
    }

    /// Adds the answer for `probe`, if it is known.
    fn add_known(&mut self, probe: u64, known: &mut Known, strings: &mut Strings) -> bool {
        let Some(name) = known.resolve(probe, strings, &mut self.symbols) else { return false };
        let end = self.symbols.len();
        self.answers.push(Answer { probe, name, end, is_elsewhere: false });
        true
    }

    fn add(
        &mut self,
        context: &Context<Reader<'_>>,
        probe: u64,
        names: &mut Names,
        strings: &mut Strings,
    ) -> Answer {
        let (name, is_elsewhere) = match context.find_frames(probe) {
            LookupResult::Output(Ok(frames)) => {
                (append(frames, names, strings, &mut self.symbols), false)
            }
            LookupResult::Output(Err(_)) => (NameOfFunction::Missing, false),
            LookupResult::Load { .. } => (NameOfFunction::Missing, true),
        };
        let answer = Answer { probe, name, end: self.symbols.len(), is_elsewhere };
        self.answers.push(answer);
        answer
    }

    /// Appends the functions at `probe`, innermost first; `None` if it was not looked up.
    pub(super) fn resolve(&self, probe: u64, out: &mut Vec<Symbol>) -> Option<NameOfFunction> {
        let index = self.answers.binary_search_by_key(&probe, |answer| answer.probe).ok()?;
        let answer = self.answers.get(index).filter(|answer| !answer.is_elsewhere)?;
        let first = index.checked_sub(1).map_or(0, |before| self.answers[before].end);
        out.extend_from_slice(&self.symbols[first..answer.end]);
        Some(answer.name)
    }
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
