//! The data of a page: numbers of one kind after each other, which compresses well.
//!
//! All numbers are LEB128: seven bits a byte, the lowest first; the highest bit: another byte
//! follows. *Signed* numbers n are 2n, or -2n-1 if n is negative. The parts, in this order:
//!
//! - texts: how many. Then of each, in their order: how many bytes it shares with the one before;
//!   how many others it has, and those (UTF-8).
//! - functions: how many. Columns: text; one more than the text of the crate, or 0; origin.
//! - frames: how many. Columns: function; one more than the text of the file or module, or 0; line,
//!   or 0.
//! - nodes: how many. Columns: levels to go up from the last node to the parent; frame.
//! - stacks: how many. Column: one more than the number of its node, less that of the stack before.
//! - numbers: how many documents. For each, nine columns in the order of
//!   [`mod_alloc::report::wire::KEYS`], and a tenth: how many recorded stacks were added up.
//! - moments: 0, or 1 and a column: how many moments a stack has. Then columns over all of those:
//!   moment; four numbers; all signed, less those before of the same stack.
//! - sources: how many files. For each: text of its path, how many lines; of each line: its number
//!   less the one before, its length and its bytes.

use std::io::{self, Write};

use mod_alloc::recording::model::SiteMoment;

use crate::origin::Origin;

use super::names::Names;
use super::source::Lines;
use super::strings::shared;
use super::tree::{Leaf, Tree};

/// The target of numbers.
struct Columns<'w>(io::BufWriter<&'w mut dyn Write>);

/// Writes the data.
pub(super) fn write(
    names: &Names<'_>,
    tree: &Tree,
    sources: &[Lines],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut out = Columns(io::BufWriter::new(out));
    let (texts, places) = names.strings.sorted();
    let place = |id: u32| u64::from(places[id as usize]);
    let optional = |id: Option<u32>| id.map_or(0, |id| place(id) + 1);
    out.texts(&texts)?;
    let functions = &names.functions;
    out.number(functions.len() as u64)?;
    out.column(functions.iter().map(|function| place(function.name)))?;
    out.column(functions.iter().map(|function| optional(function.of_crate)))?;
    out.column(functions.iter().map(|function| origin(function.origin)))?;
    let frames = &names.frames;
    out.number(frames.len() as u64)?;
    out.column(frames.iter().map(|frame| frame.function.into()))?;
    out.column(frames.iter().map(|frame| optional(frame.file)))?;
    out.column(frames.iter().map(|frame| frame.line.into()))?;
    out.nodes(tree)?;
    out.stacks(tree)?;
    out.moments(&tree.leaves)?;
    out.sources(sources, place)?;
    out.0.flush()
}

/// The number of an origin.
fn origin(origin: Origin) -> u64 {
    match origin {
        Origin::Own => 0,
        Origin::Library => 1,
        Origin::Standard => 2,
        Origin::Plumbing => 3,
        Origin::Remark => 4,
    }
}

impl Columns<'_> {
    fn number(&mut self, mut number: u64) -> io::Result<()> {
        while number >= 128 {
            self.0.write_all(&[number as u8 | 128])?;
            number >>= 7;
        }
        self.0.write_all(&[number as u8])
    }

    /// A difference of two numbers; those too large for it are cut.
    fn signed(&mut self, now: u64, before: u64) -> io::Result<()> {
        let difference = i128::from(now) - i128::from(before);
        let doubled = if difference < 0 { -2 * difference - 1 } else { 2 * difference };
        self.number(u64::try_from(doubled).unwrap_or(u64::MAX))
    }

    fn column(&mut self, mut numbers: impl Iterator<Item = u64>) -> io::Result<()> {
        numbers.try_for_each(|number| self.number(number))
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.number(text.len() as u64)?;
        self.0.write_all(text.as_bytes())
    }

    fn texts(&mut self, texts: &[&str]) -> io::Result<()> {
        self.number(texts.len() as u64)?;
        let mut last = "";
        for text in texts {
            let same = shared(last, text);
            self.number(same as u64)?;
            self.text(&text[same..])?;
            last = text;
        }
        Ok(())
    }

    fn nodes(&mut self, tree: &Tree) -> io::Result<()> {
        self.number(tree.nodes.len() as u64)?;
        let mut next = 0;
        for node in &tree.nodes {
            self.number(u64::from(next - node.depth))?;
            next = node.depth + 1;
        }
        self.column(tree.nodes.iter().map(|node| node.frame.into()))
    }

    fn stacks(&mut self, tree: &Tree) -> io::Result<()> {
        self.number(tree.leaves.len() as u64)?;
        let mut last = 0;
        for leaf in &tree.leaves {
            self.number(u64::from(leaf.node - last))?;
            last = leaf.node;
        }
        self.number(tree.documents as u64)?;
        for document in 0..tree.documents {
            for key in 0..9 {
                let number = |leaf: &Leaf| leaf.numbers[document].0.all()[key];
                self.column(tree.leaves.iter().map(number))?;
            }
            self.column(tree.leaves.iter().map(|leaf| leaf.numbers[document].1))?;
        }
        Ok(())
    }

    fn moments(&mut self, leaves: &[Leaf]) -> io::Result<()> {
        if leaves.iter().all(|leaf| leaf.moments.is_empty()) {
            return self.number(0);
        }
        self.number(1)?;
        self.column(leaves.iter().map(|leaf| leaf.moments.len() as u64))?;
        let numbers: [fn(&SiteMoment) -> u64; 5] = [
            |moment| moment.moment.into(),
            |moment| moment.total_bytes,
            |moment| moment.total_blocks,
            |moment| moment.live_bytes,
            |moment| moment.live_blocks,
        ];
        numbers.into_iter().try_for_each(|number| self.differences(leaves, number))
    }

    /// A column over all stacks' moments; each stack begins at 0.
    fn differences(
        &mut self,
        leaves: &[Leaf],
        number: impl Fn(&SiteMoment) -> u64,
    ) -> io::Result<()> {
        for leaf in leaves {
            let mut before = 0;
            for moment in &leaf.moments {
                let now = number(moment);
                self.signed(now, before)?;
                before = now;
            }
        }
        Ok(())
    }

    fn sources(&mut self, files: &[Lines], place: impl Fn(u32) -> u64) -> io::Result<()> {
        self.number(files.len() as u64)?;
        for Lines { file, lines } in files {
            self.number(place(*file))?;
            self.number(lines.len() as u64)?;
            let mut last = 0;
            for (number, text) in lines {
                self.number(u64::from(number - last))?;
                self.text(text)?;
                last = *number;
            }
        }
        Ok(())
    }
}
