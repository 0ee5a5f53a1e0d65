//! From recordings to reports.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;
use mod_alloc::report::SiteNames;

use crate::base::output;
use crate::base::say::say;
use crate::dhat_file::{Document, Merger};
use crate::recordings;
use crate::units::Counted;

use super::output::{Format, Output};
use super::summary;

/// Reports that were made.
#[derive(Debug)]
pub(crate) struct Made {
    /// Blocks that were recorded.
    pub(crate) blocks: u64,
    /// Every recording was read and every report was written. Else the user has been told, and the
    /// recordings must stay.
    pub(crate) is_complete: bool,
}

/// Why no report was made.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is nothing to read.
    NoRecording,
    /// The user has been told.
    Said,
}

/// The report of the recording at `path`. `ended`: the caller has waited for its process. `names`:
/// the names that are known already.
pub(crate) fn of_process(
    path: &Path,
    output: &Output<'_>,
    ended: bool,
    names: Option<SiteNames>,
) -> Result<Made, Error> {
    if !path.exists() {
        return Err(Error::NoRecording);
    }
    let recording = read(path, ended).ok_or(Error::Said)?;
    let profile = recordings::profile(&recording, output.debug_dirs, names);
    let document = Document::of_profile(&profile);
    let target = output.target();
    let written = output.write_profile(&target, &profile, &document);
    let is_complete = tell_failure(written, &target, path);
    if is_complete {
        summary::print(&document, &target, output.format == Format::Dhat);
    }
    let is_complete =
        is_complete && tell_failure(output.write_page(&target, &document), &target, path);
    Ok(Made { blocks: document.totals().total_blocks, is_complete })
}

/// A report of each recording in `folder`, and one of all.
pub(crate) fn of_processes(folder: &Path, output: &Output<'_>) -> Result<Made, Error> {
    let found = recordings::in_folder(folder).map_err(|error| {
        say!("{}: {error}", folder.display());
        Error::Said
    })?;
    let mut paths = found;
    // The program's own first: the sum goes under its name.
    let own = format!("recording.{}", output.pid);
    paths.sort_by_key(|path| path.file_name() != Some(OsStr::new(&own)));
    of_recordings(&paths, output)
}

/// A report of each of `paths`, and one of all.
pub(crate) fn of_recordings(paths: &[PathBuf], output: &Output<'_>) -> Result<Made, Error> {
    if paths.is_empty() {
        return Err(Error::NoRecording);
    }
    let mut merger = Merger::default();
    let mut is_complete = true;
    let mut running = 0_u64;
    for path in paths {
        let Some(recording) = read(path, false) else {
            is_complete = false;
            continue;
        };
        running += u64::from(recordings::is_running(recording.pid, path));
        let profile = recordings::profile(&recording, output.debug_dirs, None);
        let document = Document::of_profile(&profile);
        let target = output.target_of(&recording, path);
        let written = output.write_profile(&target, &profile, &document);
        is_complete &= tell_failure(written, &target, path);
        is_complete &= tell_failure(output.write_page(&target, &document), &target, path);
        merger.add(&document);
    }
    let merged = merger.finish();
    let target = output.target_of_all();
    let written = output::to_path(&target, &mut |out| output.write_document(out, &target, &merged));
    is_complete &= tell_failure(written, &target, paths[0].parent().unwrap_or(Path::new(".")));
    summary::print(&merged, &target, output.format == Format::Dhat);
    let written = output.write_page(&target, &merged);
    is_complete &= tell_failure(written, &target, paths[0].parent().unwrap_or(Path::new(".")));
    tell_of_processes(&merged, running, paths);
    Ok(Made { blocks: merged.totals().total_blocks, is_complete: is_complete && running == 0 })
}

fn tell_of_processes(merged: &Document, running: u64, paths: &[PathBuf]) {
    let programs = &merged.extras.processes;
    let processes: BTreeSet<_> = programs.iter().map(|process| process.pid).collect();
    say!(
        "This report is the sum of {} in {}; each program has a report of its own. Blocks from before \
         a fork count for parent and child",
        Counted { count: programs.len() as u64, one: "program", many: "programs" },
        Counted { count: processes.len() as u64, one: "process", many: "processes" },
    );
    if running > 0 {
        let folder = paths[0].parent().unwrap_or(Path::new("."));
        say!(
            "{running} of them still run: the reports are of this moment. The recordings stay in {}: \
             mod-alloc recover {}",
            folder.display(),
            folder.display()
        );
    }
}

/// Reads a recording, and tells the user if that fails.
fn read(path: &Path, ended: bool) -> Option<Recording> {
    let file = RecordingFile::open(path).map_err(|error| complain(path, &error)).ok()?;
    if ended && let Err(error) = file.mark_ended() {
        // Only the time of the end is less exact for it.
        say!("{}: the end cannot be noted: {error}", path.display());
    }
    file.read().map_err(|error| complain(path, &error)).ok()
}

fn complain(path: &Path, error: &dyn Display) {
    say!("the recording {} cannot be read: {error}", path.display());
}

/// Tells the user of a report that could not be written, and of the way to get it; `true` if it
/// was written.
fn tell_failure(written: std::io::Result<()>, target: &Path, recording: &Path) -> bool {
    let Err(error) = written else { return true };
    say!(
        "writing the report to {} failed: {error}. The recording stays: mod-alloc recover {} -o FILE",
        target.display(),
        recording.display()
    );
    false
}
