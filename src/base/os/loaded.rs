//! Which loaded object a pc belongs to.
//!
//! glibc 2.35 and later answer without locks and without allocating (`_dl_find_object`); else the
//! loader's list is gone through (`dl_iterate_phdr`, which takes the loader's lock; Rust's global
//! allocator is not called by the loader, so nobody waits for us while holding it).

use core::ffi::{c_char, c_int, c_void};
use core::ptr;

use crate::base::sync::{AtomicU64, Ordering};

/// A loaded object.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loaded {
    /// First loaded address.
    pub(crate) start: u64,
    /// One past the last.
    pub(crate) end: u64,
    /// Loaded minus linked address.
    pub(crate) bias: u64,
    /// Loaded address of `.eh_frame_hdr`, 0 if the object has none.
    pub(crate) eh_frame_header: u64,
    /// The loader's name for the object; empty for the executable. Null: none.
    pub(crate) name: *const c_char,
}

/// glibc's `struct dl_find_object` (`<dlfcn.h>`, glibc 2.35).
#[repr(C)]
struct DlFindObject {
    flags: u64,
    map_start: *mut c_void,
    map_end: *mut c_void,
    link_map: *mut LinkMap,
    eh_frame: *mut c_void,
    reserved: [u64; 7],
}

/// The public head of glibc's `struct link_map` (`<link.h>`).
#[repr(C)]
struct LinkMap {
    address: usize,
    name: *const c_char,
    dynamic: *const c_void,
    next: *const LinkMap,
    previous: *const LinkMap,
}

type FindObject = unsafe extern "C" fn(*mut c_void, *mut DlFindObject) -> c_int;

/// How many of the objects that were loaded before the session are told from those loaded later.
const EARLY: usize = 512;

/// Where the objects are that were loaded before the session, by their [bias](Loaded::bias) plus one: they
/// stay as long as the process. What finds no room here is taken for a late one.
static EARLY_BIASES: [AtomicU64; EARLY] = [const { AtomicU64::new(0) }; EARLY];

/// Notes which objects are there.
pub(crate) fn note_early() {
    if cfg!(miri) {
        return;
    }
    let mut next = 0_usize;
    // SAFETY: the callback gets the counter's address back and outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(note_bias), (&raw mut next).cast()) };
}

unsafe extern "C" fn note_bias(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `note_early` passes a counter that lives for the call.
    let next = unsafe { &mut *data.cast::<usize>() };
    // SAFETY: the loader passes a valid description.
    let bias = unsafe { (*info).dlpi_addr };
    if let Some(place) = EARLY_BIASES.get(*next) {
        place.store(bias.wrapping_add(1), Ordering::Relaxed);
    }
    *next += 1;
    0
}

/// The executable's bias: the loader lists it first.
pub(crate) fn executables_bias() -> u64 {
    let bias = EARLY_BIASES[0].load(Ordering::Relaxed);
    bias.wrapping_sub(1)
}

/// Whether `pc` is in the first instructions of the loader, which have no unwind tables: there the process
/// begins, and from there libraries' constructors are called.
#[cold]
pub(crate) fn is_loaders_start(pc: u64) -> bool {
    /// `_start` and `_dl_start_user` together.
    const LENGTH: u64 = 256;
    // SAFETY: no preconditions.
    let base = unsafe { libc::getauxval(libc::AT_BASE) };
    if base == 0 || pc < base {
        return false;
    }
    let entry = ptr::with_exposed_provenance::<u64>(base as usize + 24); // e_entry
    // SAFETY: the loader's ELF header is mapped where the kernel says that the loader is.
    let entry = base + unsafe { entry.read() };
    (entry..entry + LENGTH).contains(&pc)
}

/// Calls `work` with the object that holds `pc`, which stays loaded until `work` returns.
///
/// The loader's lock is held meanwhile, as it is by whoever walks the loader's list himself and
/// allocates while doing so. So nobody may wait for that lock who holds one of ours.
pub(crate) fn hold(pc: u64, mut work: impl FnMut(&Loaded)) {
    struct Held<'a> {
        pc: u64,
        work: &'a mut dyn FnMut(&Loaded),
    }
    unsafe extern "C" fn under_lock(
        _info: *mut libc::dl_phdr_info,
        _size: usize,
        data: *mut c_void,
    ) -> c_int {
        // SAFETY: `hold` passes a `Held` that lives for the call.
        let held = unsafe { &mut *data.cast::<Held<'_>>() };
        if let Some(loaded) = find(held.pc) {
            (held.work)(&loaded);
        }
        1 // enough: the lock is what was wanted
    }
    let mut held = Held { pc, work: &mut work };
    // SAFETY: the callback gets the address back and outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(under_lock), (&raw mut held).cast()) };
}

