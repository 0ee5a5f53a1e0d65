//! `mod-alloc report`: totals, the sites that matter, losses; as text or as JSON.

mod command;
mod heap_state;
mod json;
mod names;
mod rows;
mod sort;
mod telling;
mod text;
mod view;
mod write;

pub(crate) use command::{Arguments, run};
pub(crate) use view::{Format, View};
pub use write::in_every_form;
pub(crate) use write::{text, write};

#[cfg(test)]
mod tests;
