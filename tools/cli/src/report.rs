//! `mod-alloc report`: totals, sites, a call tree, threads, losses; of all stacks or of some.

mod command;
mod heap_state;
mod json;
mod json_tree;
pub(crate) mod names;
mod rows;
mod select;
mod sort;
mod suppress;
mod telling;
mod text;
mod threads;
mod tree;
mod view;
mod write;

pub(crate) use command::{Arguments, run};
pub(crate) use json::{FrameEntry, Sums, frame as frame_entry, sums};
pub(crate) use rows::{Rows, TellingFrame};
pub(crate) use select::Selecting;
pub(crate) use sort::Sort;
pub(crate) use suppress::Suppressions;
pub(crate) use text::{fit::fit, page::current_folder};
pub(crate) use view::{Format, View};
pub use write::in_every_form;
pub(crate) use write::{text, write};

#[cfg(test)]
mod tests;
