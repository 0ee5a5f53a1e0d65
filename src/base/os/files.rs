//! Files that hold recordings.
//!
//! The program may close every descriptor that it did not open, so the profiler keeps none. Later
//! it uses a file through its mapping, or by its name.

use core::ffi::{CStr, c_int};
use core::ptr::NonNull;

use super::{KeepErrno, is_sealed};
use crate::base::sync::{AtomicU32, Ordering};

/// Longest path of a recording, its zero byte included.
pub(crate) const PATH_SIZE: usize = libc::PATH_MAX as usize;

/// A flag for opening: opening a pipe does not wait for its other end.
pub(crate) const WITHOUT_WAITING: c_int = libc::O_NONBLOCK;

/// A path without the heap. Zero bytes follow its end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path {
    bytes: [u8; PATH_SIZE],
    len: usize,
}

impl Path {
    pub(crate) const EMPTY: Path = Path { bytes: [0; PATH_SIZE], len: 0 };

    /// Appends; `false` if that does not fit.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> bool {
        let end = self.len + bytes.len();
        let Some(place) = self.bytes.get_mut(self.len..end).filter(|_| end < PATH_SIZE) else {
            return false;
        };
        place.copy_from_slice(bytes);
        self.len = end;
        true
    }

    pub(crate) fn push_number(&mut self, mut number: u32) -> bool {
        let mut digits = [0; 10];
        let mut len = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            len += 1;
            if number == 0 {
                break;
            }
        }
        let unused = digits.len() - len;
        digits.get(unused..).is_some_and(|digits| self.push(digits))
    }

    pub(crate) fn c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

/// An open file, closed when dropped.
#[derive(Debug)]
pub(crate) struct File(c_int);

/// The reason why there is no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) c_int);

impl Errno {
    pub(crate) const EXISTS: Errno = Errno(libc::EEXIST);
    pub(crate) const NAME_TOO_LONG: Errno = Errno(libc::ENAMETOOLONG);
    pub(crate) const NO_MEMORY: Errno = Errno(libc::ENOMEM);
    pub(crate) const NO_SPACE: Errno = Errno(libc::ENOSPC);
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this value's own.
        unsafe { libc::close(self.0) };
    }
}

fn errno() -> c_int {
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: see above.
    unsafe { *errno }
}