/// The object that holds `pc`.
#[cold]
pub(crate) fn find(pc: u64) -> Option<Loaded> {
    match find_object_function() {
        Some(function) => by_find_object(function, pc),
        None => by_iteration(pc),
    }
}

#[cfg(all(target_arch = "x86_64", target_env = "gnu", not(miri)))]
core::arch::global_asm!(".weak _dl_find_object");

/// `_dl_find_object`, if the libc at hand has it: the reference is weak.
#[cfg(all(target_arch = "x86_64", target_env = "gnu", not(miri)))]
fn find_object_function() -> Option<FindObject> {
    let address: usize;
    // SAFETY: reads the word of the global offset table that holds the symbol's address or 0.
    unsafe {
        core::arch::asm!(
            "mov {}, qword ptr [rip + _dl_find_object@GOTPCREL]",
            out(reg) address,
            options(nostack, readonly, preserves_flags),
        );
    }
    // SAFETY: a non-zero address is that of glibc's function, whose signature this is.
    (address != 0).then(|| unsafe { core::mem::transmute::<usize, FindObject>(address) })
}

#[cfg(not(all(target_arch = "x86_64", target_env = "gnu", not(miri))))]
fn find_object_function() -> Option<FindObject> {
    None
}

fn by_find_object(function: FindObject, pc: u64) -> Option<Loaded> {
    let mut found = core::mem::MaybeUninit::<DlFindObject>::zeroed();
    // SAFETY: any address may be asked for; the out-pointer is valid.
    let result = unsafe { function(ptr::without_provenance_mut(pc as usize), found.as_mut_ptr()) };
    if result != 0 {
        return None;
    }
    // SAFETY: zeroed above and filled by the call; all bit patterns are valid.
    let found = unsafe { found.assume_init() };
    // SAFETY: the loader keeps the link map as long as the object is loaded, and code of the
    // object is running now. Null is told apart by `as_ref`.
    let map = unsafe { found.link_map.as_ref() };
    let eh_frame_header = found.eh_frame.addr() as u64;
    let start = found.map_start.addr() as u64;
    let end = found.map_end.addr() as u64;
    // Of an executable whose segments have gaps, and of a static one, it is the code's segment alone; the
    // tables lie below or above.
    let is_part = eh_frame_header != 0 && !(start..end).contains(&eh_frame_header);
    let (start, end) = if is_part { with_executable(start, end) } else { (start, end) };
    let (start, end) = if is_part { (start.min(eh_frame_header), end) } else { (start, end) };
    Some(Loaded {
        start,
        end,
        bias: map.map_or(0, |map| map.address as u64),
        eh_frame_header,
        name: map.map_or(ptr::null(), |map| map.name),
    })
}

/// The range of all segments of the executable, if it has the given one among them; else the given one.
fn with_executable(start: u64, end: u64) -> (u64, u64) {
    // SAFETY: no preconditions.
    let [table, count] =
        [libc::AT_PHDR, libc::AT_PHNUM].map(|kind| unsafe { libc::getauxval(kind) });
    let table = ptr::with_exposed_provenance::<libc::Elf64_Phdr>(table as usize);
    if table.is_null() {
        return (start, end);
    }
    // SAFETY: the kernel gives the place and the number of the executable's program headers.
    let headers = unsafe { core::slice::from_raw_parts(table, count as usize) };
    let linked = headers.iter().find(|header| header.p_type == libc::PT_PHDR);
    let bias = linked.map_or(0, |header| (table.addr() as u64).wrapping_sub(header.p_vaddr));
    let segments = headers.iter().filter(|header| header.p_type == libc::PT_LOAD).map(|header| {
        let first = bias.wrapping_add(header.p_vaddr);
        (first & !0xfff, first.wrapping_add(header.p_memsz))
    });
    let whole = segments.fold((u64::MAX, 0), |all, one| (all.0.min(one.0), all.1.max(one.1)));
    let is_among = whole.0 <= start && end <= whole.1.next_multiple_of(4096);
    if is_among { whole } else { (start, end) }
}

struct Search {
    pc: u64,
    found: Option<Loaded>,
}

fn by_iteration(pc: u64) -> Option<Loaded> {
    if cfg!(miri) {
        return None;
    }
    let mut search = Search { pc, found: None };
    // SAFETY: the callback gets the search's address back and outlives the call.
    unsafe { libc::dl_iterate_phdr(Some(look_at), (&raw mut search).cast()) };
    search.found
}

