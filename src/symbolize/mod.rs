//! From a return address to function names, files and lines.
//!
//! This is for the command `mod-alloc`, and no part of the crate's promise: it may change with any
//! version.
//!
//! A [`Symbolizer`] is made for one recording and asked about one return address
//! at a time. It answers with a [`Place`] (which module, which address as linked)
//! and one [`Symbol`] per function that was inlined there, innermost first.
//!
//! ```text
//!  address, generation ─▶ modules ─▶ module + linked address
//!                                       │ first address of a module
//!                                       ▼
//!                         locate ─▶ debug file, alternate file, object
//!                                       │
//!            dwarf (lines, inlines) ◀───┴───▶ symbol_table (a bare name)
//!                         └────────▶ names (demangling) ◀──────┘
//! ```
//!
//! With a [`SymbolCache`], `known` is asked before `dwarf`, and told of its answers.
//!
//! ```
//! use mod_alloc::recording::model::Recording;
//! use mod_alloc::symbolize::{Strings, Symbolizer};
//!
//! let recording = Recording::default(); // or from `recording::file`
//! let mut symbolizer = Symbolizer::new(&recording, &[]);
//! let (mut strings, mut functions) = (Strings::default(), Vec::new());
//! let place = symbolizer.resolve(0x1000, 0, &mut strings, &mut functions);
//! assert_eq!((place.module, functions.len()), (None, 0)); // nothing is mapped there
//! ```
//!
//! Every file read here is untrusted: missing, replaced, truncated and hostile
//! files cost the names, never the address. This code also runs in the traced
//! program's exit handlers: it starts no thread, prints nothing, takes no lock that
//! outlives a call, and needs no thread-local with a destructor.

#![forbid(unsafe_code)]

mod build;
mod c_library;
mod dwarf;
mod excerpt;
mod fetch;
mod known;
mod lines_at;
mod locate;
mod mini_debug_info;
mod modules;
mod names;
mod object_file;
mod own_allocator;
mod strings;
mod symbol;
mod symbol_cache;
mod symbol_table;
mod units_at;
mod unwind_ranges;

use std::borrow::Cow;
use std::boxed::Box;
use std::path::PathBuf;
use std::vec::Vec;

use crate::recording::model::{Module, Recording};

use c_library::is_c_library;
use dwarf::{Dwarf, NameOfFunction};
use known::Known;
use lines_at::LinesAt;
use locate::Search;
use modules::ModuleMap;
use names::Names;
use symbol_table::SymbolTable;
use unwind_ranges::UnwindRanges;

pub(crate) use build::{Build, build_of};
pub use fetch::Fetch;
#[cfg(feature = "dhat-compat")]
pub(crate) use object_file::has_section;
pub use object_file::has_unwind_tables;
pub use own_allocator::{Evidence, OwnAllocator, likely_allocator, own_allocator};
pub(crate) use strings::FixedMap;
pub use strings::{StringId, Strings};
pub use symbol::{Place, Symbol};
pub use symbol_cache::{Storage, SymbolCache};

/// Resolves the return addresses of one recording. Files are opened when the first
/// address of their module is asked for, and stay open until this is dropped.
pub struct Symbolizer<'r> {
    modules: ModuleMap<'r>,
    search: Search,
    cache: Option<SymbolCache>,
    objects: Vec<Option<Object>>,
    names: Names,
    /// By module, the linked addresses that will be asked for, in order; empty: not known.
    probes: Vec<Vec<u64>>,
}

/// A function that begins so far behind another one has nothing to do with it.
const FARTHEST: u64 = 8 * 1024;

/// One module's files and symbols.
struct Object {
    files: locate::Files,
    /// Functions at addresses that were looked up before, in other processes, too.
    known: Known,
    dwarf: Opened,
    /// Lines at the addresses that will be asked for; `None`: not looked up.
    lines: Option<LinesAt>,
    /// The functions at the addresses that will be asked for, as far as a full symbol table has
    /// them with their sizes.
    at_probes: SymbolTable,
    /// Read only once DWARF had no name for an address: most modules never need it.
    table: Option<SymbolTable>,
    /// Read only once nothing has a name for an address.
    ranges: Option<UnwindRanges>,
}

