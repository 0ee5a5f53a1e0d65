//! From recordings to reports.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mod_alloc::recording::file::{self, RecordingFile};
use mod_alloc::recording::model::{Ending, Recording, Status, Why};
use mod_alloc::report::{Profile, SiteNames};

use crate::base::say::say;
use crate::dhat_file::{Document, Merger};
use crate::program;
use crate::recordings;
use crate::units::Counted;

use super::names::Of;
use super::output::{Format, Output, program_path};
use super::summary;
use super::unrecorded::UnrecordedPrograms;

/// Reports that were made.
#[derive(Debug)]
pub(crate) struct Made {
    /// Blocks that were recorded.
    pub(crate) blocks: u64,
    /// Memory of the processes that is in no block, which the user has been told of.
    pub(crate) unseen_bytes: u64,
    /// Every recording was read and every report was written. Else the user has been told, and the
    /// recordings must stay.
    pub(crate) is_complete: bool,
    /// Some process still writes to its recording, which must stay; the user has been told.
    pub(crate) is_running: bool,
}

/// A recording's path, and the recording if it could be opened.
type Opened = (PathBuf, Option<RecordingFile>);

/// Why no report was made.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is nothing to read.
    NoRecording,
    /// The user has been told.
    Said,
}

/// Facts that the caller knows of a process for which it has waited.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Its end.
    pub(crate) status: Option<Status>,
    /// Names of sites.
    pub(crate) names: Option<SiteNames>,
    /// A child that goes on.
    pub(crate) child: Option<u32>,
}

/// The report of the recording at `path`.
pub(crate) fn of_process(path: &Path, output: &Output<'_>, known: Known) -> Result<Made, Error> {
    if !path.exists() {
        return Err(Error::NoRecording);
    }
    let recording = open(path).and_then(|file| read(path, &file, known.status));
    let mut recording = recording.ok_or(Error::Said)?;
    if let (Some(child), None) = (known.child, recording.unrecorded.why) {
        recording.unrecorded.why = Some(Why::GoesOn);
        (recording.unrecorded.count, recording.unrecorded.name) = (1, child.to_string());
    }
    of_one(path, &recording, output, known.names)
}

/// The report of what there is of the recording at `path`, of which a part is missing: the report
/// says so.
pub(crate) fn of_rest(
    path: &Path,
    output: &Output<'_>,
    missing: &file::Missing,
) -> Result<Made, Error> {
    let rest = open(path).map(|file| file.read_what_is_there()).ok_or(Error::Said)?;
    let mut rest = rest.map_err(|error| {
        complain(path, &error);
        Error::Said
    })?;
    if rest.ending == Ending::Open && !recordings::is_running(rest.pid, path) {
        rest.ending = Ending::Gone;
    }
    let profile = recordings::profile(&rest, output.debug_files, None);
    let mut document = Document::of_profile(&profile);
    let coverage = document.extras.coverage.get_or_insert_default();
    coverage.not_recorded.insert(0, format!("the recording is incomplete: {missing}"));
    let target = output.target();
    let is_complete = tell_failure(output.write_document(&target, &document), &target, path);
    if is_complete {
        summary::print(&document, &target, output.format == Format::Dhat);
    }
    Ok(Made {
        blocks: document.totals().total_blocks,
        unseen_bytes: unseen_bytes(&document),
        is_complete,
        is_running: false,
    })
}

fn of_one(
    path: &Path,
    recording: &Recording,
    output: &Output<'_>,
    names: Option<SiteNames>,
) -> Result<Made, Error> {
    let profile = recordings::profile(recording, output.debug_files, names);
    let document = Document::of_profile(&profile);
    let target = output.target();
    let written = output.write_profile(&target, &profile, &document);
    let is_complete = tell_failure(written, &target, path);
    if is_complete {
        summary::print(&document, &target, output.format == Format::Dhat);
    }
    tell_of_deleted(&profile);
    let mut unrecorded = UnrecordedPrograms::default();
    unrecorded.add(recording);
    unrecorded.tell();
    let is_complete =
        is_complete && tell_failure(output.write_page(&target, Of::One, &document), &target, path);
    Ok(Made {
        blocks: document.totals().total_blocks,
        unseen_bytes: unseen_bytes(&document),
        is_complete,
        is_running: false,
    })
}

