//! `mod-alloc report`: totals, sites, a call tree, threads, losses; of all stacks or of some.

mod ages;
mod callers;
mod command;
mod frames;
mod heap_state;
mod json;
mod json_tree;
mod largest;
pub(crate) mod names;
mod no_stack;
mod pattern;
mod rows;
mod select;
mod sort;
mod suppress;
mod telling;
mod text;
mod threads;
mod tree;
mod view;
mod wrappers;
mod write;

pub(crate) use command::{Arguments, run};
pub(crate) use frames::{Frames, TellingFrame};
pub(crate) use json::{FrameEntry, Sums, frames as frame_entries, sums};
pub(crate) use largest::{index, largest};
pub(crate) use no_stack::with_frames;
pub(crate) use pattern::{Pattern, warn_of_unmet};
pub(crate) use rows::{Part, Rows};
pub(crate) use select::Selecting;
pub(crate) use sort::Sort;
pub(crate) use suppress::Suppressions;
pub(crate) use text::{
    fit::{Line, fit, lines},
    page::current_folder,
};
pub(crate) use view::{Format, View};
pub(crate) use wrappers::Wrappers;
pub use write::in_every_form;
pub(crate) use write::{fitted, text, write};

#[cfg(test)]
mod tests;
