//! The tables that samples refer to: locations, functions, mappings, strings.
//!
//! Ids begin at 1 and have no gaps; strings begin with the empty one, as 0.

use std::collections::HashMap;
use std::io::{self, Write};

use mod_alloc::recording::model::Module;

use crate::dhat_file::{Document, Frame, Location};

use super::message::Message;

/// Field numbers of `Profile`.
mod field {
    pub(super) const MAPPING: u32 = 3;
    pub(super) const LOCATION: u32 = 4;
    pub(super) const FUNCTION: u32 = 5;
    pub(super) const STRING: u32 = 6;
}

/// Texts, each once.
#[derive(Debug)]
pub(super) struct Strings {
    all: Vec<String>,
    ids: HashMap<String, u64>,
}

impl Strings {
    fn new() -> Self {
        let mut strings = Self { all: Vec::new(), ids: HashMap::new() };
        strings.id("");
        strings
    }

    pub(super) fn id(&mut self, text: &str) -> u64 {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = self.all.len() as u64;
        self.all.push(text.into());
        self.ids.insert(text.into(), id);
        id
    }
}

/// All tables. Locations are those that a sample has asked for.
#[derive(Debug)]
pub(super) struct Tables<'d> {
    pub(super) strings: Strings,
    frames: Vec<Frame<'d>>,
    modules: &'d [Module],
    /// Frames of one place in the code, innermost first: all but the last are inlined.
    locations: Vec<Vec<u32>>,
    location_ids: HashMap<Vec<u32>, u64>,
    /// Name and file.
    functions: HashMap<(u64, u64), u64>,
    function_list: Vec<(u64, u64)>,
    /// Path, and the module if it is known.
    mappings: HashMap<String, u64>,
    mapping_list: Vec<(String, Option<&'d Module>)>,
}

