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
    pub(crate) const ALL: [Sort; 5] =
        [Sort::Total, Sort::Blocks, Sort::Peak, Sort::End, Sort::Short];

    /// `document` has the numbers for it.
    pub(crate) fn is_known(self, document: &Document) -> bool {
        document.knows_frees() || matches!(self, Sort::Total | Sort::Blocks)
    }

    /// The number to sort by.
    pub(crate) fn key(self, numbers: &Numbers) -> u64 {
        match self {
            Sort::Total => numbers.total_bytes,
            Sort::Blocks | Sort::Short => numbers.total_blocks,
            Sort::Peak => numbers.peak_bytes,
            Sort::End => numbers.end_bytes,
        }
    }

    /// The number of blocks that a table of this is of.
    pub(crate) fn blocks(self, numbers: &Numbers) -> u64 {
        match self {
            Sort::Total | Sort::Blocks | Sort::Short => numbers.total_blocks,
            Sort::Peak => numbers.peak_blocks,
            Sort::End => numbers.end_blocks,
        }
    }
}

impl Sort {
    /// The number that a stack of `document` brings to the sum: of short-lived blocks, 0 for all
    /// others.
    pub(crate) fn part(self, document: &Document, numbers: &Numbers) -> u64 {
        if self == Sort::Short && !document.is_short_lived(numbers) { 0 } else { self.key(numbers) }
    }

    /// The bytes that belong to the number.
    pub(super) fn bytes(self, numbers: &Numbers) -> u64 {
        match self {
            Sort::Total | Sort::Blocks | Sort::Short => numbers.total_bytes,
            Sort::Peak => numbers.peak_bytes,
            Sort::End => numbers.end_bytes,
        }
    }

    /// Bytes are counted, or what a document has in their place; else blocks.
    pub(crate) fn counts_bytes(self) -> bool {
        matches!(self, Sort::Total | Sort::Peak | Sort::End)
    }

    /// The sentence for a document that lacks the numbers.
    pub(crate) fn lacking(self, option: &str, document: &Document) -> String {
        format!(
            "{option} {self} needs to know of frees, and this report is of mode {:?} without block \
             lifetimes; {option} total and blocks work",
            document.mode
        )
    }
}

impl Sort {
    /// The word of `--sort`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Sort::Total => "total",
            Sort::Blocks => "blocks",
            Sort::Peak => "peak",
            Sort::End => "end",
            Sort::Short => "short",
        }
    }
}

impl fmt::Display for Sort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
