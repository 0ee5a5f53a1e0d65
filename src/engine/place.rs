//! The recording's memory: anonymous, or a file of this process.
//!
//! | asked for | in a program with the crate | under the preload library |
//! |---|---|---|
//! | no file | anonymous memory | nothing: no one could read it |
//! | a file | the file; else a message, and memory | the file; else a message, and nothing |
//! | too large a table | [`NoMapping::TooLarge`]: the caller asks for less | as in a program |
//!
//! A file's blocks are reserved before they are touched: on a full disk a store into a hole of a
//! mapped file ends the program by SIGBUS. So a file grows in steps ([`SPACE`]), and recording
//! stops where a step finds no room.
//!
//! A file belongs to one process. It is created, never opened: an existing file of that name is
//! another process's recording, an ended one, or no recording at all; only ended ones are removed.

use core::ffi::CStr;
use core::ptr::NonNull;

use crate::base::os::files;
use crate::base::os::files::{Errno, File, Path};
use crate::base::os::message::say;
use crate::base::settings::{Lossy, Settings};
use crate::base::sync::{AtomicU32, Ordering};
use crate::base::{os, path_pattern};
use crate::store::layout::{Geometry, HEADER_SIZE, MAGIC, OPEN};
use crate::store::mapping::Mapping;
use crate::store::space::SPACE;

/// The reason why there is no mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMapping {
    /// None is wanted, or a message has told the reason.
    NotRecorded,
    /// Not enough address space.
    TooLarge,
}

/// 1: this process is a forked child that is not recorded.
static MUTED: AtomicU32 = AtomicU32::new(0);
/// True if this process is a forked child that is not recorded.
pub(crate) fn is_muted() -> bool {
    MUTED.load(Ordering::Relaxed) != 0
}

/// Ends recording in this process: from now on it touches nothing of the recording.
pub(crate) fn mute() {
    MUTED.store(1, Ordering::Relaxed);
    crate::base::current::mute();
}

/// Makes the mapping that the settings ask for.
///
/// # Errors
///
/// [`NoMapping::TooLarge`] if a smaller table may fit; [`NoMapping::NotRecorded`] if no size would.
pub(crate) fn make(
    settings: &Settings,
    size: usize,
    geometry: &Geometry,
) -> Result<Mapping, NoMapping> {
    let Some(pattern) = settings.record else {
        // The preload library can report only through a file.
        return if cfg!(feature = "preload") {
            Err(NoMapping::NotRecorded)
        } else {
            in_memory(size, geometry)
        };
    };
    if !leaves_half(size) {
        return Err(NoMapping::TooLarge);
    }
    in_file(pattern, size, geometry).or_else(|error| {
        let Errno(number) = error;
        let path = Lossy(pattern);
        if cfg!(feature = "preload") {
            say(format_args!(
                "cannot record to {path} (error {number}); recording nothing, choose another path"
            ));
            return Err(NoMapping::NotRecorded);
        }
        say(format_args!(
            "cannot record to {path} (error {number}); recording in memory, \
             set MOD_ALLOC_RECORD to another path"
        ));
        in_memory(size, geometry)
    })
}

/// Anonymous memory, which the kernel fills with zeros where it is touched.
fn in_memory(size: usize, geometry: &Geometry) -> Result<Mapping, NoMapping> {
    let base = leaves_half(size).then(|| os::reserve(size)).flatten().ok_or(NoMapping::TooLarge)?;
    SPACE.unlimited();
    // SAFETY: zeroed, page-aligned, `size` bytes, never given back.
    Ok(unsafe { Mapping::initialize(base, geometry) })
}

/// True if as much address space again is left: the program needs some, too.
fn leaves_half(size: usize) -> bool {
    let found = os::reserve(2 * size);
    if let Some(memory) = found {
        // SAFETY: the mapping just made, which is not used yet.
        unsafe { os::release(memory, 2 * size) };
    }
    found.is_some()
}

