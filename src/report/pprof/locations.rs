//! From frames to locations: functions that were inlined at one address are one location.

use std::vec::Vec;

use crate::symbolize::FixedMap;

use super::{Encoder, Line};

/// The frames that stacks are made of, by their numbers.
pub trait Frames {
    /// The frame's address; `None` if it is no code.
    fn address(&self, frame: u32) -> Option<u64>;

    /// The id of the mapping that the frames of one location are in; 0: not known.
    fn mapping(&self, frames: &[u32], encoder: &mut Encoder) -> u64;

    /// The frame's function and line. `None`: pprof shows the address and the mapping.
    fn line(&self, frame: u32, encoder: &mut Encoder) -> Option<Line>;
}

/// The locations that samples have asked for.
#[derive(Debug, Default)]
pub struct Locations {
    /// By their frames.
    ids: FixedMap<Vec<u32>, u64>,
}

impl Locations {
    /// Adds the ids of a stack's locations to `ids`, innermost first.
    pub fn of_stack(
        &mut self,
        stack: &[u32],
        frames: &impl Frames,
        encoder: &mut Encoder,
        ids: &mut Vec<u64>,
    ) {
        for at in of_one_address(stack, |frame| frames.address(frame)) {
            ids.push(self.location(at, frames, encoder));
        }
    }

    fn location(&mut self, at: &[u32], frames: &impl Frames, encoder: &mut Encoder) -> u64 {
        if let Some(&id) = self.ids.get(at) {
            return id;
        }
        let mapping = frames.mapping(at, encoder);
        let address = at.iter().find_map(|&frame| frames.address(frame)).unwrap_or(0);
        let lines: Vec<Line> = at.iter().filter_map(|&frame| frames.line(frame, encoder)).collect();
        let id = encoder.location(mapping, address, &lines);
        self.ids.insert(at.to_vec(), id);
        id
    }
}

/// The parts of a stack, innermost first: in each, the frames of functions that were inlined at one
/// address.
pub fn of_one_address(
    stack: &[u32],
    address: impl Fn(u32) -> Option<u64>,
) -> impl Iterator<Item = &[u32]> {
    let mut rest = stack;
    core::iter::from_fn(move || {
        let (at, outward) = rest.split_at(length_of_location(rest, &address)?);
        rest = outward;
        Some(at)
    })
}

/// The number of frames at one address, from the innermost on. Where a function calls itself, the
/// address does not change, and its first frame comes again.
fn length_of_location(stack: &[u32], address_of: impl Fn(u32) -> Option<u64>) -> Option<usize> {
    let (&first, rest) = stack.split_first()?;
    let address = address_of(first);
    let belongs =
        |&&frame: &&u32| address.is_some() && frame != first && address_of(frame) == address;
    Some(1 + rest.iter().take_while(belongs).count())
}
