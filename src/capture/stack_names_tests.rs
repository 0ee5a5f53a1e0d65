//! Names of stacks for tests.

use crate::capture::stack::{Base, Names};

/// Names stacks as the frame table does, and counts how often it is asked.
#[derive(Default)]
pub(super) struct Table {
    nodes: std::collections::HashMap<(u32, u64), u32>,
    outward: std::collections::HashMap<u32, (u32, u64)>,
    paths: [u32; 16],
    pub(super) asked: usize,
}

impl Table {
    /// The name of a stack that has these pcs, outermost first.
    pub(super) fn name(&mut self, pcs: &[u64]) -> u32 {
        pcs.iter().fold(self.root(Base::Complete), |outer, pc| self.inward(outer, *pc))
    }
}

impl Names for Table {
    fn inward(&mut self, outer: u32, pc: u64) -> u32 {
        self.asked += 1;
        let next = self.nodes.len() as u32 + 2;
        let node = *self.nodes.entry((outer, pc)).or_insert(next);
        self.outward.insert(node, (outer, pc));
        node
    }

    fn recall(&self, outer: u32, trail: u64) -> Option<u32> {
        // Few places, so that most of what is found there is something else.
        Some(self.paths[(u64::from(outer) ^ trail) as usize % self.paths.len()])
    }

    fn outward(&self, node: u32, pc: u64) -> Option<u32> {
        let (outer, own_pc) = *self.outward.get(&node)?;
        (own_pc == pc).then_some(outer)
    }

    fn remember(&mut self, outer: u32, trail: u64, node: u32) {
        self.paths[(u64::from(outer) ^ trail) as usize % self.paths.len()] = node;
    }

    fn root(&self, base: Base) -> u32 {
        u32::from(base == Base::Complete)
    }
}
