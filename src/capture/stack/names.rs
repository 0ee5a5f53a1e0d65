//! Names of a stack's frames in the call-site table.

use crate::capture::stack::Base;

/// A frame that has no node yet.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// Gives frames their nodes in the call-site table.
pub(crate) trait Names {
    /// The node of the frame with the return address `pc` inward of the node `outer`.
    fn inward(&mut self, outer: u32, pc: u64) -> u32;

    /// The node outward of all frames.
    fn root(&self, base: Base) -> u32;

    /// A node that may be the one that was [remembered](Self::remember) for this trail inward of
    /// `outer`.
    fn recall(&self, outer: u32, trail: u64) -> Option<u32>;

    /// The node outward of `node`, if that is one of a frame with the return address `pc`.
    fn outward(&self, node: u32, pc: u64) -> Option<u32>;

    /// `node` was reached by this trail inward of `outer`.
    fn remember(&mut self, outer: u32, trail: u64, node: u32);
}

/// Names nothing.
#[derive(Debug)]
pub(crate) struct NoNames;

impl Names for NoNames {
    #[inline(always)]
    fn inward(&mut self, _outer: u32, _pc: u64) -> u32 {
        NO_NODE
    }

    fn root(&self, _base: Base) -> u32 {
        NO_NODE
    }

    fn recall(&self, _outer: u32, _trail: u64) -> Option<u32> {
        None
    }

    fn outward(&self, _node: u32, _pc: u64) -> Option<u32> {
        None
    }

    fn remember(&mut self, _outer: u32, _trail: u64, _node: u32) {}
}