/// A module's debug information, opened once it is asked for.
enum Opened {
    NotYet,
    Done(Option<Box<Dwarf>>),
}

impl Opened {
    fn get(&mut self, files: &locate::Files) -> Option<&Dwarf> {
        if let Self::NotYet = self {
            let open = |path| Dwarf::open(path, files.alternate.as_deref());
            *self = Self::Done(files.debug.as_deref().and_then(open).map(Box::new));
        }
        match self {
            Self::Done(dwarf) => dwarf.as_deref(),
            Self::NotYet => None,
        }
    }
}

impl<'r> Symbolizer<'r> {
    /// A symbolizer for `recording`'s modules. `debug_dirs` are searched before
    /// `/usr/lib/debug`; each may hold `.build-id/xx/yyyy.debug` files, a copy of the
    /// file system's tree, or the files themselves.
    pub fn new(recording: &'r Recording, debug_dirs: &[PathBuf]) -> Self {
        Self {
            modules: ModuleMap::new(Cow::Borrowed(&recording.modules)),
            search: Search::new(recording, debug_dirs),
            cache: None,
            objects: recording.modules.iter().map(|_| None).collect(),
            names: Names::default(),
            probes: Vec::new(),
        }
    }

    /// A symbolizer for a process that is watched: it keeps the modules of `recording`, and can be
    /// [told of later readings](Symbolizer::update).
    pub fn watching(recording: &Recording, debug_dirs: &[PathBuf]) -> Symbolizer<'static> {
        Symbolizer {
            modules: ModuleMap::new(Cow::Owned(recording.modules.clone())),
            search: Search::new(recording, debug_dirs),
            cache: None,
            objects: recording.modules.iter().map(|_| None).collect(),
            names: Names::default(),
            probes: Vec::new(),
        }
    }

    /// Has `fetch` asked for debug files that are not on this machine.
    #[must_use]
    pub fn with_fetch(mut self, fetch: Option<Fetch>) -> Self {
        self.search.fetch_by(fetch);
        self
    }

    /// Has `cache` asked before debug files are. It is told what they say by
    /// [`keep`](Self::keep).
    #[must_use]
    pub fn with_cache(mut self, cache: Option<SymbolCache>) -> Self {
        self.cache = cache;
        self
    }

    /// Stores what was found in debug files, and was not there, in the cache.
    pub fn keep(&mut self) {
        self.objects.iter_mut().flatten().for_each(|object| object.known.keep());
    }

    /// The modules that addresses are looked up in.
    pub fn modules(&self) -> &[Module] {
        self.modules.modules()
    }

    /// Resolves the loaded return address `address` of a stack taken in module-list
    /// generation `generation`. Appends the functions there to `out`, innermost first;
    /// appends nothing if no name and no line is known.
    pub fn resolve(
        &mut self,
        address: u64,
        generation: u16,
        strings: &mut Strings,
        out: &mut Vec<Symbol>,
    ) -> Place {
        let Some((index, module)) = self.modules.find(address, generation) else {
            return Place { module: None, address };
        };
        let linked = address.wrapping_sub(module.bias);
        if let Some(slot) = self.objects.get_mut(index) {
            let probes = self.probes.get(index).map_or(&[][..], Vec::as_slice);
            let object = slot.get_or_insert_with(|| {
                Object::open(&self.search, self.cache.as_ref(), module, probes)
            });
            object.look_up(probes, strings);
            object.resolve(linked, &mut self.names, strings, out);
        }
        Place { module: u32::try_from(index).ok(), address: linked }
    }

    /// Announces return addresses that will be asked for, each with its generation, in the place of
    /// those before. Of a module's symbol table, as much is read as the addresses need that were
    /// announced when it was opened; in its debug information all those are looked up at once that
    /// are announced when the first of them is resolved.
    pub fn announce(&mut self, addresses: impl Iterator<Item = (u64, u16)>) {
        self.probes = self.modules().iter().map(|_| Vec::new()).collect();
        for (address, generation) in addresses {
            let Some((index, module)) = self.modules.find(address, generation) else { continue };
            let linked = address.wrapping_sub(module.bias);
            self.probes[index].push(linked.wrapping_sub(1));
        }
        for probes in &mut self.probes {
            probes.sort_unstable();
            probes.dedup();
        }
    }

    /// The mangled name of the function whose code holds an announced return address; `None` if the
    /// symbol table does not tell. Reads no debug information.
    pub fn raw_name(&mut self, address: u64, generation: u16) -> Option<&str> {
        let (index, module) = self.modules.find(address, generation)?;
        let (slot, probes) = (self.objects.get_mut(index)?, self.probes.get(index)?);
        let object = slot
            .get_or_insert_with(|| Object::open(&self.search, self.cache.as_ref(), module, probes));
        object.at_probes.containing(address.wrapping_sub(module.bias).wrapping_sub(1))
    }

    /// The function of [`raw_name`](Self::raw_name), without those that were inlined into it, and
    /// without file and line.
    pub fn bare(
        &mut self,
        address: u64,
        generation: u16,
        strings: &mut Strings,
    ) -> Option<(Place, Symbol)> {
        let raw = std::string::String::from(self.raw_name(address, generation)?);
        let name = Some(self.names.demangled(&raw, strings)?);
        let (index, module) = self.modules.find(address, generation)?;
        let linked = address.wrapping_sub(module.bias);
        let place = Place { module: u32::try_from(index).ok(), address: linked };
        Some((place, Symbol { name, ..Symbol::default() }))
    }
}

