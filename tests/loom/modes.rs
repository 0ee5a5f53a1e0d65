//! How the heap goes from one thread to several.
//!
//! The sole thread marks itself inside with a plain store and reads the mode with a plain load.
//! The two are kept in order by a barrier that the second thread makes all others execute
//! (`membarrier`). For two threads that is the same as a fence in each: wherever in the sole
//! thread's steps the barrier falls, either its mark is seen after it, or it reads the new mode.

use std::sync::Arc;

use loom::cell::UnsafeCell;
use loom::sync::atomic::fence;

use crate::heap::{BOUNDED, Front, Heap};
use crate::sync::{AtomicU32, Ordering, wait_turn};
use crate::table::ids::ThreadIndex;
use crate::{Part, model, together};

/// A heap, the fronts of two threads, and the mark of the first.
#[derive(Default)]
struct Process {
    heap: Heap,
    fronts: [Front; 2],
    inside: AtomicU32,
    /// Stands for the sole front's limits, which either its thread changes or who takes it over.
    limits: UnsafeCell<u32>,
}

// SAFETY: loom checks in every execution that accesses to the cell are ordered.
unsafe impl Sync for Process {}

impl Process {
    fn touch_limits(&self) {
        // SAFETY: loom fails the model if another thread has access at the same time.
        self.limits.with_mut(|limits| unsafe { *limits += 1 });
    }

    /// The steps of `inside::enter_known` around an event of the sole thread.
    fn event(&self, barrier: fn(), event: impl FnOnce(&Front)) {
        let front = &self.fronts[0];
        self.inside.store(1, Ordering::Relaxed);
        barrier();
        let mut turn = 0;
        while !front.is_current(&self.heap) {
            self.inside.store(0, Ordering::Release);
            wait_turn(&mut turn);
            drop(self.heap.lock.lock());
            self.inside.store(1, Ordering::Relaxed);
            barrier();
        }
        if self.heap.mode.load(Ordering::Relaxed) != BOUNDED {
            self.touch_limits();
        }
        event(front);
        self.inside.store(0, Ordering::Release);
    }

    /// The steps of `inside::join` for the second thread.
    fn join_second(&self, barrier: fn()) {
        let sole_front = |sole: ThreadIndex| {
            assert_eq!(sole.number(), 0);
            let mut turn = 0;
            while self.inside.load(Ordering::Acquire) != 0 {
                wait_turn(&mut turn);
            }
            self.touch_limits();
            Some(&self.fronts[0])
        };
        self.heap.join(
            &self.fronts[1],
            ThreadIndex::new(1),
            barrier,
            sole_front,
            self.fronts.iter(),
        );
    }
}

/// One thread allocates and frees, the other joins and allocates.
fn second_thread_comes(barrier: fn()) {
    let process = Arc::new(Process::default());
    process.heap.initialize(false);
    process.heap.join(&process.fronts[0], ThreadIndex::new(0), || {}, |_| None, std::iter::empty());
    process.event(barrier, |front| front.allocated(1000, 1, &process.heap));
    let (first, second) = (process.clone(), process.clone());
    let free = Box::new(move || first.event(barrier, |front| front.freed(600, 3, &first.heap)));
    let join = Box::new(move || {
        second.join_second(barrier);
        second.fronts[1].allocated(50, 4, &second.heap);
    });
    together([free as Part<()>, join]);
    let now = process.heap.now(None);
    assert_eq!(now.peak_bytes.clamp(1000, 1050), now.peak_bytes);
    assert!(!now.at_peak || now.peak_bytes == 1050);
    assert_eq!(process.heap.mode.load(Ordering::Relaxed), BOUNDED);
    let step = (now.peak_bytes >> 8) / 2;
    assert_eq!(process.fronts[0].step(), step, "the limits are those of the new mode");
    let live = process.heap.live_bytes.get();
    assert_eq!(live, 450, "both have published");
}

#[test]
fn with_a_barrier_nobody_takes_the_sole_front_over_in_the_middle_of_an_event() {
    model(|| second_thread_comes(|| fence(Ordering::SeqCst)));
}

#[test]
#[should_panic(expected = "Causality violation")]
fn without_a_barrier_the_sole_thread_is_disturbed() {
    model(|| second_thread_comes(|| {}));
}

/// The fourth thread takes what the others have pending while one of them allocates and frees.
#[test]
fn nothing_is_lost_when_another_thread_takes_what_is_pending() {
    model(|| {
        let heap = Arc::new((Heap::default(), [const { () }; 4].map(|()| Front::default())));
        let join = |heap: &(Heap, [Front; 4]), index: u32| {
            let front = &heap.1[index as usize];
            let index = ThreadIndex::new(index);
            heap.0.join(front, index, || {}, |sole| heap.1.get(sole.index()), heap.1.iter());
        };
        heap.0.initialize(false);
        (0..3).for_each(|index| join(&heap, index));
        heap.1[0].allocated(1 << 20, 1, &heap.0);
        let (first, second) = (heap.clone(), heap.clone());
        let events = Box::new(move || {
            first.1[1].allocated(100, 2, &first.0);
            first.1[1].freed(40, 3, &first.0);
        });
        together([events as Part<()>, Box::new(move || join(&second, 3))]);
        heap.1.iter().for_each(|front| heap.0.leave(front));
        assert_eq!((heap.0.live_bytes.get(), heap.0.live_blocks.get()), ((1 << 20) + 60, 1));
    });
}
