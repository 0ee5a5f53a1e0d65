//! `mod-alloc report`: totals, the sites that matter, losses; as text or as JSON.

mod ages;
mod callers;
mod command;
mod frames;
mod heap_state;
mod json;
pub(crate) mod names;
mod pattern;
mod rows;
mod sort;
mod telling;
mod text;
mod view;
mod wrappers;
mod write;

pub(crate) use command::{Arguments, run};
pub(crate) use frames::{Frames, TellingFrame};
pub(crate) use json::{FrameEntry, Sums, frames as frame_entries, sums};
pub(crate) use pattern::{Pattern, warn_of_unmet};
pub(crate) use rows::{Part, Rows};
pub(crate) use sort::Sort;
pub(crate) use text::{
    fit::{Line, fit, lines},
    page::current_folder,
};
pub(crate) use view::{Format, View};
pub(crate) use wrappers::Wrappers;
pub use write::in_every_form;
pub(crate) use write::{text, write};

#[cfg(test)]
mod tests;