impl Symbolizer<'static> {
    /// Takes over the modules of a later reading of the same process; what is known of those that
    /// were there before is kept. Returns whether there was a change: then addresses that had no
    /// module may have one now.
    pub fn update(&mut self, recording: &Recording) -> bool {
        if self.modules() == recording.modules {
            return false;
        }
        let modules = &recording.modules;
        let known = self.modules().iter().zip(modules).take_while(|(old, new)| same_file(old, new));
        let known = known.count();
        self.objects.truncate(known);
        self.objects.resize_with(modules.len(), || None);
        self.modules = ModuleMap::new(Cow::Owned(modules.clone()));
        true
    }
}

/// True if an entry of the module list still stands for the same file: how long it was mapped is
/// the only thing about it that may change.
fn same_file(old: &Module, new: &Module) -> bool {
    old.path == new.path && old.build_id == new.build_id && old.bias == new.bias
}

impl Object {
    fn resolve(
        &mut self,
        linked: u64,
        names: &mut Names,
        strings: &mut Strings,
        out: &mut Vec<Symbol>,
    ) {
        // A return address is the instruction after the call, which may already belong to
        // the next line or, after a call that never returns, to the next function.
        let first = out.len();
        self.resolve_at(linked.wrapping_sub(1), names, strings, out);
        if out.len() == first && !self.ends_at(linked) {
            // No call precedes a function that the kernel has entered: a signal's return.
            self.resolve_at(linked, names, strings, out);
        }
        if out.len() == first
            && let Some(name) = self.nearest(linked.wrapping_sub(1), names, strings)
        {
            out.push(Symbol { name: Some(name), is_nearest: true, ..Symbol::default() });
        }
    }

    /// True if a function's last instruction is a call that returns to `linked`, if it does: what
    /// begins there is another one. The unwind tables' range of a function that the kernel enters
    /// begins one byte early, and has that byte alone before it.
    fn ends_at(&mut self, linked: u64) -> bool {
        let probe = linked.wrapping_sub(1);
        let range = self.ranges().containing(probe);
        range.is_some_and(|(start, end)| end == linked && start < probe)
    }

