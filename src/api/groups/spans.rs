//! Groups that follow tracing spans.

use core::any::TypeId;
use core::fmt;
use core::marker::PhantomData;
use core::ptr;

use tracing::span::{Attributes, Id};
use tracing::{Dispatch, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::api::groups::AllocationGroupToken;
use crate::api::groups::entered::Key;
use crate::base::current::as_profiler;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Finds a span's data behind a subscriber of whatever type, and puts the token there.
struct Attach(fn(&Dispatch, &Id, AllocationGroupToken));

/// A [`Layer`] that enters a span's group whenever the span is entered, on whatever thread, and
/// leaves it when the span is left.
///
/// A span has a group if one was [attached](AllocationGroupToken::attach_to_span) to it; within
/// other spans the group stays what it is.
///
/// ```
/// use mod_alloc::groups::{AllocationGroupToken, AllocationLayer};
/// use tracing_subscriber::{Registry, layer::SubscriberExt};
///
/// let subscriber = Registry::default().with(AllocationLayer::new());
/// tracing::subscriber::with_default(subscriber, || {
///     let span = tracing::info_span!("upload");
///     AllocationGroupToken::register("uploads").attach_to_span(&span);
///     let _entered = span.enter();
///     let counted = vec![0_u8; 1000]; // counts for "uploads"
///     # drop(counted);
/// });
/// ```
pub struct AllocationLayer<S> {
    attach: Attach,
    /// Groups by spans' names, if every span has one.
    by_name: Option<Mutex<HashMap<&'static str, AllocationGroupToken>>>,
    subscriber: PhantomData<fn(S)>,
}

impl<S> AllocationLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    /// Spans have the groups that are attached to them.
    #[must_use]
    pub fn new() -> Self {
        Self { attach: Attach(Self::attach), by_name: None, subscriber: PhantomData }
    }

    /// Every span has a group of its name from its beginning, unless another is attached to it.
    #[must_use]
    pub fn by_span_name() -> Self {
        Self { by_name: Some(Mutex::default()), ..Self::new() }
    }

    fn attach(dispatch: &Dispatch, id: &Id, token: AllocationGroupToken) {
        let subscriber = dispatch.downcast_ref::<S>();
        if let Some(span) = subscriber.and_then(|subscriber| subscriber.span(id)) {
            as_profiler(|| span.extensions_mut().replace(token));
        }
    }

    /// The group of all spans of that name.
    fn named(&self, name: &'static str) -> Option<AllocationGroupToken> {
        let groups = self.by_name.as_ref()?;
        // Nothing panics while it is held.
        let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
        Some(*groups.entry(name).or_insert_with(|| AllocationGroupToken::register(name)))
    }

    fn token(id: &Id, context: &Context<'_, S>) -> Option<AllocationGroupToken> {
        context.span(id)?.extensions().get::<AllocationGroupToken>().copied()
    }
}

impl<S> Default for AllocationLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<S> fmt::Debug for AllocationLayer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AllocationLayer").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for AllocationLayer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        as_profiler(|| {
            if let Some(token) = self.named(attributes.metadata().name())
                && let Some(span) = context.span(id)
            {
                span.extensions_mut().replace(token);
            }
        });
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        if let Some(token) = Self::token(id, &context) {
            token.enter_as(Key::of_span(id.into_u64()));
        }
    }

    fn on_exit(&self, id: &Id, _context: Context<'_, S>) {
        // The span may have another group by now, or none: only groups that were entered are left.
        AllocationGroupToken::leave(Key::of_span(id.into_u64()));
    }

    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        match id {
            id if id == TypeId::of::<Self>() => Some(ptr::from_ref(self).cast()),
            id if id == TypeId::of::<Attach>() => Some(ptr::from_ref(&self.attach).cast()),
            _ => None,
        }
    }
}

impl AllocationGroupToken {
    /// Whenever the span is entered from now on, the group is, too, if the current subscriber has
    /// an [`AllocationLayer`]. Otherwise, and for a span that is disabled, nothing happens. A group
    /// that was attached before is replaced.
    pub fn attach_to_span(self, span: &Span) {
        span.with_subscriber(|(id, dispatch)| {
            if let Some(Attach(attach)) = dispatch.downcast_ref::<Attach>() {
                attach(dispatch, id, self);
            }
        });
    }
}
