//! Lines and inlined functions from DWARF, split files (`.dwp`, `.dwo`) included.

use std::path::Path;
use std::vec::Vec;

use addr2line::{
    FrameIter, Loader,
    gimli::{self, DwLang},
};

use super::names::{Names, is_mangled};
use super::object_file;
use super::strings::Strings;
use super::symbol::Symbol;

/// Most functions one address may be inlined through. Compilers stay below a hundred;
/// a hostile file does not get to fill the memory.
const DEEPEST_INLINING: usize = 256;

/// The debug information of one module.
pub(super) struct Dwarf {
    loader: Loader,
}

impl Dwarf {
    /// Opens the debug information in `path`, with `alternate` for what it shares with
    /// other files. Without the alternate some names are missing, so it is not required.
    pub(super) fn open(path: &Path, alternate: Option<&Path>) -> Option<Self> {
        object_file::open(path)?;
        let with_alternate =
            alternate.and_then(|other| Loader::new_with_sup(path, Some(other)).ok());
        let loader = with_alternate.or_else(|| Loader::new(path).ok())?;
        Some(Self { loader })
    }

    /// Appends the functions at the linked address `probe`, innermost first. Returns what
    /// that says of the physical function, the outermost.
    pub(super) fn resolve(
        &self,
        probe: u64,
        names: &mut Names,
        strings: &mut Strings,
        out: &mut Vec<Symbol>,
    ) -> NameOfFunction {
        match self.loader.find_frames(probe) {
            Ok(frames) => append(frames, names, strings, out),
            Err(_) => NameOfFunction::Missing,
        }
    }
}

/// Appends the functions of `frames`, innermost first, as [`Dwarf::resolve`] does.
pub(super) fn append<R: gimli::Reader>(
    mut frames: FrameIter<'_, R>,
    names: &mut Names,
    strings: &mut Strings,
    out: &mut Vec<Symbol>,
) -> NameOfFunction {
    let first = out.len();
    let mut name = NameOfFunction::Missing;
    while let Ok(Some(frame)) = frames.next() {
        if out.len() - first >= DEEPEST_INLINING {
            break;
        }
        let function = frame.function.as_ref();
        let raw = function.and_then(|function| function.raw_name().ok());
        name = match &raw {
            Some(raw) => judge(raw, function.and_then(|function| function.language)),
            None => NameOfFunction::Missing,
        };
        let location = frame.location.as_ref();
        out.push(Symbol {
            name: raw.and_then(|raw| names.demangled(&raw, strings)),
            file: location.and_then(|at| at.file).and_then(|file| strings.intern(file)),
            line: location.and_then(|at| at.line).unwrap_or(0),
            column: location.and_then(|at| at.column).unwrap_or(0),
            inlined: true,
            is_nearest: false,
        });
    }
    if let Some(physical) = out[first..].last_mut() {
        physical.inlined = false;
    }
    drop_empty(first, out);
    name
}

/// How much of a physical function's name the debug information has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameOfFunction {
    /// Nothing.
    Missing,
    /// Its last part alone: line tables say `push` of `alloc::vec::Vec<T>::push`.
    Bare,
    /// All of it.
    Whole,
}

fn judge(raw: &str, language: Option<DwLang>) -> NameOfFunction {
    let has_paths = matches!(
        language,
        Some(
            gimli::DW_LANG_Rust
                | gimli::DW_LANG_C_plus_plus
                | gimli::DW_LANG_C_plus_plus_03
                | gimli::DW_LANG_C_plus_plus_11
                | gimli::DW_LANG_C_plus_plus_14
                | gimli::DW_LANG_C_plus_plus_17
                | gimli::DW_LANG_C_plus_plus_20
        )
    );
    if raw.is_empty() {
        NameOfFunction::Missing
    } else if has_paths && !is_mangled(raw) {
        NameOfFunction::Bare
    } else {
        NameOfFunction::Whole
    }
}

/// An answer that says nothing would keep the symbol table from being asked.
fn drop_empty(first: usize, out: &mut Vec<Symbol>) {
    let says_nothing = |symbol: &Symbol| symbol.name.is_none() && symbol.file.is_none();
    if out[first..].iter().all(says_nothing) {
        out.truncate(first);
    }
}
