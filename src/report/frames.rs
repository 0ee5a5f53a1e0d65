//! Frames as readers see them, each kept once.

use std::vec::Vec;

use crate::recording::model::Module;
use crate::symbolize::{FixedMap, Place, StringId, Strings, Symbol};

use super::kind::Function;
use super::merge::Stacks;
use super::options::Form;
use super::paths::{last_three, shorten};

/// A frame's content.
#[derive(Debug, Clone, Copy)]
pub(super) enum Frame {
    /// A function at an address, or an address without a function (all of `symbol` empty).
    Code { place: Place, symbol: Symbol },
    /// A remark where frames are missing.
    Note(&'static str),
    /// Outermost: the group whose allocations these are.
    Group(StringId),
}

/// The part of a frame that is written. Two frames that are written alike are one frame, because
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
    pub(super) form: Form,
    pub(super) frames: Vec<Frame>,
    pub(super) strings: Strings,
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

    /// The facts by which [`super::kind`] judges the frame.
    pub(super) fn function<'a>(&'a self, id: u32, modules: &'a [Module]) -> Function<'a> {
        let Some(&Frame::Code { place, symbol }) = self.frames.get(id as usize) else {
            return Function::default();
        };
        let text = |id| self.strings.get(id);
        let module = place.module.and_then(|module| modules.get(module as usize));
        let file_name = module.and_then(|module| module.path.file_name()?.to_str());
        Function {
            // The nearest function's name says nothing of this one.
            name: symbol.name.filter(|_| !symbol.is_nearest).map(text),
            file: symbol.file.map_or("", text),
            module: file_name.unwrap_or(""),
        }
    }
}

/// The address as the process saw it.
pub(super) fn loaded(place: Place, modules: &[Module]) -> u64 {
    let module = place.module.and_then(|module| modules.get(module as usize));
    place.address.wrapping_add(module.map_or(0, |module| module.bias))
}
