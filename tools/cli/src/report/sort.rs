//! The number that a table is sorted by.

use std::fmt;

use crate::dhat_file::{Document, Numbers};

/// `--sort`: what a table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(crate) enum Sort {
    /// Bytes ever allocated
    Total,
    /// Blocks ever allocated
    Blocks,
    /// Bytes live when the heap was at its peak
    Peak,
    /// Bytes live at the end
    End,
    /// Blocks of sites with short-lived blocks
    Short,
}

impl Sort {
    pub(super) const ALL: [Sort; 5] =
        [Sort::Total, Sort::Blocks, Sort::Peak, Sort::End, Sort::Short];

    /// `document` has the numbers for it.
    pub(super) fn is_known(self, document: &Document) -> bool {
        document.knows_frees() || matches!(self, Sort::Total | Sort::Blocks)
    }

    /// The number to sort by.
    pub(super) fn key(self, numbers: &Numbers) -> u64 {
        match self {
            Sort::Total => numbers.total_bytes,
            Sort::Blocks | Sort::Short => numbers.total_blocks,
            Sort::Peak => numbers.peak_bytes,
            Sort::End => numbers.end_bytes,
        }
    }
}

impl fmt::Display for Sort {
    /// The word of `--sort`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Sort::Total => "total",
            Sort::Blocks => "blocks",
            Sort::Peak => "peak",
            Sort::End => "end",
            Sort::Short => "short",
        })
    }
}
