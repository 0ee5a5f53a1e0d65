//! glibc's allocator, by `mallinfo2` and `malloc_info`.

use crate::base::current::as_profiler;
use crate::base::os::malloc::{self, MallocFigures};
#[cfg(feature = "preload")]
use crate::base::sync::{AtomicU32, Ordering};
use crate::recording::heap_state::{Allocator, HeapState};

/// 1: the allocator behind the preload library is glibc's.
#[cfg(feature = "preload")]
static IS_NEXT: AtomicU32 = AtomicU32::new(0);

/// The allocator behind the preload library is glibc's.
#[cfg(feature = "preload")]
pub(crate) fn is_next() {
    IS_NEXT.store(1, Ordering::Relaxed);
}

pub(crate) use malloc::prepare_malloc_figures as prepare;

/// The state with the number of arenas, for which glibc describes all of them in a text.
pub(crate) fn state() -> Option<HeapState> {
    prepare();
    let state = quick_state()?;
    Some(HeapState { arenas: arenas(), ..state })
}

/// The state without the number of arenas. Takes the arenas' locks, one after another.
pub(crate) fn quick_state() -> Option<HeapState> {
    #[cfg(feature = "preload")]
    if IS_NEXT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    of(&malloc::malloc_figures()?)
}

/// The state by `mallinfo2`'s figures; `None` if all are 0, as where glibc's allocator is not used.
fn of(found: &MallocFigures) -> Option<HeapState> {
    let (allocated, mapped) = (found.used + found.mappings, found.arenas + found.mappings);
    (allocated != 0 || mapped != 0).then(|| HeapState {
        allocated: Some(allocated),
        mapped: Some(mapped),
        retained: Some(found.free),
        ..HeapState::of(Allocator::Glibc)
    })
}

/// The number of arenas that `malloc_info` lists.
/// glibc has no other way to ask. The text is made by its allocator, hence as the profiler.
fn arenas() -> Option<u64> {
    let found = as_profiler(|| malloc::with_malloc_info(count));
    found.filter(|count| *count > 0)
}

/// The number of elements of that name.
fn count(xml: &[u8]) -> u64 {
    const HEAP: &[u8] = b"<heap ";
    xml.windows(HEAP.len()).filter(|part| *part == HEAP).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(arenas: u64, mappings: u64, used: u64, free: u64) -> MallocFigures {
        MallocFigures { arenas, used, free, mappings }
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
