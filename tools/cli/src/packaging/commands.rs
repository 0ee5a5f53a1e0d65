//! The definitions that completions and pages are made of.

/// The command as it is called in two ways.
#[derive(Debug)]
pub(crate) struct Commands {
    /// `mod-alloc`
    pub(crate) alone: clap::Command,
    /// `cargo mod-alloc`
    pub(crate) of_cargo: clap::Command,
}
