//! For packagers, and for shells: completions and man pages, made of the definition of the command
//! line.

mod commands;
mod completions;
mod man;

pub(crate) use commands::Commands;
pub(crate) use completions::{CompletionsArguments, completions};
pub(crate) use man::{ManArguments, man};
