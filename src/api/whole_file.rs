//! A file that is written whole or not at all.
//!
//! It is written without a name, and takes its name when it is complete: a reader of that name
//! finds the old file or the new one. A process that is killed while it writes leaves nothing; one
//! that is killed while it names the complete file may leave that as `.NAME.PID.unfinished`. Where
//! the file system has no files without names, the file has that name from its start.
//!
//! | at the place is | the file |
//! |---|---|
//! | nothing, or a file | takes that name |
//! | a link | takes the name of what it leads to |
//! | a link, in a folder that others can write | takes the link's name: anybody may have made it |
//! | a pipe, a device, something in `/proc`, where `/dev/fd` leads | is written in place |
//! | a file in a folder that we cannot write | is written in place |
//!
//! Its permissions are those of the umask, and never more than to be read by all.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufWriter, Seek, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::base::os;
use crate::base::sync::{AtomicU64, Ordering};

/// Never more, whatever the umask.
const MODE: u32 = 0o644;
/// Bits of a folder's mode: its group, or all, may write it.
const OTHERS_WRITE: u32 = 0o022;
/// Links that are followed one after another, as many as the kernel follows.
const MOST_LINKS: usize = 40;

/// Hashes of the names that were given; zeros after them. No collection: the memory of a report is
/// given back when it is written.
static NAMED: [AtomicU64; 256] = [const { AtomicU64::new(0) }; 256];

fn hash(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish().max(1)
}

fn note_named(path: &Path) {
    let hash = hash(path);
    // Relaxed: each hash stands for itself.
    let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
    let _ = NAMED.iter().find(|entry| match entry.compare_exchange(0, hash, set, get) {
        Ok(_) => true,
        Err(found) => found == hash,
    });
}

/// False if this copy of the crate gave no file that name. A program and a library that it has
/// loaded may each have a copy.
pub(crate) fn may_have_named(path: &Path) -> bool {
    let hash = hash(path);
    let named = NAMED.iter().map(|entry| entry.load(Ordering::Relaxed));
    // Where there is no zero, some were not noted.
    named
        .take_while(|entry| *entry != 0)
        .enumerate()
        .any(|(index, entry)| entry == hash || index + 1 == NAMED.len())
}

/// A complete file that has no name yet, or one that is written in place.
#[derive(Debug)]
pub(crate) enum Written {
    /// Complete: [`Place::name`] names it.
    Complete {
        file: File,
        /// The name meanwhile, if the file system has no files without one.
        meanwhile: Option<PathBuf>,
    },
    /// It was written where it belongs.
    InPlace,
}

/// The place of a file that is to be written.
#[derive(Debug)]
pub(crate) struct Place {
    /// Where links lead, as far as they are followed.
    pub(crate) path: PathBuf,
    is_in_place: bool,
}

