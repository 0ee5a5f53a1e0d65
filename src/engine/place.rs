//! Where the recording lies: anonymous memory, or a file of this process's own.

use core::ffi::CStr;
use core::ptr::NonNull;

use crate::base::os;
use crate::base::os::files;
use crate::base::os::files::{Errno, File, Path};
use crate::base::os::message::say;
use crate::base::settings::{Lossy, Settings};
use crate::base::sync::{AtomicU32, Ordering, UnsafeCell};
use crate::store::layout::{ENTRY_SIZES, Geometry, HEADER_SIZE, MAGIC, Mapping, OPEN, Region};
use crate::store::space;
use crate::store::space::{Part, SPACE};
use crate::store::thread_slot::{SHARED, SLOTS};

/// Why there is no mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoMapping {
    /// There is to be none; if that is not what was asked for, it was said.
    NotRecorded,
    /// There is not so much address space.
    TooLarge,
}

/// 1: the recording is in a file.
static IN_FILE: AtomicU32 = AtomicU32::new(0);
/// 1: this process is a forked child that is not recorded.
static MUTED: AtomicU32 = AtomicU32::new(0);
/// Which arenas there is room for, a bit each.
static ARENAS: [AtomicU32; SLOTS / 32] = [const { AtomicU32::new(0) }; SLOTS / 32];

/// The file's path. Written while the process has one thread that could read it: before the session is
/// made, and in a forked child.
struct RecordPath(UnsafeCell<Path>);

// SAFETY: see the description.
unsafe impl Sync for RecordPath {}

static RECORD: RecordPath = RecordPath(UnsafeCell::new(Path::EMPTY));

/// Whether the recording is in a file.
pub(crate) fn is_in_file() -> bool {
    IN_FILE.load(Ordering::Relaxed) != 0
}

/// Whether this process is a forked child that is not recorded.
pub(crate) fn is_muted() -> bool {
    MUTED.load(Ordering::Relaxed) != 0
}

/// Nothing is recorded in this process any more, and nothing of the recording is touched.
pub(crate) fn mute() {
    MUTED.store(1, Ordering::Relaxed);
    crate::engine::inside::mute();
}

/// Path of the recording's file.
pub(crate) fn record_path() -> &'static CStr {
    // SAFETY: nobody writes now, see `RecordPath`.
    RECORD.0.with(|path| unsafe { &*path }).c_str()
}

pub(crate) fn set_record_path(path: Path) {
    // SAFETY: nobody reads now, see `RecordPath`.
    RECORD.0.with_mut(|place| unsafe { *place = path });
}

/// Makes the mapping that the settings ask for.
pub(crate) fn make(
    settings: &Settings,
    size: usize,
    geometry: &Geometry,
) -> Result<Mapping, NoMapping> {
    let Some(pattern) = settings.record else {
        // Who is preloaded reports to nobody but by way of a file.
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
            say(format_args!("cannot record to {path} (error {number}), not recording"));
            return Err(NoMapping::NotRecorded);
        }
        say(format_args!("cannot record to {path} (error {number}), recording in memory"));
        in_memory(size, geometry)
    })
}

fn in_memory(size: usize, geometry: &Geometry) -> Result<Mapping, NoMapping> {
    let base = leaves_half(size).then(|| os::reserve(size)).flatten().ok_or(NoMapping::TooLarge)?;
    SPACE.unlimited();
    // SAFETY: zeroed, page-aligned, `size` bytes, never given back.
    Ok(unsafe { Mapping::initialize(base, geometry) })
}

/// Whether as much address space again is left: the program needs some, too.
fn leaves_half(size: usize) -> bool {
    let found = os::reserve(2 * size);
    if let Some(memory) = found {
        // SAFETY: the mapping just made, which nobody uses.
        unsafe { os::release(memory, 2 * size) };
    }
    found.is_some()
}

fn in_file(pattern: &CStr, size: usize, geometry: &Geometry) -> Result<Mapping, Errno> {
    let (file, path) = create(pattern)?;
    let made = file.set_len(size).and_then(|()| {
        // SAFETY: a place of the kernel's choice.
        let base = unsafe { file.map(None, size) }.ok_or(Errno::NO_MEMORY)?;
        set_record_path(path);
        prepare(base, geometry)
    });
    if made.is_err() {
        files::remove(path.c_str());
    }
    made
}

