//! Named stacks as pprof's: addresses are those of the files.

use std::string::String;
use std::vec::Vec;

use crate::recording::model::{Module, Recording};
use crate::report::{FrameRef, Profile};

use super::{Encoder, Frames, Line, Locations, Mapping, Stacks, Totals};

/// The stacks of a profile.
pub(crate) struct Named<'p> {
    profile: &'p Profile,
    locations: Locations,
}

impl<'p> Named<'p> {
    pub(crate) fn new(profile: &'p Profile) -> Self {
        Self { profile, locations: Locations::default() }
    }
}

impl Stacks for Named<'_> {
    fn totals(&self) -> impl Iterator<Item = Totals> {
        self.profile.stacks().map(|stack| Totals::of(stack.counters()))
    }

    fn locations(
        &mut self,
        index: usize,
        encoder: &mut Encoder,
        ids: &mut Vec<u64>,
    ) -> Option<&str> {
        let profile = self.profile;
        let stack = profile.stack(index)?.frame_ids();
        self.locations.of_stack(stack, &OfProfile(profile), encoder, ids);
        profile.frame(*stack.last()?)?.group()
    }
}

struct OfProfile<'p>(&'p Profile);

impl OfProfile<'_> {
    fn code(&self, frame: u32) -> Option<FrameRef<'_>> {
        self.0.frame(frame).filter(|frame| frame.note().is_none() && frame.group().is_none())
    }
}

impl Frames for OfProfile<'_> {
    fn address(&self, frame: u32) -> Option<u64> {
        self.code(frame).map(|frame| frame.address())
    }

    fn mapping(&self, frames: &[u32], encoder: &mut Encoder) -> u64 {
        let module = frames.iter().find_map(|&frame| self.code(frame)?.module());
        module.map_or(0, |module| encoder.mapping(as_linked(module, &path(module))))
    }

    fn line(&self, frame: u32, encoder: &mut Encoder) -> Option<Line> {
        let frame = self.0.frame(frame)?;
        let remark = frame.note().map(String::from);
        let remark = remark.or_else(|| frame.group().map(|group| std::format!("[group: {group}]")));
        if let Some(remark) = remark {
            return Some(Line { function: encoder.function(&remark, ""), ..Line::default() });
        }
        let name = frame.function().or(frame.nearest_function())?;
        let function = encoder.function(name, frame.short_file().unwrap_or_default());
        let (line, column) = (frame.line().unwrap_or(0), frame.column().unwrap_or(0));
        Some(Line { function, line, column })
    }
}

/// Names the program, whose mapping is to be the first of all.
pub(crate) fn name_program(recording: &Recording, encoder: &mut Encoder) {
    let modules = &recording.modules;
    let program = modules.iter().find(|module| module.path == recording.executable);
    if let Some(program) = program.or(modules.first()) {
        encoder.mapping(as_linked(program, &path(program)));
    }
}

/// A module whose code the profile names, at the addresses that it was linked for.
fn as_linked<'a>(module: &'a Module, path: &'a str) -> Mapping<'a> {
    let start = module.start.saturating_sub(module.bias);
    let limit = module.end.saturating_sub(module.bias);
    Mapping { start, limit, offset: 0, path, build_id: &module.build_id, is_named: true }
}

pub(super) fn path(module: &Module) -> String {
    module.path.to_string_lossy().into_owned()
}
