//! Functions that were looked up in debug files, kept in the user's cache from one run to the next.
//!
//! The folder `symbols` there has a file for each debug file, written whole or not at all. All
//! files together have a bound: those that were read last stay. No file is trusted; one that cannot
//! be used is made anew, and failures are no matter: they cost time alone.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use mod_alloc::report::{Storage, SymbolCache};

use crate::base::cache_folder;
use crate::base::system::user;

/// The most bytes of all files together.
const MOST: u64 = 64 << 20;

/// A file that is read takes note of that, this much after it did before.
const PRECISION: Duration = Duration::from_secs(3600);

/// The user's cache; `None` if there can be none.
pub(super) fn cache() -> Option<SymbolCache> {
    static CACHE: OnceLock<Option<SymbolCache>> = OnceLock::new();
    CACHE.get_or_init(|| Some(SymbolCache::new(this_build()?, Folder::new()?))).clone()
}

/// A text that another build of this program does not have.
fn this_build() -> Option<String> {
    let found = fs::metadata("/proc/self/exe").ok()?;
    let version = env!("CARGO_PKG_VERSION");
    let (seconds, rest) = (found.mtime(), found.mtime_nsec());
    Some(format!("{version} {} {seconds}.{rest:09}", found.len()))
}

/// The folder of the files, which this user alone can write to.
#[derive(Debug)]
struct Folder(PathBuf);

impl Folder {
    fn new() -> Option<Self> {
        cache_folder::candidates().into_iter().find_map(|folder| Self::inside(&folder).ok())
    }

    fn inside(cache: &Path) -> io::Result<Self> {
        cache_folder::make(cache)?;
        let folder = cache.join("symbols");
        cache_folder::make_inner(&folder)?;
        Ok(Self(folder))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = File::options().read(true).custom_flags(flags).open(self.0.join(name))?;
        let found = file.metadata()?;
        let is_ours = found.is_file() && found.uid() == user() && found.mode() & 0o022 == 0;
        if !is_ours || found.len() > SymbolCache::LARGEST as u64 {
            return Err(io::Error::other("not a file that was written here"));
        }
        let now = SystemTime::now();
        if now.duration_since(found.modified()?).is_ok_and(|age| age > PRECISION) {
            // On a file system that is not written to, the order stays as it is.
            let _ = file.set_modified(now);
        }
        let mut content = Vec::new();
        file.take(SymbolCache::LARGEST as u64).read_to_end(&mut content)?;
        Ok(content)
    }

    /// Writes it under another name first: other processes read meanwhile.
    fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.0.join(format!("{}.{number}.unfinished", std::process::id()));
        // One that is there is of a process of that number which was killed.
        let _ = fs::remove_file(&unfinished);
        let mut options = File::options();
        let written = options.write(true).create_new(true).mode(0o600).open(&unfinished);
        let written = written.and_then(|mut file| {
            file.write_all(content)?;
            fs::rename(&unfinished, self.0.join(name))
        });
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }

    /// Removes the files that were not read for the longest time, until the others have no more
    /// than `most` bytes.
    fn keep_within(&self, most: u64) -> io::Result<()> {
        let entries = fs::read_dir(&self.0)?.filter_map(|entry| {
            let entry = entry.ok()?;
            let found = entry.metadata().ok()?;
            Some((found.modified().ok()?, found.len(), entry.path()))
        });
        let mut files: Vec<_> = entries.collect();
        files.sort();
        let mut bytes = 0_u64;
        for (_, length, path) in files.iter().rev() {
            bytes = bytes.saturating_add(*length);
            if bytes > most {
                // Another process may have been first.
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }
}

impl Storage for Folder {
    fn load(&self, name: &str) -> Option<Vec<u8>> {
        self.read(name).ok()
    }

    fn store(&self, name: &str, content: &[u8]) {
        if self.write(name, content).is_ok() {
            let _ = self.keep_within(MOST);
        }
    }
}

#[cfg(test)]
mod tests;
