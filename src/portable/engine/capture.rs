//! Stacks by the crate `backtrace`, which knows how on all systems.

use super::sites::Stack;

/// Room for the frames of a stack.
#[derive(Debug)]
pub(crate) struct Frames {
    addresses: [usize; MOST],
    len: usize,
}

/// The most frames that are kept.
const MOST: usize = crate::base::settings::FRAMES.1 as usize;

/// Frames of this crate's between the place that a [`Marker`] marks and the walk.
const OWN: usize = 64;

/// A place on the stack: frames inward of it are the profiler's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marker(usize);

impl Marker {
    /// The function in whose frame `local` lies is the outermost of the profiler's.
    #[inline(always)]
    pub(crate) fn at(local: &u8) -> Self {
        Marker(core::ptr::from_ref(core::hint::black_box(local)).addr())
    }
}

impl Frames {
    pub(crate) const fn new() -> Self {
        Frames { addresses: [0; MOST], len: 0 }
    }

    /// The stack outward of the marked frame, of at most `limit` frames. To be called by one thread
    /// at a time.
    pub(crate) fn capture(&mut self, marker: Marker, limit: u32) -> Stack<'_> {
        let limit = (limit as usize).min(MOST);
        let (mut is_truncated, mut skipped) = (false, 0);
        self.len = 0;
        walk(&mut |frame: &backtrace::Frame| {
            let stack = frame.sp().addr();
            // Where the system does not tell the stack's pointer, names tell the profiler's frames.
            if self.len == 0 && stack != 0 && stack <= marker.0 && skipped < OWN {
                skipped += 1;
                return true;
            }
            let address = frame.ip().addr();
            if address == 0 {
                return false;
            }
            match self.addresses.get_mut(self.len).filter(|_| self.len < limit) {
                Some(place) => *place = address,
                None => {
                    is_truncated = true;
                    return false;
                }
            }
            self.len += 1;
            true
        });
        let frames = self.addresses.get(..self.len).unwrap_or_default();
        Stack { frames, is_truncated }
    }
}

/// Walks without the lock of the crate `backtrace`: a thread that holds it may be waiting for the
/// caller's.
#[cfg(not(all(windows, target_pointer_width = "32")))]
fn walk(each: &mut dyn FnMut(&backtrace::Frame) -> bool) {
    // SAFETY: it must not be called by two threads at once where the system's functions are not
    // safe to call so. Those of 64-bit Windows and of unwinders elsewhere are.
    unsafe { backtrace::trace_unsynchronized(each) };
}

/// 32-bit Windows has one library for stacks and names, which is for one thread at a time.
#[cfg(all(windows, target_pointer_width = "32"))]
fn walk(each: &mut dyn FnMut(&backtrace::Frame) -> bool) {
    backtrace::trace(each);
}
