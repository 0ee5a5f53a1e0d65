//! Functions by their names alone: frames of one function are one.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::dhat_file::{Document, Frame, Location};
pub(super) use crate::report::index;
use crate::report::names::cut;

/// Code whose name and module are not known.
pub(super) const UNKNOWN: &str = "[unknown]";

/// Longest name, in characters. It may stand in many places.
const LONGEST: usize = 1000;

/// The names of a document's functions, each once; of very long ones the middle is left out.
#[derive(Debug)]
pub(super) struct Names<'d> {
    pub(super) all: Vec<Cow<'d, str>>,
    /// For each frame of the document, its function's index in `all`.
    pub(super) of_frame: Vec<u32>,
}

impl<'d> Names<'d> {
    pub(super) fn of(document: &'d Document) -> Self {
        let mut ids = HashMap::new();
        let mut all = Vec::new();
        let mut of_frame = Vec::with_capacity(document.frames.len());
        for text in &document.frames {
            let mut name = function(&Frame::parse(text));
            if name.len() > LONGEST {
                name = cut(&name, LONGEST).into();
            }
            let id = *ids.entry(name.clone()).or_insert_with(|| {
                all.push(name);
                index(all.len() - 1)
            });
            of_frame.push(id);
        }
        Self { all, of_frame }
    }
}

/// The name of a frame's function; of code without a name its module in brackets, as `perf` writes
/// it.
pub(super) fn function<'t>(frame: &Frame<'t>) -> Cow<'t, str> {
    match (frame.function, frame.location) {
        (Some(name), _) => name.into(),
        (None, Location::Module(path)) => format!("[{}]", file_name(path)).into(),
        (None, _) if frame.is_remark() && !frame.text.is_empty() => frame.text.into(),
        (None, _) => UNKNOWN.into(),
    }
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
