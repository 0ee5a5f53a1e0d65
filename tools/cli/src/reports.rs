//! From recordings to reports in files: for `run` and `recover`.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};

use mod_alloc::recording::file::RecordingFile;
use mod_alloc::recording::model::Recording;
use mod_alloc::report::{Profile, SiteNames, dhat};

use crate::dhat_file::{self, Document, Merger};
use crate::report::{self, View};
use crate::say::say;
use crate::units::Counted;
use crate::{input, output, recordings, summary};

/// `--format` of a report that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Everything, for dhat/dh_view.html and `mod-alloc report`
    Dhat,
    /// What `mod-alloc report` prints
    Text,
    /// What `mod-alloc report --format json` prints
    Json,
}

/// Where and how a report is written.
#[derive(Debug)]
pub(crate) struct Output<'a> {
    /// `None`: a name made of the program's and the process's.
    pub(crate) path: Option<&'a Path>,
    pub(crate) format: Format,
    pub(crate) debug_dirs: &'a [PathBuf],
    /// What reports of the program are called.
    pub(crate) program: OsString,
    /// The program's process.
    pub(crate) pid: u32,
}

/// Reports that were made.
#[derive(Debug)]
pub(crate) struct Made {
    /// Blocks that were recorded.
    pub(crate) blocks: u64,
    /// Whether every recording was read and every report was written. What was not has been said,
    /// and its recording must stay.
    pub(crate) is_complete: bool,
}

/// Why no report was made.
#[derive(Debug)]
pub(crate) enum Error {
    /// There is nothing to read.
    NoRecording,
    /// It has been said.
    Said,
}

/// The report of the recording at `path`. `ended`: we have waited for its process. `names`: what was named
/// of it meanwhile.
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
    let profile = input::profile(&recording, output.debug_dirs, names);
    let document = Document::of_profile(&profile);
    let target = output.target();
    let written = output.write_profile(&target, &profile, &document);
    let is_complete = tell_failure(written, &target, path);
    if is_complete {
        summary::print(&document, &target, output.format == Format::Dhat);
    }
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
        let profile = input::profile(&recording, output.debug_dirs, None);
        let document = Document::of_profile(&profile);
        let target = output.target_of(&recording, path);
        let written = output.write_profile(&target, &profile, &document);
        is_complete &= tell_failure(written, &target, path);
        merger.add(&document);
    }
    let merged = merger.finish();
    let target = output.target_of_all();
    let written = output::to_path(&target, &mut |out| output.write_document(out, &target, &merged));
    is_complete &= tell_failure(written, &target, paths[0].parent().unwrap_or(Path::new(".")));
    summary::print(&merged, &target, output.format == Format::Dhat);
    tell_of_processes(&merged, running, paths);
    Ok(Made { blocks: merged.totals().total_blocks, is_complete: is_complete && running == 0 })
}

fn tell_of_processes(merged: &Document, running: u64, paths: &[PathBuf]) {
    let programs = &merged.extras.processes;
    let processes: BTreeSet<_> = programs.iter().map(|process| process.pid).collect();
    say!(
        "That is the sum of {} in {}; there is a report of each program. What a process had \
         allocated before it forked counts for its child, too",
        Counted { count: programs.len() as u64, one: "program", many: "programs" },
        Counted { count: processes.len() as u64, one: "process", many: "processes" },
    );
    if running > 0 {
        let folder = paths[0].parent().unwrap_or(Path::new("."));
        say!(
            "{running} of them still run: the reports are of this moment, and the recordings stay in {} \
             (mod-alloc recover {})",
            folder.display(),
            folder.display()
        );
    }
}

/// Reads a recording; what goes wrong is said.
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

/// Says that a report could not be written and how to get it nevertheless; whether all is well.
fn tell_failure(written: std::io::Result<()>, target: &Path, recording: &Path) -> bool {
    let Err(error) = written else { return true };
    say!(
        "writing the report to {} failed: {error}. The recording stays: mod-alloc recover {} -o FILE",
        target.display(),
        recording.display()
    );
    false
}

