//! From recordings to reports in files: for `run` and `recover`.

mod made;
mod names;
mod numbered;
mod output;
mod summary;
mod unrecorded;

pub(crate) use made::{Error, Known, Made, of_process, of_processes, of_recordings, of_rest};
pub(crate) use names::Of;
pub(crate) use numbered::{of_process_so_far, of_processes_so_far, placed};
pub(crate) use output::{Format, Output, program_of};
pub(crate) use summary::print as print_summary;
