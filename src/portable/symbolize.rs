//! From a return address of this process to function names, files and lines, by the crate
//! `backtrace`, which knows how on all systems: the counterpart of `symbolize`.
//!
//! Reports are of this process alone here. There are no modules, so addresses are loaded ones, and
//! nothing is asked for in the programs' files.

#![forbid(unsafe_code)]

use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

use crate::recording::model::{Module, Recording};

#[path = "../symbolize/fetch.rs"]
mod fetch;
#[path = "../symbolize/strings.rs"]
mod strings;
#[path = "../symbolize/symbol.rs"]
mod symbol;
#[path = "../symbolize/symbol_cache.rs"]
mod symbol_cache;

pub use fetch::Fetch;
pub(crate) use strings::FixedMap;
pub use strings::{StringId, Strings};
pub use symbol::{Place, Symbol};
pub use symbol_cache::{Storage, SymbolCache};

/// Resolves return addresses of this process.
#[derive(Debug)]
pub struct Symbolizer<'r>(PhantomData<&'r Recording>);

impl<'r> Symbolizer<'r> {
    /// A symbolizer for this process's `recording`.
    pub fn new(_recording: &'r Recording, _debug_dirs: &[PathBuf]) -> Self {
        Self(PhantomData)
    }

    /// A symbolizer for this process, whichever of its recordings it is asked about.
    pub fn watching(_recording: &Recording, _debug_dirs: &[PathBuf]) -> Symbolizer<'static> {
        Symbolizer(PhantomData)
    }

    /// Nothing is kept that could change.
    pub fn update(&mut self, _recording: &Recording) -> bool {
        false
    }

    /// There are none.
    pub fn modules(&self) -> &[Module] {
        &[]
    }

    /// There is nobody to be asked.
    #[must_use]
    pub fn with_fetch(self, _fetch: Option<Fetch>) -> Self {
        self
    }

    /// Nothing is kept.
    #[must_use]
    pub fn with_cache(self, _cache: Option<SymbolCache>) -> Self {
        self
    }

    /// Nothing is kept.
    pub fn keep(&mut self) {}

    /// Resolves the loaded return address `address`. Appends the functions there to `out`,
    /// innermost first; appends nothing if no name and no line is known.
    pub fn resolve(
        &mut self,
        address: u64,
        _generation: u16,
        strings: &mut Strings,
        out: &mut Vec<Symbol>,
    ) -> Place {
        let first = out.len();
        let place = Place { module: None, address };
        let Ok(pointer) = usize::try_from(address).map(core::ptr::without_provenance_mut) else {
            return place;
        };
        backtrace::resolve(pointer, |symbol| {
            // Without the hash that tells instances of one function apart, as in other reports.
            let name = symbol.name().map(|name| std::format!("{name:#}"));
            let file = symbol.filename().map(shown);
            out.push(Symbol {
                name: name.and_then(|name| strings.intern(&name)),
                file: file.and_then(|file| strings.intern(&file)),
                line: symbol.lineno().unwrap_or(0),
                column: symbol.colno().unwrap_or(0),
                inlined: true,
                is_nearest: false,
            });
        });
        // The outermost of them is the one that the others were inlined into.
        if let Some(last) = out.get_mut(first..).and_then(<[Symbol]>::last_mut) {
            last.inlined = false;
        }
        place
    }

    /// Nothing is prepared.
    pub fn announce(&mut self, _addresses: impl Iterator<Item = (u64, u16)>) {}

    /// Names are not looked up without lines.
    pub fn raw_name(&mut self, _address: u64, _generation: u16) -> Option<&str> {
        None
    }

    /// Names are not looked up without lines.
    pub fn bare(
        &mut self,
        _address: u64,
        _generation: u16,
        _strings: &mut Strings,
    ) -> Option<(Place, Symbol)> {
        None
    }
}

/// The path with slashes, as all that reads paths of sources expects them: those of Windows have
/// both kinds (`/rustc/…/library\alloc\src\vec\mod.rs`), and it takes either.
fn shown(path: &Path) -> String {
    let path = path.to_string_lossy();
    if cfg!(windows) { path.replace('\\', "/") } else { path.into_owned() }
}

/// The build of a module's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Build {
    /// It is not looked into.
    Other,
    Rust,
    Gone,
    Forbidden,
    TooLarge,
}

pub(crate) fn build_of(_module: &Module) -> Build {
    Build::Other
}

/// True if a module has unwind tables; not looked for.
pub fn has_unwind_tables(_path: &Path) -> bool {
    true
}

/// Allocators that programs bring along; not looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The file defines this function.
    Function(&'static str),
    /// The file has this text.
    Text(&'static str),
}

/// An allocator that is a program's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnAllocator {
    /// Its name.
    pub name: &'static str,
    /// How it was found.
    pub evidence: Evidence,
}

impl std::fmt::Display for OwnAllocator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// Not looked for.
#[must_use]
pub fn likely_allocator(_path: &Path) -> Option<OwnAllocator> {
    None
}
