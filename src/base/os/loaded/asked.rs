//! The modules as glibc's loader knows them.

use core::ffi::{c_char, c_int, c_void};
use core::ops::Range;
use core::ptr;

use libc::Elf64_Phdr as ProgramHeader;

use super::{Headers, Loaded, NOWHERE, page_size, range_and_tables, with_segment};

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

/// Calls `work` with the module that holds `pc`, which stays loaded until `work` returns.
///
/// The loader's lock is held meanwhile. User code also holds it when it walks the loader's list,
/// and may allocate then. So a thread that holds a lock of the profiler must not wait for that
/// lock.
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

/// The module that holds `pc`.
#[cold]
pub(crate) fn find(pc: u64) -> Option<Loaded> {
    match find_object_function() {
        Some(function) => by_find_object(function, pc),
        None => by_iteration(pc),
    }
}

#[cfg(all(target_env = "gnu", not(miri)))]
core::arch::global_asm!(".weak _dl_find_object");

/// `_dl_find_object`, if the libc at hand has it: the reference is weak.
#[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu", not(miri)))]
fn find_object_function() -> Option<FindObject> {
    let address: usize;
    // SAFETY: reads the word of the global offset table that holds the symbol's address or 0.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            "mov {}, qword ptr [rip + _dl_find_object@GOTPCREL]",
            out(reg) address,
            options(nostack, readonly, preserves_flags),
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            "adrp {0}, :got:_dl_find_object",
            "ldr {0}, [{0}, :got_lo12:_dl_find_object]",
            out(reg) address,
            options(nostack, readonly, preserves_flags),
        );
    }
    // SAFETY: a non-zero address is that of glibc's function, whose signature this is.
    (address != 0).then(|| unsafe { core::mem::transmute::<usize, FindObject>(address) })
}

#[cfg(not(all(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    target_env = "gnu",
    not(miri)
)))]
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
    // Of an executable whose segments have gaps, and of a static one, the range is the code's
    // segment alone; the tables lie below or above.
    let is_part = eh_frame_header != 0 && !(start..end).contains(&eh_frame_header);
    // The executable is named by an empty string. Where pages may be larger than the processor's
    // smallest, as on aarch64, its segments have gaps even if the tables lie beside the code.
    let is_first = map.is_none_or(|map| {
        !map.name.is_null() && {
            // SAFETY: not null, so a string of the loader's.
            unsafe { map.name.read() == 0 }
        }
    });
    let executable = if is_part || is_first { executable_around(start..end) } else { None };
    let (whole, headers) = match executable {
        Some((whole, headers)) => (whole, Some(headers)),
        None if is_part => (start.min(eh_frame_header)..end, None),
        None => (start..end, None),
    };
    Some(Loaded {
        start: whole.start,
        end: whole.end,
        bias: map.map_or(0, |map| map.address as u64),
        eh_frame_header,
        name: map.map_or(ptr::null(), |map| map.name),
        headers,
    })
}

/// The range of all segments of the executable, and its program headers, if it has a segment that
/// holds the given range.
fn executable_around(part: Range<u64>) -> Option<(Range<u64>, Headers)> {
    // SAFETY: the auxiliary vector is the process's from beginning to end.
    let [table, count] =
        [libc::AT_PHDR, libc::AT_PHNUM].map(|kind| unsafe { libc::getauxval(kind) });
    let first = ptr::with_exposed_provenance::<ProgramHeader>(table as usize);
    if first.is_null() {
        return None;
    }
    let headers = Headers { first, count: count as usize };
    // SAFETY: the kernel gives the place and the number of the executable's program headers.
    let read = unsafe { headers.read() };
    let linked = read.clone().find(|header| header.p_type == libc::PT_PHDR);
    let bias = linked.map_or(0, |header| table.wrapping_sub(header.p_vaddr));
    let whole = read.fold(NOWHERE, |all, header| with_segment(all, &header, bias));
    let is_among = whole.start <= part.start && part.end <= page_size().next_start(whole.end);
    is_among.then_some((whole, headers))
}

struct Search {
    pc: u64,
    found: Option<Loaded>,
}

pub(super) fn by_iteration(pc: u64) -> Option<Loaded> {
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
    let headers = Headers { first: info.dlpi_phdr, count: info.dlpi_phnum.into() };
    // SAFETY: the loader's program headers, `dlpi_phnum` of them; its lock is held.
    let (whole, eh_frame_header) = range_and_tables(unsafe { headers.read() }, bias);
    let holds = whole.contains(&search.pc);
    if holds {
        let Range { start, end } = whole;
        let (name, headers) = (info.dlpi_name, Some(headers));
        search.found = Some(Loaded { start, end, bias, eh_frame_header, name, headers });
    }
    c_int::from(holds)
}