impl File {
    fn open_with(path: &CStr, flags: c_int) -> Result<File, Errno> {
        if is_sealed() {
            return Err(Errno(libc::EPERM));
        }
        // SAFETY: `path` ends with a zero byte.
        let file = unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC, 0o600) };
        if file < 0 { Err(Errno(errno())) } else { Ok(File(file)) }
    }

    /// Makes a file that was not there.
    pub(crate) fn create_new(path: &CStr) -> Result<File, Errno> {
        Self::open_with(path, libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW)
    }

    /// Opens a file for reading.
    pub(crate) fn open(path: &CStr) -> Result<File, Errno> {
        Self::open_with(path, libc::O_RDONLY | WITHOUT_WAITING)
    }

    /// Gives the file `len` bytes, without any space for them yet.
    pub(crate) fn set_len(&self, len: usize) -> Result<(), Errno> {
        if len as u64 > size_limit() {
            return Err(Errno(libc::EFBIG)); // to try would be answered with a signal
        }
        // SAFETY: no memory is involved.
        let result = unsafe { libc::ftruncate(self.0, len as libc::off_t) };
        if result == 0 { Ok(()) } else { Err(Errno(errno())) }
    }

    /// Maps the file's first `len` bytes, at `place` instead of what is there, or anywhere.
    ///
    /// # Safety
    ///
    /// At `place` there must be a mapping of `len` bytes, whose users accept the file's contents
    /// instead.
    pub(crate) unsafe fn map(&self, place: Option<NonNull<u8>>, len: usize) -> Option<NonNull<u8>> {
        let fixed = if place.is_some() { libc::MAP_FIXED } else { 0 };
        let address = place.map_or(core::ptr::null_mut(), |place| place.as_ptr().cast());
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_NORESERVE | fixed;
        // SAFETY: a new mapping, or one that takes the place of another by the caller's promise.
        let memory = unsafe { super::map_memory(address, len, rights, flags, self.0) };
        if memory == libc::MAP_FAILED { None } else { NonNull::new(memory.cast()) }
    }

    /// Writes bytes at an offset; `false` if not all could be written.
    pub(crate) fn write_at(&self, bytes: &[u8], offset: usize) -> bool {
        // SAFETY: the buffer is valid for its length.
        unsafe { self.write_memory(bytes.as_ptr(), bytes.len(), offset) }
    }

    /// Writes `len` bytes of memory at an offset; `false` if not all could be written. Other
    /// threads may write to the memory meanwhile: the kernel alone reads it, and no reference to it
    /// is made.
    ///
    /// # Safety
    ///
    /// The memory must be mapped for reading until this returns.
    pub(crate) unsafe fn write_memory(&self, memory: *const u8, len: usize, offset: usize) -> bool {
        let mut done = 0;
        while done < len {
            let (rest, at) = (memory.wrapping_add(done), (offset + done) as libc::off_t);
            // SAFETY: the rest of the caller's memory.
            let written = unsafe { libc::pwrite(self.0, rest.cast(), len - done, at) };
            match usize::try_from(written) {
                Ok(n) if n > 0 => done += n,
                _ if errno() == libc::EINTR => {}
                _ => return false,
            }
        }
        true
    }

    /// Reads from an offset; returns the number of bytes.
    pub(crate) fn read_at(&self, bytes: &mut [u8], offset: usize) -> usize {
        // SAFETY: the buffer is valid for its length.
        let read = unsafe {
            libc::pread(self.0, bytes.as_mut_ptr().cast(), bytes.len(), offset as libc::off_t)
        };
        usize::try_from(read).unwrap_or(0)
    }

    /// Locks the file as long as it is open or mapped, here or in a forked process: closing it
    /// leaves the lock to the mapping. `false`: its file system has no such locks.
    pub(crate) fn lock(&self) -> bool {
        let lock = whole_file();
        // SAFETY: the structure is valid.
        unsafe { libc::fcntl(self.0, libc::F_OFD_SETLK, &raw const lock) == 0 }
    }

    /// True if the file was locked by another opening of it; `false` if that cannot be told.
    pub(crate) fn is_locked(&self) -> bool {
        is_locked(self.0)
    }

    /// Reserves space for a part of the file.
    fn allocate(&self, offset: usize, len: usize) -> bool {
        if (offset + len) as u64 > size_limit() {
            return false;
        }
        // SAFETY: no memory is involved.
        unsafe { libc::posix_fallocate(self.0, offset as libc::off_t, len as libc::off_t) == 0 }
    }

    /// The open file's number, to be taken over by a forked child.
    pub(crate) fn into_number(self) -> c_int {
        let number = self.0;
        core::mem::forget(self);
        number
    }

    /// Takes an open file over.
    pub(crate) fn of_number(number: c_int) -> File {
        File(number)
    }
}

/// A lock of the whole file.
fn whole_file() -> libc::flock {
    // SAFETY: all zeroes are a value of this plain structure: from the beginning, to the end.
    let mut lock = unsafe { core::mem::zeroed::<libc::flock>() };
    lock.l_type = libc::F_WRLCK as libc::c_short;
    lock
}

/// True if an open file was locked by another opening of it. Nothing is locked for that.
pub(crate) fn is_locked(file: c_int) -> bool {
    let mut lock = whole_file();
    // SAFETY: the structure is valid, and filled by the call.
    let result = unsafe { libc::fcntl(file, libc::F_OFD_GETLK, &raw mut lock) };
    result == 0 && lock.l_type != libc::F_UNLCK as libc::c_short
}

/// The number of the namespace that this process's id is of; 1 if it is not known.
pub(crate) fn id_namespace() -> u64 {
    let mut link = [0; 32];
    let len = super::read_link(c"/proc/self/ns/pid", &mut link);
    let digits = link.iter().take(len).filter_map(|digit| char::from(*digit).to_digit(10));
    digits.fold(0, |number: u64, digit| number.wrapping_mul(10) + u64::from(digit)).max(1)
}

/// True if the process that locked a recording is there: one of that id, if it is of our own
/// namespace. A forked child that is not recorded keeps its parent's lock.
pub(crate) fn is_held(is_locked: bool, namespace: u64, process: u32) -> bool {
    is_locked && (namespace != id_namespace() || namespace == 1 || is_alive(process))
}

/// `RLIMIT_FSIZE`: a write beyond it gets a signal that ends the program.
fn size_limit() -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the out-pointer is valid.
    let result = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) };
    if result == 0 { limit.rlim_cur } else { u64::MAX }
}

