//! What entering groups costs: nanoseconds for each of a few things that programs do.
//!
//! `cargo run --release -p bench-groups`; the best of many short runs counts. Allocations are made 20 frames
//! deep, as programs make them.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use mod_alloc::ModAlloc;
use mod_alloc::groups::{
    AllocationGroupId, AllocationGroupToken, AllocationRegistry, AllocationTracker, Track,
};

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

const ROUNDS: u32 = 20_000;
const RUNS: u32 = 200;
const DEPTH: u32 = 20;

fn measure(what: &str, mut work: impl FnMut()) {
    let best = (0..RUNS).map(|_| {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        start.elapsed().as_nanos() as f64 / f64::from(ROUNDS)
    });
    println!("{:8.1} ns  {what}", best.fold(f64::INFINITY, f64::min));
}

fn block() {
    drop(black_box(Box::new(black_box([0_u64; 8]))));
}

/// Calls `work` with that many frames below.
#[inline(never)]
fn deep(depth: u32, work: &mut dyn FnMut()) {
    if depth == 0 {
        work();
    } else {
        deep(depth - 1, work);
    }
    black_box(depth);
}

/// Allocates at each poll.
struct Blocks;

impl Future for Blocks {
    type Output = ();

    #[inline(never)]
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        block();
        Poll::Pending
    }
}

struct Nothing;

impl AllocationTracker for Nothing {
    fn allocated(&self, _: usize, _: usize, _: usize, _: AllocationGroupId) {}
    fn deallocated(
        &self,
        _: usize,
        _: usize,
        _: usize,
        _: AllocationGroupId,
        _: AllocationGroupId,
    ) {
    }
}

fn main() {
    let [a, b] = ["a", "b"].map(AllocationGroupToken::register);
    deep(DEPTH, &mut || {
        measure("a block, made and freed", block);
        {
            let _guard = a.enter();
            measure("the same within a group", block);
        }
        measure("a group, entered and left", || drop(black_box(a.enter())));
        measure("a group, entered and left, a block within", || {
            let _guard = a.enter();
            block();
        });
        measure("the same, and a block outside", || {
            {
                let _guard = a.enter();
                block();
            }
            block();
        });
        measure("two groups by turns, a block in each", || {
            for token in [a, b] {
                let _guard = token.enter();
                block();
            }
        });
        let mut context = Context::from_waker(Waker::noop());
        let mut plain = pin!(Blocks);
        measure("a poll with a block", || assert!(plain.as_mut().poll(&mut context).is_pending()));
        let mut tracked = pin!(Blocks.track_allocations(a));
        measure("the same of a tracked future", || {
            assert!(tracked.as_mut().poll(&mut context).is_pending());
        });
        let mut other = pin!(Blocks.track_allocations(b));
        measure("tracked futures of two groups by turns, each", || {
            assert!(tracked.as_mut().poll(&mut context).is_pending());
            assert!(other.as_mut().poll(&mut context).is_pending());
        });
    });
    AllocationRegistry::set_global_tracker(Nothing).expect("it is the first");
    deep(DEPTH, &mut || {
        measure("a block, with a tracker that is switched off", block);
        AllocationRegistry::enable_tracking();
        measure("a block, with a tracker that does nothing", block);
        AllocationRegistry::disable_tracking();
    });
}
