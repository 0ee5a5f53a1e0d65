//! A running process that is recorded: its recording is found, read again and again, and followed
//! when another program takes the process's place.
//!
//! The recording is read as a file. The program that writes it is neither stopped nor slowed; of
//! its process, only `/proc` is read.

mod maps;
mod process;
mod source;

pub(crate) use process::{anyone_has_mapped, resident_bytes};
pub(crate) use source::{Reading, Source, State, Target, Watched};
