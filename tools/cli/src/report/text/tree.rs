//! The call tree.
//!
//! ```text
//!    share      bytes  blocks
//!  100.0 %   4.00 MiB   1,005  app::main  src/main.rs:3
//!   99.9 %   4.00 MiB       4  ├─ app::parse  src/main.rs:10
//!   99.9 %   4.00 MiB       4  │  Vec<T>::push  vec/mod.rs:992     alone: no branch
//!    0.1 %   1.00 KiB   1,001  └─ … 2 more
//! ```

use std::fmt::Write;

use crate::base::style::{FAINT, NUMBER, OWN, Painted, STRONG};
use crate::dhat_file::Numbers;
use crate::origin::Origin;
use crate::report::names;
use crate::report::rows::Rows;
use crate::report::sort::Sort;
use crate::report::tree::{ROOT, Shape, Tree};
use crate::units::{Count, Counted, Percent, ShortCount};

use super::fit::fit;
use super::page::{Report, line};

/// In fewer columns blocks are counted in thousands and millions, and branches are short.
const NARROW: usize = 80;
/// In fewer columns a name has no place beside it.
const PLACE: usize = 24;

/// A line of the tree.
struct Line {
    /// The branches before the name.
    branches: String,
    numbers: Numbers,
    kind: Kind,
}

enum Kind {
    /// A frame, by its node.
    Frame(u32),
    /// The stacks that end at the node above.
    Own,
    /// Nodes that are not shown, and how many they are.
    Folded(u64),
}

/// The lines of a tree in the order in which they are shown.
struct Lines<'t, 'r, 'd> {
    tree: &'t Tree<'r, 'd>,
    all: Vec<Line>,
    folded: u64,
    /// Branches are short.
    is_narrow: bool,
}

impl Lines<'_, '_, '_> {
    /// Adds what is below `node`, behind `branches`. It calls itself no deeper than a tree is.
    fn add(&mut self, node: u32, branches: &str) {
        let tree = self.tree;
        let below = tree.below(node);
        let own = below.has_own.then(|| (Kind::Own, tree.node(node).own));
        let nodes = below.nodes.iter().map(|&child| (Kind::Frame(child), tree.node(child).numbers));
        let folded = below.folded.map(|folded| (Kind::Folded(folded.count), folded.numbers));
        let entries: Vec<_> = own.into_iter().chain(nodes).chain(folded).collect();
        let last = entries.len().saturating_sub(1);
        let is_alone = last == 0;
        for (index, (kind, numbers)) in entries.into_iter().enumerate() {
            let (before, below) = match (node == ROOT || is_alone, index == last) {
                (true, _) => ("", ""),
                (false, false) if self.is_narrow => ("├ ", "│ "),
                (false, true) if self.is_narrow => ("└ ", "  "),
                (false, false) => ("├─ ", "│  "),
                (false, true) => ("└─ ", "   "),
            };
            let child = if let Kind::Frame(child) = kind { Some(child) } else { None };
            if let Kind::Folded(count) = kind {
                self.folded += count;
            }
            self.all.push(Line { branches: format!("{branches}{before}"), numbers, kind });
            if let Some(child) = child {
                self.add(child, &format!("{branches}{below}"));
            }
        }
    }
}

/// The columns of the numbers.
struct Columns {
    sort: Sort,
    size: usize,
    blocks: usize,
    is_narrow: bool,
}

impl Columns {
    fn of(sort: Sort, lines: &[Line], width: usize) -> Self {
        let is_narrow = width < NARROW;
        let mut columns = Self { sort, size: if is_narrow { 8 } else { 10 }, blocks: 6, is_narrow };
        let widest = lines.iter().map(|line| columns.count(&line.numbers).len()).max();
        columns.blocks = widest.unwrap_or(0).max(columns.blocks);
        columns
    }

    fn count(&self, numbers: &Numbers) -> String {
        let blocks = self.sort.blocks(numbers);
        if self.is_narrow { ShortCount(blocks).to_string() } else { Count(blocks).to_string() }
    }

    fn gap(&self) -> &'static str {
        if self.is_narrow { " " } else { "  " }
    }

    /// Columns before the tree.
    fn width(&self) -> usize {
        // One blank before share and size each.
        8 + 1 + self.size + 2 * self.gap().len() + self.blocks
    }
}

