//! Frames as readers see them, each kept once.

use std::fmt;
use std::path::Path;
use std::vec::Vec;

use crate::recording::model::Module;
use crate::symbolize::{FixedMap, Place, StringId, Strings, Symbol};

use super::Form;
use super::kind::{self, Function};
use super::merge::Stacks;
use super::paths::{last_three, shorten};

/// What a frame says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame {
    /// A function at an address, or an address without a function (all of `symbol` empty).
    Code { place: Place, symbol: Symbol },
    /// A remark where frames are missing.
    Note(&'static str),
    /// Outermost: the group whose allocations these are.
    Group(StringId),
}

/// What decides whether two frames are written alike: they are one frame then, because
/// readers know frames by their text. So a module counts only where its path is shown,
/// and of a file's path the part that is shown.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    InFile { address: u64, name: Option<StringId>, file: StringId, line: u32, column: u32 },
    InModule { address: u64, name: Option<StringId>, module: Option<StringId> },
    Note(&'static str),
    Group(StringId),
}

/// All distinct frames of a profile.
#[derive(Debug, Default)]
pub(super) struct FrameTable {
    form: Form,
    frames: Vec<Frame>,
    strings: Strings,
    ids: FixedMap<Key, u32>,
}

impl FrameTable {
    /// An empty table of frames that are written in that form.
    pub(super) fn new(form: Form) -> Self {
        Self { form, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// The strings that symbols name.
    pub(super) fn strings_mut(&mut self) -> &mut Strings {
        &mut self.strings
    }

    /// The id of the frame for `symbol` at `place`.
    pub(super) fn code(&mut self, place: Place, symbol: Symbol, modules: &[Module]) -> u32 {
        let name = symbol.name;
        let address = match self.form.has_dhat_frames() {
            true => loaded(place, modules),
            false => place.address,
        };
        let key = match self.shown_file(symbol) {
            Some(file) => {
                Key::InFile { address, name, file, line: symbol.line, column: symbol.column }
            }
            None => Key::InModule { address, name, module: self.module_path(place, modules) },
        };
        self.id(key, Frame::Code { place, symbol })
    }

    /// The id of a remark.
    pub(super) fn note(&mut self, text: &'static str) -> u32 {
        self.id(Key::Note(text), Frame::Note(text))
    }

    /// The id of a group's frame.
    pub(super) fn group(&mut self, name: &str) -> u32 {
        let Some(name) = self.strings.intern(name) else { return self.note("[group]") };
        self.id(Key::Group(name), Frame::Group(name))
    }

    fn shown_file(&mut self, symbol: Symbol) -> Option<StringId> {
        let full = self.strings.get(symbol.file?);
        let shown = match self.form.has_dhat_frames() {
            true => last_three(full),
            false => shorten(full),
        };
        if shown.len() == full.len() {
            return symbol.file;
        }
        let shown = std::string::String::from(shown);
        self.strings.intern(&shown)
    }

    fn module_path(&mut self, place: Place, modules: &[Module]) -> Option<StringId> {
        if self.form.has_dhat_frames() {
            return None; // not shown
        }
        let module = modules.get(place.module? as usize)?;
        self.strings.intern(&module.path.to_string_lossy())
    }

    fn id(&mut self, key: Key, frame: Frame) -> u32 {
        let next = u32::try_from(self.frames.len()).unwrap_or(u32::MAX);
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.frames.push(frame);
        }
        id
    }

    /// Forgets the frames that no stack has; the rest keep their order.
    pub(super) fn keep_those_of(&mut self, stacks: &mut Stacks) {
        let mut new_ids = std::vec![None; self.frames.len()];
        for &id in stacks.all_frame_ids() {
            new_ids[id as usize] = Some(0);
        }
        for (new, id) in (0_u32..).zip(new_ids.iter_mut().flatten()) {
            *id = new;
        }
        let mut old = new_ids.iter();
        self.frames.retain(|_| old.next().is_some_and(Option::is_some));
        self.ids = FixedMap::default();
        stacks.rename_frames(|id| new_ids[id as usize].unwrap_or(id));
    }

    /// What [`super::kind`] judges the frame by.
    pub(super) fn function<'a>(&'a self, id: u32, modules: &'a [Module]) -> Function<'a> {
        let Some(&Frame::Code { place, symbol }) = self.frames.get(id as usize) else {
            return Function::default();
        };
        let text = |id| self.strings.get(id);
        let module = place.module.and_then(|module| modules.get(module as usize));
        let file_name = module.and_then(|module| module.path.file_name()?.to_str());
        Function {
            name: symbol.name.map(text),
            file: symbol.file.map_or("", text),
            module: file_name.unwrap_or(""),
        }
    }
}

fn loaded(place: Place, modules: &[Module]) -> u64 {
    let module = place.module.and_then(|module| modules.get(module as usize));
    place.address.wrapping_add(module.map_or(0, |module| module.bias))
}

/// One frame of a [`Profile`](super::Profile). Its `Display` is the frame's line in a dhat
/// file: `0xADDRESS: function (file:line:column)`, or `(in module)` where no line is known.
#[derive(Clone, Copy)]
pub struct FrameRef<'p> {
    form: Form,
    frame: Frame,
    strings: &'p Strings,
    modules: &'p [Module],
}