/// Reserves what every recording needs, and only then touches it.
fn prepare(base: NonNull<u8>, geometry: &Geometry) -> Result<Mapping, Errno> {
    let header = os::page_size().around(&(0..HEADER_SIZE));
    if !files::populate(base, header.len(), 0) {
        return Err(Errno::NO_SPACE);
    }
    // SAFETY: zeroed, page-aligned, of the geometry's size, never given back.
    let mapping = unsafe { Mapping::initialize(base, geometry) };
    let has_room = Part::ALL.into_iter().all(|part| {
        let entries = mapping.place(part.regions()[0]).1;
        entries == 0 || SPACE.has(part, 1, || Some(mapping))
    });
    let (start, size) = shared_slot(mapping);
    if !has_room || !space::bytes(mapping, start, size) {
        return Err(Errno::NO_SPACE);
    }
    IN_FILE.store(1, Ordering::Relaxed);
    Ok(mapping)
}

/// Where the slot is that threads without one share: far behind the others.
pub(crate) fn shared_slot(mapping: Mapping) -> (usize, usize) {
    let size = ENTRY_SIZES[Region::Threads as usize];
    (mapping.place(Region::Threads).0 + SHARED as usize * size, size)
}

/// Makes this process's file, which has to be new. Where the pattern has the process's id, one that is
/// there is of an earlier program in this process: the next number is appended. Else it is taken away
/// if it is a recording that has ended.
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

/// What a file is that has the name of the recording.
enum Found {
    /// A recording whose process is there no more, or has written its end.
    Ended,
    /// A recording whose process is there.
    Running,
    /// Something else, which is nobody's to take away.
    Other,
}

fn look_at(path: &CStr) -> Found {
    use crate::store::layout::{Header, Process};
    use core::mem::offset_of;
    let mut head = [0; 320];
    let read = File::open(path).map_or(0, |file| file.read_at(&mut head, 0));
    let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if read < head.len() || !head.starts_with(&MAGIC.to_ne_bytes()) {
        return Found::Other;
    }
    let process = offset_of!(Header, process);
    let id = word(process + offset_of!(Process, id));
    let is_open = word(process + offset_of!(Process, ending)) == OPEN;
    if is_open && files::is_alive(id) { Found::Running } else { Found::Ended }
}

/// The path that a pattern stands for, and whether it has the process's id: `%p` is that, `%e` the
/// executable's name, `%%` a percent sign; anything else stays.
pub(crate) fn expand(pattern: &CStr) -> Option<(Path, bool)> {
    let mut path = Path::EMPTY;
    let mut names_process = false;
    let mut bytes = pattern.to_bytes().iter().copied();
    while let Some(byte) = bytes.next() {
        let fits = match (byte, if byte == b'%' { bytes.next() } else { None }) {
            (b'%', Some(b'p')) => {
                names_process = true;
                path.push_number(os::process_id())
            }
            (b'%', Some(b'e')) => push_executable(&mut path),
            (b'%', Some(b'%')) => path.push(b"%"),
            (b'%', Some(other)) => path.push(&[b'%', other]),
            (byte, _) => path.push(&[byte]),
        };
        if !fits {
            return None;
        }
    }
    Some((path, names_process))
}

fn push_executable(path: &mut Path) -> bool {
    let mut executable = [0; 1024];
    let len = os::read_link(c"/proc/self/exe", &mut executable);
    let name = executable[..len].rsplit(|byte| *byte == b'/').next().unwrap_or(b"");
    path.push(if name.is_empty() { b"unknown" } else { name })
}

/// Whether there is room for so many thread slots.
pub(crate) fn make_room_for_thread(slots: u32) -> bool {
    crate::engine::session::has_room(Part::Threads, slots)
}

/// Whether there is room for so many modules.
pub(crate) fn make_room_for_module(modules: u32) -> bool {
    crate::engine::session::has_room(Part::Modules, modules)
}

/// Whether there is room for the arena of the thread in that slot.
pub(crate) fn make_room_for_arena(slot: u32) -> bool {
    if !is_in_file() {
        return true;
    }
    let Some(session) = crate::engine::session::get() else { return false };
    let (offset, size) = arena(session.mapping, slot);
    let has_room = space::bytes(session.mapping, offset, size);
    if has_room {
        let bit = 1 << (slot % 32);
        if let Some(word) = ARENAS.get(slot as usize / 32) {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    } else {
        session.header.process.no_room.store(1, Ordering::Relaxed);
    }
    has_room
}

/// Offset and size of a slot's arena.
fn arena(mapping: Mapping, slot: u32) -> (usize, usize) {
    let size = ENTRY_SIZES[Region::Arenas as usize];
    (mapping.place(Region::Arenas).0 + slot as usize * size, size)
}

/// Offset and size of every arena that is used.
pub(crate) fn arenas(mapping: Mapping) -> impl Iterator<Item = (usize, usize)> {
    let is_used = |slot: &u32| {
        let word = ARENAS.get(*slot as usize / 32);
        word.is_some_and(|word| word.load(Ordering::Relaxed) >> (slot % 32) & 1 != 0)
    };
    (0..SLOTS as u32).filter(is_used).map(move |slot| arena(mapping, slot))
}
