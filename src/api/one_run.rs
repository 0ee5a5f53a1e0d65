//! The names of reports where several processes of one run write to the same path.
//!
//! A program that starts itself, or others with this crate, in its own folder has one path for all
//! their reports. The path belongs to the first process; the others append their ids. A later run
//! by hand overwrites the earlier report, as always. Two rules tell a process of this run from an
//! earlier run:
//!
//! - A process whose living ancestor has this crate, the same pattern and the same folder leaves
//!   the path to that ancestor. It is found through `/proc`: an environment variable would be seen
//!   by the program, and would have to be set among its threads.
//! - A report of another process, written since this process began, stays. That is the rule for
//!   processes that run at once and do not descend from each other, for orphans, and where there is
//!   no `/proc`. So does a report of another copy of the crate in this process: that of a library
//!   which the program has loaded.
//!
//! Neither finds a child that ends before the next one begins where there is no `/proc`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use std::vec::Vec;

use crate::api::report_files::{DEFAULT_OUT, default_out};
use crate::api::whole_file::{Place, Written, folder_of, may_have_named};
use crate::base::options::Options;
use crate::base::sync::Ordering;
use crate::base::{os, path_pattern, settings};
use crate::engine::session;
use crate::symbolize::has_section;

/// The section by which an executable that records itself is known. No symbol: those are stripped.
const SECTION: &str = "mod_alloc_records";

#[unsafe(link_section = "mod_alloc_records")]
static MARK: [u8; 1] = [1];

/// Longest chain of ancestors that is looked at: more is a mistake in the reading of it.
const MOST_ANCESTORS: usize = 64;

/// More names are not tried: the report goes to the last.
const MOST_NAMES: u32 = 100;

/// A millisecond apart.
const LOCK_TRIES: u32 = 500;

/// The begin of a report, which names its process. The command's line stands before that.
const HEAD: u64 = 1 << 16;

/// True if an ancestor that still runs will write its report by the same `pattern` in the same
/// folder.
pub(crate) fn has_ancestor(pattern: &[u8]) -> bool {
    // Keeps the section in this executable.
    std::hint::black_box(&MARK);
    // It has no processes.
    if cfg!(miri) {
        return false;
    }
    let mut id = std::os::unix::process::parent_id();
    for _ in 0..MOST_ANCESTORS {
        if id == 0 {
            return false;
        }
        if writes_by(id, pattern).unwrap_or(false) {
            return true;
        }
        let Some(parent) = parent_of(id) else { return false };
        id = parent;
    }
    false
}

/// The parent of process `id`. Its name, in parentheses, may contain anything.
fn parent_of(id: u32) -> Option<u32> {
    let text = fs::read_to_string(std::format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

/// True if process `id` records itself, and writes its report by `pattern` to our folder. `None` if
/// that cannot be known: it is another user's.
fn writes_by(id: u32, pattern: &[u8]) -> Option<bool> {
    let of_process = |name: &str| PathBuf::from(std::format!("/proc/{id}/{name}"));
    let is_here = || {
        let (ours, its) = (fs::metadata(".").ok()?, fs::metadata(of_process("cwd")).ok()?);
        Some((ours.dev(), ours.ino()) == (its.dev(), its.ino()))
    };
    if !pattern.starts_with(b"/") && !is_here()? {
        return Some(false);
    }
    let environment = fs::read(of_process("environ")).ok()?;
    // Another program's own settings are not known: it is taken for one that makes none.
    let (is_on, default) = if is_this_program(&of_process("exe")).unwrap_or(false) {
        (!Options::of_process().is_off, default_out())
    } else {
        (true, DEFAULT_OUT)
    };
    let out = value(&environment, b"MOD_ALLOC_OUT=").unwrap_or(default.as_bytes());
    let switch = value(&environment, b"MOD_ALLOC=");
    if out != pattern || !switch.and_then(settings::is_on_word).unwrap_or(is_on) {
        return Some(false);
    }
    let executable = of_process("exe");
    let name = |path: &Path| Some(fs::read_link(path).ok()?.file_name()?.to_owned());
    if path_pattern::names_executable(pattern)
        && name(&executable)? != name(Path::new("/proc/self/exe"))?
    {
        return Some(false);
    }
    Some(has_section(&executable, SECTION.as_bytes()))
}

/// True if `executable` is the file of this process's program.
fn is_this_program(executable: &Path) -> Option<bool> {
    let (ours, its) = (fs::metadata("/proc/self/exe").ok()?, fs::metadata(executable).ok()?);
    Some((ours.dev(), ours.ino()) == (its.dev(), its.ino()))
}

/// The value of a variable that is not empty, in a process's environment.
fn value<'e>(environment: &'e [u8], name: &[u8]) -> Option<&'e [u8]> {
    let mut entries = environment.split(|byte| *byte == 0);
    let value = entries.find_map(|entry| entry.strip_prefix(name))?;
    (!value.is_empty()).then_some(value)
}