    fn ranges(&mut self) -> &UnwindRanges {
        let files = &self.files;
        self.ranges.get_or_insert_with(|| UnwindRanges::read_first(&files.with_symbols))
    }

    /// A name for the function without one that holds the linked address `probe`: the nearest
    /// function before it and the bytes from there to where it begins, `deflate+0x1b0`; or, far
    /// from any, its address, `sub_1b0`.
    fn nearest(
        &mut self,
        probe: u64,
        names: &mut Names,
        strings: &mut Strings,
    ) -> Option<StringId> {
        let (start, _) = self.ranges().containing(probe)?;
        let nearest = self.table().before(start).map(|(raw, from)| (raw.to_owned(), from));
        let nearest = nearest.filter(|(_, from)| start - from < FARTHEST);
        let text = match nearest {
            Some((raw, from)) => {
                let name = names.demangled(&raw, strings)?;
                let name = strings.get(name);
                std::format!("{}+{:#x}", names::without_parameters(name), start - from)
            }
            None => std::format!("sub_{start:x}"),
        };
        strings.intern(&text)
    }

    fn resolve_at(
        &mut self,
        probe: u64,
        names: &mut Names,
        strings: &mut Strings,
        out: &mut Vec<Symbol>,
    ) {
        let first = out.len();
        let known = self.lines.as_ref().and_then(|lines| lines.resolve(probe, out));
        let known = known.or_else(|| self.known.resolve(probe, strings, out));
        let name = known.unwrap_or_else(|| match self.dwarf.get(&self.files) {
            Some(dwarf) => {
                let name = dwarf.resolve(probe, names, strings, out);
                if !self.files.may_be_split {
                    self.known.add(probe, name, &out[first..], strings);
                }
                name
            }
            None => NameOfFunction::Missing,
        });
        if name == NameOfFunction::Whole {
            return;
        }
        if self.at_probes.containing(probe).is_none() {
            self.table();
        }
        let table = [Some(&self.at_probes), self.table.as_ref()].into_iter().flatten();
        if let Some(raw) = table.filter_map(|table| table.containing(probe)).next()
            && (name == NameOfFunction::Missing || names::is_mangled(raw))
        {
            let name = names.demangled(raw, strings);
            match out[first..].last_mut() {
                Some(physical) => physical.name = name,
                None => out.push(Symbol { name, ..Symbol::default() }),
            }
        }
    }

    fn open(search: &Search, cache: Option<&SymbolCache>, module: &Module, probes: &[u64]) -> Self {
        let mut files = search.files(module);
        let is_left_out = search.is_of_this_process() && is_c_library(&module.path);
        files.debug = files.debug.filter(|_| !is_left_out);
        let at_probes = match probes {
            [] => SymbolTable::default(),
            _ => SymbolTable::read_of(&files.with_symbols, probes),
        };
        let dwarf = Opened::NotYet;
        let known = Known::open(cache, &files);
        Self { files, known, dwarf, lines: None, at_probes, table: None, ranges: None }
    }

    /// Looks up the linked addresses `probes` in the debug information, once.
    fn look_up(&mut self, probes: &[u64], strings: &mut Strings) {
        // Parts that files share need both of them open.
        let is_alone = self.files.alternate.is_none();
        if probes.is_empty() || self.lines.is_some() || !is_alone {
            return;
        }
        let (path, known) = (self.files.debug.as_deref(), &mut self.known);
        let found = path.and_then(|path| LinesAt::look_up(path, probes, known, strings));
        self.lines = Some(found.unwrap_or_default());
    }

    fn table(&mut self) -> &SymbolTable {
        let files = &self.files;
        self.table.get_or_insert_with(|| SymbolTable::read_first(&files.with_symbols))
    }
}

impl std::fmt::Debug for Symbolizer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let opened = self.objects.iter().flatten().count();
        f.debug_struct("Symbolizer").field("opened", &opened).finish_non_exhaustive()
    }
}
