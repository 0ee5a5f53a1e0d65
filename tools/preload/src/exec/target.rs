//! The program that is to be executed, and if a library of ours can be loaded into it.

use core::ffi::{CStr, c_char, c_int};
use core::mem::{MaybeUninit, offset_of};
use core::ptr;

use libc::{Elf64_Ehdr as Head, Elf64_Phdr as Segment};
use mod_alloc::preload::Why;

/// Bytes that a path may have here; longer ones are not examined.
const PATH: usize = 1024;
/// Scripts that may be each other's interpreters; the kernel allows five.
const MOST_INTERPRETERS: usize = 5;

/// A program by its name.
#[derive(Debug)]
pub(super) struct Target<'a> {
    folder: c_int,
    /// Null: an open file, `folder`.
    path: *const c_char,
    found: [u8; PATH],
    life: core::marker::PhantomData<&'a CStr>,
}

/// It cannot be told.
#[derive(Debug)]
pub(super) struct Unknown;

impl Target<'_> {
    /// # Safety
    ///
    /// `path` must be null or end with a zero byte, and outlive the result.
    pub(super) unsafe fn at_path(path: *const c_char) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Self::in_folder(libc::AT_FDCWD, path) }
    }

    /// # Safety
    ///
    /// As [`at_path`](Self::at_path).
    pub(super) unsafe fn in_folder(folder: c_int, path: *const c_char) -> Self {
        // SAFETY: the caller's promise.
        let is_empty = !path.is_null() && unsafe { *path } == 0;
        if is_empty && folder != libc::AT_FDCWD {
            return Self::open_file(folder);
        }
        Self { folder, path, found: [0; PATH], life: core::marker::PhantomData }
    }

    pub(super) fn open_file(file: c_int) -> Self {
        let mut found = [0; PATH];
        let mut digits = [0_u8; 10];
        let mut number = file.unsigned_abs();
        let mut first = digits.len();
        while first == digits.len() || number > 0 {
            first -= 1;
            if let Some(digit) = digits.get_mut(first) {
                *digit = b'0' + (number % 10) as u8;
            }
            number /= 10;
        }
        let digits = digits.get(first..).unwrap_or_default();
        join(&mut found, &[b"/proc/self/fd/", digits]);
        let (folder, path) = (file, ptr::null());
        Self { folder, path, found, life: core::marker::PhantomData }
    }

    /// The program that `execvp` finds.
    ///
    /// # Safety
    ///
    /// As [`at_path`](Self::at_path).
    pub(super) unsafe fn searched(file: *const c_char) -> Self {
        // SAFETY: the caller's promise.
        let mut target = unsafe { Self::at_path(file) };
        let name = target.given();
        if name.is_empty() || name.contains(&b'/') {
            return target;
        }
        // SAFETY: the name ends with a zero byte.
        let path = unsafe { libc::getenv(c"PATH".as_ptr()) };
        let path = if path.is_null() { c"/bin:/usr/bin".as_ptr() } else { path };
        // SAFETY: a value of the environment ends with a zero byte.
        let folders = unsafe { CStr::from_ptr(path) }.to_bytes();
        let mut found = [0; PATH];
        for folder in folders.split(|&byte| byte == b':') {
            let folder = if folder.is_empty() { b"." } else { folder };
            if join(&mut found, &[folder, b"/", name]) && may_be_executed(path_in(&found)) {
                target.found = found;
                break;
            }
        }
        target
    }

    /// The name as it was given.
    fn given(&self) -> &[u8] {
        if self.path.is_null() {
            return &[];
        }
        // SAFETY: ends with a zero byte, by the promise at its making.
        unsafe { CStr::from_ptr(self.path) }.to_bytes()
    }

    /// The path to open.
    fn to_open(&self) -> &CStr {
        let found = path_in(&self.found);
        if !found.is_empty() || self.path.is_null() {
            return found;
        }
        // SAFETY: ends with a zero byte, by the promise at its making.
        unsafe { CStr::from_ptr(self.path) }
    }

    /// Hands over the name of its file.
    pub(super) fn with_name<R>(&self, take: impl FnOnce(&[u8]) -> R) -> R {
        let mut link = [0_u8; PATH];
        let path = match self.path.is_null() {
            false => self.given(),
            true => {
                let place = link.as_mut_ptr().cast();
                // SAFETY: a C string, and a buffer of that length.
                let len = unsafe { libc::readlink(self.to_open().as_ptr(), place, PATH) };
                usize::try_from(len).ok().and_then(|len| link.get(..len)).unwrap_or_default()
            }
        };
        take(path.rsplit(|&byte| byte == b'/').next().unwrap_or(path))
    }

    /// The reason why our library is not loaded into it; `None`: it is.
    pub(super) fn examine(&self) -> Result<Option<Why>, Unknown> {
        let mut file = File::open(self.folder, self.to_open()).ok_or(Unknown)?;
        let mut interpreter = [0; PATH];
        let is_loader = is_glibcs_loader(self.to_open().to_bytes());
        for _ in 0..MOST_INTERPRETERS {
            let mut head = [0_u8; 256];
            let len = file.read(&mut head, 0);
            let head = head.get(..len).unwrap_or_default();
            if head.starts_with(b"\x7fELF") {
                return Ok(gains_rights(&file).or_else(|| examine(&file, is_loader)));
            }
            let line = head.strip_prefix(b"#!").ok_or(Unknown)?;
            let mut words = line.split(|byte| b" \t\n".contains(byte));
            let name = words.find(|word| !word.is_empty()).ok_or(Unknown)?;
            if !join(&mut interpreter, &[name]) {
                return Err(Unknown);
            }
            file = File::open(libc::AT_FDCWD, path_in(&interpreter)).ok_or(Unknown)?;
        }
        Err(Unknown)
    }
}

