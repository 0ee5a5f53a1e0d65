//! Functions at addresses of one debug file, as they were found earlier, maybe by another process.
//!
//! They are kept by the file's build id, with its length and its time of modification, and those of
//! its alternate file: if any differs, nothing is known. A file without a build id, as linkers
//! leave them by default, is the same if it has its inode and was not changed in any way since.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::string::String;
use std::sync::Arc;
use std::vec::Vec;

use super::dwarf::NameOfFunction;
use super::locate::Files;
use super::strings::Strings;
use super::symbol::Symbol;
use super::symbol_cache::SymbolCache;

mod content;

/// A longer build id is nobody's: names of files have an end.
const LONGEST_ID: usize = 64;

/// The functions that are known of a debug file.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By linked address.
    answers: BTreeMap<u64, Answer>,
    origin: Option<Origin>,
    has_new: bool,
}

/// The functions at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Answer {
    /// Innermost first.
    functions: Vec<Function>,
    name: NameOfFunction,
    /// Asked for by this process.
    is_in_use: bool,
}

/// A function, without the numbers that strings have in one process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Function {
    name: Option<Arc<str>>,
    file: Option<Arc<str>>,
    line: u32,
    column: u32,
    inlined: bool,
}

/// The files, and the place where their functions are kept.
#[derive(Debug)]
struct Origin {
    cache: SymbolCache,
    name: String,
    debug: PathBuf,
    alternate: Option<PathBuf>,
    build_id: Vec<u8>,
    /// All that has to be the same for the functions to be the same.
    identity: String,
}

impl Known {
    /// Opens the functions that `cache` keeps of `files`.
    pub(super) fn open(cache: Option<&SymbolCache>, files: &Files) -> Self {
        let Some(origin) = cache.and_then(|cache| Origin::of(cache, files)) else {
            return Self::default();
        };
        let content = origin.cache.load(&origin.name);
        let answers = content.and_then(|content| content::decode(&content, &origin.identity));
        Self { answers: answers.unwrap_or_default(), origin: Some(origin), has_new: false }
    }

    /// True if the functions at the linked address `probe` are known.
    pub(super) fn has(&self, probe: u64) -> bool {
        self.answers.contains_key(&probe)
    }

    /// Appends the functions at the linked address `probe`, innermost first; `None` if they are not
    /// known.
    pub(super) fn resolve(
        &mut self,
        probe: u64,
        strings: &mut Strings,
        out: &mut Vec<Symbol>,
    ) -> Option<NameOfFunction> {
        let answer = self.answers.get_mut(&probe)?;
        answer.is_in_use = true;
        let mut intern = |text: &Option<Arc<str>>| text.as_deref().and_then(|t| strings.intern(t));
        out.extend(answer.functions.iter().map(|function| Symbol {
            name: intern(&function.name),
            file: intern(&function.file),
            line: function.line,
            column: function.column,
            inlined: function.inlined,
            is_nearest: false,
        }));
        Some(answer.name)
    }

    /// Takes note of the functions that were found at `probe`.
    pub(super) fn add(
        &mut self,
        probe: u64,
        name: NameOfFunction,
        found: &[Symbol],
        strings: &Strings,
    ) {
        if self.origin.is_none() {
            return;
        }
        let text = |id: Option<_>| id.map(|id| strings.shared(id));
        let functions = found.iter().map(|symbol| Function {
            name: text(symbol.name),
            file: text(symbol.file),
            line: symbol.line,
            column: symbol.column,
            inlined: symbol.inlined,
        });
        let functions = functions.collect();
        self.answers.insert(probe, Answer { functions, name, is_in_use: true });
        self.has_new = true;
    }

    /// Keeps what was found for other processes, if the files are still those that were opened.
    pub(super) fn keep(&mut self) {
        let Some(origin) = self.origin.as_ref().filter(|_| self.has_new) else { return };
        if origin.is_unchanged() {
            let encode = |answers: &_| content::encode(answers, &origin.identity);
            let content = encode(&self.answers).or_else(|| {
                // Too much: this process's may be few.
                self.answers.retain(|_, answer| answer.is_in_use);
                encode(&self.answers)
            });
            if let Some(content) = content {
                origin.cache.store(&origin.name, &content);
            }
        }
        self.has_new = false;
    }
}

impl Origin {
    fn of(cache: &SymbolCache, files: &Files) -> Option<Self> {
        let build_id = files.build_id.clone();
        if build_id.len() > LONGEST_ID {
            return None;
        }
        let (debug, alternate) = (files.debug.clone()?, files.alternate.clone());
        let mut name = String::new();
        build_id.iter().try_for_each(|byte| write!(name, "{byte:02x}")).ok()?;
        if build_id.is_empty() {
            let found = std::fs::metadata(&debug).ok()?;
            name = std::format!("inode-{:x}-{:x}", found.dev(), found.ino());
        }
        // Several builds of the program keep theirs beside each other.
        write!(name, ".{:08x}", crc32fast::hash(cache.reader().as_bytes())).ok()?;
        let identity = String::new();
        let origin = Self { cache: cache.clone(), name, debug, alternate, build_id, identity };
        Some(Self { identity: origin.identity_now()?, ..origin })
    }

    fn is_unchanged(&self) -> bool {
        self.identity_now().as_ref() == Some(&self.identity)
    }

    fn identity_now(&self) -> Option<String> {
        let debug = stamp(&self.debug)?;
        let inode = match self.build_id.as_slice() {
            [] => stamp_of_inode(&self.debug)?,
            _ => String::new(),
        };
        let alternate = match &self.alternate {
            Some(path) => stamp(path)?,
            None => String::new(),
        };
        let (reader, id) = (self.cache.reader(), &self.build_id);
        Some(std::format!("{reader}\n{id:02x?}\n{debug}\n{inode}\n{alternate}"))
    }
}

/// Changes with a file's content.
fn stamp(path: &Path) -> Option<String> {
    let found = std::fs::metadata(path).ok()?;
    Some(std::format!("{} {}.{:09}", found.len(), found.mtime(), found.mtime_nsec()))
}

/// Changes with everything that is done to a file or put in its place: nobody sets the time of an
/// inode's change.
fn stamp_of_inode(path: &Path) -> Option<String> {
    let found = std::fs::metadata(path).ok()?;
    let inode = (found.dev(), found.ino());
    Some(std::format!("{inode:x?} {}.{:09}", found.ctime(), found.ctime_nsec()))
}

#[cfg(test)]
mod tests;