impl Report<'_> {
    pub(super) fn tree(&mut self, shape: Shape) {
        let rows = Rows::of(self.document, &self.view.wrappers, false);
        let sort = self.view.sort.unwrap_or(Sort::Total);
        let tree = Tree::new(self.document, &rows, sort, shape, self.view.whole_stacks);
        let mut lines =
            Lines { tree: &tree, all: Vec::new(), folded: 0, is_narrow: self.width < NARROW };
        lines.add(ROOT, "");
        let Lines { all, folded, .. } = lines;
        let title = names::beginning_with(&self.title_of_tree(sort, shape), self.width);
        self.heading(&title);
        if sort == Sort::End {
            self.suppressed();
        }
        if all.is_empty() {
            line!(self, "  none");
            return;
        }
        let columns = Columns::of(sort, &all, self.width);
        self.head_of_tree(&columns);
        let mut is_cut = false;
        for line in &all {
            is_cut |= self.line_of_tree(&tree, &columns, line);
        }
        self.ways_out(shape, folded, is_cut);
    }

    fn title_of_tree(&self, sort: Sort, shape: Shape) -> String {
        let tree = if shape.inverted { "Inverted call tree" } else { "Call tree" };
        let units = self.document.units.as_ref();
        let of = match (sort, units) {
            (Sort::Total, None) => "bytes allocated",
            (Sort::Total, Some(units)) => &units.many,
            (Sort::Blocks, None) => "blocks allocated",
            (Sort::Blocks, Some(units)) => &units.blocks,
            (Sort::Peak, _) => "live when the heap was at its peak",
            (Sort::End, _) => "still live at the end",
            (Sort::Short, _) => "short-lived blocks",
        };
        format!("{tree}: {of}")
    }

    fn head_of_tree(&mut self, columns: &Columns) {
        let units = self.document.units.as_ref();
        let (bytes, blocks) = units.map_or(("bytes", "blocks"), |u| (&*u.many, &*u.blocks));
        let (size, count, gap) = (columns.size, columns.blocks, columns.gap());
        let head = format!("{:>8} {bytes:>size$}{gap}{blocks:>count$}", "share");
        line!(self, "{}", Painted(FAINT, head));
    }

    /// True if a name had to be shortened.
    fn line_of_tree(&mut self, tree: &Tree<'_, '_>, columns: &Columns, line: &Line) -> bool {
        let share = tree.share(&line.numbers).to_string();
        let size = self.size(columns.sort.bytes(&line.numbers));
        let room = self.width.saturating_sub(columns.width());
        // At least half of the room is the name's.
        let branches = end_of_branches(&line.branches, room / 2);
        let room = room.saturating_sub(branches.chars().count());
        let (name, style, place, is_cut) = match line.kind {
            Kind::Frame(node) => {
                let telling = tree.rows.by_id(tree.node(node).frame);
                let (name, place) = match room < PLACE {
                    true => (names::function(names::called(&telling.frame), room), String::new()),
                    false => fit(&telling.frame, &self.here, room),
                };
                let style = if telling.origin == Origin::Own { OWN } else { anstyle::Style::new() };
                let is_cut =
                    name != names::called(&telling.frame) || place.contains('…') || room < PLACE;
                (name, style, place, is_cut)
            }
            Kind::Own => {
                let words = if tree.shape.inverted { "[no caller]" } else { "[itself]" };
                (names::beginning_with(words, room), FAINT, String::new(), false)
            }
            Kind::Folded(count) => {
                let words = format!("… {} more", Count(count));
                (names::beginning_with(&words, room), FAINT, String::new(), false)
            }
        };
        let blocks = columns.count(&line.numbers);
        let (size_width, count_width, gap) = (columns.size, columns.blocks, columns.gap());
        let between = if place.is_empty() { "" } else { "  " };
        line!(
            self,
            "{} {}{gap}{blocks:>count_width$}{gap}{}{}{between}{}",
            Painted(NUMBER, format_args!("{share:>8}")),
            Painted(STRONG, format_args!("{size:>size_width$}")),
            Painted(FAINT, branches),
            Painted(style, name),
            Painted(FAINT, place)
        );
        is_cut
    }

    /// The options that show what the tree does not.
    fn ways_out(&mut self, shape: Shape, folded: u64, is_cut: bool) {
        let mut sentences = Vec::new();
        if folded > 0 {
            let counted = Counted { count: folded, one: "function", many: "functions" };
            let least = shape.least;
            let way_out = if least == Percent(0.0) {
                String::from("too deep to be shown")
            } else {
                format!("below {least} each; --min-share 0% shows all")
            };
            sentences.push(format!("{counted} {way_out}."));
        }
        if is_cut {
            sentences.push("Names are shortened; --format json has them whole.".into());
        }
        for sentence in sentences {
            for part in names::wrapped(&sentence, self.width.saturating_sub(2)) {
                line!(self, "  {}", Painted(FAINT, part));
            }
        }
    }
}

/// The inner end of the branches in at most `room` columns.
fn end_of_branches(branches: &str, room: usize) -> String {
    let columns = branches.chars().count();
    if columns <= room {
        return branches.into();
    }
    let kept = room.saturating_sub(1);
    ['…'].into_iter().chain(branches.chars().skip(columns - kept)).take(room).collect()
}

#[cfg(test)]
mod tests;
