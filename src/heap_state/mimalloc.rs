//! mimalloc, by `mi_process_info` and `mi_stats_get_json`.

use core::ffi::{CStr, c_char};
use core::ptr::{self, NonNull};

use super::{Allocator, HeapState};
use crate::os;
use crate::sync::{AtomicU32, Ordering};

/// 1: it has been seen to be in use.
static IS_IN_USE: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    /// Both of the versions that `libmimalloc-sys` builds have it; the crate declares it for one.
    fn mi_stats_get_json(size: usize, text: *mut c_char) -> *mut c_char;
}

/// The statistics are 18 KiB of text.
const TEXT: usize = 64 << 10;

pub(super) fn state() -> Option<HeapState> {
    let memory = os::reserve(TEXT)?;
    let state = with_text(memory, |text| full_state(committed(), text));
    // SAFETY: the mapping just made, which nobody uses any more.
    unsafe { os::release(memory, TEXT) };
    if state.is_some() {
        IS_IN_USE.store(1, Ordering::Relaxed);
    }
    state
}

/// The state without what its text alone says; but what is in use is told from what is not by that text, the
/// first time.
#[cfg(feature = "backtraces")]
pub(super) fn quick_state() -> Option<HeapState> {
    if IS_IN_USE.load(Ordering::Relaxed) == 0 {
        return state();
    }
    Some(HeapState { active: Some(committed()), ..HeapState::of(Allocator::Mimalloc) })
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

/// The state, if there are arenas: without, nothing was ever allocated.
fn full_state(committed: u64, text: &str) -> Option<HeapState> {
    let arenas = number_after(text, "\"arena_count\":").filter(|count| *count > 0)?;
    let reserved = current(text, "reserved");
    Some(HeapState {
        active: Some(committed),
        mapped: reserved,
        retained: reserved.map(|all| all.saturating_sub(committed)),
        arenas: Some(arenas),
        ..HeapState::of(Allocator::Mimalloc)
    })
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

    const TEXT: &str = "{\n  \"stat_version\": 5,\n  \"process\": {\n    \"commit_current\": 70\n  },\n\
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
    fn without_arenas_it_is_not_in_use() {
        let full = full_state(100, TEXT).unwrap();
        assert_eq!((full.active, full.mapped, full.arenas), (Some(100), Some(1 << 30), Some(1)));
        assert_eq!(full.retained, Some((1 << 30) - 100));
        assert_eq!(full_state(100, "\"arena_count\": 0,"), None);
        assert_eq!(full_state(100, ""), None);
    }
}