impl Output<'_> {
    fn write_profile(
        &self,
        target: &Path,
        profile: &Profile,
        document: &Document,
    ) -> std::io::Result<()> {
        output::to_path(target, &mut |out| match self.format {
            Format::Dhat => dhat::write(profile, out),
            _ => self.write_document(out, target, document),
        })
    }

    fn write_document(
        &self,
        out: &mut dyn Write,
        target: &Path,
        document: &Document,
    ) -> std::io::Result<()> {
        let view = View::default();
        match self.format {
            Format::Dhat => dhat_file::write(document, out),
            Format::Json => report::write(document, report::Format::Json, &view, out),
            // Standard output takes colours out itself where they are not wanted.
            Format::Text if target == Path::new("-") => {
                report::write(document, report::Format::Text, &view, out)
            }
            Format::Text => {
                let text = report::text(document, &view);
                out.write_all(anstream::adapter::strip_str(&text).to_string().as_bytes())
            }
        }
    }

    fn extension(&self) -> &'static str {
        if self.format == Format::Text { "txt" } else { "json" }
    }

    fn target(&self) -> PathBuf {
        let name = || self.named(&self.program, &self.pid.to_string());
        self.path.map_or_else(name, Path::to_owned)
    }

    /// For one of several processes: the path with the process's id before its extension.
    fn target_of(&self, recording: &Recording, path: &Path) -> PathBuf {
        let program = program_of(recording);
        let pid = format!("{}{}", recording.pid, after_exec(path, recording.pid));
        match self.path.filter(|path| *path != Path::new("-")) {
            None => self.named(&program, &pid),
            Some(path) => with_before_extension(path, &pid),
        }
    }

    fn target_of_all(&self) -> PathBuf {
        let name = || self.named(&self.program, &format!("{}.merged", self.pid));
        self.path.map_or_else(name, Path::to_owned)
    }

    fn named(&self, program: &OsStr, rest: &str) -> PathBuf {
        let mut name = OsString::from("mod-alloc.");
        name.push(program);
        name.push(format!(".{rest}.{}", self.extension()));
        PathBuf::from(name)
    }
}

/// What reports of a recording's program are called.
pub(crate) fn program_of(recording: &Recording) -> OsString {
    let modules = recording.modules.iter().map(|module| module.path.as_path());
    let executable = dhat_file::executable(modules).unwrap_or(&recording.executable);
    executable.file_name().unwrap_or(OsStr::new("program")).to_owned()
}

/// `.2` of `recording.4711.2`: the process's second program.
fn after_exec(path: &Path, pid: u32) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let number = name.rsplit_once(&format!("{pid}.")).map(|(_, number)| number.to_owned());
    let is_number = |text: &String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    number.filter(is_number).map(|number| format!(".{number}")).unwrap_or_default()
}

/// `a/b.json` and `12` give `a/b.12.json`.
fn with_before_extension(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{what}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mod_alloc::recording::model::Module;

    fn output(path: Option<&Path>, format: Format) -> Output<'_> {
        Output { path, format, debug_dirs: &[], program: "ls".into(), pid: 12 }
    }

    fn recording() -> Recording {
        let mut recording = Recording::default();
        recording.pid = 34;
        recording.modules = ["/lib/libmod_alloc_preload.so", "/usr/bin/cat"]
            .map(|path| {
                let mut module = Module::default();
                module.path = path.into();
                module
            })
            .to_vec();
        recording
    }

    #[test]
    fn reports_are_named_after_program_and_process() {
        let (by_name, path) = (output(None, Format::Dhat), Path::new("/recordings/recording.34"));
        assert_eq!(by_name.target(), Path::new("mod-alloc.ls.12.json"));
        assert_eq!(by_name.target_of(&recording(), path), Path::new("mod-alloc.cat.34.json"));
        assert_eq!(by_name.target_of_all(), Path::new("mod-alloc.ls.12.merged.json"));
        let second = Path::new("/recordings/recording.34.2");
        assert_eq!(by_name.target_of(&recording(), second), Path::new("mod-alloc.cat.34.2.json"));
        assert_eq!(output(None, Format::Text).target(), Path::new("mod-alloc.ls.12.txt"));
    }

    #[test]
    fn a_given_name_gets_the_process_before_its_extension() {
        let given = output(Some(Path::new("a/b.json")), Format::Dhat);
        assert_eq!(given.target(), Path::new("a/b.json"));
        assert_eq!(given.target_of_all(), Path::new("a/b.json"));
        let path = Path::new("/recordings/recording.34");
        assert_eq!(given.target_of(&recording(), path), Path::new("a/b.34.json"));
        assert_eq!(with_before_extension(Path::new("a.b/c"), "1"), Path::new("a.b/c.1"));
    }

    #[test]
    fn only_a_number_after_the_process_is_its_program_s() {
        assert_eq!(after_exec(Path::new("/x/recording.7.3"), 7), ".3");
        assert_eq!(after_exec(Path::new("/x/recording.7"), 7), "");
        assert_eq!(after_exec(Path::new("/x/recording.7.bak"), 7), "");
        assert_eq!(after_exec(Path::new("/x/any"), 7), "");
    }
}
