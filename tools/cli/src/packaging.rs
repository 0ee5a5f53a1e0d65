//! For packagers, and for shells: completions and man pages, made of the definition of the command
//! line.

mod completions;
mod man;

pub(crate) use completions::{CompletionsArguments, completions};
pub(crate) use man::{ManArguments, man};

/// The command as it is called in two ways.
#[derive(Debug)]
pub(crate) struct Commands {
    /// `mod-alloc`
    pub(crate) alone: clap::Command,
    /// `cargo mod-alloc`
    pub(crate) of_cargo: clap::Command,
}