/// The C string that a buffer begins with.
fn path_in(buffer: &[u8; PATH]) -> &CStr {
    CStr::from_bytes_until_nul(buffer).unwrap_or(c"")
}

/// Fills a buffer with the parts and a zero byte; `false` if they do not fit.
fn join(buffer: &mut [u8; PATH], parts: &[&[u8]]) -> bool {
    *buffer = [0; PATH];
    let mut len = 0;
    for part in parts {
        let end = len + part.len();
        match buffer.get_mut(len..end).filter(|_| end < PATH) {
            Some(place) => place.copy_from_slice(part),
            None => return false,
        }
        len = end;
    }
    true
}

fn may_be_executed(path: &CStr) -> bool {
    let (folder, flags) = (libc::AT_FDCWD, libc::AT_EACCESS);
    // SAFETY: the path ends with a zero byte.
    if unsafe { libc::faccessat(folder, path.as_ptr(), libc::X_OK, flags) } == 0 {
        return true;
    }
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // A sandbox may refuse the question: then the file's mode answers.
    // SAFETY: see above.
    matches!(unsafe { *errno }, libc::EPERM | libc::ENOSYS) && has_right_to_execute(path)
}

/// True if somebody may execute the file.
fn has_right_to_execute(path: &CStr) -> bool {
    let mut status = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the path ends with a zero byte, and the out-pointer is valid.
    let failed = unsafe { libc::stat(path.as_ptr(), status.as_mut_ptr()) } != 0;
    // SAFETY: zeroed above; all bit patterns are valid.
    let mode = unsafe { status.assume_init() }.st_mode;
    !failed && mode & libc::S_IFMT == libc::S_IFREG && mode & 0o111 != 0
}

/// By its file's name, wherever a distribution has it.
fn is_glibcs_loader(path: &[u8]) -> bool {
    const STARTS: [&[u8]; 3] = [b"ld-linux", b"ld.so", b"ld64.so"];
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    STARTS.iter().any(|start| name.starts_with(start))
}

/// The reason by an ELF file's headers.
fn examine(file: &File, is_loader: bool) -> Option<Why> {
    const MACHINE: u16 =
        if cfg!(target_arch = "aarch64") { libc::EM_AARCH64 } else { libc::EM_X86_64 };
    let Some(head) = file.read_as::<Head>(0) else { return Some(Why::OtherMachine) };
    let class = head.e_ident.get(libc::EI_CLASS);
    if class != Some(&libc::ELFCLASS64) || head.e_machine != MACHINE {
        return Some(Why::OtherMachine);
    }
    let size = u64::from(head.e_phentsize);
    for index in 0..u64::from(head.e_phnum) {
        let Some(segment) = file.read_as::<Segment>(head.e_phoff + index * size) else { break };
        if segment.p_type == libc::PT_INTERP {
            let mut loader = [0_u8; 256];
            let len = file.read(&mut loader, segment.p_offset);
            let loader = loader.get(..len.min(segment.p_filesz as usize)).unwrap_or_default();
            let loader = loader.split(|&byte| byte == 0).next().unwrap_or_default();
            return (!is_glibcs_loader(loader)).then_some(Why::OtherLibrary);
        }
    }
    (!is_loader).then_some(Why::Static)
}

