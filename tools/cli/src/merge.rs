//! `mod-alloc merge`: reports of several processes or runs, added up to one.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::base::exit_status::FAILED;
use crate::base::output;
use crate::base::say::say;
use crate::dhat_file::{self, Document, Merger};
use crate::recordings::{self, DebugFiles};
use crate::reports;

/// Arguments of `mod-alloc merge`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc merge mod-alloc.worker.*.json -o workers.json
  mod-alloc merge run1.json run2.json run3.json | mod-alloc report -

Stacks are the same if all their frames are: function, file, line and address. Totals, what is live
at the end, lifetimes, losses by cause, groups and distributions of sizes are added up, and are as
exact as before. x_threads lists the threads of one process after another.

Processes have no clock in common: the heap over time is kept of a single report alone.

Processes reach their peaks at different times. The sum of their peaks, and of a stack's maxima, is
an upper bound of what all had live at once: x_upper_bounds in the file names these numbers.
x_processes has each process with its own totals and its own peak. te is the longest run, tg the
time of the highest of the peaks in its own process.

Reports that count something else than the first are refused: bytes with events, allocations with
copies, reports with lifetimes with those without.")]
pub(crate) struct Arguments {
    /// Reports (dhat JSON of mod-alloc, dhat-rs or Valgrind) or recordings
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Write the sum, a dhat JSON, to OUT: a file, or a folder (DIR/) for mod-alloc.0-sum.json; `-`
    /// is standard output, as without this option
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    #[command(flatten)]
    debug_files: DebugFiles,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Some(sum) = arguments.sum() else { return ExitCode::from(FAILED) };
    let target = arguments.output.as_deref().unwrap_or(Path::new("-"));
    let file = output::file_at(target, || "mod-alloc.0-sum.json".into());
    match file.and_then(|file| write(&sum, &file).map(|()| file)) {
        Ok(file) => {
            reports::print_summary(&sum, &file, true);
            ExitCode::SUCCESS
        }
        Err(error) => {
            say!("{} cannot be written: {error}", target.display());
            ExitCode::from(FAILED)
        }
    }
}

impl Arguments {
    /// One document after another: only the sum is in memory. `None`: the user has been told why.
    fn sum(&self) -> Option<Document> {
        let mut merger = Merger::default();
        let mut known = HashSet::new();
        for path in &self.files {
            let name = path.display();
            let document = recordings::read(path, &self.debug_files)
                .map_err(|error| say!("{name}: {error}"))
                .ok()?;
            if let Some(refusal) = merger.refusal(&document) {
                let first = self.files[0].display();
                say!("{name} cannot be added to {first}: {refusal}");
                return None;
            }
            // A run's sum has all its processes, and lies beside their reports.
            let processes = identities(&document);
            if let Some((pid, ..)) = processes.iter().find(|process| known.contains(*process)) {
                say!(
                    "{name}: process {pid} would be added twice, as it is in a file before this one; \
                     leave one of them out (the sum of a run has all its processes)"
                );
                return None;
            }
            known.extend(processes);
            merger.add(&document);
        }
        Some(merger.finish())
    }
}

/// The processes with blocks, each with numbers that tell it from others of that id.
fn identities(document: &Document) -> Vec<(u64, String, u64, u64)> {
    let processes = dhat_file::processes(document);
    let known = processes.into_iter().filter(|process| process.total_blocks > 0);
    known.map(|of| (of.pid, of.command, of.end, of.total_bytes)).collect()
}

fn write(sum: &Document, target: &Path) -> std::io::Result<()> {
    let write = &mut |out: &mut dyn std::io::Write| dhat_file::write(sum, out);
    if target == Path::new("-") {
        output::unchanged_to_stdout(write)
    } else {
        output::to_path(target, write)
    }
}
