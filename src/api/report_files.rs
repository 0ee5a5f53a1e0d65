//! Reports of the running process: at exit, and on demand.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

pub(crate) use crate::api::own_recording::{read, with_report_memory, with_report_stack};
use crate::api::{one_run, raw_recording, test_harness, whole_file};
use crate::base::current::{add_profiler_bytes, as_profiler};
use crate::base::os::message::say;
use crate::base::sync::{AtomicU32, Ordering};
use crate::base::{options, os, path_pattern, settings};
use crate::engine::session;
use crate::engine::session::Session;
use crate::recording::model::{Ending, Recording};
use crate::report::{Form, Options, Profile, dhat, summary};
use crate::store::space::SPACE;

/// 1 in a forked child: its report must not take the place of its parent's.
static FORKED: AtomicU32 = AtomicU32::new(0);

/// 1: the program writes its reports itself.
static LEFT_TO_PROGRAM: AtomicU32 = AtomicU32::new(0);

/// Reports with numbers so far.
static NUMBERED: AtomicU32 = AtomicU32::new(0);

/// No report is written at exit: the program writes its own.
pub(crate) fn leave_to_program() {
    LEFT_TO_PROGRAM.store(1, Ordering::Relaxed);
}

/// True if [`leave_to_program`] was called. Safe in signal handlers.
pub(crate) fn is_left_to_program() -> bool {
    LEFT_TO_PROGRAM.load(Ordering::Relaxed) != 0
}

/// Writes the session's recording so far.
pub(crate) fn write_dhat_json(session: Option<&'static Session>, path: &Path) -> io::Result<()> {
    let mut result = Ok(());
    with_report_memory(&mut || {
        let written = write(&profile(session), path);
        result = written.map_err(|error| as_profiler(|| to_keep(&error)));
    });
    result
}

/// The report of [`write_dhat_json`] as a string, which belongs to the program.
pub(crate) fn dhat_json_string(session: Option<&'static Session>) -> String {
    let mut text = String::new();
    with_report_memory(&mut || {
        let made = json(&profile(session));
        text = as_profiler(|| made.clone());
    });
    add_profiler_bytes(-(text.capacity() as i64));
    text
}

/// The error, with blocks of its own.
fn to_keep(error: &io::Error) -> io::Error {
    let other = || io::Error::new(error.kind(), std::format!("{error}"));
    error.raw_os_error().map_or_else(other, io::Error::from_raw_os_error)
}

/// The report as text.
pub(crate) fn json(profile: &Profile) -> String {
    let mut bytes = Vec::new();
    // Writing to memory does not fail, and JSON is UTF-8.
    let _ = dhat::write(profile, &mut bytes);
    String::from_utf8(bytes).unwrap_or_default()
}

/// The profile of the process so far.
fn profile(session: Option<&'static Session>) -> Profile {
    of_recording(&crate::api::own_recording::recording(session))
}

/// The profile of the process, which runs its exit handlers: the one that notes this in the
/// recording runs later.
fn profile_at_exit(session: Option<&'static Session>) -> Profile {
    let mut recording = crate::api::own_recording::recording(session);
    recording.ending = Ending::Exit;
    of_recording(&recording)
}

fn of_recording(recording: &Recording) -> Profile {
    let form = if cfg!(feature = "compat-1-0") { Form::Version1 } else { Form::Own };
    Profile::from_recording(recording, &Options { form, ..Options::default() })
}

/// Writes a report to exactly that path, which the program has chosen.
fn write(profile: &Profile, path: &Path) -> io::Result<()> {
    whole_file::write(path, &mut |out| dhat::write(profile, out))
}

/// Writes a report to `path`, or beside it if another process of this run has its report there.
/// Gives the path that was taken.
pub(crate) fn save(profile: &Profile, path: PathBuf) -> (PathBuf, io::Result<()>) {
    one_run::save(path, &mut |out| dhat::write(profile, out))
}

/// Runs when the process exits by `exit` or by returning from `main`; other threads may be running.
pub(crate) extern "C" fn at_exit() {
    // The report's allocations are the profiler's.
    if let Some(session) = session::get().filter(|_| SPACE.is_in_file()) {
        crate::engine::allocator::moments::note_end(session);
    }
    with_report_stack(&mut || {
        // A panic must not cross into libc, nor change how the process ends.
        if std::panic::catch_unwind(report).is_err() {
            say(format_args!("cannot make the report: a defect of mod-alloc, please report it"));
        }
    });
}

/// True if the process writes a report at its end, as far as that is known at its start.
#[cfg(not(feature = "preload"))]
pub(crate) fn are_wanted() -> bool {
    let out = std::env::var_os("MOD_ALLOC_OUT");
    !test_harness::runs_silently() && out_pattern(out) != "off"
}

/// Writes the report, as this signal has come. `out`: the value of `MOD_ALLOC_OUT`.
#[cfg(not(feature = "preload"))]
pub(crate) fn at_signal(signal: core::ffi::c_int, out: Option<&[u8]>) {
    use std::os::unix::ffi::OsStringExt;
    let name = os::signals::Name(signal);
    if is_left_to_program() {
        say(format_args!("{name}: no report; the program's own profiler writes it when dropped"));
        return;
    }
    if session::get().is_none_or(|session| !session.is_this_process()) {
        return;
    }
    with_report_stack(&mut || {
        write_to_out(out.map(|out| std::ffi::OsString::from_vec(out.to_vec())));
    });
}

/// Called in a forked child.
pub(crate) fn in_forked_child() {
    FORKED.store(1, Ordering::Relaxed);
}