/// Locks the open file of that number until it is closed; `false` if another process has the lock.
/// A file system without locks counts as locked: there is no way to know more.
#[cfg(feature = "dhat-compat")]
pub(crate) fn try_lock(file: c_int) -> bool {
    // SAFETY: no memory is involved.
    let result = unsafe { libc::flock(file, libc::LOCK_EX | libc::LOCK_NB) };
    result == 0 || errno() != libc::EWOULDBLOCK
}

/// Gives the open file of that number, which has no name, this one; `false` if there is a file of
/// that name, or the system does not do it.
#[cfg(feature = "dhat-compat")]
pub(crate) fn give_name(file: c_int, name: &CStr) -> bool {
    // Not the process's own: that is empty once its first thread has ended.
    let Ok(open) = std::ffi::CString::new(std::format!("/proc/thread-self/fd/{file}")) else {
        return false;
    };
    let (here, follow) = (libc::AT_FDCWD, libc::AT_SYMLINK_FOLLOW);
    // SAFETY: both paths end with a zero byte.
    unsafe { libc::linkat(here, open.as_ptr(), here, name.as_ptr(), follow) == 0 }
}

/// Opens a file without a name in a folder; it is gone when it is closed, unless it is [given a
/// name](give_name).
///
/// # Errors
///
/// If the file system has no such files, or the folder cannot be written to.
#[cfg(feature = "dhat-compat")]
pub(crate) fn open_nameless(folder: &std::path::Path, mode: u32) -> std::io::Result<std::fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).mode(mode).custom_flags(libc::O_TMPFILE).open(folder)
}

/// Moves a file; an existing one at `to` is replaced.
pub(crate) fn rename(from: &CStr, to: &CStr) -> bool {
    // SAFETY: both paths end with a zero byte.
    unsafe { libc::rename(from.as_ptr(), to.as_ptr()) == 0 }
}

/// Removes a file.
pub(crate) fn remove(path: &CStr) -> bool {
    // SAFETY: `path` ends with a zero byte.
    unsafe { libc::unlink(path.as_ptr()) == 0 }
}

/// True if a process with that id exists.
pub(crate) fn is_alive(process: u32) -> bool {
    // SAFETY: signal 0 is never sent.
    process != 0 && unsafe { libc::kill(process.cast_signed(), 0) == 0 || errno() == libc::EPERM }
}

/// Since Linux 5.14.
const MADV_POPULATE_WRITE: c_int = 23;

/// 1: the kernel does not know [`MADV_POPULATE_WRITE`].
static OLD_KERNEL: AtomicU32 = AtomicU32::new(0);

/// Reserves space for a part of a mapped file, at `offset` of the file at `path`, and backs the
/// memory with it, so that touching it cannot fail; `false` where there is no space.
pub(crate) fn populate(memory: NonNull<u8>, len: usize, path: &CStr, offset: usize) -> bool {
    if is_sealed() {
        return false;
    }
    let _errno = KeepErrno::new();
    if OLD_KERNEL.load(Ordering::Relaxed) == 0 {
        loop {
            // SAFETY: whole pages of the recording's mapping; the advice changes no contents.
            let result = unsafe { libc::madvise(memory.as_ptr().cast(), len, MADV_POPULATE_WRITE) };
            match errno() {
                _ if result == 0 => return true,
                libc::EINTR | libc::EAGAIN => {}
                libc::EINVAL => break,
                _ => return false,
            }
        }
        OLD_KERNEL.store(1, Ordering::Relaxed);
    }
    File::open_with(path, libc::O_RDWR).is_ok_and(|file| file.allocate(offset, len))
}

/// Makes the memory empty in a forked child, however it was forked.
pub(crate) fn wipe_on_fork(memory: NonNull<u8>, len: usize) {
    if is_sealed() {
        return;
    }
    // SAFETY: whole pages of an anonymous private mapping of the caller's; contents stay here.
    unsafe { libc::madvise(memory.as_ptr().cast(), len, libc::MADV_WIPEONFORK) };
}

/// The kernel's boot id, as text reduced to 16 bytes; zeros if unknown.
pub(crate) fn boot_id() -> [u8; 16] {
    let mut text = [0; 36];
    let len = super::read_file(c"/proc/sys/kernel/random/boot_id", &mut text);
    let mut id = [0; 16];
    let digits = text.iter().take(len).filter_map(|digit| char::from(*digit).to_digit(16));
    for (index, digit) in digits.enumerate() {
        let Some(byte) = id.get_mut(index / 2) else { break };
        *byte = *byte << 4 | digit as u8;
    }
    id
}
