//! The environment that another program is to be executed with.

use core::ffi::{CStr, c_char, c_int};
use core::mem::MaybeUninit;
use core::ops::Range;
use core::ptr;

use mod_alloc::preload::Why;

use super::Strings;

/// The library's file, as `mod-alloc run` unpacks it.
const FILE: &[u8] = b"libmod_alloc_preload.so";

/// The beginning of the fronts' names, which stand before it.
const FRONT: &[u8] = b"libmod_alloc_preload_";

/// An environment, and what concerns us in it.
#[derive(Debug)]
pub(super) struct Environment {
    strings: Strings,
    /// The number of its variables.
    len: usize,
    preloaded: Option<Entry>,
    /// The value of `MOD_ALLOC_RECORD`.
    record: Option<&'static CStr>,
}

/// Our entry in `LD_PRELOAD`, and those of the fronts.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The variable's index.
    index: usize,
    /// The variable, its name and all.
    text: &'static [u8],
    /// The entry in it.
    place: Range<usize>,
}

impl Environment {
    /// # Safety
    ///
    /// `strings` must be null or an environment as in C, which outlives the result.
    pub(super) unsafe fn of(strings: Strings) -> Self {
        let mut found = Environment { strings, len: 0, preloaded: None, record: None };
        if strings.is_null() {
            return found;
        }
        loop {
            // SAFETY: the array ends with a null, which has not come yet.
            let text = unsafe { *strings.wrapping_add(found.len) };
            if text.is_null() {
                return found;
            }
            // SAFETY: each string ends with a zero byte.
            let text = unsafe { CStr::from_ptr(text) };
            if text.to_bytes().starts_with(b"LD_PRELOAD=") {
                let text = text.to_bytes();
                let place = our_place(text);
                found.preloaded = place.map(|place| Entry { index: found.len, text, place });
            } else if text.to_bytes().starts_with(RECORD) {
                let value = text.to_bytes_with_nul().get(RECORD.len()..);
                found.record = value.and_then(|value| CStr::from_bytes_until_nul(value).ok());
            }
            found.len += 1;
        }
    }

    pub(super) fn preloaded(&self) -> Option<&Entry> {
        self.preloaded.as_ref()
    }

    /// The reason why a program with this environment would not be recorded.
    pub(super) fn why_unrecorded(&self) -> Option<Why> {
        let (Some(entry), Some(record)) = (&self.preloaded, self.record) else {
            return Some(Why::Cleared);
        };
        let ours = entry.text.get(entry.place.clone()).unwrap_or_default();
        let library = ours.rsplit(is_separator).next().unwrap_or_default();
        if !can(library, libc::R_OK) {
            return Some(Why::NoLibrary);
        }
        let folder = record.to_bytes();
        let end = folder.iter().rposition(|&byte| byte == b'/')?;
        let may_write = can(folder.get(..end.max(1))?, libc::W_OK | libc::X_OK);
        (!may_write).then_some(Why::NoPlace)
    }
}

const RECORD: &[u8] = b"MOD_ALLOC_RECORD=";

/// The place of our entry in `LD_PRELOAD=…`, with the fronts before it.
fn our_place(text: &[u8]) -> Option<Range<usize>> {
    let mut start = b"LD_PRELOAD=".len();
    let mut first = None;
    for entry in text.get(start..)?.split(is_separator) {
        let end = start + entry.len();
        let name = entry.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        if name == FILE {
            return Some(first.unwrap_or(start)..end);
        }
        first = if name.starts_with(FRONT) { first.or(Some(start)) } else { None };
        start = end + 1;
    }
    None
}

fn is_separator(byte: &u8) -> bool {
    b": ".contains(byte)
}

