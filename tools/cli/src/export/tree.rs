//! Stacks as a tree that grows from the outermost frame inward: what stacks share is there once.

use std::collections::HashMap;

use crate::dhat_file::{Document, Numbers};

use super::names::index;

/// The node above all stacks.
pub(super) const ROOT: u32 = 0;

/// Nodes as columns. A parent stands before its children.
#[derive(Debug)]
pub(super) struct Tree {
    /// The parent of each node; the root is its own.
    pub(super) parents: Vec<u32>,
    /// The key of each node; the root has none, and 0 here.
    pub(super) keys: Vec<u32>,
    /// The node of each stack's innermost frame, in the document's order.
    pub(super) leaves: Vec<u32>,
}

impl Tree {
    /// The stacks of `document`. `key` says which frames are the same.
    pub(super) fn of(document: &Document, key: impl Fn(u32) -> u32) -> Self {
        let mut growing = Growing::new();
        let leaves = document
            .sites
            .iter()
            .map(|site| growing.leaf(site.stack.iter().rev().map(|&frame| key(frame))));
        let leaves = leaves.collect();
        Self { parents: growing.parents, keys: growing.keys, leaves }
    }

    pub(super) fn len(&self) -> usize {
        self.parents.len()
    }

    /// The number of each node alone, without the nodes below it: the sum over the stacks that end
    /// there.
    pub(super) fn own(&self, document: &Document, number: impl Fn(&Numbers) -> u64) -> Vec<u128> {
        let mut own = vec![0_u128; self.len()];
        for (&leaf, site) in self.leaves.iter().zip(&document.sites) {
            own[leaf as usize] += u128::from(number(&site.numbers));
        }
        own
    }

    /// Adds to each node what the nodes below it have.
    pub(super) fn add_up(&self, mut own: Vec<u128>) -> Vec<u128> {
        for node in (1..own.len()).rev() {
            own[self.parents[node] as usize] += own[node];
        }
        own
    }

    /// The nodes from `node` out to the outermost frame.
    pub(super) fn outward(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let next = |&node: &u32| Some(self.parents[node as usize]).filter(|&up| up != ROOT);
        std::iter::successors(Some(node).filter(|&node| node != ROOT), next)
    }
}

struct Growing {
    parents: Vec<u32>,
    keys: Vec<u32>,
    children: HashMap<(u32, u32), u32>,
    /// The nodes of the last stack, outermost first: the next one shares most of them.
    path: Vec<u32>,
}

impl Growing {
    fn new() -> Self {
        let path = Vec::new();
        Self { parents: vec![ROOT], keys: vec![0], children: HashMap::new(), path }
    }

    /// The node of the innermost of `keys`, which begin at the outermost.
    fn leaf(&mut self, keys: impl Iterator<Item = u32>) -> u32 {
        let mut depth = 0;
        for key in keys {
            let known = self.path.get(depth).filter(|&&node| self.keys[node as usize] == key);
            if known.is_none() {
                self.path.truncate(depth);
                let parent = self.path.last().copied().unwrap_or(ROOT);
                let node = self.child(parent, key);
                self.path.push(node);
            }
            depth += 1;
        }
        self.path.truncate(depth);
        self.path.last().copied().unwrap_or(ROOT)
    }

    fn child(&mut self, parent: u32, key: u32) -> u32 {
        *self.children.entry((parent, key)).or_insert_with(|| {
            self.parents.push(parent);
            self.keys.push(key);
            index(self.parents.len() - 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhat_file::{Site, merge};

    fn document(stacks: &[&[u32]]) -> Document {
        let mut document = merge([]);
        let numbers = Numbers { total_bytes: 1, ..Numbers::default() };
        let site = |stack: &&[u32]| Site {
            numbers,
            stack: stack.to_vec(),
            merged: 1,
            moments: Vec::new(),
        };
        document.sites = stacks.iter().map(site).collect();
        document
    }

    #[test]
    fn what_stacks_share_is_there_once() {
        // Innermost first: 3 called 2 called 1.
        let document = document(&[&[1, 2, 3], &[3], &[], &[4, 2, 3], &[1, 2, 3]]);
        let tree = Tree::of(&document, |frame| frame);
        assert_eq!(tree.parents, [0, 0, 1, 2, 2]);
        assert_eq!(tree.keys, [0, 3, 2, 1, 4]);
        assert_eq!(tree.leaves, [3, 1, 0, 4, 3]);
        let own = tree.own(&document, |numbers| numbers.total_bytes);
        assert_eq!(own, [1, 1, 0, 2, 1]);
        assert_eq!(tree.add_up(own), [5, 4, 3, 2, 1]);
        assert_eq!(tree.outward(4).collect::<Vec<_>>(), [4, 2, 1]);
    }

    #[test]
    fn frames_of_one_key_are_one() {
        let document = document(&[&[1, 2], &[3, 4]]);
        assert_eq!(Tree::of(&document, |frame| frame % 2).len(), 3);
    }
}
