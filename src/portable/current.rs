//! Threads that are at the profiler's work, and the lock that lets its holder's allocations pass.
//!
//! No thread-local variable: where the system has none of its own, std's allocate at their first
//! use, which would come back here.

use core::cell::UnsafeCell;
use core::sync::atomic::AtomicUsize;

use crate::base::os;
use crate::base::sync::spin_lock::SpinLock;
use crate::base::sync::{AtomicU32, Ordering};

/// A value for one thread at a time.
///
/// ```text
///  hook ──▶ with ──▶ the table grows ──▶ hook ──▶ with: None, the block is the profiler's
/// ```
#[derive(Debug)]
pub(crate) struct Guarded<T> {
    lock: SpinLock,
    /// The [key](os::thread_key) of the lock's holder; 0 if there is none.
    holder: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by the lock's holder alone.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Guarded {
            lock: SpinLock::new(),
            holder: AtomicUsize::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the lock, and calls `work`; `None` if this thread is in such a call already.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Option<R> {
        let key = os::thread_key();
        // Relaxed: a thread's own key is written and removed by that thread alone.
        if self.holder.load(Ordering::Relaxed) == key {
            return None;
        }
        let _held = self.lock.lock();
        let _holds = Holds::begin(&self.holder, key);
        // SAFETY: the lock is held, and this thread comes no further than the test above.
        Some(work(unsafe { &mut *self.value.get() }))
    }

    /// Waits for the lock and keeps it, for a fork: this thread's allocations pass meanwhile.
    pub(crate) fn keep(&self) {
        core::mem::forget(self.lock.lock());
        self.holder.store(os::thread_key(), Ordering::Relaxed);
    }

    /// Opens what [`keep`](Self::keep) has kept.
    pub(crate) fn release(&self) {
        self.holder.store(0, Ordering::Relaxed);
        self.lock.open();
    }
}

/// Removes the holder's key when it ends, also by a panic.
struct Holds<'a>(&'a AtomicUsize);

impl<'a> Holds<'a> {
    fn begin(holder: &'a AtomicUsize, key: usize) -> Self {
        holder.store(key, Ordering::Relaxed);
        Holds(holder)
    }
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// A thread at the profiler's work, and how deep it is in such work.
#[derive(Debug)]
struct Worker {
    key: AtomicUsize,
    depth: AtomicU32,
}

/// As many threads may be at such work at a time; others wait.
const WORKERS: usize = 256;

static WORK: [Worker; WORKERS] =
    [const { Worker { key: AtomicUsize::new(0), depth: AtomicU32::new(0) } }; WORKERS];

/// Entries of [`WORK`] in use.
static USED: AtomicU32 = AtomicU32::new(0);

fn worker(key: usize) -> Option<&'static Worker> {
    // Relaxed, here and below: what a thread asks for is of its own making.
    if USED.load(Ordering::Relaxed) == 0 {
        return None;
    }
    WORK.iter().find(|worker| worker.key.load(Ordering::Relaxed) == key)
}

/// True if the calling thread's allocations are the profiler's.
pub(crate) fn is_profiler() -> bool {
    worker(os::thread_key()).is_some()
}

/// Calls `work`, whose allocations are the profiler's.
pub(crate) fn as_profiler<R>(work: impl FnOnce() -> R) -> R {
    let _working = Working::begin();
    work()
}

struct Working(&'static Worker);

impl Working {
    fn begin() -> Self {
        let key = os::thread_key();
        let mut turn = 0;
        let worker = loop {
            let own = worker(key).or_else(|| {
                USED.fetch_add(1, Ordering::Relaxed);
                let is_taken = |worker: &&Worker| {
                    let relaxed = Ordering::Relaxed;
                    worker.key.compare_exchange(0, key, relaxed, relaxed).is_ok()
                };
                let free = WORK.iter().find(is_taken);
                if free.is_none() {
                    USED.fetch_sub(1, Ordering::Relaxed);
                }
                free
            });
            match own {
                Some(worker) => break worker,
                None => crate::base::sync::wait_turn(&mut turn),
            }
        };
        worker.depth.fetch_add(1, Ordering::Relaxed);
        Working(worker)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if self.0.depth.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.key.store(0, Ordering::Relaxed);
            USED.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The profiler's own bytes are not told apart from others here.
#[cfg(feature = "dhat-compat")]
pub(crate) fn add_profiler_bytes(_bytes: i64) {}
