//! glibc's allocator, asked for its figures.

use core::ffi::{CStr, c_void};
use core::mem::{MaybeUninit, transmute};
use core::ptr::{self, NonNull};

use crate::base::sync::{AtomicPtr, Ordering};

/// The figures of `mallinfo2` for all arenas, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MallocFigures {
    /// The arenas' memory, from the kernel.
    pub(crate) arenas: u64,
    /// Blocks in the arenas that are in use.
    pub(crate) used: u64,
    /// Blocks in the arenas that are free.
    pub(crate) free: u64,
    /// Blocks that are a mapping each.
    pub(crate) mappings: u64,
}

/// glibc's `mallinfo2`; null: not looked for yet, or there is none.
static MALLINFO2: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks for the function, which versions before 2.33 lack. That takes the loader's lock, so it is
/// done before anyone asks in the middle of the program's work.
pub(crate) fn prepare_malloc_figures() {
    if MALLINFO2.load(Ordering::Relaxed).is_null()
        && let Some(function) = libc_function(c"mallinfo2")
    {
        MALLINFO2.store(function.as_ptr(), Ordering::Relaxed);
    }
}

/// The allocator's figures, if they were [prepared](prepare_malloc_figures). Takes the arenas'
/// locks, one after another.
pub(crate) fn malloc_figures() -> Option<MallocFigures> {
    let function = NonNull::new(MALLINFO2.load(Ordering::Relaxed))?;
    // SAFETY: glibc's function of that name has this signature.
    let mallinfo2: unsafe extern "C" fn() -> libc::mallinfo2 =
        unsafe { transmute(function.as_ptr()) };
    // SAFETY: it takes nothing, and its result is plain numbers.
    let found = unsafe { mallinfo2() };
    Some(MallocFigures {
        arenas: found.arena as u64,
        used: found.uordblks as u64,
        free: found.fordblks as u64,
        mappings: found.hblkhd as u64,
    })
}

/// Calls `look` with the output of `malloc_info`, in XML. It allocates, by the C library's
/// functions.
pub(crate) fn with_malloc_info<R>(look: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let (mut text, mut len) = (ptr::null_mut(), 0);
    // SAFETY: both out-pointers are valid until the stream is closed.
    let stream = unsafe { libc::open_memstream(&raw mut text, &raw mut len) };
    if stream.is_null() {
        return None;
    }
    // SAFETY: opened above.
    let result = unsafe { libc::malloc_info(0, stream) };
    // SAFETY: opened above, and not used any more.
    let closed = unsafe { libc::fclose(stream) };
    if text.is_null() {
        return None;
    }
    // SAFETY: as many bytes as the closed stream says.
    let xml = unsafe { core::slice::from_raw_parts(text.cast::<u8>(), len) };
    let found = (result == 0 && closed == 0).then(|| look(xml));
    // SAFETY: the stream's memory is the caller's to free.
    unsafe { libc::free(text.cast()) };
    found
}

/// The function of that name in the C library, even if another module defines one, too.
fn libc_function(name: &CStr) -> Option<NonNull<c_void>> {
    let object = |address: *const c_void| {
        let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
        // SAFETY: the out-pointer is valid; any address may be asked for.
        unsafe { libc::dladdr(address, found.as_mut_ptr()) };
        // SAFETY: zeroed above; null pointers are valid.
        unsafe { found.assume_init() }.dli_fbase
    };
    // SAFETY: the name ends with a zero byte.
    let function = NonNull::new(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) })?;
    let known = libc::gnu_get_libc_version as *const c_void;
    (object(function.as_ptr()) == object(known)).then_some(function)
}