impl<'p> FrameRef<'p> {
    /// `index` is below `table.len()`.
    pub(super) fn new(table: &'p FrameTable, modules: &'p [Module], index: usize) -> Self {
        Self { form: table.form, frame: table.frames[index], strings: &table.strings, modules }
    }

    /// The return address as linked: relative to the module's file, the same in every run.
    /// As loaded if the frame has no module. 0 for a remark.
    pub fn address(&self) -> u64 {
        match self.frame {
            Frame::Code { place, .. } => place.address,
            Frame::Note(_) | Frame::Group(_) => 0,
        }
    }

    /// The return address as the process saw it: the module's bias more than [`address`](Self::address).
    pub fn loaded_address(&self) -> u64 {
        match self.frame {
            Frame::Code { place, .. } => loaded(place, self.modules),
            Frame::Note(_) | Frame::Group(_) => 0,
        }
    }

    /// The module that holds the code; loaded addresses are its bias higher than
    /// [`address`](Self::address).
    pub fn module(&self) -> Option<&'p Module> {
        match self.frame {
            Frame::Code { place, .. } => self.modules.get(place.module? as usize),
            Frame::Note(_) | Frame::Group(_) => None,
        }
    }

    /// Index of [`module`](Self::module) in [`Run::modules`](super::Run::modules).
    pub fn module_index(&self) -> Option<usize> {
        match self.frame {
            Frame::Code { place, .. } => place.module.map(|module| module as usize),
            Frame::Note(_) | Frame::Group(_) => None,
        }
    }

    /// Demangled name of the function.
    pub fn function(&self) -> Option<&'p str> {
        self.symbol().name.map(|name| self.strings.get(name))
    }

    /// Path of the source file as the debug information has it.
    pub fn file(&self) -> Option<&'p Path> {
        self.full_file().map(Path::new)
    }

    /// The part of [`file`](Self::file) that is worth reading: where the standard library,
    /// a registry crate or a git checkout lies on the machine that built it is cut off.
    pub fn short_file(&self) -> Option<&'p str> {
        self.full_file().map(shorten)
    }

    /// Line, counted from 1.
    pub fn line(&self) -> Option<u32> {
        Some(self.symbol().line).filter(|&line| line > 0)
    }

    /// Column, counted from 1.
    pub fn column(&self) -> Option<u32> {
        Some(self.symbol().column).filter(|&column| column > 0)
    }

    /// Whether the function was inlined into the next frame outward.
    pub fn inlined(&self) -> bool {
        self.symbol().inlined
    }

    /// Whether the function belongs to a language's own library (Rust's, C's or C++'s) or to an
    /// allocator. What a reader looks for is the first frame that does not.
    pub fn is_library(&self) -> bool {
        let file_name = self.module().and_then(|module| module.path.file_name()?.to_str());
        kind::is_library_function(Function {
            name: self.function(),
            file: self.full_file().unwrap_or(""),
            module: file_name.unwrap_or(""),
        })
    }

    /// The text, if this is no code but a remark where frames are missing.
    pub fn note(&self) -> Option<&'static str> {
        match self.frame {
            Frame::Code { .. } | Frame::Group(_) => None,
            Frame::Note(text) => Some(text),
        }
    }

    /// The group's name, if this is no code but the group whose allocations these are.
    pub fn group(&self) -> Option<&'p str> {
        match self.frame {
            Frame::Code { .. } | Frame::Note(_) => None,
            Frame::Group(name) => Some(self.strings.get(name)),
        }
    }

    fn symbol(&self) -> Symbol {
        match self.frame {
            Frame::Code { symbol, .. } => symbol,
            Frame::Note(_) | Frame::Group(_) => Symbol::default(),
        }
    }

    fn full_file(&self) -> Option<&'p str> {
        self.symbol().file.map(|file| self.strings.get(file))
    }
}

impl fmt::Display for FrameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(note) = self.note() {
            return f.write_str(note);
        }
        if let Some(group) = self.group() {
            return write!(f, "[group: {group}]");
        }
        if self.form.has_dhat_frames() {
            return self.write_as_dhat(f);
        }
        write!(f, "{:#x}: {} (", self.address(), self.function().unwrap_or("???"))?;
        match self.short_file() {
            Some(file) => self.write_location(f, file)?,
            None => self.write_module(f)?,
        }
        f.write_str(")")
    }
}

