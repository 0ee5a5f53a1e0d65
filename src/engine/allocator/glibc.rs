//! glibc's allocator, by `mallinfo2` and `malloc_info`.

use core::ffi::c_void;
use core::mem::transmute;
use core::ptr;

use crate::base::current::as_profiler;
use crate::base::os;
#[cfg(feature = "preload")]
use crate::base::sync::AtomicU32;
use crate::base::sync::{AtomicPtr, Ordering};
use crate::recording::heap_state::{Allocator, HeapState};

/// glibc's `mallinfo2`; null: not looked for yet, or there is none.
static FUNCTION: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// 1: the allocator behind the preload library is glibc's.
#[cfg(feature = "preload")]
static IS_NEXT: AtomicU32 = AtomicU32::new(0);

/// The allocator behind the preload library is glibc's.
#[cfg(feature = "preload")]
pub(crate) fn is_next() {
    IS_NEXT.store(1, Ordering::Relaxed);
}

/// Looks for the function, which older versions lack. That takes the loader's lock, so it is done before
/// somebody asks in the middle of the program's work.
pub(crate) fn prepare() {
    if let Some(function) = os::libc_function(c"mallinfo2") {
        FUNCTION.store(function.as_ptr(), Ordering::Relaxed);
    }
}

pub(crate) fn state() -> Option<HeapState> {
    if FUNCTION.load(Ordering::Relaxed).is_null() {
        prepare();
    }
    let state = quick_state()?;
    Some(HeapState { arenas: arenas(), ..state })
}

/// The state without the number of arenas. Takes the arenas' locks, one after another.
pub(crate) fn quick_state() -> Option<HeapState> {
    #[cfg(feature = "preload")]
    if IS_NEXT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let function = FUNCTION.load(Ordering::Relaxed);
    if function.is_null() {
        return None;
    }
    // SAFETY: glibc's function of that name has this signature.
    let mallinfo2: unsafe extern "C" fn() -> libc::mallinfo2 = unsafe { transmute(function) };
    // SAFETY: no preconditions.
    let found = unsafe { mallinfo2() };
    of(&found)
}

fn of(found: &libc::mallinfo2) -> Option<HeapState> {
    let mappings = found.hblkhd as u64;
    let (allocated, mapped) = (found.uordblks as u64 + mappings, found.arena as u64 + mappings);
    (allocated != 0 || mapped != 0).then(|| HeapState {
        allocated: Some(allocated),
        mapped: Some(mapped),
        retained: Some(found.fordblks as u64),
        ..HeapState::of(Allocator::Glibc)
    })
}

/// How many arenas `malloc_info` lists.
fn arenas() -> Option<u64> {
    as_profiler(|| {
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
        let count = count(xml);
        // SAFETY: the stream's memory is the caller's to free.
        unsafe { libc::free(text.cast()) };
        (result == 0 && closed == 0 && count > 0).then_some(count)
    })
}

/// How many elements of that name there are.
fn count(xml: &[u8]) -> u64 {
    const HEAP: &[u8] = b"<heap ";
    xml.windows(HEAP.len()).filter(|part| *part == HEAP).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(arena: usize, hblkhd: usize, uordblks: usize, fordblks: usize) -> libc::mallinfo2 {
        libc::mallinfo2 {
            arena,
            ordblks: 1,
            smblks: 0,
            hblks: 0,
            hblkhd,
            usmblks: 0,
            fsmblks: 0,
            uordblks,
            fordblks,
            keepcost: 0,
        }
    }

    #[test]
    fn mappings_are_in_use_and_taken_from_the_kernel() {
        let state = of(&info(1000, 4096, 600, 400)).unwrap();
        assert_eq!(state.allocated, Some(4696));
        assert_eq!(state.mapped, Some(5096));
        assert_eq!(state.retained, Some(400));
        assert_eq!((state.active, state.resident, state.arenas), (None, None, None));
    }

    #[test]
    fn who_has_nothing_is_not_in_use() {
        assert_eq!(of(&info(0, 0, 0, 0)), None);
        assert!(of(&info(0, 4096, 0, 0)).is_some());
    }

    #[test]
    fn heaps_are_counted() {
        assert_eq!(count(b"<malloc version=\"1\">\n<heap nr=\"0\">\n</heap>\n<heap nr=\"1\">"), 2);
        assert_eq!(count(b""), 0);
    }
}
