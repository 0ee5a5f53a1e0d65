//! One frame, as readers see it.

use std::fmt;
use std::path::Path;

use crate::recording::model::Module;
use crate::symbolize::{Place, Strings, Symbol};

use super::frames::{Frame, FrameTable, loaded};
use super::kind::{self, Function};
use super::options::Form;
use super::paths::{last_three, shorten};

/// One frame of a `Profile`. Its `Display` is the frame's line in a dhat
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
        self.place().map_or(0, |place| place.address)
    }

    /// The return address as the process saw it: the module's bias more than
    /// [`address`](Self::address).
    pub fn loaded_address(&self) -> u64 {
        self.place().map_or(0, |place| loaded(place, self.modules))
    }

    /// The module that holds the code; loaded addresses are its bias higher than
    /// [`address`](Self::address).
    pub fn module(&self) -> Option<&'p Module> {
        self.modules.get(self.module_index()?)
    }

    /// Index of [`module`](Self::module) in
    /// [`Recording::modules`](crate::recording::model::Recording::modules).
    pub fn module_index(&self) -> Option<usize> {
        Some(self.place()?.module? as usize)
    }

    /// Demangled name of the function.
    pub fn function(&self) -> Option<&'p str> {
        self.name(false)
    }

    /// A name for a function that has none of its own, as in stripped code: the nearest named
    /// function before it and the bytes to where it begins (`deflate+0x1b0`), or `sub_` and its
    /// address as linked. All of its code has the same. `None` if that is not known, too.
    pub fn nearest_function(&self) -> Option<&'p str> {
        self.name(true)
    }

    fn name(&self, is_nearest: bool) -> Option<&'p str> {
        let symbol = self.symbol();
        symbol.name.filter(|_| symbol.is_nearest == is_nearest).map(|name| self.strings.get(name))
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

    /// True if the function was inlined into the next frame outward.
    pub fn inlined(&self) -> bool {
        self.symbol().inlined
    }

    /// True if the function belongs to a language's own library (Rust's, C's or C++'s) or to an
    /// allocator. Readers look for the first frame that does not.
    pub fn is_library(&self) -> bool {
        let file_name = self.module().and_then(|module| module.path.file_name()?.to_str());
        kind::is_library_function(Function {
            name: self.function(),
            file: self.full_file().unwrap_or(""),
            module: file_name.unwrap_or(""),
        })
    }

    /// True if the function's source is that of a package which cargo has fetched.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn is_dependency(&self) -> bool {
        let file = self.file().and_then(|file| file.to_str());
        // Paths that are the user's own are not shortened.
        !self.is_library() && file != self.short_file()
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

    fn place(&self) -> Option<Place> {
        match self.frame {
            Frame::Code { place, .. } => Some(place),
            Frame::Note(_) | Frame::Group(_) => None,
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
        let name = self.function().or(self.nearest_function()).unwrap_or("???");
        write!(f, "{:#x}: {name} (", self.address())?;
        match self.short_file() {
            Some(file) => self.write_location(f, file)?,
            None => self.write_module(f)?,
        }
        f.write_str(")")
    }
}

impl FrameRef<'_> {
    /// In dhat-rs's form, and by dhat-rs's names for functions of `dhat_compat`.
    fn write_as_dhat(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.function().unwrap_or("???").replace("mod_alloc::compat::dhat::", "dhat::");
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
mod tests;
