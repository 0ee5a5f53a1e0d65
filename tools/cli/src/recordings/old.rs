//! Recordings that earlier runs left behind: the folders they are in, and their removal.
//!
//! A run removes its folder when its report is made. What stays is of runs that failed or were
//! killed. Nothing is removed from a folder whose run goes on, no recording whose process lives,
//! and nothing of another user's.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use mod_alloc::recording::file::RecordingFile;

use crate::base::say::{Shown, say};
use crate::base::system::user;
use crate::units::{Bytes, Counted};

use super::folder::{PREFIX, parents};
use super::found::{goes_on_in, in_folder, is_running};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Older recordings are removed when a run begins …
const OLDEST: Duration = DAY.saturating_mul(14);
/// … and the oldest of more than this many, but none of the last day.
const MOST: usize = 64;

/// A recording that may be removed.
struct Left {
    path: PathBuf,
    /// The run's folder. It is locked as long as one of its recordings may be removed.
    folder: Rc<Folder>,
    bytes: u64,
    age: Duration,
    is_reported: bool,
}

/// The folder of an ended run.
struct Folder {
    path: PathBuf,
    _lock: File,
}

/// Recordings that were removed, and those that stay.
#[derive(Debug, Default)]
pub(crate) struct Cleaned {
    removed: u64,
    bytes: u64,
    unreported: u64,
    /// Their processes live, or their runs go on.
    in_use: u64,
    young: u64,
    failed: bool,
}

/// Opens a folder, and not what a link leads to, and locks it until it is dropped or the process
/// ends. An error of the kind `WouldBlock`: another process has it locked.
pub(super) fn lock(folder: &Path) -> io::Result<File> {
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW;
    let file = File::options().read(true).custom_flags(flags).open(folder)?;
    // SAFETY: no memory is involved.
    let locked = unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) };
    if locked == 0 { Ok(file) } else { Err(io::Error::last_os_error()) }
}

/// The folders of runs, in the folders that recordings are made in. Links are none.
pub(super) fn run_folders() -> impl Iterator<Item = PathBuf> {
    let is_one = |path: &PathBuf| {
        let name = path.file_name().map(OsStr::as_bytes);
        name.is_some_and(|name| name.starts_with(PREFIX.as_bytes())) && is_folder(path)
    };
    let folders = parents().into_iter().filter_map(|parent| fs::read_dir(parent).ok());
    folders.flatten().filter_map(|entry| Some(entry.ok()?.path())).filter(is_one)
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// A run's folder and those in it.
pub(super) fn with_inner(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut folders: Vec<_> =
        entries.map(|entry| entry.path()).filter(|path| is_folder(path)).collect();
    folders.push(folder);
    folders
}

/// The recordings of this user's ended runs whose processes have ended, the oldest last; and the
/// number of others.
fn left() -> (Vec<Left>, u64) {
    let (mut found, mut in_use) = (Vec::new(), 0);
    for path in run_folders() {
        if !fs::symlink_metadata(&path).is_ok_and(|found| found.uid() == user()) {
            continue;
        }
        let folder = lock(&path).map(|lock| Folder { path: path.clone(), _lock: lock });
        let folder = folder.map(Rc::new);
        for inner in with_inner(path) {
            for path in in_folder(&inner).unwrap_or_default() {
                match (&folder, facts(&path, &inner)) {
                    (Ok(folder), Some((bytes, age, is_reported))) => {
                        let folder = Rc::clone(folder);
                        found.push(Left { path, folder, bytes, age, is_reported });
                    }
                    _ => in_use += 1,
                }
            }
        }
    }
    found.sort_by_key(|left| left.age);
    (found, in_use)
}

/// Bytes on the disk, the age since the process's end, and `true` if a report was made. `None`: the
/// recording is in use.
fn facts(path: &Path, folder: &Path) -> Option<(u64, Duration, bool)> {
    /// A recording without a process is made for a child, which takes it over at once.
    const FORK: Duration = Duration::from_secs(600);
    let found = fs::symlink_metadata(path).ok()?;
    let modified = found.modified().ok()?;
    let age = SystemTime::now().duration_since(modified).unwrap_or_default();
    let file = RecordingFile::open(path).ok();
    let pid = file.as_ref().and_then(RecordingFile::process);
    let is_in_use = match pid {
        Some(0) => age < FORK,
        Some(pid) => is_running(pid, path) || goes_on_in(pid, folder),
        None => false,
    };
    let is_reported = file.is_some_and(|file| file.is_reported());
    (!is_in_use).then(|| (found.blocks().saturating_mul(512), age, is_reported))
}

/// Removes the recordings that are as old as that.
pub(crate) fn clean(older_than: Duration) -> Cleaned {
    let (left, in_use) = left();
    let (old, young): (Vec<_>, Vec<_>) = left.into_iter().partition(|left| left.age >= older_than);
    let mut cleaned = Cleaned { in_use, young: young.len() as u64, ..Cleaned::default() };
    cleaned.remove(old);
    cleaned
}

/// Keeps the number and the age of recordings within bounds, and says so.
pub(super) fn keep_within_bounds() {
    let (mut left, _) = left();
    // Those without a report stay longest.
    left.sort_by_key(|left| (left.is_reported, left.age));
    let ranked = left.into_iter().enumerate();
    let is_old =
        |(rank, left): &(usize, Left)| left.age >= OLDEST || (*rank >= MOST && left.age >= DAY);
    let mut cleaned = Cleaned::default();
    cleaned.remove(ranked.filter(is_old).map(|(_, left)| left).collect());
    if cleaned.removed > 0 {
        say!(
            "removed {}: those of 14 days are kept, and of more than {MOST} those of a day; \
             `mod-alloc recover` lists them",
            cleaned.words()
        );
    }
}

impl Cleaned {
    fn remove(&mut self, recordings: Vec<Left>) {
        for left in recordings {
            if let Err(error) = fs::remove_file(&left.path) {
                say!("{} cannot be removed: {error}", Shown(&left.path));
                self.failed = true;
                continue;
            }
            self.removed += 1;
            self.bytes = self.bytes.saturating_add(left.bytes);
            self.unreported += u64::from(!left.is_reported);
            // They stay while there is something in them.
            let inner = left.path.parent().filter(|inner| *inner != left.folder.path);
            for folder in inner.into_iter().chain([left.folder.path.as_path()]) {
                let _ = fs::remove_dir(folder);
            }
        }
    }

    fn words(&self) -> String {
        let unreported = match self.unreported {
            0 => String::new(),
            all if all == self.removed => ", without a report".into(),
            some => format!(", {some} of them without a report"),
        };
        format!("{} of earlier runs ({}){unreported}", recordings(self.removed), Bytes(self.bytes))
    }

    /// Says what was done; `false` if something could not be removed.
    pub(crate) fn tell(&self) -> bool {
        match self.removed {
            0 => say!("there is nothing to remove"),
            _ => say!("removed {}", self.words()),
        }
        if self.young > 0 {
            say!("younger, and kept: {}", recordings(self.young));
        }
        if self.in_use > 0 {
            say!("in use by a program or a run, and kept: {}", recordings(self.in_use));
        }
        !self.failed
    }
}

fn recordings(count: u64) -> Counted<'static> {
    Counted { count, one: "recording", many: "recordings" }
}
