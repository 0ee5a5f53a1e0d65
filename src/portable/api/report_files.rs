//! Reports of the running process, at exit and on demand, by the portable engine.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::string::String;
use std::vec::Vec;

pub(crate) use crate::api::own_recording::{read, with_report_memory};
use crate::api::{own_recording, test_harness};
use crate::base::current::as_profiler;
use crate::base::os::message::say;
use crate::base::sync::{AtomicU32, Ordering};
use crate::base::{options, os, path_pattern, settings};
use crate::engine::session;
use crate::engine::session::Session;
use crate::recording::model::Ending;
use crate::report::{Form, Options, Profile, dhat, summary};

/// 1 in a forked child: its report must not take the place of its parent's.
static FORKED: AtomicU32 = AtomicU32::new(0);

/// 1: the program writes its reports itself.
static LEFT_TO_PROGRAM: AtomicU32 = AtomicU32::new(0);

/// No report is written at exit: the program writes its own.
pub(crate) fn leave_to_program() {
    LEFT_TO_PROGRAM.store(1, Ordering::Relaxed);
}

/// Writes the session's recording so far.
pub(crate) fn write_dhat_json(session: Option<&'static Session>, path: &Path) -> io::Result<()> {
    as_profiler(|| write(&profile(session, Ending::Open), path))
}

/// The report of [`write_dhat_json`] as a string.
pub(crate) fn dhat_json_string(session: Option<&'static Session>) -> String {
    as_profiler(|| json(&profile(session, Ending::Open)))
}

/// The report as text.
pub(crate) fn json(profile: &Profile) -> String {
    let mut bytes = Vec::new();
    // Writing to memory does not fail, and JSON is UTF-8.
    let _ = dhat::write(profile, &mut bytes);
    String::from_utf8(bytes).unwrap_or_default()
}

fn profile(session: Option<&'static Session>, ending: Ending) -> Profile {
    let mut recording = own_recording::recording(session);
    recording.ending = ending;
    recording
        .retain_sites(|site| own_recording::has_stack(site) || site.counters.total_blocks != 0);
    let form = if cfg!(feature = "compat-1-0") { Form::Version1 } else { Form::Own };
    Profile::from_recording(&recording, &Options { form, ..Options::default() })
}

/// Writes the report as a whole, or leaves what is there: it is given its name when it is written.
fn write(profile: &Profile, path: &Path) -> io::Result<()> {
    // A device or a pipe is written to as it is.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return dhat::write(profile, &mut fs::File::options().write(true).open(path)?);
    }
    let mut name = path.as_os_str().to_os_string();
    name.push(std::format!(".{}.unfinished", os::process_id()));
    let unfinished = PathBuf::from(name);
    let written = fs::File::create(&unfinished).and_then(|mut file| {
        dhat::write(profile, &mut file)?;
        drop(file);
        // A link stays, and what it leads to is replaced.
        fs::rename(&unfinished, fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()))
    });
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// Writes a report to `path`. Gives the path that was taken.
pub(crate) fn save(profile: &Profile, path: PathBuf) -> (PathBuf, io::Result<()>) {
    let written = write(profile, &path);
    (path, written)
}

/// Runs when the process exits.
pub(crate) extern "C" fn at_exit() {
    as_profiler(|| {
        // A panic must not cross into libc, nor change how the process ends.
        if std::panic::catch_unwind(report).is_err() {
            say(format_args!("cannot make the report: a defect of mod-alloc, please report it"));
        }
    });
}

/// Called in a forked child.
pub(crate) fn in_forked_child() {
    FORKED.store(1, Ordering::Relaxed);
}

fn report() {
    // The program asked for reports at other times.
    if LEFT_TO_PROGRAM.load(Ordering::Relaxed) != 0 || test_harness::runs_silently() {
        return;
    }
    let Some(path) = out_path(std::env::var_os("MOD_ALLOC_OUT")) else { return };
    let profile = profile(session::get(), Ending::Exit);
    let (path, written) = save(&profile, path);
    match written {
        Ok(()) => os::write_stderr(summary::lines(&profile, &path).as_bytes()),
        Err(error) => say(format_args!(
            "cannot write the report {}: {error}; set MOD_ALLOC_OUT to a writable path",
            path.display()
        )),
    }
}

/// The report's path where neither a variable nor the program names one.
const DEFAULT_OUT: &str = "dhat-heap.json";

/// The report's path as the variable or the program gives it; `None` if reports are switched off.
fn out_path(variable: Option<OsString>) -> Option<PathBuf> {
    let is_path = |value: &OsString| {
        !value.is_empty() && settings::raw_path(value.as_encoded_bytes()).is_none()
    };
    let default = || options::Options::of_process().out.unwrap_or(DEFAULT_OUT).into();
    let pattern = variable.filter(is_path).unwrap_or_else(default);
    if pattern == "off" {
        return None;
    }
    let mut path = String::new();
    let pattern = pattern.to_string_lossy();
    path_pattern::expand_numbered(pattern.as_bytes(), 1, |piece| {
        path.push_str(&String::from_utf8_lossy(piece));
    });
    if FORKED.load(Ordering::Relaxed) != 0 && !path_pattern::names_process(pattern.as_bytes()) {
        path.push_str(&std::format!(".{}", os::process_id()));
    }
    Some(PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn off_and_empty_are_told_apart() {
        assert_eq!(out_path(Some("off".into())), None);
        assert_eq!(out_path(Some("".into())), Some("dhat-heap.json".into()));
        assert_eq!(out_path(None), Some("dhat-heap.json".into()));
        assert_eq!(out_path(Some("raw:a".into())), Some("dhat-heap.json".into()));
        assert_eq!(out_path(Some("./raw:a".into())), Some("./raw:a".into()));
        let numbered = std::format!("a-{}.json", os::process_id());
        assert_eq!(out_path(Some("a-%p.json".into())), Some(numbered.into()));
    }
}