/// A new file, mapped whole. A file that turns out to be of no use is removed.
fn in_file(pattern: &CStr, size: usize, geometry: &Geometry) -> Result<Mapping, Errno> {
    let (file, path) = create(pattern)?;
    // No reader takes the file for a recording yet.
    let is_locked = file.lock();
    let made = file.set_len(size).and_then(|()| {
        // SAFETY: a place of the kernel's choice.
        let base = unsafe { file.map(None, size) }.ok_or(Errno::NO_MEMORY)?;
        SPACE.set_path(path);
        let mapping = prepare(base, geometry)?;
        if is_locked {
            mapping.header().self_check.locked.set(files::id_namespace());
        }
        Ok(mapping)
    });
    if made.is_err() {
        files::remove(path.c_str());
    }
    made
}

/// Reserves what every recording needs, and only then touches it.
///
/// A store into a part of the file for which the disk has no room would be a SIGBUS in the middle
/// of the program.
fn prepare(base: NonNull<u8>, geometry: &Geometry) -> Result<Mapping, Errno> {
    let header = os::page_size().around(&(0..HEADER_SIZE));
    if !files::populate(base, header.len(), SPACE.path(), 0) {
        return Err(Errno::NO_SPACE);
    }
    // SAFETY: zeroed, page-aligned, of the geometry's size, never given back.
    let mapping = unsafe { Mapping::initialize(base, geometry) };
    if SPACE.begin(mapping) { Ok(mapping) } else { Err(Errno::NO_SPACE) }
}

/// Makes this process's file, which has to be new. If the pattern has the process's id, an existing
/// file is of an earlier program in this process: the next number is appended. Otherwise an
/// existing recording is removed if it has ended.
pub(crate) fn create(pattern: &CStr) -> Result<(File, Path), Errno> {
    const MOST: u32 = 10_000;
    let (base, names_process) = expand(pattern).ok_or(Errno::NAME_TOO_LONG)?;
    for number in 1..MOST {
        let mut path = base;
        if number > 1 && !(path.push(b".") && path.push_number(number)) {
            return Err(Errno::NAME_TOO_LONG);
        }
        match File::create_new(path.c_str()) {
            Err(Errno::EXISTS) if names_process => {}
            Err(Errno::EXISTS) => match look_at(path.c_str()) {
                Found::Ended => {
                    files::remove(path.c_str());
                    if let Ok(file) = File::create_new(path.c_str()) {
                        return Ok((file, path));
                    }
                }
                Found::Running => {}
                Found::Other => return Err(Errno::EXISTS),
            },
            result => return result.map(|file| (file, path)),
        }
    }
    Err(Errno::EXISTS)
}

/// The kind of a file that already has the recording's name.
enum Found {
    /// A recording whose process is gone, or has written its end.
    Ended,
    /// A recording whose process still runs.
    Running,
    /// Another file, which is not removed.
    Other,
}

/// Tells what the file is by its first bytes, without a trust in them.
fn look_at(path: &CStr) -> Found {
    use crate::store::layout::{Header, Process, SelfCheck};
    use core::mem::offset_of;
    let mut head = [0; 832];
    let Ok(file) = File::open(path) else { return Found::Other };
    let read = file.read_at(&mut head, 0);
    let word = |at: usize| {
        head.get(at..).and_then(<[u8]>::first_chunk).copied().map_or(0, u32::from_ne_bytes)
    };
    if read < head.len() || !head.starts_with(&MAGIC.to_ne_bytes()) {
        return Found::Other;
    }
    let process = offset_of!(Header, process);
    let id = word(process + offset_of!(Process, id));
    let is_open = word(process + offset_of!(Process, ending)) == OPEN;
    let locked = offset_of!(Header, self_check) + offset_of!(SelfCheck, locked);
    let namespace = head.get(locked..).and_then(<[u8]>::first_chunk).copied();
    let is_alive = match namespace.map_or(0, u64::from_ne_bytes) {
        0 => files::is_alive(id),
        namespace => files::is_held(file.is_locked(), namespace, id),
    };
    if is_open && is_alive { Found::Running } else { Found::Ended }
}

/// The path that a [pattern](crate::base::path_pattern) stands for; `true` if it has the process's
/// id.
pub(crate) fn expand(pattern: &CStr) -> Option<(Path, bool)> {
    let (pattern, mut path) = (pattern.to_bytes(), Path::EMPTY);
    let fits = path_pattern::expand(pattern, |piece| path.push(piece));
    fits.then_some((path, path_pattern::names_process(pattern)))
}
