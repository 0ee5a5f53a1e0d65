//! The tree as nested objects.

use serde::Serialize;

use super::json::{FrameEntry, Sums, frame, sums};
use super::tree::{Folded, ROOT, Tree};

/// The tree as it is written.
#[derive(Serialize)]
pub(super) struct TreeEntry<'d> {
    sort: &'static str,
    inverted: bool,
    min_share: f64,
    #[serde(flatten)]
    below: Below<'d>,
}

#[derive(Serialize)]
struct NodeEntry<'d> {
    #[serde(flatten)]
    numbers: Sums,
    /// Of the whole, 0 to 1; `None` if the whole is 0.
    share: Option<f64>,
    stacks: u64,
    /// Those of stacks that end here.
    own: Sums,
    frame: FrameEntry<'d>,
    #[serde(flatten)]
    below: Below<'d>,
}

#[derive(Serialize)]
struct Below<'d> {
    children: Vec<NodeEntry<'d>>,
    more: Option<MoreEntry>,
}

#[derive(Serialize)]
struct MoreEntry {
    count: u64,
    #[serde(flatten)]
    numbers: Sums,
}

impl<'d> TreeEntry<'d> {
    /// `knows_frees`: all numbers are known, not the totals alone.
    pub(super) fn new(tree: &Tree<'_, 'd>, knows_frees: bool) -> Self {
        Self {
            sort: tree.sort.word(),
            inverted: tree.shape.inverted,
            min_share: tree.shape.least.0 / 100.0,
            below: below(tree, ROOT, knows_frees),
        }
    }
}

fn below<'d>(tree: &Tree<'_, 'd>, node: u32, knows_frees: bool) -> Below<'d> {
    let shown = tree.below(node);
    let entry = |&child: &u32| {
        let node = tree.node(child);
        let (part, whole) = (tree.sort.key(&node.numbers), tree.sort.key(&tree.whole));
        NodeEntry {
            numbers: sums(&node.numbers, knows_frees),
            share: (whole > 0).then(|| part as f64 / whole as f64),
            stacks: node.stacks,
            own: sums(&node.own, knows_frees),
            frame: frame(&tree.rows.by_id(node.frame), false),
            below: below(tree, child, knows_frees),
        }
    };
    let more =
        |Folded { count, numbers }| MoreEntry { count, numbers: sums(&numbers, knows_frees) };
    Below { children: shown.nodes.iter().map(entry).collect(), more: shown.folded.map(more) }
}
