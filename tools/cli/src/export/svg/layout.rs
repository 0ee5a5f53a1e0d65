//! The places of frames in the picture.

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::dhat_file::{Document, Numbers};
use crate::export::metric::Metric;
use crate::export::names::{Names, index};
use crate::export::tree::{ROOT, Tree};

/// Width of the outermost frame, in pixels.
pub(super) const WIDTH: f64 = 1180.0;
/// Narrower frames are not drawn.
const NARROWEST: f64 = 1.0;
/// Most frames that are drawn: a picture of more is large, and no easier to read.
const MOST_FRAMES: usize = 5_000;
/// Most levels that are drawn.
pub(super) const MOST_LEVELS: u32 = 256;

/// A frame that is drawn.
#[derive(Debug)]
pub(super) struct Frame {
    /// Its function's number; `None`: all stacks together.
    pub(super) name: Option<u32>,
    /// Levels below the outermost frame.
    pub(super) level: u32,
    /// Pixels from the outermost frame's left edge.
    pub(super) left: f64,
    pub(super) width: f64,
    /// The metric of it and what it calls.
    pub(super) number: u128,
    /// The metric of the stacks that end here.
    pub(super) own: u128,
    /// The sums over its stacks.
    pub(super) numbers: Numbers,
}

/// The frames that are drawn, and what is said of the others.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) frames: Vec<Frame>,
    pub(super) total: u128,
    /// Frames that are narrower are not drawn.
    pub(super) narrowest: f64,
    pub(super) too_narrow: u64,
    pub(super) too_deep: u64,
}

impl Layout {
    pub(super) fn of(document: &Document, metric: Metric, tree: &Tree, names: &Names<'_>) -> Self {
        let own = tree.own(document, |numbers| metric.part(document, numbers));
        let sums = tree.add_up(own.clone());
        let mut layout = Choice::of(tree, &sums);
        let chosen = std::mem::take(&mut layout.chosen);
        let mut frames = placed(tree, names, &sums, &chosen);
        for (frame, node) in &mut frames {
            frame.own = own[*node as usize];
        }
        let mut frames: Vec<_> = frames.into_iter().collect();
        add_numbers(document, tree, &mut frames);
        Self {
            frames: frames.into_iter().map(|(frame, _)| frame).collect(),
            total: sums[ROOT as usize],
            narrowest: layout.narrowest,
            too_narrow: layout.too_narrow,
            too_deep: layout.too_deep,
        }
    }
}

/// The nodes that are drawn, in the tree's order, and how many are not.
#[derive(Debug)]
struct Choice {
    chosen: Vec<u32>,
    narrowest: f64,
    too_narrow: u64,
    too_deep: u64,
}

impl Choice {
    fn of(tree: &Tree, sums: &[u128]) -> Self {
        let levels = levels(tree);
        let total = sums[ROOT as usize];
        let counts = |&node: &u32| node != ROOT && sums[node as usize] > 0;
        let (near, deep): (Vec<u32>, Vec<u32>) = (0..index(tree.len()))
            .filter(counts)
            .partition(|&node| levels[node as usize] <= MOST_LEVELS);
        let mut widths: Vec<f64> = near.iter().map(|&n| width(sums[n as usize], total)).collect();
        widths.sort_by(|a, b| b.total_cmp(a));
        let limit = widths.get(MOST_FRAMES).map_or(NARROWEST, |&width| width.max(NARROWEST));
        // Frames as narrow as the first that has no room have none, too.
        let narrowest = if limit > NARROWEST { limit.next_up() } else { NARROWEST };
        let mut chosen = near.clone();
        chosen.retain(|&node| width(sums[node as usize], total) >= narrowest);
        let too_narrow = (near.len() - chosen.len()) as u64;
        if total > 0 {
            chosen.insert(0, ROOT);
        }
        Self { chosen, narrowest, too_narrow, too_deep: deep.len() as u64 }
    }
}

fn width(part: u128, total: u128) -> f64 {
    if total == 0 { 0.0 } else { part as f64 / total as f64 * WIDTH }
}

/// The distance of each node from the root.
fn levels(tree: &Tree) -> Vec<u32> {
    let mut levels = vec![0_u32; tree.len()];
    for node in 1..tree.len() {
        levels[node] = levels[tree.parents[node] as usize].saturating_add(1);
    }
    levels
}

/// The frames of the `chosen` nodes, which begin with the root: from left to right the largest
/// first.
fn placed(tree: &Tree, names: &Names<'_>, sums: &[u128], chosen: &[u32]) -> Vec<(Frame, u32)> {
    let name = |node: u32| &names.all[tree.keys[node as usize] as usize];
    let mut children = HashMap::<u32, Vec<u32>>::new();
    for &node in chosen.iter().filter(|&&node| node != ROOT) {
        children.entry(tree.parents[node as usize]).or_default().push(node);
    }
    let Some(&root) = chosen.first() else { return Vec::new() };
    let total = sums[root as usize];
    let mut placed = vec![(frame(None, 0, 0.0, total, total), root)];
    let mut next = 0;
    while let Some((above, node)) = placed.get(next) {
        let (mut left, level) = (above.left, above.level + 1);
        let mut below = children.remove(node).unwrap_or_default();
        below.sort_by_key(|&node| (Reverse(sums[node as usize]), name(node)));
        for node in below {
            let key = Some(tree.keys[node as usize]);
            let frame = frame(key, level, left, sums[node as usize], total);
            left += frame.width;
            placed.push((frame, node));
        }
        next += 1;
    }
    placed
}

fn frame(name: Option<u32>, level: u32, left: f64, number: u128, total: u128) -> Frame {
    let width = width(number, total);
    Frame { name, level, left, width, number, own: 0, numbers: Numbers::default() }
}

/// Adds up the numbers of each frame's stacks.
fn add_numbers(document: &Document, tree: &Tree, frames: &mut [(Frame, u32)]) {
    // For each node, its innermost ancestor that is drawn. A parent stands before its children.
    let mut drawn = vec![u32::MAX; tree.len()];
    for (position, (_, node)) in frames.iter().enumerate() {
        drawn[*node as usize] = index(position);
    }
    let parents: Vec<u32> =
        frames.iter().map(|(_, node)| drawn[tree.parents[*node as usize] as usize]).collect();
    for node in 1..tree.len() {
        if drawn[node] == u32::MAX {
            drawn[node] = drawn[tree.parents[node] as usize];
        }
    }
    for (&leaf, site) in tree.leaves.iter().zip(&document.sites) {
        if let Some((frame, _)) = frames.get_mut(drawn[leaf as usize] as usize) {
            frame.numbers.add(&site.numbers);
        }
    }
    for position in (1..frames.len()).rev() {
        let numbers = frames[position].0.numbers;
        frames[parents[position] as usize].0.numbers.add(&numbers);
    }
}
