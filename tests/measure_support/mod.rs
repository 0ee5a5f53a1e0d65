//! Futures that are polled by hand, and a look at what a thread is counted for.

use std::future::poll_fn;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::Barrier;
use std::task::{Context, Poll, Waker};
use std::thread;

use mod_alloc::{Measured, measure_async};

/// A measurement's numbers in the order of its fields.
pub(crate) type Numbers = [u64; 5];

pub(crate) fn numbers(of: Measured) -> Numbers {
    [of.blocks, of.bytes, of.peak_bytes, of.end_blocks, of.end_bytes]
}

/// Waits once, and allocates nothing (tokio's own `yield_now` does).
pub(crate) async fn wait() {
    let mut has_waited = false;
    poll_fn(|context| {
        if std::mem::replace(&mut has_waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

pub(crate) fn poll<T>(task: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
    Pin::new(task).poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls until the end, on this thread.
pub(crate) fn run<T>(task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    loop {
        if let Poll::Ready(output) = poll(&mut task) {
            return output;
        }
    }
}

/// Does `before`. Then another thread, which is in no measurement, begins so many that they take
/// every group that is free. Then `work` must count for none of them.
///
/// Between the two, this thread allocates nothing: a group with a live block is not free.
pub(crate) fn counts_for_no_new_measurement(before: impl FnOnce(), work: impl FnOnce()) {
    let turn = Barrier::new(2);
    let measure = || {
        turn.wait();
        let mut later: Vec<_> = (0..200).map(|_| Box::pin(measure_async(wait()))).collect();
        later.iter_mut().for_each(|later| assert!(poll(later).is_pending()));
        turn.wait();
        turn.wait();
        later.into_iter().map(|later| numbers(run(later).1)).all(|numbers| numbers == [0; 5])
    };
    thread::scope(|scope| {
        let other = scope.spawn(measure);
        let before = catch_unwind(AssertUnwindSafe(before));
        turn.wait();
        turn.wait();
        let work = catch_unwind(AssertUnwindSafe(work));
        turn.wait();
        before.and(work).unwrap_or_else(|panic| resume_unwind(panic));
        assert!(other.join().expect("it measures"), "counted for a new measurement");
    });
}

/// After `work`, the thread's allocations are counted for no measurement that has ended.
pub(crate) fn leaves_the_measurement(work: impl FnOnce()) {
    counts_for_no_new_measurement(work, || drop(black_box(vec![0_u8; 5000])));
}

/// Before anything else: a program of tests is no one's to profile, and would leave its report in
/// the sources.
#[used]
#[unsafe(link_section = ".init_array")]
static NO_REPORT: extern "C" fn() = no_report;

extern "C" fn no_report() {
    // SAFETY: no other thread is running yet.
    unsafe { std::env::set_var("MOD_ALLOC_OUT", "off") };
}
