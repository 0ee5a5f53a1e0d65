//! The target of data: standard output, or a file that is there whole or not at all.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The function that writes the data.
type Writer<'a> = &'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>;

/// Writes to standard output. A closed pipe is no error: its reader wants no more.
pub(crate) fn to_stdout(write: Writer<'_>) -> io::Result<()> {
    check_stdout()?;
    let mut out = BufWriter::new(anstream::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if is_gone(&error) => Ok(()),
        other => other,
    }
}

/// Writes to standard output as it is: bytes that look like colours stay. A closed pipe is no error.
pub(crate) fn unchanged_to_stdout(write: Writer<'_>) -> io::Result<()> {
    check_stdout()?;
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if is_gone(&error) => Ok(()),
        other => other,
    }
}

/// The reader of an output is gone: of a pipe, or of a terminal that has hung up, which the kernel
/// tells by EIO.
pub(crate) fn is_gone(error: &io::Error) -> bool {
    let is_hung_up = || error.raw_os_error() == Some(libc::EIO) && stdout_is_device();
    error.kind() == io::ErrorKind::BrokenPipe || is_hung_up()
}

/// A terminal that has hung up does not answer that it is one.
fn stdout_is_device() -> bool {
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let facts = stdout.and_then(|stdout| stdout.metadata());
    facts.is_ok_and(|facts| facts.file_type().is_char_device())
}

/// Never more of a new file's permissions, whatever the umask.
const MODE: u32 = 0o644;
/// Bits of a folder's mode: its group, or all, may write it.
const OTHERS_WRITE: u32 = 0o022;

/// Writes to `path`; `-` is standard output. A file is written under another name beside it and
/// takes its place when it is whole: half a file is never found. A link in a folder that others can
/// write is replaced and not followed: its maker is not known.
pub(crate) fn to_path(path: &Path, write: Writer<'_>) -> io::Result<()> {
    if path == Path::new("-") {
        return to_stdout(write);
    }
    match fs::metadata(path) {
        // A device or a pipe is written to, and must not be replaced by a file.
        Ok(found) if !found.is_file() => in_place(path, write),
        Ok(_) => replace(&replaced_by(path)?, write),
        Err(_) => replace(path, write),
    }
}

/// The file that a new one at `path` takes the place of: the one that links lead to.
fn replaced_by(path: &Path) -> io::Result<PathBuf> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let is_link = fs::symlink_metadata(path)?.is_symlink();
    if is_link && fs::metadata(folder)?.mode() & OTHERS_WRITE != 0 {
        return Ok(path.to_owned());
    }
    fs::canonicalize(path)
}

/// A new file that nobody else has made.
fn create_new(path: &Path) -> io::Result<File> {
    File::options().write(true).create_new(true).mode(MODE).open(path)
}

/// An error if `target` is one of the files that are read: they would be lost.
pub(crate) fn spare(target: &Path, read: &[&Path]) -> io::Result<()> {
    let of = |path: &Path| {
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some((found.dev(), found.ino()))
    };
    match of(target).filter(|target| read.iter().any(|path| of(path) == Some(*target))) {
        Some(_) => Err(io::Error::other("it would take the place of what is read")),
        None => Ok(()),
    }
}

/// Tries if [`to_path`] can write to `path`, and leaves everything as it was: for a caller that
/// will have something to write after much work.
pub(crate) fn try_path(path: &Path) -> io::Result<()> {
    if path == Path::new("-") {
        check_stdout()?;
        return write_nothing(&io::stdout());
    }
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if found.file_type().is_char_device() => {
            let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
            write_nothing(&File::options().write(true).custom_flags(flags).open(path)?)
        }
        // To open a pipe would wait for its reader.
        Ok(found) if !found.is_file() => Ok(()),
        Ok(_) => try_beside(&replaced_by(path)?),
        Err(_) => try_beside(path),
    }
}

/// Writes a page to a file beside `path`, and removes it.
fn try_beside(path: &Path) -> io::Result<()> {
    const PAGE: [u8; 4096] = [0; 4096];
    let unfinished = beside(path)?;
    let result = create_new(&unfinished)?.write_all(&PAGE);
    fs::remove_file(&unfinished)?;
    result
}

