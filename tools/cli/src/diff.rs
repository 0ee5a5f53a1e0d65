//! `mod-alloc diff`: two reports, compared.
//!
//! ```text
//!  documents ─▶ rows of the same names ─▶ changes ─▶ text, JSON
//! ```

mod bounds;
mod change;
mod command;
mod compare;
mod json;
mod text;

pub use command::is_same_in_every_form;
pub(crate) use command::{Arguments, run};