impl Place {
    /// Finds out what is at `path`.
    pub(crate) fn find(path: &Path) -> Place {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let folder = folder_of(&path);
            // Links there lead to what is open, and not by a path.
            if fs::canonicalize(folder).is_ok_and(|folder| folder.starts_with("/proc")) {
                return Place { path, is_in_place: true };
            }
            let Ok(found) = fs::symlink_metadata(&path) else { break };
            if !found.is_symlink() {
                return Place { is_in_place: !found.is_file(), path };
            }
            if fs::metadata(folder).is_ok_and(|folder| folder.mode() & OTHERS_WRITE != 0) {
                break;
            }
            let Ok(target) = fs::read_link(&path) else { break };
            path = folder.join(target);
        }
        Place { path, is_in_place: false }
    }

    /// The place of a file that takes that name.
    pub(crate) fn of(path: PathBuf) -> Place {
        Place { path, is_in_place: false }
    }

    /// Writes the file.
    pub(crate) fn write(
        &self,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Written> {
        let opened = if self.is_in_place { None } else { self.open() };
        let (written, file) = match opened {
            Some((file, meanwhile)) => {
                let written = Written::Complete { file: file.try_clone()?, meanwhile };
                (written, file)
            }
            None => (Written::InPlace, self.open_in_place()?),
        };
        let result = os::without_size_signal(|| fill(file, write));
        if let (Err(_), Written::Complete { meanwhile: Some(name), .. }) = (&result, &written) {
            let _ = fs::remove_file(name);
        }
        result.map(|()| written)
    }

    /// A new file in the folder; `None` if there can be none.
    fn open(&self) -> Option<(File, Option<PathBuf>)> {
        let folder = folder_of(&self.path);
        if let Ok(file) = os::files::open_nameless(folder, MODE) {
            return Some((file, None));
        }
        let name = self.meanwhile();
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(MODE).open(&name).ok()?;
        Some((file, Some(name)))
    }

    fn open_in_place(&self) -> io::Result<File> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(&self.path)
    }

    /// The name that the file has before it has its own.
    fn meanwhile(&self) -> PathBuf {
        let mut name = std::ffi::OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(std::format!(".{}.unfinished", os::process_id()));
        folder_of(&self.path).join(name)
    }

    /// Gives the file, which was [written](Self::write) for a place in the same folder, this
    /// place's name.
    pub(crate) fn name(&self, written: Written) -> io::Result<()> {
        let Written::Complete { file, meanwhile } = written else { return Ok(()) };
        let name = match meanwhile {
            Some(name) => name,
            None => self.give_name(file)?,
        };
        let named = fs::rename(&name, &self.path);
        match named {
            Ok(()) => note_named(&self.path),
            Err(_) => drop(fs::remove_file(&name)),
        }
        named
    }

    /// Gives the nameless file its name meanwhile; copies it where the system does not do that.
    fn give_name(&self, mut file: File) -> io::Result<PathBuf> {
        let name = self.meanwhile();
        let path = CString::new(name.as_os_str().as_bytes())?;
        // A killed process with our id may have left one.
        let _ = fs::remove_file(&name);
        if !os::files::give_name(file.as_raw_fd(), &path) {
            file.rewind()?;
            let mut options = OpenOptions::new();
            let copied = options.write(true).create_new(true).mode(MODE).open(&name);
            copied.and_then(|mut copy| io::copy(&mut file, &mut copy)).inspect_err(|_| {
                let _ = fs::remove_file(&name);
            })?;
        }
        Ok(name)
    }
}

/// Writes a file to `path`, whole or not at all.
pub(crate) fn write(
    path: &Path,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let place = Place::find(path);
    let written = place.write(write)?;
    place.name(written)
}

fn fill(file: File, write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, file);
    write(&mut out)?;
    out.flush()?;
    // The kernel's own times are up to 10 ms late, see `one_run`. Without this only a run that
    // begins in those may take the file's name.
    let _ = out.get_ref().set_modified(SystemTime::now());
    Ok(())
}

/// The folder of a path.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new("."))
}

#[cfg(all(test, not(miri)))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::string::String;

    use super::*;

    /// An empty folder that is removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let name = std::format!("mod-alloc-{name}-{}", os::process_id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir(&folder).unwrap();
            Folder(folder)
        }

        fn names(&self) -> std::vec::Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn put(path: &Path, text: &str) -> io::Result<()> {
        write(path, &mut |out| out.write_all(text.as_bytes()))
    }

    #[test]
    fn a_failure_leaves_what_was_there() {
        let folder = Folder::new("failure");
        let path = folder.0.join("report");
        put(&path, "before").unwrap();
        let failed = write(&path, &mut |out| {
            out.write_all(&[b'x'; 1 << 17])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(failed.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        put(&path, "after").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(folder.names(), ["report"]);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777 & !MODE, 0);
    }

    #[test]
    fn links_are_followed_where_nobody_else_can_make_them() {
        let folder = Folder::new("links");
        let (target, link) = (folder.0.join("target"), folder.0.join("link"));
        put(&target, "before").unwrap();
        symlink("target", &link).unwrap();
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o755)).unwrap();
        put(&link, "through").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "through");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o1777)).unwrap();
        put(&link, "instead").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "through");
        assert_eq!(fs::read_to_string(&link).unwrap(), "instead");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
    }

    /// It is a folder as any other, and all can write it.
    #[test]
    fn shared_memory_is_no_device() {
        let is_in_place = |path: &str| Place::find(Path::new(path)).is_in_place;
        assert!(!is_in_place("/dev/shm/report"));
        assert!(is_in_place("/dev/fd/1") && is_in_place("/dev/stdout"));
        assert!(is_in_place("/proc/self/fd/2") && is_in_place("/dev/null"));
    }

    #[test]
    fn devices_are_written_in_place() {
        put(Path::new("/dev/null"), "gone").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        assert!(put(Path::new("/nowhere/at/all"), "").is_err());
    }
}
