//! Call sites and their numbers, in the mapping and beside it.
//!
//! ```text
//!  stack ─▶ frames: (outer frame, address) ─▶ slot ─▶ frame id       one id names one stack
//!                                                        │
//!                                                        ▼
//!                     sites: record  owner's tally  shared tally      64 + 64 + 24 + 4 bytes
//!                                        ▲              ▲
//!                       the owner's events        other threads' shares, when they flush
//! ```
//!
//! A site is owned by the thread slot that saw it first: that thread changes the site's tally in
//! place, with plain stores. Other threads collect their shares in their arenas
//! ([`crate::store::arena`]) and flush them to the shared tally. So a program with one thread has
//! its numbers in one place, exact after every event. And no two threads write the same cache line
//! at every event.
//!
//! | word | writer | order | partner |
//! |---|---|---|---|
//! | slot | the claimer | Release | Acquire in `Slot::look` |
//! | frame | the claimer, before publishing | Relaxed | by way of its slot |
//! | frame's site | the maker | Release | Acquire in `Sites::of` |
//! | record, owner | the maker, before that | Relaxed | by way of the frame's site |
//! | owner's tally | the owner | Relaxed | a reader may see an event half done |
//! | shared tally | the holder of the record's lock | Relaxed | the lock's Acquire and Release |

// Inside the traced program nothing panics.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

#[cfg(feature = "backtraces")]
pub(crate) mod arena;
#[cfg(feature = "backtraces")]
pub(crate) mod frames;
#[cfg(feature = "backtraces")]
pub(crate) mod group;
#[cfg(feature = "backtraces")]
pub(crate) mod group_frames;
#[cfg(feature = "backtraces")]
pub(crate) mod histograms;
pub(crate) mod ids;
#[cfg(feature = "backtraces")]
pub(crate) mod journal;
#[cfg(feature = "backtraces")]
pub(crate) mod kinds;
pub(crate) mod layout;
pub(crate) mod mapping;
#[cfg(feature = "backtraces")]
pub(crate) mod mappings;
#[cfg(feature = "backtraces")]
pub(crate) mod modules;
pub(crate) mod peak;
pub(crate) mod rates;
#[cfg(feature = "backtraces")]
pub(crate) mod sampling;
#[cfg(feature = "backtraces")]
pub(crate) mod sites;
#[cfg(feature = "backtraces")]
pub(crate) mod slot;
#[cfg(feature = "backtraces")]
pub(crate) mod space;
#[cfg(feature = "backtraces")]
pub(crate) mod tally;
#[cfg(feature = "backtraces")]
pub(crate) mod test_starts;
#[cfg(all(test, not(loom), feature = "dhat-compat"))]
pub(crate) mod testing;
pub(crate) mod thread_slot;
pub(crate) mod timeline;
#[cfg(feature = "backtraces")]
pub(crate) mod trailer;
pub(crate) mod unrecorded;
#[cfg(feature = "backtraces")]
pub(crate) mod view;
