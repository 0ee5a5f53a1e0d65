//! The modules of a process whose loader unloads none: musl's, whose `dlclose` does nothing.
//!
//! musl has no function that finds a module without a lock, and `dl_iterate_phdr` takes the lock
//! that `dlopen` holds. So the loader is asked once, when the session begins. A module that is
//! loaded later is found in the kernel's list of mappings, and kept.

use core::ffi::c_char;
use core::ops::Range;
use core::ptr;

use libc::Elf64_Phdr as ProgramHeader;

use super::mapping::file_at;
use super::{Headers, Loaded, headers_at, range_and_tables};
use crate::base::os::reserve;
use crate::base::sync::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Modules that are kept. Code of others has no unwind tables.
const MOST: usize = 512;

/// The longest path, with the zero byte behind it.
const LONGEST: usize = 4096;

/// See the module's description. Fields but the start are written once, before the start is.
struct Kept {
    /// 0: the entry is not there yet.
    start: AtomicU64,
    end: AtomicU64,
    bias: AtomicU64,
    eh_frame_header: AtomicU64,
    name: AtomicPtr<c_char>,
    headers: AtomicPtr<ProgramHeader>,
    count: AtomicU32,
}

static KEPT: [Kept; MOST] = [const {
    Kept {
        start: AtomicU64::new(0),
        end: AtomicU64::new(0),
        bias: AtomicU64::new(0),
        eh_frame_header: AtomicU64::new(0),
        name: AtomicPtr::new(ptr::null_mut()),
        headers: AtomicPtr::new(ptr::null_mut()),
        count: AtomicU32::new(0),
    }
}; MOST];

/// Entries that were taken; more than there are, if some found no room.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// The module that holds `pc`. Takes no lock.
pub(crate) fn find(pc: u64) -> Option<Loaded> {
    kept(pc).or_else(|| by_mapping(pc))
}

/// Calls `work` with the module that holds `pc`. None is unloaded: no lock is needed.
pub(crate) fn hold(pc: u64, mut work: impl FnMut(&Loaded)) {
    if let Some(loaded) = find(pc) {
        work(&loaded);
    }
}

/// Keeps a module, as the loader describes it. The one that it lists first is the executable.
pub(super) fn keep(info: &libc::dl_phdr_info, is_executable: bool) {
    let headers = Headers { first: info.dlpi_phdr, count: info.dlpi_phnum.into() };
    // SAFETY: the loader's program headers, `dlpi_phnum` of them.
    let read = unsafe { headers.read() };
    let (Range { start, end }, eh_frame_header) = range_and_tables(read, info.dlpi_addr);
    let name = if is_executable { c"".as_ptr() } else { info.dlpi_name };
    let (bias, headers) = (info.dlpi_addr, Some(headers));
    put(&Loaded { start, end, bias, eh_frame_header, name, headers });
}

fn put(loaded: &Loaded) {
    let index = TAKEN.fetch_add(1, Ordering::Relaxed);
    let Some(entry) = KEPT.get(index as usize) else { return };
    entry.end.store(loaded.end, Ordering::Relaxed);
    entry.bias.store(loaded.bias, Ordering::Relaxed);
    entry.eh_frame_header.store(loaded.eh_frame_header, Ordering::Relaxed);
    entry.name.store(loaded.name.cast_mut(), Ordering::Relaxed);
    if let Some(headers) = loaded.headers {
        entry.headers.store(headers.first.cast_mut(), Ordering::Relaxed);
        entry.count.store(headers.count as u32, Ordering::Relaxed);
    }
    // Release pairs with the Acquire in `kept`: the entry is whole.
    entry.start.store(loaded.start, Ordering::Release);
}

fn kept(pc: u64) -> Option<Loaded> {
    let taken = (TAKEN.load(Ordering::Relaxed) as usize).min(MOST);
    let entry = KEPT.iter().take(taken).find(|entry| {
        // Acquire pairs with the Release in `put`: the entry is whole.
        let start = entry.start.load(Ordering::Acquire);
        start != 0 && (start..entry.end.load(Ordering::Relaxed)).contains(&pc)
    })?;
    let count = entry.count.load(Ordering::Relaxed) as usize;
    let first = entry.headers.load(Ordering::Relaxed).cast_const();
    Some(Loaded {
        start: entry.start.load(Ordering::Relaxed),
        end: entry.end.load(Ordering::Relaxed),
        bias: entry.bias.load(Ordering::Relaxed),
        eh_frame_header: entry.eh_frame_header.load(Ordering::Relaxed),
        name: entry.name.load(Ordering::Relaxed).cast_const(),
        headers: (count != 0).then_some(Headers { first, count }),
    })
}

/// The module whose file is mapped at `pc`, which is kept from now on.
#[cold]
pub(super) fn by_mapping(pc: u64) -> Option<Loaded> {
    let mut path = [0; LONGEST];
    let (start, len) = file_at(pc, &mut path)?;
    // SAFETY: the first mapping of a file of which code runs: a module, which is never unloaded.
    let headers = unsafe { headers_at(start) }?;
    // SAFETY: as many as the module's ELF header says, on its first page.
    let read = unsafe { headers.read() };
    let (linked, _) = range_and_tables(read.clone(), 0);
    let bias = start.wrapping_sub(linked.start);
    let (Range { start, end }, eh_frame_header) = range_and_tables(read, bias);
    if !(start..end).contains(&pc) {
        return None;
    }
    let name = lasting(path.get(..len)?)?;
    let loaded = Loaded { start, end, bias, eh_frame_header, name, headers: Some(headers) };
    put(&loaded);
    Some(loaded)
}

/// A copy of the path that stays as long as the process.
fn lasting(path: &[u8]) -> Option<*const c_char> {
    let memory = reserve(path.len() + 1)?.cast::<u8>();
    // SAFETY: new memory of more than that size; the byte behind the path is zero.
    unsafe { memory.as_ptr().copy_from_nonoverlapping(path.as_ptr(), path.len()) };
    Some(memory.as_ptr().cast_const().cast())
}
