//! pprof's `profile.proto`, for the command and for the program itself.
//!
//! ```text
//!  stacks ─▶ Locations ─▶ Encoder: samples and the tables that they refer to
//! ```
//!
//! Messages are encoded as they come, and strings behind them: readers take fields in any order.
//! Ids begin at 1 and have no gaps; strings begin with the empty one, as 0.

mod locations;
mod message;
#[cfg(not(feature = "preload"))]
mod of_profile;
#[cfg(not(feature = "preload"))]
mod samples;
#[cfg(not(feature = "preload"))]
mod unnamed;

use std::collections::hash_map::Entry;
use std::io::{self, Write};
use std::string::String;
use std::vec::Vec;

use crate::symbolize::FixedMap;

use message::Message;

pub use locations::{Frames, Locations, of_one_address};
#[cfg(not(feature = "preload"))]
pub(crate) use of_profile::{Named, name_program};
#[cfg(not(feature = "preload"))]
pub(crate) use samples::{Metric, Stacks, Totals, head, write};
#[cfg(not(feature = "preload"))]
pub(crate) use unnamed::Unnamed;

/// Field numbers of `Profile`.
mod field {
    pub(super) const SAMPLE_TYPE: u32 = 1;
    pub(super) const SAMPLE: u32 = 2;
    pub(super) const MAPPING: u32 = 3;
    pub(super) const LOCATION: u32 = 4;
    pub(super) const FUNCTION: u32 = 5;
    pub(super) const STRING: u32 = 6;
    pub(super) const TIME_NANOS: u32 = 9;
    pub(super) const DURATION_NANOS: u32 = 10;
    pub(super) const PERIOD_TYPE: u32 = 11;
    pub(super) const PERIOD: u32 = 12;
    pub(super) const COMMENT: u32 = 13;
    pub(super) const DEFAULT_SAMPLE_TYPE: u32 = 14;
}

/// A part of an object file in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mapping<'a> {
    /// First address; the kind of addresses is that of locations.
    pub start: u64,
    /// One past the last address; 0: not known.
    pub limit: u64,
    /// The start's place in the file.
    pub offset: u64,
    /// Path of the file.
    pub path: &'a str,
    /// GNU build id; empty: not known.
    pub build_id: &'a [u8],
    /// The profile has the names, files, lines and inlined functions of its code.
    pub is_named: bool,
}

/// A function at a location.
#[derive(Debug, Clone, Copy, Default)]
pub struct Line {
    /// Of [`Encoder::function`].
    pub function: u64,
    /// Counted from 1; 0: not known.
    pub line: u32,
    /// Counted from 1; 0: not known.
    pub column: u32,
}

/// A profile on its way into bytes.
#[derive(Debug)]
pub struct Encoder {
    /// Encoded and not written yet.
    body: Message,
    /// Bytes that were written.
    written: usize,
    /// Used again and again.
    sample: Message,
    strings: FixedMap<String, u64>,
    /// In their order.
    texts: Vec<String>,
    text_bytes: usize,
    /// By name and file.
    functions: FixedMap<(u64, u64), u64>,
    mappings: FixedMap<(u64, u64), u64>,
    locations: u64,
}

impl Default for Encoder {
    fn default() -> Self {
        let mut encoder = Self {
            body: Message::default(),
            written: 0,
            sample: Message::default(),
            strings: FixedMap::default(),
            texts: Vec::new(),
            text_bytes: 0,
            functions: FixedMap::default(),
            mappings: FixedMap::default(),
            locations: 0,
        };
        encoder.text("");
        encoder
    }
}

impl Encoder {
    /// The number of a string, each of which is there once.
    fn text(&mut self, text: &str) -> u64 {
        if let Some(&id) = self.strings.get(text) {
            return id;
        }
        let id = self.texts.len() as u64;
        self.texts.push(text.into());
        self.strings.insert(text.into(), id);
        // With its tag and its length.
        self.text_bytes += text.len() + 4;
        id
    }

    /// Adds a number that each sample has.
    pub fn sample_type(&mut self, name: &str, unit: &str) {
        let kind = self.value_type(name, unit);
        self.body.message(field::SAMPLE_TYPE, &kind);
    }

    /// Names the number that readers show first.
    pub fn default_sample_type(&mut self, name: &str) {
        let name = self.text(name);
        self.body.number(field::DEFAULT_SAMPLE_TYPE, name);
    }

    /// Says that samples were taken each so many bytes.
    pub fn period(&mut self, bytes: u64) {
        let kind = self.value_type("space", "bytes");
        self.body.message(field::PERIOD_TYPE, &kind);
        self.body.number(field::PERIOD, signed(bytes));
    }

