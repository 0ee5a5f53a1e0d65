//! A document's frames, whose texts are taken apart.

use std::borrow::Cow;
use std::ops::Range;

use mod_alloc::recording::model::Module;
use mod_alloc::report::pprof::{self, Encoder, Line, Mapping};

use crate::dhat_file::{Document, Frame, Location};

/// The frames of a document.
#[derive(Debug)]
pub(crate) struct Frames<'d> {
    frames: Vec<Frame<'d>>,
    modules: &'d [Module],
    /// Path of the program.
    program: Option<&'d str>,
}

/// An object file that frames are in.
#[derive(Debug)]
pub(crate) struct Object<'d> {
    pub(crate) path: Cow<'d, str>,
    /// Its addresses as linked, as those of frames are; empty: not known.
    pub(crate) range: Range<u64>,
    /// GNU build id; empty: not known.
    pub(crate) build_id: &'d [u8],
}

/// A function of a location.
#[derive(Debug)]
pub(crate) struct Named<'d> {
    pub(crate) function: &'d str,
    /// The source file; empty: not known.
    pub(crate) file: &'d str,
    /// Counted from 1; 0: not known.
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl<'d> Frames<'d> {
    pub(crate) fn of(document: &'d Document) -> Self {
        Self {
            frames: document.frames.iter().map(|text| Frame::parse(text)).collect(),
            modules: &document.extras.modules,
            program: Some(document.program()).filter(|program| !program.is_empty()),
        }
    }

    /// Names the program, whose mapping is to be the first of all.
    pub(super) fn name_program(&self, encoder: &mut Encoder) {
        if let Some(program) = self.program() {
            mapping(&program, encoder);
        }
    }

    /// The group's name, if the frame is one.
    pub(crate) fn group(&self, frame: u32) -> Option<&'d str> {
        let text = self.frames.get(frame as usize)?.text;
        text.strip_prefix("[group: ")?.strip_suffix(']')
    }

    /// The program's file, if its path is known.
    pub(crate) fn program(&self) -> Option<Object<'d>> {
        self.program.map(|path| self.object(path.into()))
    }

    fn object(&self, path: Cow<'d, str>) -> Object<'d> {
        let module = self.modules.iter().find(|module| module.path.as_os_str() == &*path);
        let range = module.and_then(linked).unwrap_or_default();
        let build_id = module.map(|module| module.build_id.as_slice()).unwrap_or_default();
        Object { path, range, build_id }
    }

    /// The file that the frames of one location are in: by the module that a frame names, else by
    /// the address, if only one module can hold it.
    pub(crate) fn object_at(&self, frames: &[u32]) -> Option<Object<'d>> {
        let named = frames.iter().find_map(|&frame| match self.frames[frame as usize].location {
            Location::Module(path) => Some(path),
            _ => None,
        });
        if let Some(path) = named {
            return Some(self.object(path.into()));
        }
        let address = frames.iter().find_map(|&frame| self.address_of(frame))?;
        let module = self.only_module_with(address)?;
        Some(self.object(module.path.to_string_lossy()))
    }

    /// The frame's address; `None` if it is no code.
    pub(crate) fn address_of(&self, frame: u32) -> Option<u64> {
        parse_address(self.frames[frame as usize].address?)
    }

    /// The frame's function and line. `None`: code without a name.
    pub(crate) fn named(&self, frame: u32) -> Option<Named<'d>> {
        let frame = &self.frames[frame as usize];
        if frame.function.is_none() && !frame.is_remark() {
            return None;
        }
        let (file, line, column) = match frame.location {
            Location::Source { file, line, column } => (file, line, column),
            _ => ("", 0, 0),
        };
        Some(Named { function: frame.function.unwrap_or(frame.text), file, line, column })
    }

    fn only_module_with(&self, address: u64) -> Option<&'d Module> {
        let holds = |module: &&Module| linked(module).is_some_and(|range| range.contains(&address));
        let mut holding = self.modules.iter().filter(holds);
        holding.next().filter(|_| holding.next().is_none())
    }
}

impl pprof::Frames for Frames<'_> {
    fn address(&self, frame: u32) -> Option<u64> {
        self.address_of(frame)
    }

    fn mapping(&self, frames: &[u32], encoder: &mut Encoder) -> u64 {
        self.object_at(frames).map_or(0, |object| mapping(&object, encoder))
    }

    /// Code without a name has no line.
    fn line(&self, frame: u32, encoder: &mut Encoder) -> Option<Line> {
        let Named { function, file, line, column } = self.named(frame)?;
        Some(Line { function: encoder.function(function, file), line, column })
    }
}

fn mapping(object: &Object<'_>, encoder: &mut Encoder) -> u64 {
    encoder.mapping(Mapping {
        start: object.range.start,
        limit: object.range.end,
        path: &object.path,
        build_id: object.build_id,
        is_named: true,
        ..Mapping::default()
    })
}

/// The addresses of a module as linked, as those of frames are.
fn linked(module: &Module) -> Option<std::ops::Range<u64>> {
    let start = module.start.checked_sub(module.bias)?;
    let end = module.end.checked_sub(module.bias)?;
    (start < end).then_some(start..end)
}

fn parse_address(address: &str) -> Option<u64> {
    u64::from_str_radix(address.strip_prefix("0x")?, 16).ok()
}
