//! The stacks of all documents as one tree.

use mod_alloc::recording::model::SiteMoment;

use crate::dhat_file::{Document, Numbers, Site};

use super::names::Names;

/// A frame below its outer frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    /// The node's depth; those outermost have 0.
    pub(super) depth: u32,
    /// Number of the frame.
    pub(super) frame: u32,
}

/// A stack with numbers.
#[derive(Debug)]
pub(super) struct Leaf {
    /// One more than the number of the innermost frame's node; 0: a stack without frames.
    pub(super) node: u32,
    /// The numbers of each document, and how many recorded stacks they are the sums of.
    pub(super) numbers: Vec<(Numbers, u64)>,
    /// The moments, in a page of one document.
    pub(super) moments: Vec<SiteMoment>,
}

/// Nodes so that each one's inward frames follow it, and stacks in the order of their nodes.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) documents: usize,
    pub(super) nodes: Vec<Node>,
    pub(super) leaves: Vec<Leaf>,
}

/// A stack, by its document and its site.
#[derive(Clone, Copy)]
struct Stack<'d> {
    document: usize,
    site: &'d Site,
    ids: &'d [u32],
}

impl Stack<'_> {
    /// The frames, outermost first.
    fn frames(&self) -> impl Iterator<Item = u32> {
        self.site.stack.iter().rev().filter_map(|&index| self.ids.get(index as usize).copied())
    }
}

impl Tree {
    pub(super) fn of(documents: &[&Document], names: &Names<'_>) -> Self {
        let mut stacks: Vec<_> = (documents.iter().zip(&names.of_documents).enumerate())
            .flat_map(|(document, (it, ids))| {
                it.sites.iter().map(move |site| Stack { document, site, ids })
            })
            .collect();
        // With equal outer frames side by side, the order is that of a walk through the tree.
        stacks.sort_by(|a, b| a.frames().cmp(b.frames()));
        let mut tree = Self { documents: documents.len(), ..Self::default() };
        let mut last = Vec::new();
        for stack in stacks {
            tree.add(&stack, &mut last);
        }
        tree
    }

    /// `path`: the frames of the stack before, and their nodes.
    fn add(&mut self, stack: &Stack<'_>, path: &mut Vec<(u32, u32)>) {
        let same = path.iter().zip(stack.frames()).take_while(|((known, _), frame)| known == frame);
        let same = same.count();
        let is_known = path.len() == same && stack.frames().nth(same).is_none();
        path.truncate(same);
        for frame in stack.frames().skip(same) {
            path.push((frame, self.nodes.len() as u32));
            self.nodes.push(Node { depth: path.len() as u32 - 1, frame });
        }
        if !is_known || self.leaves.is_empty() {
            let node = path.last().map_or(0, |(_, node)| node + 1);
            let numbers = vec![(Numbers::default(), 0); self.documents];
            self.leaves.push(Leaf { node, numbers, moments: Vec::new() });
        }
        let documents = self.documents;
        if let Some(leaf) = self.leaves.last_mut() {
            let (numbers, merged) = &mut leaf.numbers[stack.document];
            numbers.add(&stack.site.numbers);
            *merged = merged.saturating_add(stack.site.merged.max(1));
            if documents == 1 {
                SiteMoment::add_up(&mut leaf.moments, &stack.site.moments);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dhat_file;

    fn document(stacks: &[&[u32]]) -> Document {
        let points =
            stacks.iter().map(|stack| serde_json::json!({ "tb": 10, "tbk": 1, "fs": stack }));
        let report = serde_json::json!({
            "dhatFileVersion": 2, "mode": "rust-heap", "verb": "Allocated", "bklt": false,
            "bkacc": false, "tu": "µs", "Mtu": "s", "cmd": "", "pid": 1, "te": 1,
            "pps": points.collect::<Vec<_>>(),
            "ftbl": ["[root]", "0x1: a (a.rs:1)", "0x2: b (b.rs:2)", "0x3: b (b.rs:3)", "0x4: b (b.rs:2)"],
        });
        dhat_file::read(report.to_string().as_bytes()).unwrap()
    }

    /// A stack's node, and of each document bytes and recorded stacks.
    type Shape = (u32, Vec<(u64, u64)>);

    /// Depth and frame of each node, then node, bytes and recorded stacks of each stack.
    fn shape(documents: &[&Document]) -> (Vec<(u32, u32)>, Vec<Shape>) {
        let tree = Tree::of(documents, &Names::of(documents));
        let nodes = tree.nodes.iter().map(|node| (node.depth, node.frame)).collect();
        let numbers = |leaf: &Leaf| {
            leaf.numbers.iter().map(|(numbers, merged)| (numbers.total_bytes, *merged)).collect()
        };
        (nodes, tree.leaves.iter().map(|leaf| (leaf.node, numbers(leaf))).collect())
    }

    #[test]
    fn outer_frames_are_shared_and_addresses_do_not_count() {
        let one = document(&[&[2, 1], &[4, 1], &[1], &[3, 1]]);
        let (nodes, leaves) = shape(&[&one]);
        assert_eq!(nodes, [(0, 1), (1, 2), (1, 3)]);
        assert_eq!(leaves, [(1, vec![(10, 1)]), (2, vec![(20, 2)]), (3, vec![(10, 1)])]);
    }

    #[test]
    fn of_two_documents_functions_alone_count() {
        let (before, after) = (document(&[&[2, 1], &[1]]), document(&[&[3, 1], &[]]));
        let (nodes, leaves) = shape(&[&before, &after]);
        assert_eq!(nodes.len(), 2);
        let expected =
            [(0, vec![(0, 0), (10, 1)]), (1, vec![(10, 1), (0, 0)]), (2, vec![(10, 1), (10, 1)])];
        assert_eq!(leaves, expected);
    }

    #[test]
    fn without_stacks_the_tree_is_empty() {
        assert_eq!(shape(&[&document(&[])]), (Vec::new(), Vec::new()));
    }
}