impl<'d> Tables<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        let mut tables = Self {
            strings: Strings::new(),
            frames: document.frames.iter().map(|text| Frame::parse(text)).collect(),
            modules: &document.extras.modules,
            locations: Vec::new(),
            location_ids: HashMap::new(),
            functions: HashMap::new(),
            function_list: Vec::new(),
            mappings: HashMap::new(),
            mapping_list: Vec::new(),
        };
        // The first mapping is the program for pprof.
        let word = document.command.split_whitespace().next();
        if let Some(program) = document.extras.executable.as_deref().or(word) {
            tables.mapping(program);
        }
        tables
    }

    /// Adds the ids of a stack's locations to `ids`, innermost first.
    pub(super) fn locations_of(&mut self, stack: &[u32], ids: &mut Vec<u64>) {
        let mut rest = stack;
        while let Some(length) = self.length_of_location(rest) {
            let (location, outward) = rest.split_at(length);
            ids.push(self.location(location));
            rest = outward;
        }
    }

    /// The frames at one address, from the innermost on. Where a function calls itself, the address
    /// is the same, and its first frame comes again.
    fn length_of_location(&self, stack: &[u32]) -> Option<usize> {
        let (&first, rest) = stack.split_first()?;
        let address = self.frames[first as usize].address;
        let belongs = |&&frame: &&u32| {
            address.is_some() && frame != first && self.frames[frame as usize].address == address
        };
        Some(1 + rest.iter().take_while(belongs).count())
    }

    fn location(&mut self, frames: &[u32]) -> u64 {
        if let Some(&id) = self.location_ids.get(frames) {
            return id;
        }
        self.locations.push(frames.to_vec());
        let id = self.locations.len() as u64;
        self.location_ids.insert(frames.to_vec(), id);
        id
    }

    /// The mapping of the module at `path`.
    fn mapping(&mut self, path: &str) -> u64 {
        if let Some(&id) = self.mappings.get(path) {
            return id;
        }
        let module = self.modules.iter().find(|module| module.path.as_os_str() == path);
        self.mapping_list.push((path.into(), module));
        let id = self.mapping_list.len() as u64;
        self.mappings.insert(path.into(), id);
        id
    }

    /// The mapping of a location: by the module that a frame names, else by the address, if only
    /// one module can hold it. 0 if it is not known.
    fn mapping_of(&mut self, frames: &[u32]) -> u64 {
        let frames = frames.iter().map(|&frame| self.frames[frame as usize]);
        let named = frames.clone().find_map(|frame| match frame.location {
            Location::Module(path) => Some(path.to_owned()),
            _ => None,
        });
        let address = frames.clone().find_map(|frame| parse_address(frame.address?));
        let path = named.or_else(|| self.only_module_with(address?));
        path.map_or(0, |path| self.mapping(&path))
    }

    fn only_module_with(&self, address: u64) -> Option<String> {
        let holds = |module: &&Module| linked(module).is_some_and(|range| range.contains(&address));
        let mut holding = self.modules.iter().filter(holds);
        let only = holding.next().filter(|_| holding.next().is_none())?;
        Some(only.path.to_string_lossy().into_owned())
    }

    fn function(&mut self, frame: &Frame<'_>) -> u64 {
        let file = match frame.location {
            Location::Source { file, .. } => file,
            _ => "",
        };
        let name = frame.function.unwrap_or(frame.text);
        let key = (self.strings.id(name), self.strings.id(file));
        *self.functions.entry(key).or_insert_with(|| {
            self.function_list.push(key);
            self.function_list.len() as u64
        })
    }

    /// Writes the tables, the strings last.
    pub(super) fn write(mut self, out: &mut dyn Write) -> io::Result<()> {
        for (id, frames) in (1..).zip(std::mem::take(&mut self.locations)) {
            let mut profile = Message::default();
            profile.message(field::LOCATION, &self.location_message(id, &frames));
            profile.write_to(out)?;
        }
        let mut profile = Message::default();
        for (id, (name, file)) in (1..).zip(&self.function_list) {
            profile.message(field::FUNCTION, &function_message(id, *name, *file));
        }
        for (id, (path, module)) in (1..).zip(std::mem::take(&mut self.mapping_list)) {
            profile.message(field::MAPPING, &self.mapping_message(id, &path, module));
        }
        profile.write_to(out)?;
        for text in &self.strings.all {
            let mut profile = Message::default();
            profile.bytes(field::STRING, text.as_bytes());
            profile.write_to(out)?;
        }
        Ok(())
    }

    fn location_message(&mut self, id: u64, frames: &[u32]) -> Message {
        let mut message = Message::default();
        message.number(1, id);
        message.number(2, self.mapping_of(frames));
        let address = frames.iter().find_map(|&frame| self.frames[frame as usize].address);
        message.number(3, address.and_then(parse_address).unwrap_or(0));
        for &frame in frames {
            let frame = self.frames[frame as usize];
            // Code without a name has no line: pprof shows its address and module.
            if frame.function.is_some() || frame.is_remark() {
                message.message(4, &self.line_message(&frame));
            }
        }
        message
    }

    fn line_message(&mut self, frame: &Frame<'_>) -> Message {
        let mut message = Message::default();
        message.number(1, self.function(frame));
        if let Location::Source { line, column, .. } = frame.location {
            message.number(2, line.into());
            message.number(3, column.into());
        }
        message
    }

    fn mapping_message(&mut self, id: u64, path: &str, module: Option<&Module>) -> Message {
        let mut message = Message::default();
        message.number(1, id);
        if let Some(range) = module.and_then(linked) {
            message.number(2, range.start);
            message.number(3, range.end);
        }
        message.number(5, self.strings.id(path));
        let build_id = module.map(|module| module.build_id.as_slice()).unwrap_or_default();
        let build_id: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        message.number(6, self.strings.id(&build_id));
        // Names, files, lines and inlined functions are in the profile: readers need not look for
        // them.
        (7..=10).for_each(|flag| message.number(flag, 1));
        message
    }
}

fn function_message(id: u64, name: u64, file: u64) -> Message {
    let mut message = Message::default();
    message.number(1, id);
    // Without the linker's name: `go tool pprof` takes a name that equals it for one of C++, and leaves
    // out what is in angle brackets.
    message.number(2, name);
    message.number(4, file);
    message
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
