//! The files that a process has mapped to share them, as `/proc/PID/maps` lists them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that a process has mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MappedFile {
    /// First and last address, as the name of an entry in `/proc/PID/map_files`.
    range: String,
    /// The file's number on its device.
    pub(crate) inode: u64,
    /// Its path when it was mapped, as the process sees it.
    pub(crate) path: PathBuf,
}

/// The files that the process in `proc` (`/proc/PID`) shares with others through memory, each once.
pub(crate) fn shared_files(proc: &Path) -> io::Result<Vec<MappedFile>> {
    let maps = fs::read(proc.join("maps"))?;
    let mut files: Vec<MappedFile> = Vec::new();
    for file in String::from_utf8_lossy(&maps).lines().filter_map(shared_file) {
        if files.iter().all(|known| known.inode != file.inode || known.path != file.path) {
            files.push(file);
        }
    }
    Ok(files)
}

/// `start-end rw-s offset device inode   path`; `None` for what is private or no file.
fn shared_file(line: &str) -> Option<MappedFile> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let is_shared = words.next()?.ends_with('s');
    let inode = words.nth(2)?.parse().ok()?;
    let path = words.next()?.trim_start();
    // In map_files addresses have no leading zeros.
    let address = |text| u64::from_str_radix(text, 16).ok();
    let range = format!("{:x}-{:x}", address(start)?, address(end)?);
    let path = PathBuf::from(path.strip_suffix(" (deleted)").unwrap_or(path));
    (is_shared && inode != 0).then_some(MappedFile { range, inode, path })
}

impl MappedFile {
    /// This is a file of a file system, and not memory that the kernel lists under a name.
    pub(crate) fn may_be_recording(&self) -> bool {
        let path = self.path.to_string_lossy();
        path.starts_with('/')
            && !["/dev/", "/memfd:", "/SYSV", "/[aio]", "/anon_"]
                .iter()
                .any(|kind| path.starts_with(kind))
    }

    /// Paths that may lead to the file, the surest first. Where another file has taken its
    /// place, a path is left out.
    pub(crate) fn ways(&self, proc: &Path) -> Vec<PathBuf> {
        // This leads to the file itself, deleted or not, but needs privileges.
        let mut ways = vec![proc.join("map_files").join(&self.range)];
        let inside = self.path.strip_prefix("/").unwrap_or(&self.path);
        let mut more = vec![proc.join("root").join(inside), self.path.clone()];
        let open = fs::read_dir(proc.join("fd")).into_iter().flatten().flatten();
        more.extend(open.map(|entry| entry.path()));
        let is_it = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.ino() == self.inode);
        ways.extend(more.into_iter().filter(is_it));
        ways
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<(String, u64, PathBuf)> {
        shared_file(line).map(|file| (file.range, file.inode, file.path))
    }

    #[test]
    fn shared_files_are_told_from_other_mappings() {
        let shared = "00400000-00452000 rw-s 00000000 08:02 173521      /tmp/my recording";
        let expected = ("400000-452000".to_owned(), 173_521, PathBuf::from("/tmp/my recording"));
        assert_eq!(parsed(shared), Some(expected));
        let deleted = "7f00-7f10 rw-s 00000000 08:02 5   /tmp/r (deleted)";
        assert_eq!(parsed(deleted).unwrap().2, PathBuf::from("/tmp/r"));
        for other in [
            "00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus-daemon",
            "7f5c-7f5d rw-p 00000000 00:00 0",
            "7f5c-7f5d rw-s 00000000 00:00 0",
            "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]",
            "",
            "nonsense",
        ] {
            assert_eq!(parsed(other), None, "{other}");
        }
    }

    /// The kernel's own listing and its ways to a file, with a file of this test's.
    #[test]
    fn a_file_is_found_again_after_another_took_its_place() {
        let folder = std::env::temp_dir().join(format!("mod-alloc-maps-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("mapped");
        fs::write(&path, "the one").unwrap();
        let file = fs::File::open(&path).unwrap();
        let inode = file.metadata().unwrap().ino();
        fs::remove_file(&path).unwrap();
        fs::write(folder.join("keeps the number in use"), "").unwrap();
        fs::write(&path, "another").unwrap();
        let mapped = MappedFile { range: "1-2".into(), inode, path };
        let ways = mapped.ways(Path::new("/proc/self"));
        let read: Vec<String> =
            ways.iter().filter_map(|way| fs::read_to_string(way).ok()).collect();
        assert_eq!(read, ["the one"]);
        fs::remove_dir_all(&folder).unwrap();
        drop(file);
    }
}
