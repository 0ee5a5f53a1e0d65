//! Preloaded into test programs and rustdoc by `mod-alloc test`, so that asking them for a log of
//! results changes nothing that they print.
//!
//! libtest writes results to a file when it is called with `--logfile`, and says on standard error
//! that this option is deprecated. That one message is swallowed here; everything else is written
//! as it is.
//!
//! In the compiler that rustdoc starts for a doc test, it also notes which test the program is of:
//! rustdoc tells the compiler by its environment, and tells the program nothing.
//!
//! No std and no allocation: it is loaded into programs whose allocations are being counted.

#![no_std]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

const MESSAGE: &[u8] = b"warning: `--logfile` is deprecated";
/// The end of this library's path, wherever it was unpacked to.
const OWN_NAME: &[u8] = b"/libmod_alloc_hush.so";
/// The program that is meant. Until it is reached, the traces in the environment stay.
const PROGRAM: &CStr = c"MOD_ALLOC_HUSH";
/// The folder for notes on doc tests; with it, the traces stay in the environment.
const NOTES: &CStr = c"MOD_ALLOC_DOCTESTS";

const RTLD_NEXT: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);
const NEW_FILE: c_int = 0o1 | 0o100 | 0o200 | 0o2_000_000; // O_WRONLY, O_CREAT, O_EXCL, O_CLOEXEC

type Write = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;

#[link(name = "c")]
unsafe extern "C" {
    fn abort() -> !;
    fn close(file: c_int) -> c_int;
    fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    fn getenv(name: *const c_char) -> *mut c_char;
    fn open(path: *const c_char, flags: c_int, ...) -> c_int;
    fn readlink(path: *const c_char, to: *mut c_char, size: usize) -> isize;
    fn unsetenv(name: *const c_char) -> c_int;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: takes nothing.
    unsafe { abort() }
}

/// Runs before the program's own code. glibc hands the arguments of `main` to it.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn(c_int, *const *const c_char, *const *const c_char) = start;

extern "C" fn start(_: c_int, arguments: *const *const c_char, _: *const *const c_char) {
    if let Some(folder) = variable(NOTES) {
        note_doc_test(folder, arguments);
    } else if is_program() {
        remove_traces();
    }
}

fn variable(name: &CStr) -> Option<&'static CStr> {
    // SAFETY: a C string; before `main` no other thread changes the environment.
    let value = unsafe { getenv(name.as_ptr()) };
    // SAFETY: what `getenv` gives is null or a C string.
    (!value.is_null()).then(|| unsafe { CStr::from_ptr(value) })
}

/// Whether this process is the program that is meant, not one on the way to it.
fn is_program() -> bool {
    let Some(program) = variable(PROGRAM) else { return true };
    let mut path = [0u8; 4096];
    let to = path.as_mut_ptr().cast::<c_char>();
    // SAFETY: a C string, and room of the given size.
    let length = unsafe { readlink(c"/proc/self/exe".as_ptr(), to, path.len()) };
    usize::try_from(length).is_ok_and(|length| path.get(..length) == Some(program.to_bytes()))
}

/// What the program starts must run as if nothing were there.
fn remove_traces() {
    // SAFETY: a C string; before `main` no other thread looks at the environment.
    unsafe { unsetenv(PROGRAM.as_ptr()) };
    let Some(list) = variable(c"LD_PRELOAD") else { return };
    let list_length = list.to_bytes().len();
    let Some(own) = own_entry(list.to_bytes()) else { return };
    if own.0 == 0 && own.1 == list_length {
        // SAFETY: as above.
        unsafe { unsetenv(c"LD_PRELOAD".as_ptr()) };
        return;
    }
    // With one of the colons around it.
    let (from, to) = if own.1 < list_length { (own.1 + 1, own.0) } else { (list_length, own.0 - 1) };
    let list = list.as_ptr().cast_mut();
    // SAFETY: `from` is at most the list's length.
    let from_place = unsafe { list.add(from) };
    // SAFETY: `to` is below `from`.
    let to_place = unsafe { list.add(to) };
    // SAFETY: the list's rest with its zero byte moves down within the list, which is the process's
    // own memory and writable.
    unsafe { core::ptr::copy(from_place, to_place, list_length - from + 1) };
}