/// A write of no bytes: a device that is always full refuses it.
fn write_nothing(file: &impl AsRawFd) -> io::Result<()> {
    // SAFETY: no byte is read.
    let written = unsafe { libc::write(file.as_raw_fd(), std::ptr::null(), 0) };
    if written < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// An error if this process was started without standard output. The standard library has put
/// `/dev/null` in its place, where data would vanish.
fn check_stdout() -> io::Result<()> {
    if STDOUT_IS_CLOSED.load(Ordering::Relaxed) {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(())
}

static STDOUT_IS_CLOSED: AtomicBool = AtomicBool::new(false);

/// Called before the standard library begins.
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK_AT_STDOUT: extern "C" fn() = look_at_stdout;

extern "C" fn look_at_stdout() {
    // SAFETY: no memory is involved.
    let is_closed = unsafe { libc::fcntl(libc::STDOUT_FILENO, libc::F_GETFD) } == -1;
    STDOUT_IS_CLOSED.store(is_closed, Ordering::Relaxed);
}

/// A path of `-o` stands for a folder: it is one, or ends with `/`.
pub(crate) fn is_folder(path: &Path) -> bool {
    path.as_os_str().as_bytes().ends_with(b"/") || path.is_dir()
}

/// The file that `-o path` asks for: in a folder, its file `name`. The folder is made if it is
/// missing, with those above it.
pub(crate) fn file_at(path: &Path, name: impl FnOnce() -> PathBuf) -> io::Result<PathBuf> {
    if !is_folder(path) {
        return Ok(path.to_owned());
    }
    make_folder(path)?;
    Ok(path.join(name()))
}

/// Makes a folder if it is missing, and those above it.
pub(crate) fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path).map_err(|error| match error.kind() {
        // The system's words are that something is there.
        io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
        _ => error,
    })
}

fn in_place(path: &Path, write: Writer<'_>) -> io::Result<()> {
    let mut out = BufWriter::new(File::options().write(true).open(path)?);
    write(&mut out)?;
    out.flush()
}

fn replace(path: &Path, write: Writer<'_>) -> io::Result<()> {
    let unfinished = beside(path)?;
    let result = create_new(&unfinished).and_then(|file| {
        let mut out = BufWriter::with_capacity(1 << 16, file);
        write(&mut out)?;
        out.flush()?;
        drop(out);
        fs::rename(&unfinished, path)
    });
    if result.is_err() {
        // Half a file is of no use. It may not even be there.
        let _ = fs::remove_file(&unfinished);
    }
    result
}

/// An unused name in the folder of `path`.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file");
    let end = format!(".{}.unfinished", std::process::id());
    let mut name = OsString::from(".");
    name.push(shortened(path.file_name().ok_or_else(no_name)?, NAME_MAX - 1 - end.len()));
    name.push(end);
    Ok(path.with_file_name(name))
}

/// Bytes that a file's name may have.
pub(crate) const NAME_MAX: usize = 255;

/// The first bytes of a name, whole characters.
pub(crate) fn shortened(name: &OsStr, most: usize) -> &OsStr {
    let bytes = name.as_bytes();
    let is_begin = |end: &usize| bytes.get(*end).is_none_or(|byte| byte & 0xc0 != 0x80);
    // Bytes that are no UTF-8 are cut anywhere.
    let end = (most.saturating_sub(3)..=most).rev().find(is_begin).unwrap_or(most);
    OsStr::from_bytes(bytes.get(..end).unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("mod-alloc-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_failed_write_leaves_what_was_there_and_nothing_else() {
        let folder = folder("failed-write");
        let path = folder.join("report.json");
        fs::write(&path, "before").unwrap();
        let failed = to_path(&path, &mut |out| {
            out.write_all(b"half")?;
            Err(io::Error::other("disk full"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "disk full");
        assert_eq!(fs::read(&path).unwrap(), b"before");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        to_path(&path, &mut |out| out.write_all(b"after")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"after");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(shortened(OsStr::new("abc"), 3), "abc");
        assert_eq!(shortened(OsStr::new("aää"), 4), "aä");
        assert_eq!(shortened(OsStr::from_bytes(&[0x80; 9]), 5).len(), 5);
    }

    #[test]
    fn a_name_may_be_as_long_as_names_are() {
        let folder = folder("long-name");
        let path = folder.join("n".repeat(NAME_MAX));
        to_path(&path, &mut |out| out.write_all(b"all")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"all");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn links_and_devices_stay() {
        let folder = folder("links");
        let (file, link) = (folder.join("file"), folder.join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        to_path(&link, &mut |out| out.write_all(b"after")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"after");
        to_path(Path::new("/dev/null"), &mut |out| out.write_all(b"x")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn links_that_others_may_have_made_are_replaced() {
        let folder = folder("others-links");
        let (file, link) = (folder.join("file"), folder.join("link"));
        fs::write(&file, "before").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
        to_path(&link, &mut |out| out.write_all(b"after")).unwrap();
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            (fs::read(&file).unwrap(), fs::read(&link).unwrap().len()),
            (b"before".into(), 5)
        );
        assert_eq!(fs::metadata(&link).unwrap().mode() & 0o777 & !MODE, 0);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_is_an_error_that_says_so() {
        let error = to_path(&std::env::temp_dir(), &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        assert!(to_path(Path::new("/no/such/folder/x"), &mut |_| Ok(())).is_err());
    }
}
