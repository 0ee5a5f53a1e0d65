//! A process that has forbidden itself calls of the system, by seccomp: a call that is not allowed
//! kills it. From then on the profiler makes none. The functions of this folder then give what they
//! give where the system refuses.

use crate::base::sync::{AtomicU32, Ordering};

/// The process's id; 0: calls of the system are allowed.
static SEALED: AtomicU32 = AtomicU32::new(0);

/// The process's id, if no call of the system is to be made.
#[inline]
pub(crate) fn sealed_process() -> Option<u32> {
    let process = SEALED.load(Ordering::Relaxed);
    (process != 0).then_some(process)
}

/// True if no call of the system is to be made.
#[inline]
pub(crate) fn is_sealed() -> bool {
    sealed_process().is_some()
}

/// From now on the profiler makes no calls of the system: each thread that goes inside the hook
/// after this sees it. Those that are inside are for the caller to wait for.
pub(crate) fn seal() {
    SEALED.store(super::process_id(), Ordering::Relaxed);
    super::linux::barrier();
}

/// The program was refused what it asked for: calls of the system are allowed still.
pub(crate) fn unseal() {
    SEALED.store(0, Ordering::Relaxed);
}
