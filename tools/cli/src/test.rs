//! `mod-alloc test`, `cargo mod-alloc test`: what each test allocates.
//!
//! ```text
//!  words ─▶ own, cargo's         workspace: packages, targets      configured: runner to chain
//!                  │                                                      │
//!                  ▼                       state: a folder with all that the steps need
//!  cargo test ─────┴─▶ step runner PROGRAM ─▶ executable: what it is, where its tests begin
//!      │                    │ LD_PRELOAD         results: its log     numbers: its recording
//!      │                    └─▶ ran: rows of one process, as a file ◀── groups: whose numbers
//!      └─▶ rustdoc ─▶ step rustdoc ─▶ doc_tests: names for programs that have none
//!                                    │
//!            rows ◀──────────────────┘ when cargo has ended
//!             ├─▶ table, json, markdown
//!             └─▶ spread of several runs ─▶ baseline: save, compare ─▶ budget
//! ```

mod cargo;
mod measured;
mod shared;
mod shown;
mod step;

pub(crate) use cargo::{Arguments, Kind, nextest, programs, test as run};
pub(crate) use step::{Arguments as StepArguments, run as step};
