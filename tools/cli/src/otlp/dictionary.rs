//! The dictionary that all profiles share.

use std::collections::HashMap;
use std::hash::Hash;
use std::io;

use mod_alloc::report::pprof::of_one_address;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use opentelemetry_proto::tonic::profiles::v1development::{
    Function, KeyValueAndUnit, Line, Link, Location, Mapping, ProfilesDictionary, Stack,
};

use crate::pprof::{Frames, Object};

/// The build id of an object, by OpenTelemetry's semantic conventions.
const BUILD_ID: &str = "process.executable.build_id.gnu";

/// A location: its mapping, its address and its functions.
type Place = (i32, u64, Vec<Line>);

/// The entries so far. Each is there once.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    strings: Table<String>,
    mappings: Table<Mapping>,
    functions: Table<Function>,
    locations: Table<Place>,
    stacks: Table<Stack>,
    /// Keys, and values that are strings, by their places among the strings.
    attributes: Table<(i32, i32)>,
    /// The locations of frames of one address.
    of_frames: HashMap<Vec<u32>, i32>,
}

impl Dictionary {
    pub(super) fn text(&mut self, text: &str) -> io::Result<i32> {
        // Most are known: they are not copied.
        match self.strings.known.get(text) {
            Some(&index) => Ok(index),
            None => self.strings.index(text.to_owned()),
        }
    }

    pub(super) fn attribute(&mut self, key: &str, value: &str) -> io::Result<i32> {
        let attribute = (self.text(key)?, self.text(value)?);
        self.attributes.index(attribute)
    }

    /// The stack of these frames, innermost first.
    pub(super) fn stack(&mut self, stack: &[u32], frames: &Frames<'_>) -> io::Result<i32> {
        let at_each = of_one_address(stack, |frame| frames.address_of(frame));
        let locations = at_each.map(|at| self.location(at, frames));
        let location_indices = locations.collect::<io::Result<Vec<i32>>>()?;
        self.stacks.index(Stack { location_indices })
    }

    fn location(&mut self, at: &[u32], frames: &Frames<'_>) -> io::Result<i32> {
        if let Some(&known) = self.of_frames.get(at) {
            return Ok(known);
        }
        let mapping_index = match frames.object_at(at) {
            Some(object) => self.mapping(&object)?,
            None => 0,
        };
        let lines = at.iter().filter_map(|&frame| frames.named(frame)).map(|named| {
            let function = Function {
                name_strindex: self.text(named.function)?,
                filename_strindex: self.text(named.file)?,
                ..Function::default()
            };
            let function_index = self.functions.index(function)?;
            let (line, column) = (named.line.into(), named.column.into());
            Ok(Line { function_index, line, column })
        });
        let lines = lines.collect::<io::Result<Vec<Line>>>()?;
        let address = at.iter().find_map(|&frame| frames.address_of(frame)).unwrap_or(0);
        let index = self.locations.index((mapping_index, address, lines))?;
        self.of_frames.insert(at.to_vec(), index);
        Ok(index)
    }

    fn mapping(&mut self, object: &Object<'_>) -> io::Result<i32> {
        let build_id: String = object.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let attribute_indices = match build_id.is_empty() {
            true => Vec::new(),
            false => vec![self.attribute(BUILD_ID, &build_id)?],
        };
        let mapping = Mapping {
            memory_start: object.range.start,
            memory_limit: object.range.end,
            filename_strindex: self.text(&object.path)?,
            attribute_indices,
            ..Mapping::default()
        };
        self.mappings.index(mapping)
    }

    pub(super) fn into_message(self) -> ProfilesDictionary {
        let string_table = self.strings.entries;
        let attribute = |&(key, value): &(i32, i32)| {
            if (key, value) == (0, 0) {
                return KeyValueAndUnit::default();
            }
            let value = string_table.get(value as usize).cloned().unwrap_or_default();
            let value = AnyValue { value: Some(any_value::Value::StringValue(value)) };
            KeyValueAndUnit { key_strindex: key, value: Some(value), unit_strindex: 0 }
        };
        let location = |(mapping_index, address, lines): Place| Location {
            mapping_index,
            address,
            lines,
            ..Location::default()
        };
        ProfilesDictionary {
            attribute_table: self.attributes.entries.iter().map(attribute).collect(),
            mapping_table: self.mappings.entries,
            location_table: self.locations.entries.into_iter().map(location).collect(),
            function_table: self.functions.entries,
            stack_table: self.stacks.entries,
            // No sample is of a span; the entry of the zero value must be there all the same.
            link_table: vec![Link::default()],
            string_table,
        }
    }
}

/// Entries, each once. The first is the zero value: an index of 0 says that there is none.
#[derive(Debug)]
struct Table<T> {
    entries: Vec<T>,
    known: HashMap<T, i32>,
}

impl<T: Clone + Default + Eq + Hash> Default for Table<T> {
    fn default() -> Self {
        Self { entries: vec![T::default()], known: HashMap::from([(T::default(), 0)]) }
    }
}

impl<T: Clone + Eq + Hash> Table<T> {
    fn index(&mut self, entry: T) -> io::Result<i32> {
        if let Some(&index) = self.known.get(&entry) {
            return Ok(index);
        }
        let index = i32::try_from(self.entries.len());
        let index = index.map_err(|_| io::Error::other("OTLP has room for 2^31 entries"))?;
        self.entries.push(entry.clone());
        self.known.insert(entry, index);
        Ok(index)
    }
}
