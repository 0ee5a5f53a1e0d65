//! `mod-alloc recover`: reports of the recordings of killed programs, or of running ones.

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use mod_alloc::recording::file::{self, RecordingFile};
use mod_alloc::recording::model::Recording;

use crate::base::exit_status::FAILED;
use crate::base::say::{Escaped, Shown, say};
use crate::base::style::{FAINT, HEADING, Painted, STRONG};
use crate::base::{glyphs, output};
use crate::recordings::{self, DebugFiles};
use crate::reports::{self, Error, Format, Known, Output};
use crate::units::{Bytes, Micros, age};

/// Arguments of `mod-alloc recover`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  mod-alloc recover                                     list the recordings
  mod-alloc recover /dev/shm/mod-alloc.4711.0a1b2c3d    a report of each recording in a folder
  mod-alloc recover recording.4711 -o heap.json

  mod-alloc recover --clean --older-than 1d             remove those of the days before

A recording of an ended program is given the size of its content when its report is made. It stays
until you remove it; one in /dev/shm takes up memory. A run that begins removes those that are
older than 14 days, and of more than 64 the oldest, but none of the last day. The list has the
newest recording last, and says `reported` of those whose report was made.")]
pub(crate) struct Arguments {
    /// Recordings, or folders of recordings; without any, list those of earlier runs
    #[arg(value_name = "RECORDING")]
    recordings: Vec<PathBuf>,
    /// Make a report of what there is of a recording of which a part is missing
    #[arg(long, requires = "recordings")]
    incomplete: bool,
    /// Remove the recordings of earlier runs whose programs have ended, reported or not
    #[arg(long, conflicts_with_all = ["recordings", "output"])]
    clean: bool,
    /// With --clean, keep those of programs that ended less than AGE ago: 30m, 12h, 1d, 2w
    #[arg(long, value_name = "AGE", requires = "clean", value_parser = age)]
    older_than: Option<Duration>,
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
    if arguments.clean {
        let is_clean = recordings::clean(arguments.older_than.unwrap_or_default()).tell();
        return if is_clean { ExitCode::SUCCESS } else { ExitCode::from(FAILED) };
    }
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
    let name = Shown(path);
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
        let opened = RecordingFile::open(path);
        let recording = match opened.and_then(|file| file.read()) {
            Ok(recording) => recording,
            Err(file::Error::Incomplete(missing)) if self.incomplete => {
                return self.recover_rest(path, missing);
            }
            Err(error @ file::Error::Incomplete(_)) => {
                say!("{}: {error}. --incomplete makes a report of the rest", Shown(path));
                return false;
            }
            Err(error) => {
                say!("{}: {error}", Shown(path));
                return false;
            }
        };
        if recording.sites.is_empty() && recording.mappings.is_none() {
            say!("{}: its program had allocated nothing: no report is written", Shown(path));
            return false;
        }
        if recordings::is_running(recording.pid, path) {
            say!("process {} still runs: the report is of this moment", recording.pid);
        }
        let output = self.output(reports::program_of(&recording), recording.pid);
        let made = reports::of_process(path, &output, Known::default());
        let is_complete = made.is_ok_and(|made| made.is_complete);
        if is_complete {
            mark(path);
        }
        is_complete
    }

    /// Makes the report of what there is. It is not the whole: that counts as a failure.
    fn recover_rest(&self, path: &Path, missing: file::Missing) -> bool {
        let rest = RecordingFile::open(path).and_then(|file| file.read_what_is_there());
        match rest {
            Ok(rest) if !rest.sites.is_empty() => {
                let output = self.output(reports::program_of(&rest), rest.pid);
                if reports::of_rest(path, &output, &missing).is_ok() {
                    say!("{}: the report is incomplete: {missing}", Shown(path));
                }
            }
            Ok(_) => say!("{}: {missing}, and no call site is left", Shown(path)),
            Err(error) => say!("{}: {error}", Shown(path)),
        }
        false
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
            number: None,
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

/// Notes in the recording of an ended process that its report was made.
fn mark(path: &Path) {
    let marked = RecordingFile::open(path).and_then(|file| {
        let is_running = file.process().is_none_or(|pid| recordings::is_running(pid, path));
        if is_running { Ok(()) } else { file.mark_reported() }
    });
    match marked {
        Ok(()) => recordings::shrink(path),
        // The report is there; the list does not know of it.
        Err(error) => say!("{}: the report cannot be noted: {error}", Shown(path)),
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
    let where_ = Painted(FAINT, Shown(path));
    let facts = fs::metadata(path).ok();
    let size = facts.as_ref().map_or(0, size_on_disk);
    let age = facts.and_then(|facts| facts.modified().ok()).and_then(micros_since);
    let age = age.map_or(String::from("-"), |micros| Micros(micros).to_string());
    let Ok(recording) = RecordingFile::open(path).and_then(|file| file.read()) else {
        return format!("{:>8}  {:>10}  {age:>12}  damaged\n          {where_}", "?", Bytes(size));
    };
    let state = match recordings::is_running(recording.pid, path) {
        true => "running",
        false if recording.is_reported => "reported",
        false => "ended",
    };
    let command = Painted(STRONG, Escaped(&recording.command));
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
fn micros_since(then: SystemTime) -> Option<f64> {
    Some(SystemTime::now().duration_since(then).ok()?.as_secs_f64() * 1e6)
}
