//! jemalloc, by `mallctl`.

use tikv_jemalloc_ctl::{arenas, epoch, raw, stats};

use crate::recording::heap_state::{Allocator, HeapState};

/// All figures can be read quickly.
#[cfg(feature = "backtraces")]
pub(crate) use self::state as quick_state;

/// The state, as of now. jemalloc copies its numbers together when its epoch is advanced; this
/// function advances it once.
pub(crate) fn state() -> Option<HeapState> {
    epoch::advance().ok()?;
    let known = |figure: tikv_jemalloc_ctl::Result<usize>| figure.ok().map(|bytes| bytes as u64);
    let (allocated, active) = (known(stats::allocated::read()), known(stats::active::read()));
    // An unused allocator is initialized by being asked: then it has blocks, but only internal
    // ones.
    if allocated.unwrap_or(0) <= internal() {
        return None;
    }
    Some(HeapState {
        allocated,
        active,
        resident: known(stats::resident::read()),
        mapped: known(stats::mapped::read()),
        retained: known(stats::retained::read()),
        arenas: initialized_arenas(),
        ..HeapState::of(Allocator::Jemalloc)
    })
}

/// Bytes that jemalloc has allocated for itself; they are part of what is allocated.
fn internal() -> u64 {
    let mut mib = [0; 4];
    let found = raw::name_to_mib(b"stats.arenas.4096.internal\0", &mut mib).and_then(|()| {
        // SAFETY: the value is a C `size_t`.
        unsafe { raw::read_mib::<usize>(&mib) }
    });
    found.map_or(0, |bytes| bytes as u64)
}

/// The number of possible arenas that are in use.
fn initialized_arenas() -> Option<u64> {
    let most = arenas::narenas::read().ok()?;
    let mut mib = [0; 3];
    raw::name_to_mib(b"arena.0.initialized\0", &mut mib).ok()?;
    let is_initialized = |index: &u32| {
        mib[1] = *index as usize;
        // SAFETY: the value is a C `bool`: one byte, 0 or 1.
        unsafe { raw::read_mib::<u8>(&mib) }.is_ok_and(|initialized| initialized != 0)
    };
    Some((0..most).filter(is_initialized).count() as u64)
}
