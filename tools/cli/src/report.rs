//! `mod-alloc report`: totals, the sites that matter, losses; as text or as JSON.

mod command;
mod heap_state;
mod json;
pub(crate) mod names;
mod rows;
mod sort;
mod telling;
mod text;
mod view;
mod write;

pub(crate) use command::{Arguments, run};
pub(crate) use json::{FrameEntry, Sums, frame as frame_entry, sums};
pub(crate) use rows::{Rows, TellingFrame};
pub(crate) use sort::Sort;
pub(crate) use text::{fit::fit, page::current_folder};
pub(crate) use view::{Format, View};
pub use write::in_every_form;
pub(crate) use write::{fitted, text, write};

#[cfg(test)]
mod tests;
