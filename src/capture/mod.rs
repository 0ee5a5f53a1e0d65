//! From a call of the profiler to a stack.
//!
//! ```text
//!  registers ─▶ walk ──rule for this pc?──▶ rule_cache ──unknown──▶ unwind_tables (.eh_frame)
//!                │                                                     │ found by `os::loaded`
//!                ▼
//!             Stack: the last stack of this thread, entry by entry; only what changed is walked
//! ```
//!
//! Words: a *frame* is one function call in progress; *inner* is nearer to the allocation,
//! *outer* nearer to `main`. CFA is the value the stack pointer had before the call that
//! made a frame (DWARF's canonical frame address).

// Inside the traced program nothing panics.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub(crate) mod own_stack;
pub(crate) mod process_rules;
pub(crate) mod registers;
pub(crate) mod rule;
pub(crate) mod rule_cache;
pub(crate) mod stack;
pub(crate) mod unwind_tables;
pub(crate) mod walk;

#[cfg(all(test, feature = "dhat-compat", not(miri)))]
mod oracle_tests;
