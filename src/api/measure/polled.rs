//! A future whose polls are measured, on whichever thread they happen.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use super::{Measured, Measuring};

/// Awaits a future, and gives its output and the allocations of its polls, on whichever threads
/// they happen.
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// # struct Runtime;
/// # impl Runtime {
/// #     fn block_on<F: Future>(&self, future: F) -> F::Output {
/// #         let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// #         match std::pin::pin!(future).poll(&mut context) {
/// #             std::task::Poll::Ready(output) => output,
/// #             std::task::Poll::Pending => unreachable!(),
/// #         }
/// #     }
/// # }
/// # let runtime = Runtime;
/// async fn load(bytes: usize) -> Vec<u8> {
///     // …
///     vec![0; bytes]
/// }
///
/// let (data, measured) = runtime.block_on(mod_alloc::measure_async(load(1000)));
/// assert_eq!((data.len(), measured.blocks, measured.bytes), (1000, 1, 1000));
/// ```
///
/// The measurement begins with the first poll. Other tasks that the threads poll meanwhile do not
/// count, and neither do tasks that the future spawns: wrap those as well. A measurement within
/// another one counts for both. If the future is dropped before its end, or panics, there are no
/// numbers; nothing else is disturbed. It is `Send` if `future` is.
///
/// # Panics
///
/// As [`measure`](fn@crate::measure), at the first poll.
pub fn measure_async<F: Future>(future: F) -> impl Future<Output = (F::Output, Measured)> {
    Polled::<F, Measuring>::new(future)
}

/// Something that measures polls.
pub(super) trait Measurement {
    /// The result of the measurement.
    type Outcome;

    fn begin() -> Self;
    fn measuring(&self) -> &Measuring;
    fn end(self) -> Self::Outcome;
}

impl Measurement for Measuring {
    type Outcome = Measured;

    #[track_caller]
    fn begin() -> Self {
        Measuring::begin(false)
    }

    fn measuring(&self) -> &Measuring {
        self
    }

    fn end(self) -> Measured {
        self.lease.measured()
    }
}

/// A future, and the measurement of its polls, which begins with the first one.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are polled"]
pub(super) struct Polled<F, M> {
    /// Pinned if this is. `None` when it has given its output.
    future: Option<F>,
    /// Not pinned.
    measurement: Option<M>,
}

impl<F, M> Polled<F, M> {
    pub(super) fn new(future: F) -> Self {
        Polled { future: Some(future), measurement: None }
    }
}

impl<F: Future, M: Measurement> Future for Polled<F, M> {
    type Output = (F::Output, M::Outcome);

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // SAFETY: `future` is not moved: it is used through the pin below, and nowhere else.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: as `this` was pinned; there is no destructor that could move it.
        let mut future = unsafe { Pin::new_unchecked(&mut this.future) };
        let measuring = this.measurement.get_or_insert_with(M::begin).measuring();
        let output = ready!(measuring.run(|| {
            let running = future.as_mut().as_pin_mut();
            let running = running.expect("a future that is ready is not polled again");
            let output = running.poll(context);
            if output.is_ready() {
                // Its destructor is measured, too.
                future.set(None);
            }
            output
        }));
        let measurement = this.measurement.take();
        let measurement = measurement.expect("it was there for this poll");
        Poll::Ready((output, measurement.end()))
    }
}
