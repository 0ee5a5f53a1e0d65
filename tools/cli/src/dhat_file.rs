//! The report as data, read from any dhat JSON (of mod-alloc, dhat-rs, or Valgrind in all its
//! modes) or made of a profile. A reader of a [`Document`] cannot tell which it was: `report` works
//! alike on all of them.
//!
//! Nothing in a file is believed: a number or a text of the wrong kind, a frame that is not there
//! or a missing key is an error that names it, and sums that would be too large stay at the
//! largest number.

mod coverage;
mod document;
mod error;
mod frame;
mod heap_states;
mod kind;
mod mappings;
mod merge;
mod numbers;
mod of_profile;
mod process;
mod samples;
mod stable_name;
mod timeline;
mod wire;
mod write;

pub use document::{Document, Extras, Site, Units};
pub use error::Error;
pub use frame::{Frame, Location};
pub(crate) use mappings::{Holder, holders};
pub(crate) use merge::processes;
pub use merge::{Merger, merge};
pub use numbers::Numbers;
pub(crate) use process::executable;
pub use process::{Group, Process};
pub use stable_name::stable_name;
pub use write::write;

/// Reads a dhat JSON file.
///
/// # Errors
///
/// If it is not one, or not a sound one.
pub fn read(bytes: &[u8]) -> Result<Document, Error> {
    wire::read(bytes)
}

#[cfg(test)]
mod tests;