/// The loader ignores preloaded libraries where a program gains rights.
fn gains_rights(file: &File) -> Option<Why> {
    let mut status = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the out-pointer is valid.
    let failed = unsafe { libc::fstat(file.0, status.as_mut_ptr()) } != 0;
    // SAFETY: zeroed above; all bit patterns are valid.
    let status = unsafe { status.assume_init() };
    // SAFETY: takes nothing, never fails.
    let user = unsafe { libc::getuid() };
    // SAFETY: takes nothing, never fails.
    let group = unsafe { libc::getgid() };
    // Set-group-id without the right to execute for the group means mandatory locking.
    let both = libc::S_ISGID | libc::S_IXGRP;
    let sets_user = status.st_mode & libc::S_ISUID != 0 && status.st_uid != user;
    let sets_group = status.st_mode & both == both && status.st_gid != group;
    let gains = sets_user || sets_group || user != 0 && file.has_capabilities();
    (!failed && gains && !are_rights_ignored(file)).then_some(Why::GainsRights)
}

/// The process, or the file system, does not let programs gain rights.
fn are_rights_ignored(file: &File) -> bool {
    // SAFETY: asks for a number.
    let never = unsafe { libc::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) } == 1;
    let mut system = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the out-pointer is valid.
    let failed = unsafe { libc::fstatvfs(file.0, system.as_mut_ptr()) } != 0;
    // SAFETY: zeroed above; all bit patterns are valid.
    let system = unsafe { system.assume_init() };
    never || !failed && system.f_flag & libc::ST_NOSUID != 0
}

/// An open file, closed when dropped.
#[derive(Debug)]
struct File(c_int);

impl File {
    fn open(folder: c_int, path: &CStr) -> Option<Self> {
        // A path of `/proc/self/fd` is whole.
        let flags = libc::O_RDONLY | libc::O_CLOEXEC | libc::O_NONBLOCK | libc::O_NOCTTY;
        // SAFETY: the path ends with a zero byte.
        let file = unsafe { libc::openat(folder, path.as_ptr(), flags) };
        (file >= 0).then_some(File(file))
    }

    fn has_capabilities(&self) -> bool {
        let name = c"security.capability";
        // SAFETY: a C string; nothing is written where no room is given.
        unsafe { libc::fgetxattr(self.0, name.as_ptr(), ptr::null_mut(), 0) > 0 }
    }

    /// Reads from an offset; returns the number of bytes.
    fn read(&self, bytes: &mut [u8], offset: u64) -> usize {
        let offset = offset.cast_signed();
        // SAFETY: the buffer is valid for its length.
        let read = unsafe { libc::pread(self.0, bytes.as_mut_ptr().cast(), bytes.len(), offset) };
        usize::try_from(read).unwrap_or(0)
    }

    /// Reads a structure of numbers; `None` if the file ends before.
    fn read_as<T: Numbers>(&self, offset: u64) -> Option<T> {
        let mut value = MaybeUninit::<T>::zeroed();
        let offset = offset.cast_signed();
        // SAFETY: the place is valid for its size.
        let read =
            unsafe { libc::pread(self.0, value.as_mut_ptr().cast(), size_of::<T>(), offset) };
        // SAFETY: zeroed above; all bit patterns are valid for numbers.
        (read == size_of::<T>().cast_signed()).then(|| unsafe { value.assume_init() })
    }
}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the descriptor is this value's own.
        unsafe { libc::close(self.0) };
    }
}

/// Structures that are valid with any content.
trait Numbers {}
impl Numbers for Head {}
impl Numbers for Segment {}

const _: () = assert!(offset_of!(Head, e_phoff) == 32 && size_of::<Segment>() == 56);