impl FrameRef<'_> {
    /// As dhat-rs does, by its name for what users of [`crate::compat::dhat`] call.
    fn write_as_dhat(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.function().unwrap_or("???").replace("mod_alloc::dhat_compat::", "dhat::");
        let file = self.full_file().map_or("???", last_three);
        let Symbol { line, column, .. } = self.symbol();
        write!(f, "{:#x}: {name} ({file}:{line}:{column})", self.loaded_address())
    }

    fn write_location(&self, f: &mut fmt::Formatter<'_>, file: &str) -> fmt::Result {
        f.write_str(file)?;
        // Line 0 is written when only the column is known: readers take the first number
        // for the line.
        match (self.line(), self.column()) {
            (None, None) => Ok(()),
            (line, None) => write!(f, ":{}", line.unwrap_or(0)),
            (line, Some(column)) => write!(f, ":{}:{column}", line.unwrap_or(0)),
        }
    }

    fn write_module(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.module() {
            Some(module) => write!(f, "in {}", module.path.to_string_lossy()),
            None => f.write_str("in ???"),
        }
    }
}

impl fmt::Debug for FrameRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameRef({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;
    use std::vec;

    fn modules() -> Vec<Module> {
        let module = |path: &str| Module { path: path.into(), ..Module::default() };
        vec![module("/bin/app"), module("/lib/a.so"), module("/lib/a.so")]
    }

    fn symbol(table: &mut FrameTable, name: &str, file: &str, line: u32, column: u32) -> Symbol {
        let mut id = |text: &str| table.strings.intern(text).filter(|_| !text.is_empty());
        Symbol { name: id(name), file: id(file), line, column, inlined: false }
    }

    fn at(module: Option<u32>, address: u64) -> Place {
        Place { module, address }
    }

    fn shown(
        name: &str,
        file: &str,
        line: u32,
        column: u32,
        module: Option<u32>,
    ) -> std::string::String {
        let (mut table, modules) = (FrameTable::default(), modules());
        let symbol = symbol(&mut table, name, file, line, column);
        let id = table.code(at(module, 0x1234), symbol, &modules);
        FrameRef::new(&table, &modules, id as usize).to_string()
    }

    #[test]
    fn a_frame_is_written_with_what_is_known() {
        assert_eq!(shown("a::f", "/s/x.rs", 7, 9, Some(0)), "0x1234: a::f (/s/x.rs:7:9)");
        assert_eq!(shown("a::f", "/s/x.rs", 7, 0, Some(0)), "0x1234: a::f (/s/x.rs:7)");
        assert_eq!(shown("a::f", "/s/x.rs", 0, 0, Some(0)), "0x1234: a::f (/s/x.rs)");
        assert_eq!(shown("", "/s/x.rs", 7, 9, Some(0)), "0x1234: ??? (/s/x.rs:7:9)");
        assert_eq!(shown("f", "", 0, 0, Some(1)), "0x1234: f (in /lib/a.so)");
        assert_eq!(shown("", "", 0, 0, Some(1)), "0x1234: ??? (in /lib/a.so)");
        assert_eq!(shown("", "", 0, 0, None), "0x1234: ??? (in ???)");
    }

    #[test]
    fn frames_written_alike_are_one_frame() {
        let (mut table, modules) = (FrameTable::default(), modules());
        let here = symbol(&mut table, "f", "/rustc/abc/library/core/src/x.rs", 1, 2);
        let there = symbol(&mut table, "f", "/rustc/def/library/core/src/x.rs", 1, 2);
        let bare = symbol(&mut table, "f", "", 0, 0);
        let id = table.code(at(Some(0), 16), here, &modules);
        assert_eq!(table.code(at(Some(1), 16), there, &modules), id);
        let in_a = table.code(at(Some(1), 16), bare, &modules);
        assert_eq!(table.code(at(Some(2), 16), bare, &modules), in_a);
        assert_ne!(table.code(at(Some(0), 16), bare, &modules), in_a);
        assert_ne!(table.code(at(Some(0), 17), here, &modules), id);
    }

    #[test]
    fn every_frame_has_a_text_of_its_own() {
        let (mut table, modules) = (FrameTable::default(), modules());
        for (name, file, line, column) in [
            ("f", "x", 1, 1),
            ("f", "x", 1, 2),
            ("f", "x", 2, 1),
            ("g", "x", 1, 1),
            ("f", "y", 1, 1),
            ("f", "", 0, 0),
            ("", "", 0, 0),
        ] {
            let symbol = symbol(&mut table, name, file, line, column);
            table.code(at(Some(0), 32), symbol, &modules);
        }
        let mut texts: Vec<_> = (0..table.len())
            .map(|index| format!("{}", FrameRef::new(&table, &modules, index)))
            .collect();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), 7);
    }
}
