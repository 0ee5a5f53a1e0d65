//! Stacks whose frames the collector names: addresses as the process has them, and the parts of
//! files that are mapped there, by build id.

use std::string::String;
use std::vec::Vec;

use crate::recording::model::{Module, ROOT_COMPLETE, ROOTS, Recording, Site};

use super::of_profile::path;
use super::{Encoder, Line, Mapping, Stacks, Totals};

/// A part of a file in memory that has code, as the kernel lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mapped {
    start: u64,
    end: u64,
    offset: u64,
    path: String,
}

/// The stacks of a recording.
pub(crate) struct Unnamed<'r> {
    recording: &'r Recording,
    /// By start.
    mapped: Vec<Mapped>,
    /// The locations of the recording's frames; 0: not encoded yet.
    locations: Vec<u64>,
}

impl<'r> Unnamed<'r> {
    /// `maps`: the kernel's list of the process's mappings.
    pub(crate) fn new(recording: &'r Recording, maps: &str) -> Self {
        let mapped = maps.lines().filter_map(mapped).collect();
        Self { recording, mapped, locations: std::vec![0; recording.frames.len()] }
    }

    fn location(&mut self, node: usize, encoder: &mut Encoder) -> u64 {
        let recording = self.recording;
        let Some(frame) = recording.frames.get(node) else { return 0 };
        // Collectors look up the address as it is: that of the call, not of what comes after it.
        let address = frame.address.saturating_sub(1);
        let is_there = |module: &&Module| {
            let (first, last) = module.generations;
            (module.start..module.end).contains(&address)
                && (first..=last).contains(&frame.generation)
        };
        let module = recording.modules.iter().find(is_there);
        let mapping = module.map_or(0, |module| self.mapping(module, address, encoder));
        encoder.location(mapping, address, &[])
    }

    /// The mapping of an address in `module`. That of a module that is gone is guessed: its file
    /// from the beginning on.
    pub(crate) fn mapping(&self, module: &Module, address: u64, encoder: &mut Encoder) -> u64 {
        let file = path(module);
        let after = self.mapped.partition_point(|mapped| mapped.start <= address);
        let mapped = after.checked_sub(1).and_then(|at| self.mapped.get(at));
        let mapped = mapped.filter(|mapped| address < mapped.end && mapped.path == file);
        let (start, limit, offset) = match mapped {
            Some(mapped) => (mapped.start, mapped.end, mapped.offset),
            None => (module.start, module.end, 0),
        };
        let build_id = &module.build_id;
        encoder.mapping(Mapping { start, limit, offset, path: &file, build_id, is_named: false })
    }

    /// The program's mapping, which is to be the first of all.
    pub(crate) fn name_program(&self, encoder: &mut Encoder) {
        let modules = &self.recording.modules;
        let program = modules.iter().find(|module| module.path == self.recording.executable);
        let Some(program) = program.or(modules.first()) else { return };
        let file = path(program);
        let is_code = |mapped: &&Mapped| mapped.path == file;
        let code = self.mapped.iter().find(is_code).map_or(program.start, |mapped| mapped.start);
        self.mapping(program, code, encoder);
    }
}

impl Stacks for Unnamed<'_> {
    fn totals(&self) -> impl Iterator<Item = Totals> {
        self.recording.sites.iter().map(|site| Totals::of(&site.counters))
    }

    fn locations(
        &mut self,
        index: usize,
        encoder: &mut Encoder,
        ids: &mut Vec<u64>,
    ) -> Option<&str> {
        let recording = self.recording;
        let &Site { frame, .. } = recording.sites.get(index)?;
        let (mut at, mut group) = (frame, None);
        while at as usize >= ROOTS {
            let Some(node) = recording.frames.get(at as usize) else { break };
            if let Some(index) = node.group.checked_sub(1) {
                // The outermost counts.
                group = recording.groups.get(index as usize);
            } else {
                let known = self.locations.get(at as usize).copied().unwrap_or(0);
                let id = if known == 0 { self.location(at as usize, encoder) } else { known };
                if let Some(known) = self.locations.get_mut(at as usize) {
                    *known = id;
                }
                ids.push(id);
            }
            // A parent that is not further out would make this walk endless.
            if node.parent >= at {
                break;
            }
            at = node.parent;
        }
        if ids.is_empty() || at != ROOT_COMPLETE {
            let remark = encoder.function("[stack ends here]", "");
            let known = self.locations.first().copied().unwrap_or(0);
            let line = Line { function: remark, ..Line::default() };
            let id = if known == 0 { encoder.location(0, 0, &[line]) } else { known };
            if let Some(known) = self.locations.first_mut() {
                *known = id;
            }
            ids.push(id);
        }
        group.map(|group| group.name.as_str()).filter(|name| !name.is_empty())
    }
}

/// A line of the kernel's list, if it is of a file's code.
fn mapped(line: &str) -> Option<Mapped> {
    let (range, rest) = line.split_once(' ')?;
    let (start, end) = range.split_once('-')?;
    let mut words = rest.splitn(5, ' ');
    let (rights, offset) = (words.next()?, words.next()?);
    let path = words.nth(2)?.trim_start();
    let number = |text| u64::from_str_radix(text, 16).ok();
    if !rights.contains('x') || !path.starts_with('/') {
        return None;
    }
    let (start, end, offset) = (number(start)?, number(end)?, number(offset)?);
    Some(Mapped { start, end, offset, path: path.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_of_files_is_found_in_the_kernel_s_list() {
        let code = mapped("00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a b");
        let expected = Mapped {
            start: 0x40_0000,
            end: 0x45_2000,
            offset: 0x1000,
            path: "/usr/bin/a b".into(),
        };
        assert_eq!(code, Some(expected));
        for other in [
            "00651000-00652000 r--p 00051000 08:02 173521      /usr/bin/a",
            "7ffd0a5e1000-7ffd0a602000 r-xp 00000000 00:00 0   [vdso]",
            "7ffd0a5e1000-7ffd0a602000 rwxp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(mapped(other), None, "{other}");
        }
    }
}
