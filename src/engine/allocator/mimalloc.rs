//! mimalloc, by `mi_process_info` and `mi_stats_get_json`.

use core::alloc::Layout;
use core::ffi::{CStr, c_char};
use core::hint::black_box;
use core::ptr::{self, NonNull};
use std::alloc::{alloc, dealloc};

use crate::base::current::as_profiler;
use crate::base::os;
use crate::base::sync::{AtomicU32, Ordering};
use crate::recording::heap_state::{Allocator, HeapState};

/// Values of [`USE`].
const UNKNOWN: u32 = 0;
const UNUSED: u32 = 1;
const USED: u32 = 2;

/// One of the values above; found out once.
static USE: AtomicU32 = AtomicU32::new(UNKNOWN);

unsafe extern "C" {
    /// Both of the versions that `libmimalloc-sys` builds have it; the crate declares it for one.
    fn mi_stats_get_json(size: usize, text: *mut c_char) -> *mut c_char;
}

/// The statistics are 18 KiB of text.
const TEXT: usize = 64 << 10;

/// The state with all figures. The text that has them is written into memory of its own.
pub(crate) fn state() -> Option<HeapState> {
    let state = quick_state()?;
    let Some(memory) = os::reserve(TEXT) else { return Some(state) };
    let state = with_text(memory, |text| full_state(state, text));
    // SAFETY: the mapping just made, which is no longer used.
    unsafe { os::release(memory, TEXT) };
    Some(state)
}

/// The state without the figures that only the text has. Takes no lock but, the first time, those
/// that an allocation takes.
pub(crate) fn quick_state() -> Option<HeapState> {
    if USE.load(Ordering::Relaxed) == UNKNOWN {
        USE.store(if is_in_use() { USED } else { UNUSED }, Ordering::Relaxed);
    }
    let is_used = USE.load(Ordering::Relaxed) == USED;
    let state = HeapState::of(Allocator::Mimalloc);
    is_used.then(|| HeapState { active: Some(committed()), ..state })
}

/// True if the program's blocks come from mimalloc. Its figures do not tell: asking for them is
/// enough to make it allocate.
fn is_in_use() -> bool {
    let layout = Layout::new::<u64>();
    as_profiler(|| {
        // SAFETY: the layout's size is not zero.
        let block = black_box(unsafe { alloc(layout) });
        if block.is_null() {
            return false;
        }
        // SAFETY: any address may be asked for.
        let is_mimallocs = unsafe { libmimalloc_sys::mi_is_in_heap_region(block.cast()) };
        // SAFETY: allocated above with this layout.
        unsafe { dealloc(block, layout) };
        is_mimallocs
    })
}

/// Bytes that may be touched. Takes no lock.
fn committed() -> u64 {
    let mut committed = 0;
    let (none, place) = (ptr::null_mut(), &raw mut committed);
    // SAFETY: one out-pointer is valid, the others are null, which leaves them out.
    unsafe {
        libmimalloc_sys::mi_process_info(none, none, none, none, none, place, none, none);
    }
    committed as u64
}

/// Calls `work` with the statistics, written at `memory`, which has room for [`TEXT`] bytes; with
/// an empty text if mimalloc gives none.
fn with_text<R>(memory: NonNull<u8>, work: impl FnOnce(&str) -> R) -> R {
    let place = memory.as_ptr().cast::<c_char>();
    // SAFETY: the memory is valid for so many bytes.
    let written = unsafe { mi_stats_get_json(TEXT, place) };
    if written.is_null() {
        return work("");
    }
    // SAFETY: mimalloc ends the text with a zero byte.
    let text = unsafe { CStr::from_ptr(place) };
    work(text.to_str().unwrap_or_default())
}

/// The state with the figures of the text.
fn full_state(state: HeapState, text: &str) -> HeapState {
    let reserved = current(text, "reserved");
    HeapState {
        mapped: reserved,
        retained: reserved.zip(state.active).map(|(all, active)| all.saturating_sub(active)),
        arenas: number_after(text, "\"arena_count\":"),
        ..state
    }
}

/// The present value of a figure of which the text gives several.
fn current(text: &str, name: &str) -> Option<u64> {
    let start = text.match_indices(name).find(|(at, _)| {
        text[..*at].ends_with('"') && text[*at + name.len()..].starts_with("\": {")
    })?;
    let figure = text[start.0..].split('}').next()?;
    number_after(figure, "\"current\":")
}

/// The number that follows `key`; one below zero counts as none.
fn number_after(text: &str, key: &str) -> Option<u64> {
    let (_, rest) = text.split_once(key)?;
    let rest = rest.trim_start();
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"stat_version\": 5,\n\
        \"process\": {\n    \"commit_current\": 70\n  },\n\
        \"reserved\": { \"total\": 9, \"peak\": 8, \"current\": 1073741824 },\n\
        \"committed\": { \"total\": 3, \"peak\": 2, \"current\": -1 },\n  \"arena_count\": 1,\n}";

    #[test]
    fn figures_are_found_by_their_names() {
        assert_eq!(current(TEXT, "reserved"), Some(1 << 30));
        assert_eq!(current(TEXT, "committed"), None);
        assert_eq!(current(TEXT, "pages"), None);
        assert_eq!(number_after(TEXT, "\"arena_count\":"), Some(1));
    }

    #[test]
    fn the_text_adds_to_what_is_known() {
        let state = HeapState { active: Some(100), ..HeapState::of(Allocator::Mimalloc) };
        let full = full_state(state, TEXT);
        assert_eq!((full.active, full.mapped, full.arenas), (Some(100), Some(1 << 30), Some(1)));
        assert_eq!(full.retained, Some((1 << 30) - 100));
        assert_eq!(full_state(state, ""), state);
    }
}
