//! `mod-alloc run`: starts a program with the library that records preloaded, waits for it, and
//! makes the report of what it recorded.
//!
//! ```text
//!  words ─▶ program: found, examined ─▶ preload: library ─▶ process: started, waited for
//!                                                                │ recording in its place
//!                                      unseen: warnings ◀── reports: read, named, written
//! ```

mod ahead;
mod arguments;
mod environment;
mod failure;
mod goes_on;
mod moments;
mod one_run;
mod place;
mod process;
mod scheduled;
mod signals;
mod unseen;

pub(crate) use arguments::{Arguments, Options};
pub(crate) use one_run::run;
