//! Functions and frames of all documents, each once.

use std::collections::HashMap;

use crate::dhat_file::{Document, Frame, Location};
use crate::origin::{Judge, Origin};

use super::crates;
use super::strings::Strings;

/// A function. Without a name, it is known by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Function {
    /// Number of its name.
    pub(super) name: u32,
    /// Number of its crate's name.
    pub(super) of_crate: Option<u32>,
    pub(super) origin: Origin,
}

/// A place in a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// Number of the function.
    pub(super) function: u32,
    /// Number of the file's or module's name.
    pub(super) file: Option<u32>,
    /// Line in the file, counted from 1; 0: not known, or `file` is a module.
    pub(super) line: u32,
}

/// Names, functions and frames.
#[derive(Debug, Default)]
pub(super) struct Names<'d> {
    pub(super) strings: Strings<'d>,
    pub(super) functions: Vec<Function>,
    /// Frames that differ for a reader; of several documents, those whose functions differ.
    pub(super) frames: Vec<Place>,
    /// For each document, the number in `frames` of each of its frames.
    pub(super) of_documents: Vec<Vec<u32>>,
}

impl<'d> Names<'d> {
    pub(super) fn of(documents: &[&'d Document]) -> Self {
        let mut names = Self::default();
        let mut known = Known::default();
        names.of_documents = vec![Vec::new(); documents.len()];
        // The last one's place holds.
        for (index, document) in documents.iter().enumerate().rev() {
            let judge = Judge::new(document);
            let add = |text: &'d String| names.frame(&mut known, text, &judge, documents.len() > 1);
            let ids = document.frames.iter().map(add).collect();
            names.of_documents[index] = ids;
        }
        names
    }

    fn frame(
        &mut self,
        known: &mut Known<'d>,
        text: &'d str,
        judge: &Judge<'_>,
        by_function: bool,
    ) -> u32 {
        let frame = Frame::parse(text);
        let function = self.function(known, &frame, judge);
        let (file, line) = match frame.location {
            Location::Source { file, line, .. } => (Some(self.strings.id(file)), line),
            Location::Module(path) => (Some(self.strings.id(path)), 0),
            Location::Unknown => (None, 0),
        };
        let place = Place { function, file, line };
        let key = if by_function { Place { file: None, line: 0, ..place } } else { place };
        *known.frames.entry(key).or_insert_with(|| {
            self.frames.push(place);
            self.frames.len() as u32 - 1
        })
    }

    fn function(&mut self, known: &mut Known<'d>, frame: &Frame<'d>, judge: &Judge<'_>) -> u32 {
        let name = frame.function.or(frame.address).unwrap_or(frame.text);
        // Addresses of several modules may be equal.
        let module = match (frame.function, frame.location) {
            (None, Location::Module(path)) => path,
            _ => "",
        };
        *known.functions.entry((name, module)).or_insert_with(|| {
            let of_crate = crates::name(frame).map(|name| self.strings.id(name));
            let name = self.strings.id(name);
            self.functions.push(Function { name, of_crate, origin: judge.origin(frame) });
            self.functions.len() as u32 - 1
        })
    }
}

#[derive(Debug, Default)]
struct Known<'d> {
    functions: HashMap<(&'d str, &'d str), u32>,
    frames: HashMap<Place, u32>,
}
