//! Events without stacks: only numbers are kept, and blocks have no trailers.

use core::alloc::Layout;

use crate::base::sync::Ordering;
use crate::engine::inside::{Inside, Outside};
use crate::engine::session::Session;
use crate::store::peak::{EXACT, Front, Heap};

/// The layout as it is: there are no trailers.
#[inline(always)]
pub(super) fn padded(_session: &Session, layout: Layout) -> Option<Layout> {
    Some(layout)
}

/// True: there are no trailers of another kind.
#[inline(always)]
pub(super) fn has_ordinary_trailers(_session: &Session) -> bool {
    true
}

/// The layout as it is.
#[inline(always)]
pub(super) fn ordinarily_padded(layout: Layout) -> Option<Layout> {
    Some(layout)
}

/// Calls `enter` with the front to use, or counts the event as lost. In exact mode the thread's
/// front is to `count` it, too.
#[inline(always)]
fn with_front(
    session: &'static Session,
    bytes: usize,
    count: impl Fn(&Front),
    enter: impl Fn(&Front, &Heap),
) {
    let inside = Inside::enter(session);
    match inside {
        Ok(mut inside) => {
            let heap = session.heap();
            let front = &inside.thread().slot.front;
            if heap.mode.load(Ordering::Relaxed) == EXACT {
                let _held = heap.lock.lock();
                count(front);
                enter(&heap.exact, heap);
            } else {
                enter(front, heap);
            }
        }
        Err(Outside::Profiler) => {}
        Err(Outside::Reentrant) => {
            session.header.losses.reentrant.add_shared(1);
            session.header.losses.reentrant_bytes.add_shared(bytes as u64);
        }
    }
}

pub(super) unsafe fn allocated(session: &'static Session, _block: *mut u8, size: usize) {
    let (bytes, now) = (size as u64, session.clock.now());
    let count = |front: &Front| _ = front.count_allocated(bytes);
    with_front(session, size, count, |front, heap| front.allocated(bytes, now, heap));
}

pub(super) unsafe fn freed(session: &'static Session, _block: *mut u8, size: usize) {
    let (bytes, now) = (size as u64, session.clock.now());
    let count = |front: &Front| _ = front.count_freed(bytes);
    with_front(session, size, count, |front, heap| front.freed(bytes, now, heap));
}

/// An empty type in place of a trailer's content: blocks have none here.
pub(super) struct Known;

pub(super) unsafe fn known(_session: &Session, _block: *mut u8, _size: usize) -> Known {
    Known
}

pub(super) unsafe fn kept(_session: &Session, _block: *mut u8, _size: usize) {}

pub(super) unsafe fn resized(
    session: &'static Session,
    _block: *mut u8,
    _known: Known,
    old: usize,
    new: usize,
) {
    let (old, new, now) = (old as u64, new as u64, session.clock.now());
    let count = |front: &Front| _ = front.count_resized(old, new);
    with_front(session, old as usize, count, |front, heap| front.resized(old, new, now, heap));
}
