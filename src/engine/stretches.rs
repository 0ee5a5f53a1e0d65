//! The most live bytes and blocks in stretches of time, any number of which may overlap.
//!
//! The heap knows its peak since the last [mark](crate::store::peak::Heap::mark). Each beginning
//! and each end of a stretch sets a mark; the heap's peak before it counts for every stretch that
//! had begun by then.

use std::vec::Vec;

use crate::base::current::as_profiler;
use crate::base::sync::UnsafeCell;
use crate::base::sync::spin_lock::{Held, SpinLock};
use crate::engine::inside::Inside;
use crate::engine::session;

/// The most bytes and blocks live at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Most {
    pub(crate) bytes: i64,
    pub(crate) blocks: i64,
}

impl Most {
    fn raise(&mut self, (bytes, blocks): (i64, i64)) {
        self.bytes = self.bytes.max(bytes);
        self.blocks = self.blocks.max(blocks);
    }
}

/// Stretches that have begun and not ended, by number.
/// A freed number is used again, so the list is as long as the most that were open at once.
struct Open(UnsafeCell<Vec<Option<Most>>>);

// SAFETY: used by the lock's holder alone.
unsafe impl Sync for Open {}

static LOCK: SpinLock = SpinLock::new();
static OPEN: Open = Open(UnsafeCell::new(Vec::new()));

/// Held while stretches, or windows, begin and end. Its holder is never inside the hook.
pub(crate) fn lock() -> Held<'static> {
    LOCK.lock()
}

/// Goes on in a child of a fork.
pub(crate) fn open_lock() {
    LOCK.open();
}

/// A stretch of time; ends when dropped.
#[derive(Debug)]
pub(crate) struct Stretch(usize);

impl Stretch {
    /// Begins a stretch.
    pub(crate) fn begin() -> Self {
        Stretch(with_open(|open| {
            let most = Some(Most::default());
            if let Some((index, free)) =
                open.iter_mut().enumerate().find(|(_, most)| most.is_none())
            {
                *free = most;
                return index;
            }
            open.push(most);
            open.len() - 1
        }))
    }

    /// The most bytes and blocks live in it until now.
    pub(crate) fn most(&self) -> Most {
        with_open(|open| open.get(self.0).copied().flatten()).unwrap_or_default()
    }
}

impl Drop for Stretch {
    fn drop(&mut self) {
        with_open(|open| open.get_mut(self.0).map(Option::take));
    }
}

/// Sets a mark and calls `change` with the stretches; the time before the mark counts for all of
/// them.
fn with_open<R>(change: impl FnOnce(&mut Vec<Option<Most>>) -> R) -> R {
    register();
    let _held = lock();
    let most = mark();
    as_profiler(|| {
        OPEN.0.with_mut(|open| {
            // SAFETY: the lock is held, and `change` does not come here again.
            let open = unsafe { &mut *open };
            open.iter_mut().flatten().for_each(|stretch| stretch.raise(most));
            change(open)
        })
    })
}

/// Gives the calling thread its slot, before the lock is taken: a fork may interrupt that.
fn register() {
    if let Ok(Some(session)) = session::decided() {
        drop(Inside::enter(session));
    }
}

/// The most bytes and blocks live since the last mark; zero if nothing is recorded.
fn mark() -> (i64, i64) {
    let Ok(Some(session)) = session::decided() else { return (0, 0) };
    let inside = Inside::enter(session);
    let Ok(mut inside) = inside else { return (0, 0) };
    let own = &inside.thread().slot.front;
    session.heap().mark(own, session.used_slots().map(|(_, slot)| &slot.front))
}