    /// Says when the profile was taken, in nanoseconds since 1970 (0: not said), and the time that
    /// its totals are of, in nanoseconds.
    pub fn times(&mut self, time: u64, duration: u64) {
        self.body.number(field::TIME_NANOS, signed(time));
        self.body.number(field::DURATION_NANOS, signed(duration));
    }

    /// Adds a line that `pprof -comments` prints.
    pub fn comment(&mut self, comment: &str) {
        let comment = self.text(comment);
        self.body.number(field::COMMENT, comment);
    }

    /// The id of a mapping. Of those with one path and start, the first is kept. The first mapping
    /// of all is the program for pprof.
    pub fn mapping(&mut self, mapping: Mapping<'_>) -> u64 {
        let path = self.text(mapping.path);
        let next = self.mappings.len() as u64 + 1;
        match self.mappings.entry((path, mapping.start)) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(new) => new.insert(next),
        };
        let build_id: String =
            mapping.build_id.iter().map(|byte| std::format!("{byte:02x}")).collect();
        let mut message = Message::default();
        message.number(1, next);
        message.number(2, mapping.start);
        message.number(3, mapping.limit);
        message.number(4, mapping.offset);
        message.number(5, path);
        message.number(6, self.text(&build_id));
        if mapping.is_named {
            // Readers need not look for names, files, lines and inlined functions.
            (7..=10).for_each(|flag| message.number(flag, 1));
        }
        self.body.message(field::MAPPING, &message);
        next
    }

    /// The id of a function.
    pub fn function(&mut self, name: &str, file: &str) -> u64 {
        let key = (self.text(name), self.text(file));
        let next = self.functions.len() as u64 + 1;
        match self.functions.entry(key) {
            Entry::Occupied(known) => return *known.get(),
            Entry::Vacant(new) => new.insert(next),
        };
        let mut message = Message::default();
        message.number(1, next);
        // Without the linker's name: `go tool pprof` takes a name that equals it for one of C++,
        // and leaves out what is in angle brackets.
        message.number(2, key.0);
        message.number(4, key.1);
        self.body.message(field::FUNCTION, &message);
        next
    }

    /// The id of a new location: an address and the functions there, innermost first. 0 for a
    /// mapping that is not known, and for no address.
    pub fn location(&mut self, mapping: u64, address: u64, lines: &[Line]) -> u64 {
        self.locations += 1;
        let mut message = Message::default();
        message.number(1, self.locations);
        message.number(2, mapping);
        message.number(3, address);
        for line in lines {
            let mut inner = Message::default();
            inner.number(1, line.function);
            inner.number(2, line.line.into());
            inner.number(3, line.column.into());
            message.message(4, &inner);
        }
        self.body.message(field::LOCATION, &message);
        self.locations
    }

    /// Adds a sample: its stack's locations, innermost first, a number of each type, and labels. A
    /// number above the largest signed one becomes that one: readers take them for signed.
    pub fn sample(&mut self, locations: &[u64], numbers: &[u64], labels: &[(&str, &str)]) {
        let mut sample = std::mem::take(&mut self.sample);
        sample.packed(1, locations.iter().copied());
        sample.packed(2, numbers.iter().map(|&number| signed(number)));
        for (key, value) in labels {
            let mut label = Message::default();
            label.number(1, self.text(key));
            label.number(2, self.text(value));
            sample.message(3, &label);
        }
        self.body.message(field::SAMPLE, &sample);
        sample.clear();
        self.sample = sample;
    }

    /// Writes what is encoded so far, so that it takes no memory any more.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn flush_to(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.written += self.body.len();
        self.body.move_to(out)
    }

    /// The profile's length so far, at most.
    #[cfg(not(feature = "preload"))]
    fn length(&self) -> usize {
        self.written + self.body.len() + self.text_bytes
    }

    /// Writes the rest.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(mut self, out: &mut dyn Write) -> io::Result<()> {
        self.flush_to(out)?;
        for text in &self.texts {
            self.body.bytes(field::STRING, text.as_bytes());
            self.body.move_to(out)?;
        }
        Ok(())
    }

    /// `ValueType`
    fn value_type(&mut self, name: &str, unit: &str) -> Message {
        let mut message = Message::default();
        message.number(1, self.text(name));
        message.number(2, self.text(unit));
        message
    }
}

/// `number`, at most the largest that a signed one can be.
fn signed(number: u64) -> u64 {
    number.min(i64::MAX as u64)
}
