//! Futures and streams whose polls count for a group.

use core::future::Future;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::api::groups::AllocationGroupToken;

/// Gives futures and streams a group.
///
/// ```
/// use mod_alloc::groups::{AllocationGroupToken, Track};
///
/// let uploads = AllocationGroupToken::register("uploads");
/// let upload = async { vec![0_u8; 1 << 20] }.track_allocations(uploads);
/// # drop(upload);
/// ```
pub trait Track: Sized {
    /// Allocations while `self` is polled or dropped count for the group, on any thread.
    /// Earlier allocations do not, the box of a boxed future included.
    fn track_allocations(self, token: AllocationGroupToken) -> Tracked<Self> {
        Tracked { inner: ManuallyDrop::new(self), token }
    }

    /// As [`track_allocations`](Self::track_allocations), for the calling thread's group. So a task
    /// that is started within a group stays in it:
    ///
    /// ```
    /// # use mod_alloc::groups::Track;
    /// # fn spawn(_task: impl Future) {}
    /// spawn(async { /* … */ }.in_current_allocation_group());
    /// ```
    fn in_current_allocation_group(self) -> Tracked<Self> {
        self.track_allocations(AllocationGroupToken::current())
    }
}

impl<T> Track for T {}

pin_project! {
    /// A future or stream that is polled and dropped within a group. Made by [`Track`].
    ///
    /// ```
    /// use mod_alloc::groups::{AllocationGroupToken, Track, Tracked};
    ///
    /// let uploads = AllocationGroupToken::register("uploads");
    /// let upload: Tracked<_> = std::future::ready(1).track_allocations(uploads);
    /// assert_eq!(upload.token(), uploads);
    /// ```
    #[derive(Debug, Clone)]
    #[must_use = "futures and streams do nothing unless they are polled"]
    pub struct Tracked<F> {
        #[pin]
        inner: ManuallyDrop<F>,
        token: AllocationGroupToken,
    }

    impl<F> PinnedDrop for Tracked<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            let _guard = this.token.enter();
            // SAFETY: it is dropped where it is, not moved.
            let inner = unsafe { this.inner.get_unchecked_mut() };
            // SAFETY: dropped here and nowhere else, and not used afterwards.
            unsafe { ManuallyDrop::drop(inner) };
        }
    }
}

impl<F> Tracked<F> {
    /// The group.
    #[must_use]
    pub fn token(&self) -> AllocationGroupToken {
        self.token
    }

    /// The future or stream that is polled.
    #[must_use]
    pub fn inner(&self) -> &F {
        &self.inner
    }

    /// The future or stream that is polled, to be changed.
    pub fn inner_mut(&mut self) -> &mut F {
        &mut self.inner
    }

    /// The future or stream that is polled, pinned as `self` is.
    pub fn inner_pin_mut(self: Pin<&mut Self>) -> Pin<&mut F> {
        // SAFETY: the inner value is pinned whenever this is, and `ManuallyDrop` has it in place.
        unsafe { self.project().inner.map_unchecked_mut(|inner| &mut **inner) }
    }
}

impl<F: Future> Future for Tracked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let token = self.token;
        let _guard = token.enter();
        self.inner_pin_mut().poll(context)
    }
}

impl<S: Stream> Stream for Tracked<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let token = self.token;
        let _guard = token.enter();
        self.inner_pin_mut().poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}