/// True if this process has these rights at a path, in which `%%` stands for a percent sign. A path
/// that is too long for us is left to the loader.
fn can(path: &[u8], rights: c_int) -> bool {
    let mut name = [0_u8; 1024];
    let mut len = 0;
    let mut bytes = path.iter();
    while let Some(&byte) = bytes.next() {
        if byte == b'%' && rights & libc::W_OK != 0 {
            bytes.next();
        }
        match name.get_mut(len) {
            Some(place) => *place = byte,
            None => return true,
        }
        len += 1;
    }
    let Ok(name) = CStr::from_bytes_until_nul(&name) else { return true };
    let (folder, flags) = (libc::AT_FDCWD, libc::AT_EACCESS);
    // SAFETY: the name ends with a zero byte.
    let failed = unsafe { libc::faccessat(folder, name.as_ptr(), rights, flags) } != 0;
    // SAFETY: gives the address of the thread's errno, which is always valid.
    let errno = unsafe { libc::__errno_location() };
    // A sandbox may refuse the question with other errors.
    // SAFETY: see above.
    !failed
        || !matches!(unsafe { *errno }, libc::EACCES | libc::ENOENT | libc::ENOTDIR | libc::EROFS)
}

/// Variables and bytes of `LD_PRELOAD` that fit on the stack.
const FEW: (usize, usize) = (256, 512);

/// Calls `call` with the environment without our entry.
pub(super) fn without_us(
    environment: &Environment,
    entry: &Entry,
    call: impl FnOnce(Strings) -> c_int,
) -> c_int {
    let (variables, bytes) = (environment.len + 1, entry.text.len() + 1);
    let mut strings = [const { MaybeUninit::<*const c_char>::uninit() }; FEW.0];
    let mut text = [const { MaybeUninit::<u8>::uninit() }; FEW.1];
    let array: *mut *const c_char = strings.as_mut_ptr().cast();
    if variables <= FEW.0 && bytes <= FEW.1 {
        // SAFETY: as large as that.
        unsafe { copy(environment, entry, array, text.as_mut_ptr().cast()) };
        return call(array);
    }
    let len = variables * size_of::<*const c_char>();
    // The mapping's last byte is the text's at most.
    let Some(memory) = mod_alloc::preload::reserve(len + bytes) else {
        return call(environment.strings);
    };
    let array = memory.as_ptr().cast::<*const c_char>();
    // SAFETY: the text's part of the mapping.
    let text = unsafe { memory.as_ptr().add(len) };
    // SAFETY: as large as that; mappings are aligned to pages.
    unsafe { copy(environment, entry, array, text) };
    let result = call(array);
    // SAFETY: the mapping just made; the call was the last to use it.
    unsafe { libc::munmap(memory.as_ptr().cast(), len + bytes) };
    result
}

/// Writes the environment without our entry.
///
/// # Safety
///
/// `array` must have room for all strings and a null, `text` for the whole variable and a zero.
unsafe fn copy(environment: &Environment, entry: &Entry, array: *mut *const c_char, text: *mut u8) {
    let (before, after) = rest(entry);
    let is_empty = before.ends_with(b"=") && after.is_empty();
    let mut end = array;
    for index in 0..environment.len {
        // SAFETY: the environment has that many strings.
        let string = unsafe { *environment.strings.wrapping_add(index) };
        if index == entry.index && is_empty {
            continue;
        }
        let string = if index == entry.index { text.cast_const().cast() } else { string };
        // SAFETY: the caller's room.
        unsafe { end.write(string) };
        end = end.wrapping_add(1);
    }
    // SAFETY: the caller's room.
    unsafe { end.write(ptr::null()) };
    // SAFETY: the caller's room: it is less than the variable.
    unsafe { ptr::copy_nonoverlapping(before.as_ptr(), text, before.len()) };
    let behind = text.wrapping_add(before.len());
    // SAFETY: as above.
    unsafe { ptr::copy_nonoverlapping(after.as_ptr(), behind, after.len()) };
    // SAFETY: the zero byte of the caller's room at the latest.
    unsafe { behind.wrapping_add(after.len()).write(0) };
}

/// The variable before and behind our entry, with one separator less.
fn rest(entry: &Entry) -> (&[u8], &[u8]) {
    let Range { start, end } = entry.place;
    let before = entry.text.get(..start).unwrap_or_default();
    let after = entry.text.get(end..).unwrap_or_default();
    match after.split_first() {
        Some((_, after)) => (before, after),
        None => (before.strip_suffix(b":").unwrap_or(before), after),
    }
}