/// Writes a report to `path`, or to `path.ID` if another process of this run has its report there,
/// or to `path.ID.2` and so on if processes of several namespaces have the same id. Gives the path
/// that was taken.
pub(crate) fn save(
    path: PathBuf,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> (PathBuf, io::Result<()>) {
    let place = Place::find(&path);
    match place.write(write) {
        Ok(Written::InPlace) => (path, Ok(())),
        Ok(written) => name(path, &place, written),
        Err(error) => (path, Err(error)),
    }
}

/// Gives a report its name.
///
/// The lock of the folder keeps two processes that end at once from taking one name: between the
/// look at what has the name, and the taking of it, nobody else takes it. If the lock cannot be
/// had, the name with the process's id is free all the same.
fn name(path: PathBuf, place: &Place, written: Written) -> (PathBuf, io::Result<()>) {
    let began = began();
    let folder = File::open(folder_of(&place.path));
    let is_locked = folder.as_ref().is_ok_and(lock);
    let mut number = u32::from(!is_locked);
    loop {
        let at = if number == 0 { place.path.clone() } else { with_id(&place.path, number) };
        if number < MOST_NAMES && is_taken(&at, began) {
            number += 1;
            continue;
        }
        let taken = if number == 0 { path } else { at.clone() };
        return (taken, Place::of(at).name(written));
    }
}

/// Locks a folder until it is closed. Another process has the lock for a moment only; one that is
/// stopped then is not waited for.
fn lock(folder: &File) -> bool {
    (0..LOCK_TRIES).any(|_| {
        let is_locked = os::files::try_lock(folder.as_raw_fd());
        if !is_locked {
            std::thread::sleep(Duration::from_millis(1));
        }
        is_locked
    })
}

/// The path with this process's id, and from the second on with a number.
fn with_id(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(std::format!(".{}", os::process_id()));
    if number > 1 {
        name.push(std::format!(".{number}"));
    }
    name.into()
}

/// The time of day at which this process began to record.
fn began() -> SystemTime {
    let started = session::get().map_or_else(os::monotonic_nanos, |session| {
        session.header.process.started_nanos.load(Ordering::Relaxed)
    });
    let age = os::monotonic_nanos().saturating_sub(started);
    let now = SystemTime::now();
    now.checked_sub(Duration::from_nanos(age)).unwrap_or(now)
}

/// True if the file at `path` stays another process's, or another copy's of the crate.
fn is_taken(path: &Path, began: SystemTime) -> bool {
    let Ok(written) = fs::symlink_metadata(path).and_then(|found| found.modified()) else {
        return false;
    };
    let is_of_now = (began..=SystemTime::now()).contains(&written);
    let is_others = |id| id != os::process_id() || !may_have_named(path);
    is_of_now && writer_of(path).is_some_and(is_others)
}

/// The id of the process that the report at `path` is of; `None`: there is no report.
fn writer_of(path: &Path) -> Option<u32> {
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let key = b"\"pid\":";
    let at = head.windows(key.len()).position(|window| window == key)? + key.len();
    let digits = head.get(at..)?.trim_ascii_start();
    let len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    OsStr::from_bytes(digits.get(..len)?).to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::whole_file;

    #[test]
    fn variables_are_found_by_their_whole_name() {
        let environment = b"XMOD_ALLOC=1\0MOD_ALLOC_OUT=a\0MOD_ALLOC=\0";
        assert_eq!(value(environment, b"MOD_ALLOC_OUT="), Some(&b"a"[..]));
        assert_eq!(value(environment, b"MOD_ALLOC="), None);
        assert_eq!(value(environment, b"PATH="), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "there are no files")]
    fn a_report_of_another_copy_in_this_process_stays() {
        let name = std::format!("mod-alloc-copies-{}.json", os::process_id());
        let path = std::env::temp_dir().join(name);
        let report = std::format!("{{\"pid\":{}}}", os::process_id());
        fs::write(&path, &report).unwrap();
        assert!(is_taken(&path, SystemTime::UNIX_EPOCH));
        let mut write = |out: &mut dyn Write| out.write_all(report.as_bytes());
        whole_file::write(&path, &mut write).unwrap();
        assert!(!is_taken(&path, SystemTime::UNIX_EPOCH), "a later one takes its place");
        fs::remove_file(&path).unwrap();
    }

    #[test]
    #[cfg_attr(miri, ignore = "it has no processes")]
    fn the_parent_of_this_process_is_known_to_the_kernel() {
        let parent = std::os::unix::process::parent_id();
        assert_eq!(parent_of(os::process_id()), Some(parent));
        assert_eq!(parent_of(u32::MAX), None);
    }
}
