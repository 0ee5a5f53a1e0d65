//! The frames of a document, looked at once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::Hash;

use crate::dhat_file::{Document, Frame, Location, Site};
use crate::origin::{
    Judge, Origin, calls_the_allocator, generic_name, hands_a_block_on, is_entrance,
};

/// A frame with its owner.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TellingFrame<'d> {
    pub(crate) frame: Frame<'d>,
    pub(crate) origin: Origin,
    /// A function that allocates for its callers: rows are named after those.
    pub(crate) is_wrapper: bool,
}

/// The document's frames. Functions and places have numbers: the index of the first frame with
/// them.
#[derive(Debug)]
pub(crate) struct Frames<'d> {
    pub(super) document: &'d Document,
    pub(super) frames: Vec<Looked<'d>>,
}

/// A frame, and facts that are asked for each stack that has it.
#[derive(Debug)]
pub(super) struct Looked<'d> {
    pub(super) telling: TellingFrame<'d>,
    /// The function without the arguments of its generics; of unnamed code the frame itself.
    pub(super) function: Cow<'d, str>,
    pub(super) function_id: u32,
    /// Frames that a reader cannot tell apart have one number: the address does not count where
    /// there is anything better.
    pub(super) place_id: u32,
    /// Everything that this function calls is the allocator.
    pub(super) calls_the_allocator: bool,
    /// A function with a name that is not the allocator's own.
    pub(super) has_telling_name: bool,
    /// It makes one block and hands it on, or is there to allocate.
    pub(super) is_direct: bool,
    /// The code is in the program's own files.
    pub(super) is_own_place: bool,
}

impl<'d> Frames<'d> {
    pub(crate) fn new(document: &'d Document) -> Self {
        let judge = Judge::new(document);
        let (mut functions, mut places) = (HashMap::new(), HashMap::new());
        let look = |(index, text): (usize, &'d String)| {
            let frame = Frame::parse(text);
            let origin = judge.origin(&frame);
            let function = frame.function.map_or(Cow::Borrowed(frame.text), generic_name);
            let name = frame.function.unwrap_or_default();
            let function_id = *functions.entry(function.clone()).or_insert(index as u32);
            let place_id = *places.entry(said(&frame)).or_insert(index as u32);
            let is_direct = match origin {
                Origin::Plumbing | Origin::Own => true,
                Origin::Standard => hands_a_block_on(name),
                Origin::Library | Origin::Remark => false,
            };
            Looked {
                telling: TellingFrame { frame, origin, is_wrapper: false },
                calls_the_allocator: calls_the_allocator(name),
                has_telling_name: frame.function.is_some_and(|name| !is_entrance(name)),
                is_own_place: judge.is_own_place(&frame),
                function,
                function_id,
                place_id,
                is_direct,
            }
        };
        Self { document, frames: document.frames.iter().enumerate().map(look).collect() }
    }

    pub(super) fn looked(&self, id: u32) -> &Looked<'d> {
        &self.frames[id as usize]
    }

    /// The number of innermost frames of `site` that are called by a function known to be the
    /// allocator's entrance: all of them are the allocator, the program's own too.
    pub(super) fn allocator_depth(&self, site: &Site) -> usize {
        let entrance = |&id: &u32| self.looked(id).calls_the_allocator;
        site.stack.iter().rposition(entrance).map_or(0, |index| index + 1)
    }
}

/// The part of a frame that a reader sees.
fn said<'d>(frame: &Frame<'d>) -> impl Hash + Eq + 'd + use<'d> {
    let place = match frame.location {
        Location::Source { file, line, .. } => (file, line),
        Location::Module(path) => (path, 0),
        Location::Unknown => ("", 0),
    };
    // Without a name, the address is all there is.
    let name = frame.function.or(frame.address).unwrap_or(frame.text);
    (name, place)
}