fn report() {
    // A child that is not recorded writes no report.
    if session::get().is_some_and(|session| SPACE.is_in_file() && !session.is_this_process()) {
        return;
    }
    // The program asked for reports at other times.
    if is_left_to_program() || test_harness::runs_silently() {
        return;
    }
    write_to_out(std::env::var_os("MOD_ALLOC_OUT"));
}

/// Writes the process's report where `out`, the variable's value, or the program wants it.
fn write_to_out(out: Option<std::ffi::OsString>) {
    if out_pattern(out.clone()) == "off" {
        return;
    }
    if let Some(session) = session::get().filter(|_| raw_recording::is_in_place(out.as_deref())) {
        raw_recording::say_where(session);
        return;
    }
    // First, so that the heap's state at the end has nothing of what the path needs.
    let profile = profile_at_exit(session::get());
    let Some(path) = out_path(out) else { return };
    let (path, written) = save(&profile, path);
    match written {
        Ok(()) => os::write_stderr(summary::lines(&profile, &path).as_bytes()),
        Err(error) => say(format_args!(
            "cannot write the report {}: {error}; set MOD_ALLOC_OUT to a writable path",
            path.display()
        )),
    }
}

/// The number of the next report that is written while the process runs.
#[cfg(not(feature = "preload"))]
pub(crate) fn next_number() -> u32 {
    NUMBERED.fetch_add(1, Ordering::Relaxed) + 1
}

/// Writes the next report of a running process.
#[cfg(not(feature = "preload"))]
pub(crate) fn write_next(
    session: &'static Session,
    out: Option<&[u8]>,
) -> Option<(PathBuf, io::Result<()>)> {
    write_numbered(&profile(Some(session)), out, next_number())
}

/// Writes a report while the process runs: beside the one at its end, whose path is `out`'s, with a
/// number. `None` if reports are switched off.
#[cfg(not(feature = "preload"))]
pub(crate) fn write_numbered(
    profile: &Profile,
    out: Option<&[u8]>,
    number: u32,
) -> Option<(PathBuf, io::Result<()>)> {
    use std::os::unix::ffi::OsStringExt;
    let variable = out.map(|out| OsString::from_vec(out.to_vec()));
    let path = numbered_path(variable, Some(number))?;
    Some(save(profile, path))
}

/// The report's path; `None` if reports are switched off.
fn out_path(variable: Option<OsString>) -> Option<PathBuf> {
    numbered_path(variable, None)
}

/// The report's path as the variable or the program gives it, or `off`.
fn out_pattern(variable: Option<std::ffi::OsString>) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStrExt;
    // A recording that was asked for and could not be made has the report in its place.
    let is_path =
        |value: &OsString| !value.is_empty() && settings::raw_path(value.as_bytes()).is_none();
    variable.filter(is_path).unwrap_or_else(|| default_out().into())
}

/// The report's path where neither a variable nor the program names one.
pub(crate) const DEFAULT_OUT: &str = "dhat-heap.json";

/// The report's path where no variable names one.
pub(crate) fn default_out() -> &'static str {
    options::Options::of_process().out.unwrap_or(DEFAULT_OUT)
}

/// The path with a number: in the place of `%n`, or else before the file's extension, as
/// `dhat-heap.1.json`. The report at the end has one, the next, only where the path asks for it.
fn numbered_path(variable: Option<OsString>, number: Option<u32>) -> Option<PathBuf> {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let pattern = out_pattern(variable);
    if pattern == "off" {
        return None;
    }
    let (pattern, mut path) = (pattern.as_bytes(), Vec::new());
    let next = NUMBERED.load(Ordering::Relaxed) + 1;
    path_pattern::expand_numbered(pattern, number.unwrap_or(next), |piece| {
        path.extend_from_slice(piece);
    });
    if let Some(number) = number.filter(|_| !path_pattern::names_number(pattern)) {
        let name = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let dot = path[name..].iter().rposition(|byte| *byte == b'.').filter(|dot| *dot > 0);
        let at = dot.map_or(path.len(), |dot| name + dot);
        path.splice(at..at, std::format!(".{number}").into_bytes());
    }
    if is_descendant(pattern) {
        path.extend_from_slice(std::format!(".{}", os::process_id()).as_bytes());
    }
    Some(PathBuf::from(OsString::from_vec(path)))
}

/// True if the path by `pattern` belongs to a process that this one descends from.
fn is_descendant(pattern: &[u8]) -> bool {
    let is_forked = || FORKED.load(Ordering::Relaxed) != 0;
    !path_pattern::names_process(pattern) && (is_forked() || one_run::has_ancestor(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_before_the_extension() {
        let numbered = |pattern: &str| numbered_path(Some(pattern.into()), Some(7));
        assert_eq!(numbered_path(None, Some(1)), Some("dhat-heap.1.json".into()));
        assert_eq!(numbered("a.b/c.d.json"), Some("a.b/c.d.7.json".into()));
        assert_eq!(numbered("a.b/report"), Some("a.b/report.7".into()));
        assert_eq!(numbered("a/.hidden"), Some("a/.hidden.7".into()));
        assert_eq!(numbered("off"), None);
    }

    #[test]
    fn off_and_empty_are_told_apart() {
        assert_eq!(out_path(Some("off".into())), None);
        assert_eq!(out_path(Some("".into())), Some("dhat-heap.json".into()));
        assert_eq!(out_path(None), Some("dhat-heap.json".into()));
        assert_eq!(out_path(Some("raw".into())), Some("dhat-heap.json".into()));
        assert_eq!(out_path(Some("raw:a".into())), Some("dhat-heap.json".into()));
        assert_eq!(out_path(Some("./raw:a".into())), Some("./raw:a".into()));
        assert_eq!(out_path(Some("raws".into())), Some("raws".into()));
    }
}
