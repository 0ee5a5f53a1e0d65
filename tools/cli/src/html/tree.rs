//! The stacks of all documents as one tree.

use std::cmp::Ordering;

use crate::dhat_file::{Document, Numbers, Site, SiteMoment};

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
                add_moments(&mut leaf.moments, &stack.site.moments);
            }
        }
    }
}

/// Adds up the numbers of two stacks; each holds from its moment to the next.
fn add_moments(sum: &mut Vec<SiteMoment>, more: &[SiteMoment]) {
    if sum.is_empty() || more.is_empty() {
        sum.extend_from_slice(more);
        return;
    }
    let (a, b) = (std::mem::take(sum), more);
    let (mut i, mut j) = (0, 0);
    let (mut of_a, mut of_b) = (SiteMoment::default(), SiteMoment::default());
    while i < a.len() || j < b.len() {
        let order = match (a.get(i), b.get(j)) {
            (Some(one), Some(other)) => one.moment.cmp(&other.moment),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        if order.is_le() {
            of_a = a[i];
            i += 1;
        }
        if order.is_ge() {
            of_b = b[j];
            j += 1;
        }
        let numbers = std::array::from_fn(|k| of_a.numbers[k].saturating_add(of_b.numbers[k]));
        let mut both = SiteMoment::default();
        (both.moment, both.numbers) = (of_a.moment.max(of_b.moment), numbers);
        sum.push(both);
    }
}
