//! The heap over time, and distributions, as plain data.

use std::vec::Vec;

/// The heap over time: samples of the whole run, lists of one length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeline {
    /// Ends of the samples' intervals, in microseconds since the start, ascending.
    pub end_micros: Vec<u64>,
    /// The least live bytes in the interval.
    pub min_bytes: Vec<u64>,
    /// The most live bytes in the interval.
    pub max_bytes: Vec<u64>,
    /// Live blocks at the interval's end.
    pub blocks: Vec<u64>,
    /// Bytes allocated from the start to the interval's end.
    pub total_bytes: Vec<u64>,
    /// Blocks allocated from the start to the interval's end.
    pub total_blocks: Vec<u64>,
    /// The process's resident memory in bytes at the interval's end; `None` if not known.
    pub resident_bytes: Vec<Option<u64>>,
}

/// The moments at which the sites' numbers were taken down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moments {
    /// Microseconds since the start, ascending.
    pub at_micros: Vec<u64>,
    /// Moments that were left out, so that no more than a bounded number is kept.
    pub thinned: u64,
    /// Numbers of each site, in the order of [`Recording::sites`]; empty if there are none, and
    /// where the sites or stacks have theirs elsewhere.
    ///
    /// [`Recording::sites`]: super::model::Recording::sites
    pub sites: Vec<Vec<SiteMoment>>,
}

impl Moments {
    /// The moments themselves.
    #[cfg(feature = "symbolicate")]
    pub(crate) fn without_sites(&self) -> Self {
        Self { at_micros: self.at_micros.clone(), thinned: self.thinned, sites: Vec::new() }
    }
}

/// A site's numbers at a moment at which they differed from those of the moment before. Before the
/// first, all are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteMoment {
    /// Index into [`Moments::at_micros`]. A site's moments ascend.
    pub moment: u32,
    /// Bytes allocated from the start.
    pub total_bytes: u64,
    /// Blocks allocated from the start.
    pub total_blocks: u64,
    /// Bytes live at the moment.
    pub live_bytes: u64,
    /// Blocks live at the moment.
    pub live_blocks: u64,
}

/// Distributions over the whole heap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Histograms {
    /// Allocated blocks by their sizes in bytes; `None` if not known.
    pub sizes: Option<Histogram>,
    /// Freed blocks by their lifetimes in microseconds; `None` if not known.
    pub lifetimes: Option<Histogram>,
}

/// Blocks and their bytes by powers of two: entry 0 is of the value 0, entry N of the values
/// from 2^(N-1) to 2^N - 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Blocks.
    pub blocks: Vec<u64>,
    /// Their bytes.
    pub bytes: Vec<u64>,
}
