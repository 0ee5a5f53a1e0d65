//! The rate of samples, while the program runs.

use std::fmt;

#[cfg(not(mod_alloc_portable))]
use crate::base::settings::EACH;
use crate::base::settings::SAMPLE;
#[cfg(not(mod_alloc_portable))]
use crate::engine::{sampling::change_rate, session};

/// The reason why the rate of samples stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SamplingError {
    /// The process was not begun with samples, or is not recorded.
    NotPrepared,
    /// Gaps are 0, or 1,024 bytes to 1 GiB.
    OutOfRange,
    /// The process has had eight different gaps. Each of them is still possible.
    TooMany,
}

impl fmt::Display for SamplingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPrepared => {
                "the process does not take samples: start it with MOD_ALLOC_SAMPLE=all or a size"
            }
            Self::OutOfRange => "1 KiB to 1 GiB is possible, and 0 for each block",
            Self::TooMany => "eight different gaps were set before: set one of them",
        })
    }
}

impl std::error::Error for SamplingError {}

/// Changes the mean gap between samples, in bytes, for all threads: 1,024 to 1 GiB, or 0: each
/// block is recorded from now on, exactly. A thread follows with its next event.
///
/// The process must have begun with samples: by [`ModAlloc::sample`](crate::ModAlloc::sample),
/// [`sample_all`](crate::ModAlloc::sample_all) or `MOD_ALLOC_SAMPLE`. Blocks from before stay what
/// they are: each counts by the gap at which it was drawn, also when it is freed. A process may
/// have eight different gaps, and change between them as often as it likes.
///
/// ```
/// use mod_alloc::ModAlloc;
///
/// #[global_allocator]
/// static ALLOC: ModAlloc = ModAlloc::new().sample(512 * 1024);
///
/// fn main() -> Result<(), mod_alloc::SamplingError> {
///     mod_alloc::set_sampling(0)?; // an incident: each block
///     let suspect = vec![0_u8; 5000];
///     mod_alloc::set_sampling(512 * 1024)?;
/// #   drop(suspect);
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// If the process was not begun with samples, or the gap is not possible: see [`SamplingError`].
pub fn set_sampling(mean_gap: u64) -> Result<(), SamplingError> {
    if mean_gap != 0 && !(SAMPLE.0..=SAMPLE.1).contains(&mean_gap) {
        return Err(SamplingError::OutOfRange);
    }
    change(mean_gap)
}

#[cfg(not(mod_alloc_portable))]
fn change(mean_gap: u64) -> Result<(), SamplingError> {
    let session = session::get().filter(|session| session.is_sampled());
    let session = session.ok_or(SamplingError::NotPrepared)?;
    let gap = if mean_gap == 0 { EACH } else { mean_gap };
    if change_rate(session, gap) { Ok(()) } else { Err(SamplingError::TooMany) }
}

/// Samples are taken on 64-bit Linux alone.
#[cfg(mod_alloc_portable)]
fn change(_mean_gap: u64) -> Result<(), SamplingError> {
    Err(SamplingError::NotPrepared)
}