/// A report of each recording in `folder`, and one of all.
/// `status`: that of the program's own process, which the caller has waited for.
pub(crate) fn of_processes(
    folder: &Path,
    output: &Output<'_>,
    status: Option<Status>,
) -> Result<Made, Error> {
    let mut opened = open_all(folder).map_err(|error| {
        say!("{}: {error}", folder.display());
        Error::Said
    })?;
    // The program's own first: the sum goes under its name.
    let own = format!("recording.{}", output.pid);
    opened.sort_by_key(|(path, _)| path.file_name() != Some(OsStr::new(&own)));
    mark_last(&opened, &own, status);
    of_opened(&opened, output)
}

/// Notes the end of the program's own process in its last recording: the others are of programs that
/// it was before `exec`. `own`: the name of the first.
fn mark_last(opened: &[Opened], own: &str, status: Option<Status>) {
    let number = |path: &Path| {
        let rest = path.file_name()?.to_str()?.strip_prefix(own)?;
        if rest.is_empty() { Some(1) } else { rest.strip_prefix('.')?.parse::<u32>().ok() }
    };
    let of_program =
        opened.iter().filter_map(|(path, file)| Some((number(path)?, path, file.as_ref()?)));
    if let Some((_, path, file)) = of_program.max_by_key(|(number, ..)| *number) {
        mark(path, file, status);
    }
}

/// The recordings in `folder`. A parent makes its child's recording before the fork, and the child
/// gives it another name when it begins: that is waited for, but not for ever, because the child
/// may have been killed before.
fn open_all(folder: &Path) -> io::Result<Vec<Opened>> {
    const TURNS: u32 = 500;
    const PAUSE: Duration = Duration::from_millis(2);
    for _ in 0..TURNS {
        let paths = recordings::in_folder(folder)?;
        let opened: Vec<_> = paths.iter().map(|path| RecordingFile::open(path).ok()).collect();
        let is_open = paths.iter().zip(&opened).all(|(path, file)| file.is_some() || path.exists());
        if is_open && !recordings::has_prepared(folder)? {
            return Ok(paths.into_iter().zip(opened).collect());
        }
        std::thread::sleep(PAUSE);
    }
    let paths = recordings::in_folder(folder)?;
    Ok(paths.into_iter().map(|path| (path, None)).collect())
}

/// A report of each of `paths`, and one of all.
pub(crate) fn of_recordings(paths: &[PathBuf], output: &Output<'_>) -> Result<Made, Error> {
    let opened: Vec<Opened> = paths.iter().map(|path| (path.clone(), None)).collect();
    of_opened(&opened, output)
}

