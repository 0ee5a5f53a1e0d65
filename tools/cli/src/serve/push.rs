//! `--push URL`: profiles that are sent to a collector, for fleets in which nobody asks.
//!
//! ```text
//!  subjects ─▶ deltas ─▶ profile: pprof or OTLP ─▶ client: HTTP ─┬▶ taken: the deltas are told
//!     ▲                                                          ├▶ refused: dropped, counted
//!     └── the next deltas begin where the last taken ones ended ─┴▶ later: back-off, and again
//! ```
//!
//! Nothing is queued. While the collector is away, the totals go on growing in the recordings, and
//! the next push that is taken has all of them: memory does not grow, and no allocation is missed,
//! but its time is that of a longer stretch. Dropped, and counted by cause, is what a collector
//! refuses as such, what is left when the programs have ended and it cannot be reached, what a
//! program that was replaced by `exec` had not told, and the oldest of too many processes that have
//! ended meanwhile.
//!
//! A process that is named by its id is looked at when a push is due: a program that it executes
//! and that ends before that is never seen. `run --children yes` sees each by its recording.
//!
//! A push whose answer is lost is sent again, as a part of the next: the collector may have it
//! twice. These are counted, too.

mod body;
mod client;
mod destination;
mod figures;
mod options;
mod pace;
mod pusher;

pub(super) use destination::Destination;
pub(super) use figures::{Amount, Cause, Counts, Figures, Outcome};
pub(crate) use options::Pushing;
pub(super) use pusher::Pusher;
