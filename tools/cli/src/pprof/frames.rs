//! A document's frames, whose texts are taken apart.

use mod_alloc::recording::model::Module;
use mod_alloc::report::pprof::{self, Encoder, Line, Mapping};

use crate::dhat_file::{Document, Frame, Location};

/// The frames of a document.
#[derive(Debug)]
pub(super) struct Frames<'d> {
    frames: Vec<Frame<'d>>,
    modules: &'d [Module],
    /// Path of the program.
    program: Option<&'d str>,
}

impl<'d> Frames<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        let word = document.command.split_whitespace().next();
        Self {
            frames: document.frames.iter().map(|text| Frame::parse(text)).collect(),
            modules: &document.extras.modules,
            program: document.extras.executable.as_deref().or(word),
        }
    }

    /// Names the program, whose mapping is to be the first of all.
    pub(super) fn name_program(&self, encoder: &mut Encoder) {
        if let Some(program) = self.program {
            self.module(program, encoder);
        }
    }

    /// The group's name, if the frame is one.
    pub(super) fn group(&self, frame: u32) -> Option<&'d str> {
        let text = self.frames.get(frame as usize)?.text;
        text.strip_prefix("[group: ")?.strip_suffix(']')
    }

    /// The mapping of the module at `path`.
    fn module(&self, path: &str, encoder: &mut Encoder) -> u64 {
        let module = self.modules.iter().find(|module| module.path.as_os_str() == path);
        let range = module.and_then(linked).unwrap_or_default();
        encoder.mapping(Mapping {
            start: range.start,
            limit: range.end,
            path,
            build_id: module.map(|module| module.build_id.as_slice()).unwrap_or_default(),
            is_named: true,
            ..Mapping::default()
        })
    }

    fn only_module_with(&self, address: u64) -> Option<&Module> {
        let holds = |module: &&Module| linked(module).is_some_and(|range| range.contains(&address));
        let mut holding = self.modules.iter().filter(holds);
        holding.next().filter(|_| holding.next().is_none())
    }
}

impl pprof::Frames for Frames<'_> {
    fn address(&self, frame: u32) -> Option<u64> {
        parse_address(self.frames[frame as usize].address?)
    }

    /// By the module that a frame names, else by the address, if only one module can hold it.
    fn mapping(&self, frames: &[u32], encoder: &mut Encoder) -> u64 {
        let named = frames.iter().find_map(|&frame| match self.frames[frame as usize].location {
            Location::Module(path) => Some(path),
            _ => None,
        });
        if let Some(path) = named {
            return self.module(path, encoder);
        }
        let address = frames.iter().find_map(|&frame| self.address(frame));
        let module = address.and_then(|address| self.only_module_with(address));
        module.map_or(0, |module| self.module(&module.path.to_string_lossy(), encoder))
    }

    /// Code without a name has no line.
    fn line(&self, frame: u32, encoder: &mut Encoder) -> Option<Line> {
        let frame = &self.frames[frame as usize];
        if frame.function.is_none() && !frame.is_remark() {
            return None;
        }
        let (file, line, column) = match frame.location {
            Location::Source { file, line, column } => (file, line, column),
            _ => ("", 0, 0),
        };
        let function = encoder.function(frame.function.unwrap_or(frame.text), file);
        Some(Line { function, line, column })
    }
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