/// Where in a list of libraries this one stands.
fn own_entry(list: &[u8]) -> Option<(usize, usize)> {
    let mut start = 0;
    for entry in list.split(|byte| *byte == b':' || *byte == b' ') {
        if entry.ends_with(OWN_NAME) {
            return Some((start, start + entry.len()));
        }
        start += entry.len() + 1;
    }
    None
}

/// Writes `OUTPUT\0FILE\0LINE\0` into a new file of `folder`, if this is the compiler of a doc test.
fn note_doc_test(folder: &CStr, arguments: *const *const c_char) {
    let (Some(path), Some(line), Some(output)) = (
        variable(c"UNSTABLE_RUSTDOC_TEST_PATH"),
        variable(c"UNSTABLE_RUSTDOC_TEST_LINE"),
        output(arguments),
    ) else {
        return;
    };
    let Some(file) = new_file(folder) else { return };
    for text in [output, path, line] {
        let text = text.to_bytes_with_nul();
        // SAFETY: the text's own memory.
        unsafe { write(file, text.as_ptr().cast(), text.len()) };
    }
    // SAFETY: a file of our own.
    unsafe { close(file) };
}

/// What follows `-o`.
fn output(mut arguments: *const *const c_char) -> Option<&'static CStr> {
    let mut is_next = false;
    loop {
        // SAFETY: the list ends with a null pointer, and we stop there.
        let argument = unsafe { *arguments };
        if argument.is_null() {
            return None;
        }
        // SAFETY: arguments are C strings.
        let text = unsafe { CStr::from_ptr(argument) };
        if is_next {
            return Some(text);
        }
        is_next = text.to_bytes() == b"-o";
        // SAFETY: the end has not been reached.
        arguments = unsafe { arguments.add(1) };
    }
}

/// `FOLDER/N`, with the first number that is free.
fn new_file(folder: &CStr) -> Option<c_int> {
    let folder = folder.to_bytes();
    let mut path = [0u8; 4096];
    path.get_mut(..folder.len())?.copy_from_slice(folder);
    for number in 0..1_000_000u32 {
        let name = path.get_mut(folder.len()..folder.len() + 8)?;
        *name.first_mut()? = b'/';
        let mut rest = number;
        for digit in name.get_mut(1..7)?.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        *name.last_mut()? = 0;
        // SAFETY: a C string, and the mode that a new file needs.
        let file = unsafe { open(path.as_ptr().cast(), NEW_FILE, 0o600) };
        if file >= 0 {
            return Some(file);
        }
    }
    None
}

/// `write` of the C library, but for the one message.
///
/// # Safety
///
/// As for `write`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn write(file: c_int, from: *const c_void, size: usize) -> isize {
    if file == 2 && size == MESSAGE.len() {
        // SAFETY: the caller says that so much can be read there.
        let text = unsafe { core::slice::from_raw_parts(from.cast::<u8>(), size) };
        if text == MESSAGE {
            return size as isize;
        }
    }
    // SAFETY: what we were called with.
    unsafe { next_write()(file, from, size) }
}

fn next_write() -> Write {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    // Relaxed: whoever finds none looks for it and finds the same.
    let mut next = NEXT.load(Ordering::Relaxed);
    if next == 0 {
        // SAFETY: a C string, and the handle for what comes after this library.
        next = unsafe { dlsym(RTLD_NEXT, c"write".as_ptr()) }.addr();
        NEXT.store(next, Ordering::Relaxed);
    }
    let next = core::ptr::with_exposed_provenance::<()>(next);
    // SAFETY: the C library has a function of this name and type in every process.
    unsafe { core::mem::transmute::<*const (), Write>(next) }
}
