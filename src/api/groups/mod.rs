//! Groups that programs enter; their page is [`crate::groups`].

use crate::engine::session;
use crate::engine::session::Session;

mod entered;
mod future;
#[cfg(feature = "tracing")]
mod spans;
mod stats;
pub(crate) mod stay;
pub(crate) mod token;

pub use future::{Track, Tracked};
#[cfg(feature = "tracing")]
pub use spans::AllocationLayer;
pub use stats::{GroupStats, group_stats};
pub use token::{AllocationGroupId, AllocationGroupToken, AllocationGuard};

/// The session, if the program is recorded. A program with another global allocator is never
/// recorded, whatever it registers. The decision falls with the first block.
pub(crate) fn session() -> Option<&'static Session> {
    session::decided().unwrap_or_else(|_| {
        crate::base::current::as_profiler(|| {
            drop(core::hint::black_box(std::boxed::Box::new(0_u8)))
        });
        session::decided().ok().flatten()
    })
}