unsafe extern "C" fn look_at(
    info: *mut libc::dl_phdr_info,
    _size: usize,
    data: *mut c_void,
) -> c_int {
    // SAFETY: `by_iteration` passes a `Search` that lives for the call.
    let search = unsafe { &mut *data.cast::<Search>() };
    // SAFETY: the loader passes a valid description.
    let info = unsafe { &*info };
    let bias = info.dlpi_addr;
    // SAFETY: the loader's program headers, `dlpi_phnum` of them.
    let headers = unsafe { core::slice::from_raw_parts(info.dlpi_phdr, info.dlpi_phnum.into()) };
    let mut loaded =
        Loaded { start: u64::MAX, end: 0, bias, eh_frame_header: 0, name: info.dlpi_name };
    for header in headers {
        let start = bias.wrapping_add(header.p_vaddr);
        if header.p_type == libc::PT_LOAD {
            loaded.start = loaded.start.min(start & !0xfff);
            loaded.end = loaded.end.max(start + header.p_memsz);
        } else if header.p_type == libc::PT_GNU_EH_FRAME {
            loaded.eh_frame_header = start;
        }
    }
    let holds = (loaded.start..loaded.end).contains(&search.pc);
    if holds {
        search.found = Some(loaded);
    }
    c_int::from(holds)
}

impl Loaded {
    /// Whether it may be unloaded: it was not there when the session began.
    pub(crate) fn is_late(&self) -> bool {
        let bias = self.bias.wrapping_add(1);
        !EARLY_BIASES
            .iter()
            .map(|early| early.load(Ordering::Relaxed))
            .take_while(|early| *early != 0)
            .any(|early| early == bias)
    }

    /// The object's memory from `address` to its end.
    ///
    /// # Safety
    ///
    /// The object must stay loaded while the slice is used, and what is read of it must lie
    /// in its segments: the slice also spans the gaps between them.
    pub(crate) unsafe fn bytes_from(&self, address: u64) -> &'static [u8] {
        if !(self.start..self.end).contains(&address) {
            return &[];
        }
        let len = (self.end - address) as usize;
        // SAFETY: within the object's range; the caller vouches for the rest.
        unsafe { core::slice::from_raw_parts(ptr::with_exposed_provenance(address as usize), len) }
    }

    /// The loader's name for the object; empty for the executable.
    pub(crate) fn name_bytes(&self) -> &[u8] {
        if self.name.is_null() {
            return b"";
        }
        // SAFETY: not null, so a string of the loader's, which lives as long as the object.
        unsafe { core::ffi::CStr::from_ptr(self.name) }.to_bytes()
    }

    /// The GNU build id, from the object's own program headers; empty if it has none.
    pub(crate) fn build_id(&self) -> &'static [u8] {
        // SAFETY: an object's first page holds its ELF header and program headers; the notes
        // they point to are loaded. The caller runs while code of the object is on the stack.
        let file = unsafe { self.bytes_from(self.start) };
        note_segments(file)
            .filter_map(|(address, len)| {
                let at = usize::try_from(self.bias.wrapping_add(address).checked_sub(self.start)?);
                file.get(at.ok()?..)?.get(..len)
            })
            .find_map(build_id_note)
            .unwrap_or(&[])
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Linked address and length of each PT_NOTE segment of a 64-bit ELF file.
fn note_segments(file: &'static [u8]) -> impl Iterator<Item = (u64, usize)> {
    const PT_NOTE: u32 = 4;
    let is_elf = file.starts_with(b"\x7fELF\x02");
    let table = if is_elf { word(file, 32) } else { None }.unwrap_or(0) as usize;
    let count = if is_elf { half(file, 56).unwrap_or(0) & 0xffff } else { 0 };
    (0..count as usize).filter_map(move |index| {
        let header = file.get(table + index * 56..)?;
        let (address, len) = (word(header, 16)?, word(header, 40)?);
        (half(header, 0)? == PT_NOTE).then_some((address, len as usize))
    })
}

/// The build id among a segment's notes (name "GNU", type 3).
fn build_id_note(mut notes: &'static [u8]) -> Option<&'static [u8]> {
    const NT_GNU_BUILD_ID: u32 = 3;
    while notes.len() >= 16 {
        let (name, content, kind) = (half(notes, 0)?, half(notes, 4)?, half(notes, 8)?);
        let content_at = 12 + (name as usize).next_multiple_of(4);
        let content = content_at..content_at + content as usize;
        if kind == NT_GNU_BUILD_ID && notes.get(12..16)? == b"GNU\0" {
            return notes.get(content);
        }
        notes = notes.get(content.end.next_multiple_of(4)..)?;
    }
    None
}