fn of_opened(opened: &[Opened], output: &Output<'_>) -> Result<Made, Error> {
    let Some((first, _)) = opened.first() else { return Err(Error::NoRecording) };
    let folder = first.parent().unwrap_or(Path::new("."));
    let mut merger = Merger::default();
    let mut is_complete = true;
    let mut running = BTreeSet::new();
    let mut unseen = BTreeMap::new();
    let mut unrecorded = UnrecordedPrograms::default();
    let (mut allocators, mut own_allocators) = (Vec::new(), program::OwnAllocators::default());
    for (path, file) in opened {
        let recording = match file {
            Some(file) => recordings::read_recording(path, file),
            None => {
                RecordingFile::open(path).and_then(|file| recordings::read_recording(path, &file))
            }
        };
        let recording = match recording {
            Ok(recording) => recording,
            // The parent's recording has all that there is.
            Err(file::Error::NotBegun) => {
                say!("{}: a forked child ended before it began to record", path.display());
                continue;
            }
            Err(error) => {
                complain(path, &error);
                is_complete = false;
                continue;
            }
        };
        // A recording whose name has changed meanwhile is that of a child that has just begun.
        unrecorded.add(&recording);
        let pid = recording.pid;
        let is_running = !path.exists()
            || recordings::is_running(pid, path)
            || recordings::goes_on_in(pid, folder);
        running.extend(is_running.then_some(pid));
        let profile = recordings::profile(&recording, output.debug_files, None);
        let document = Document::of_profile(&profile);
        merger.add(&document);
        allocators.push(own_allocators.of(program_path(&recording)));
        let blocks = document.totals().total_blocks;
        let most: &mut u64 = unseen.entry(program_path(&recording).to_owned()).or_default();
        *most = blocks.max(*most);
        if output.sum_alone {
            continue;
        }
        let target = output.target_of(&recording, path);
        let written = output.write_profile(&target, &profile, &document);
        is_complete &= tell_failure(written, &target, path);
        let written = output.write_page(&target, Of::Part, &document);
        is_complete &= tell_failure(written, &target, path);
    }
    let mut merged = merger.finish();
    for (process, allocator) in merged.extras.processes.iter_mut().zip(allocators) {
        process.own_allocator = allocator;
    }
    let target = output.target_of_all();
    let written = output.write_document(&target, &merged);
    let running = running.len() as u64;
    let reports = match output.sum_alone || !is_complete {
        true => String::new(),
        false => {
            format!("; the report of each program is in {}", output.folder_of_parts().display())
        }
    };
    if tell_failure(written, &target, folder) {
        summary::print(&merged, &target, output.format == Format::Dhat);
        let written = output.write_page(&target, Of::All, &merged);
        is_complete &= tell_failure(written, &target, folder);
        tell_of_processes(&merged, &reports, running, folder);
    } else {
        is_complete = false;
    }
    tell_of_unseen(&unseen, unseen_bytes(&merged) > 0);
    unrecorded.tell();
    Ok(Made {
        blocks: merged.totals().total_blocks,
        unseen_bytes: unseen_bytes(&merged),
        is_complete,
        is_running: running > 0,
    })
}

fn unseen_bytes(document: &Document) -> u64 {
    document.extras.coverage.as_ref().map_or(0, |coverage| coverage.unseen_bytes)
}

/// Names the files that names could not be read from because they are gone.
fn tell_of_deleted(profile: &Profile) {
    let nameless = profile.frames().filter(|frame| frame.function().is_none());
    let files = nameless.filter_map(|frame| Some(frame.module()?.path.as_path()));
    let gone: BTreeSet<_> = files.filter(|path| path.is_absolute() && !path.exists()).collect();
    for path in gone {
        say!("{}: deleted meanwhile; functions in it have no names", path.display());
    }
}

/// Says of each program once what its reports lack, by the most blocks that a report of it has.
/// `is_told`: the summary has said that memory was not seen; the programs with an allocator of
/// their own are named all the same.
fn tell_of_unseen(blocks: &BTreeMap<PathBuf, u64>, is_told: bool) {
    for (executable, most) in blocks {
        let most = if is_told { 1.max(*most) } else { *most };
        if let Some(why) = program::unseen(executable, most) {
            say!("warning: {why}");
        }
    }
}

fn tell_of_processes(merged: &Document, reports: &str, running: u64, folder: &Path) {
    let programs = &merged.extras.processes;
    let processes: BTreeSet<_> = programs.iter().map(|process| process.pid).collect();
    say!(
        "This report is the sum of {} in {}{reports}. Blocks from before a fork count for parent and \
         child",
        Counted { count: programs.len() as u64, one: "program", many: "programs" },
        Counted { count: processes.len() as u64, one: "process", many: "processes" },
    );
    if running > 0 {
        say!(
            "{}: the reports are of this moment. The recordings stay in {}: mod-alloc recover {}",
            Counted { count: running, one: "process still runs", many: "processes still run" },
            folder.display(),
            folder.display()
        );
    }
}

/// Opens a recording, and tells the user if that fails.
fn open(path: &Path) -> Option<RecordingFile> {
    RecordingFile::open(path).map_err(|error| complain(path, &error)).ok()
}

/// Reads a recording, and tells the user if that fails.
fn read(path: &Path, file: &RecordingFile, status: Option<Status>) -> Option<Recording> {
    if status.is_some() {
        mark(path, file, status);
    }
    recordings::read_recording(path, file).map_err(|error| complain(path, &error)).ok()
}

/// Notes the end of a recording's process in it.
fn mark(path: &Path, file: &RecordingFile, status: Option<Status>) {
    if let Err(error) = file.mark_ended(status) {
        // Only the time of the end is less exact for it.
        say!("{}: the end cannot be noted: {error}", path.display());
    }
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
