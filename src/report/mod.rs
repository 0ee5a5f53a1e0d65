//! Reports: named stacks with numbers, for people and for viewers.
//!
//! This is for the command `mod-alloc`, and no part of the crate's promise: it may change with any
//! version.
//!
//! ```text
//!  Recording ─▶ symbolize ─▶ trim ─▶ merge ─▶ Profile ─▶ dhat (JSON), summary (text)
//! ```
//!
//! A [`Profile`] is made once and read by every output, so that all of them show the
//! same stacks and the same sums.
//!
//! ```
//! use mod_alloc::recording::model::Recording;
//! use mod_alloc::report::{Options, Profile};
//!
//! let recording = Recording::default(); // or from `recording::file`
//! let profile = Profile::from_recording(&recording, &Options::default());
//! for stack in profile.stacks() {
//!     println!("{} bytes", stack.counters().total_bytes);
//!     for frame in stack.frames() {
//!         println!("    {frame}");
//!     }
//! }
//! assert_eq!(profile.totals().total_blocks, 0);
//! ```

#![forbid(unsafe_code)]

mod advice;
mod coverage;
mod cut_frames;
mod cut_stacks;
#[cfg(feature = "dhat-compat")]
pub mod dhat;
mod frame_ref;
mod frames;
mod kind;
mod losses;
mod mappings;
mod merge;
mod naming;
mod node_names;
mod options;
mod paths;
#[cfg(feature = "pprof")]
pub mod pprof;
mod profile;
mod run;
mod site_names;
pub mod summary;
mod trim;
#[cfg(feature = "dhat-compat")]
#[doc(hidden)]
pub mod wire;

pub use coverage::{Coverage, not_recorded};
pub use cut_stacks::CutStacks;
pub use frame_ref::FrameRef;
pub use losses::Circumstances;
pub use mappings::{MappingSite, Mappings};
#[cfg(feature = "dhat-compat")]
pub(crate) use merge::add;
pub use options::{Form, Options};
pub use profile::{Profile, StackRef};
pub use run::Run;
pub use site_names::SiteNames;

pub use crate::symbolize::{Fetch, Storage, SymbolCache};
