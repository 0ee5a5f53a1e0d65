//! Parts of a recording for unit tests.

use core::mem::ManuallyDrop;
use std::sync::Mutex;
use std::vec::Vec;

use crate::base::sync::AtomicPtr;
use crate::base::testing::Zeroed;
use crate::store::arena::Arena;
use crate::store::frames::{Frame, FramesHead};
use crate::store::sites::{Owner, Record, SitesHead};
use crate::store::slot::Slot;
use crate::store::tally::Tally;

/// A part of a recording, or a part that lies beside it.
///
/// # Safety
///
/// Zeroed memory must be a value of the type.
pub(crate) unsafe trait Words: Sync + 'static {}

// SAFETY: atomics.
unsafe impl Words for Owner {}
// SAFETY: atomics.
unsafe impl Words for Record {}
// SAFETY: atomics.
unsafe impl Words for SitesHead {}
// SAFETY: atomics.
unsafe impl Words for Tally {}
// SAFETY: atomics.
unsafe impl Words for Arena {}
// SAFETY: atomics.
unsafe impl Words for Frame {}
// SAFETY: atomics.
unsafe impl Words for FramesHead {}
// SAFETY: atomics.
unsafe impl Words for Slot {}

/// Words for the rest of the process, as in a recording: zeroed, which is quick under Miri, too.
pub(crate) fn leak<T: Words>(len: usize) -> &'static [T] {
    /// Leaked memory stays in reach, so that Miri does not report it.
    static LEAKED: Mutex<Vec<AtomicPtr<u8>>> = Mutex::new(Vec::new());
    let size = (len * size_of::<T>()).max(1);
    let memory = ManuallyDrop::new(Zeroed::new(size, align_of::<T>()));
    LEAKED.lock().expect("nobody panics here").push(AtomicPtr::new(memory.base.as_ptr()));
    // SAFETY: zeroed memory of that size and alignment, never given back; zero is a value of the
    // type.
    unsafe { core::slice::from_raw_parts(memory.base.as_ptr().cast(), len) }
}
