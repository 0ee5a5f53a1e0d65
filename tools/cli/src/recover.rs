//! `mod-alloc recover`: reports of the recordings of killed programs, or of running ones.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;

use crate::base::exit_status::FAILED;
use crate::base::say::say;
use crate::base::style::{FAINT, HEADING, Painted, STRONG};
use crate::base::{glyphs, output};
use crate::recordings::{self, DebugFiles};
use crate::reports::{self, Error, Format, Output};
use crate::units::{Bytes, Micros};

/// Arguments of `mod-alloc recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc recover                                     list the recordings
  mod-alloc recover /dev/shm/mod-alloc.4711.0a1b2c3d    a report of each recording in a folder
  mod-alloc recover recording.4711 -o heap.json

A recording stays until you remove it. In /dev/shm it takes up memory. The list has the newest
recording last, and says `reported` of those whose report was made.")]
pub(crate) struct Arguments {
    /// Recordings, or folders of recordings; without any, list those of earlier runs
    #[arg(value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    /// Write the report to FILE, or of several recordings their sum; or all reports into a folder
    /// (DIR/) [default: mod-alloc.<program>.<pid>.json in the current folder]
    #[arg(short, long, value_name = "FILE|DIR/")]
    output: Option<PathBuf>,
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Format::Dhat)]
    format: Format,
    #[command(flatten)]
    debug_files: DebugFiles,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.recordings.is_empty() {
        return list();
    }
    let found = arguments.recordings.iter().map(|path| expand(path));
    let (found, failures): (Vec<_>, Vec<_>) = found.partition(Result::is_ok);
    for failure in failures.iter().filter_map(|failure| failure.as_ref().err()) {
        say!("{failure}");
    }
    let paths: Vec<PathBuf> = found.into_iter().flatten().flatten().collect();
    let is_complete = match (paths.as_slice(), &arguments.output) {
        ([], _) => false,
        ([_, _, ..], Some(_)) => arguments.recover_together(&paths),
        // A failure of one does not keep the others from being recovered.
        _ => paths.iter().filter(|path| !arguments.recover(path)).count() == 0,
    };
    if is_complete && failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// A folder stands for the recordings in it.
fn expand(path: &Path) -> Result<Vec<PathBuf>, String> {
    let name = path.display();
    let found = fs::metadata(path).map_err(|error| format!("{name}: {error}"))?;
    if !found.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    match recordings::in_folder(path) {
        Ok(found) if found.is_empty() => Err(format!(
            "{name}: the folder has no recordings; `mod-alloc recover` lists all there are"
        )),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

impl Arguments {
    /// Makes the report of one recording; `false` if that failed.
    fn recover(&self, path: &Path) -> bool {
        let Some(recording) = read(path) else { return false };
        if recordings::is_running(recording.pid, path) {
            say!("process {} still runs: the report is of this moment", recording.pid);
        }
        let output = self.output(reports::program_of(&recording), recording.pid);
        let made = reports::of_process(path, &output, None, None);
        let is_complete = made.is_ok_and(|made| made.is_complete);
        if is_complete {
            mark(path);
        }
        is_complete
    }

    /// A report of each, and one of all.
    fn recover_together(&self, paths: &[PathBuf]) -> bool {
        let first = self.output.as_deref().filter(|path| output::is_folder(path));
        let first = first.and_then(|_| paths.iter().find_map(|path| read_quietly(path)));
        let output = match first {
            // The sum is named after the first of them.
            Some(first) => self.output(reports::program_of(&first), first.pid),
            None => self.output(OsString::new(), 0),
        };
        match reports::of_recordings(paths, &output) {
            Ok(made) => {
                if made.is_complete {
                    paths.iter().for_each(|path| mark(path));
                }
                made.is_complete
            }
            Err(Error::Said | Error::NoRecording) => false,
        }
    }

    fn output(&self, program: OsString, pid: u32) -> Output<'_> {
        Output {
            path: self.output.clone(),
            sum_alone: false,
            html: false,
            format: self.format,
            debug_files: &self.debug_files,
            program,
            pid,
        }
    }
}

fn read_quietly(path: &Path) -> Option<Recording> {
    RecordingFile::open(path).and_then(|file| file.read()).ok()
}

fn read(path: &Path) -> Option<Recording> {
    let recording = RecordingFile::open(path).and_then(|file| file.read());
    recording.map_err(|error| say!("{}: {error}", path.display())).ok()
}

/// Notes in the recording of an ended process that its report was made.
fn mark(path: &Path) {
    let marked = RecordingFile::open(path).and_then(|file| {
        let pid = file.read()?.pid;
        if recordings::is_running(pid, path) { Ok(()) } else { file.mark_reported() }
    });
    if let Err(error) = marked {
        // The report is there; the list does not know of it.
        say!("{}: the report cannot be noted: {error}", path.display());
    }
}

fn list() -> ExitCode {
    let mut found = recordings::left_behind();
    found.sort_by_key(|path| fs::metadata(path).and_then(|facts| facts.modified()).ok());
    if found.is_empty() {
        say!("there are no recordings in {}", recordings::places());
        return ExitCode::SUCCESS;
    }
    let lines: Vec<String> = found.iter().map(|path| line(path)).collect();
    let head = format!(
        "{:>8}  {:>10}  {:>12}  {:<8}  command, the newest last",
        "process", "size", "age", ""
    );
    let written = output::to_stdout(&mut |out| {
        let mut out = glyphs::Shown(out);
        writeln!(out, "{}", Painted(HEADING, &head))?;
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))
    });
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say!("the list cannot be written: {error}");
            ExitCode::from(FAILED)
        }
    }
}

/// Two lines: the program, and the recording's path.
fn line(path: &Path) -> String {
    let where_ = Painted(FAINT, path.display());
    let facts = fs::metadata(path).ok();
    let size = facts.as_ref().map_or(0, size_on_disk);
    let age = facts.and_then(|facts| facts.modified().ok()).and_then(age);
    let age = age.map_or(String::from("-"), |micros| Micros(micros).to_string());
    let Ok(recording) = RecordingFile::open(path).and_then(|file| file.read()) else {
        return format!("{:>8}  {:>10}  {age:>12}  damaged\n          {where_}", "?", Bytes(size));
    };
    let state = match recordings::is_running(recording.pid, path) {
        true => "running",
        false if recording.is_reported => "reported",
        false => "ended",
    };
    let command: String =
        recording.command.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let command = Painted(STRONG, command);
    format!(
        "{:>8}  {:>10}  {age:>12}  {state:<8}  {command}\n          {where_}",
        recording.pid,
        Bytes(size)
    )
}

/// The space on the disk: the file's length counts holes, too.
fn size_on_disk(facts: &fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt;
    facts.blocks().saturating_mul(512)
}

/// Microseconds since then.
fn age(then: SystemTime) -> Option<f64> {
    Some(SystemTime::now().duration_since(then).ok()?.as_secs_f64() * 1e6)
}
