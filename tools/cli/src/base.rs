//! Standard error, standard output, the terminal and the system, for every command.

pub(crate) mod cache_folder;
pub(crate) mod exit_status;
pub(crate) mod folded;
pub(crate) mod glyphs;
pub(crate) mod help_text;
pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod say;
pub(crate) mod style;
pub(crate) mod system;
pub(crate) mod terminal;
mod trust;
