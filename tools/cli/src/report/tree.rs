//! `--tree`: the stacks as a call tree, from the outermost frame inward; inverted, from the
//! allocating function outward.

mod trim;

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::dhat_file::{Document, Numbers};
use crate::units::{Percent, Share};

use super::rows::Rows;
use super::sort::Sort;

/// Levels that are shown. Readers of JSON give up on more, and no profile has them.
const MOST_LEVELS: u32 = 256;

/// The choices that a tree is made by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    /// From the allocating function outward.
    pub(crate) inverted: bool,
    /// Functions with less of the whole are folded into one line.
    pub(crate) least: Percent,
}

/// A function below its callers, or above what it calls.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The frame; the root has none.
    pub(super) frame: u32,
    /// The sums over the stacks through the node, and their number.
    pub(super) numbers: Numbers,
    pub(super) stacks: u64,
    /// The sums over the stacks that end here.
    pub(super) own: Numbers,
    level: u32,
    children: Vec<u32>,
}

/// Stacks that share frames.
pub(super) struct Tree<'r, 'd> {
    pub(super) rows: &'r Rows<'d>,
    pub(super) sort: Sort,
    pub(super) whole: Numbers,
    pub(super) shape: Shape,
    nodes: Vec<Node>,
}

/// The node above all.
pub(super) const ROOT: u32 = 0;

/// The lines below a node.
pub(super) struct Below {
    /// Those with the most first.
    pub(super) nodes: Vec<u32>,
    /// The stacks that end at the node have enough to be shown beside these.
    pub(super) has_own: bool,
    pub(super) folded: Option<Folded>,
}

/// The nodes that are not shown one by one.
#[derive(Debug, Default)]
pub(super) struct Folded {
    pub(super) count: u64,
    pub(super) numbers: Numbers,
}

impl<'r, 'd> Tree<'r, 'd> {
    pub(super) fn new(
        document: &Document,
        rows: &'r Rows<'d>,
        sort: Sort,
        shape: Shape,
        whole_stacks: bool,
    ) -> Self {
        let mut tree =
            Self { rows, sort, whole: Numbers::default(), shape, nodes: vec![Node::default()] };
        let mut known = HashMap::new();
        for site in &document.sites {
            if sort.part(document, &site.numbers) == 0 {
                continue;
            }
            let mut stack =
                if whole_stacks { site.stack.clone() } else { trim::trimmed(rows, &site.stack) };
            if !shape.inverted {
                stack.reverse();
            }
            tree.add(&stack, &site.numbers, &mut known);
        }
        tree.whole = tree.nodes[ROOT as usize].numbers;
        tree.order();
        tree
    }

    /// Adds a stack, `known`: the node of each frame below a node.
    fn add(&mut self, stack: &[u32], numbers: &Numbers, known: &mut HashMap<(u32, u32), u32>) {
        let mut node = ROOT;
        self.count(node, numbers);
        for &frame in stack {
            let frame = self.rows.same(frame);
            let next = self.nodes.len() as u32;
            let child = *known.entry((node, frame)).or_insert(next);
            if child == next {
                let level = self.node(node).level + 1;
                self.nodes.push(Node { frame, level, ..Node::default() });
                self.nodes[node as usize].children.push(child);
            }
            node = child;
            self.count(node, numbers);
        }
        self.nodes[node as usize].own.add(numbers);
    }

    fn count(&mut self, node: u32, numbers: &Numbers) {
        let node = &mut self.nodes[node as usize];
        node.numbers.add(numbers);
        node.stacks += 1;
    }

    /// Puts children with the most first; equal ones stay in the order of the document.
    fn order(&mut self) {
        let keys: Vec<_> = self.nodes.iter().map(|node| self.sort.key(&node.numbers)).collect();
        for node in &mut self.nodes {
            node.children.sort_by_key(|&child| (Reverse(keys[child as usize]), child));
        }
    }

    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    /// The part of the whole that `numbers` have.
    pub(super) fn share(&self, numbers: &Numbers) -> Share {
        Share { part: self.sort.key(numbers), whole: self.sort.key(&self.whole) }
    }

    fn is_shown(&self, numbers: &Numbers) -> bool {
        let Share { part, whole } = self.share(numbers);
        part > 0 && part as f64 * 100.0 >= whole as f64 * self.shape.least.0
    }

    /// The lines below a node.
    pub(super) fn below(&self, node: u32) -> Below {
        let node = self.node(node);
        let fits = node.level < MOST_LEVELS;
        let is_shown = |&&child: &&u32| fits && self.is_shown(&self.node(child).numbers);
        let nodes: Vec<u32> = node.children.iter().filter(is_shown).copied().collect();
        // Children are in the order of their numbers.
        let rest = node.children.get(nodes.len()..).unwrap_or_default();
        let mut folded = Folded::default();
        for &child in rest {
            folded.count += 1;
            folded.numbers.add(&self.node(child).numbers);
        }
        Below {
            has_own: !node.children.is_empty() && self.is_shown(&node.own),
            nodes,
            folded: Some(folded).filter(|folded| folded.count > 0),
        }
    }
}

#[cfg(test)]
mod tests;
