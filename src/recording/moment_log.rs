//! The log of moments: each site's numbers at some moments of the run, as differences.
//!
//! ```text
//!  record ─▶ begin, end (clock units; the sites were read meanwhile), skipped, sites, bytes
//!            changes: site, then four differences to the record before        8 to 40 bytes
//!            zeros up to a multiple of 64 bytes
//! ```
//!
//! `begin`, `end` and `bytes` (of the changes) are u64, `skipped` (moments that were left out just
//! before) and `sites` u32, in the machine's byte order. A change has the site's number less that
//! of the site before, in LEB128, and the differences of total bytes, total blocks, live bytes and
//! live blocks, in LEB128 with the sign in the lowest bit. A site without a change is not there.
//!
//! One writer appends records and publishes them by the header's word
//! ([`Schedule::log`](crate::store::timeline::Schedule::log)): the process itself, or its parent by
//! the file. When the half is full, or has [`MOST_MOMENTS`], it writes each two records as one to
//! the other half: the later moment stays.

#[cfg(feature = "dhat-compat")]
mod pace;
mod reader;
mod varint;
#[cfg(feature = "dhat-compat")]
mod writer;

#[cfg(feature = "dhat-compat")]
pub(crate) use pace::Pace;
pub(crate) use reader::{Record, records};
#[cfg(feature = "dhat-compat")]
pub(crate) use writer::{Place, Writer};

/// Total bytes, total blocks, live bytes and live blocks of a site.
pub(crate) type Numbers = [u64; 4];

/// Moments of a log; more are thinned out.
#[cfg(feature = "dhat-compat")]
pub(crate) const MOST_MOMENTS: usize = 256;

/// Bytes of an entry: records begin at multiples of it.
pub(crate) const ENTRY: usize = 64;

/// Bytes of a record before its changes.
const HEAD: usize = 32;

/// The moment of a record.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    /// When reading the sites began, in clock units.
    pub(crate) begin: u64,
    /// When it was done.
    pub(crate) end: u64,
    /// Moments before it that were left out.
    pub(crate) skipped: u32,
}

#[cfg(all(test, feature = "dhat-compat"))]
mod tests {
    use std::vec::Vec;

    use super::writer::append;
    use super::*;

    #[test]
    fn records_come_back_and_what_is_not_whole_does_not() {
        let changes = vec![(2, [1, 2, 3, u64::MAX]), (3, [0, 0, 1 << 40, 7]), (900, [5; 4])];
        let first = Moment { begin: 7, end: 9, skipped: 3 };
        let second = Moment { begin: 70, end: 90, skipped: 0 };
        let mut bytes = Vec::new();
        append(&mut bytes, first, changes.iter().copied());
        let one = bytes.len();
        append(&mut bytes, second, core::iter::empty());
        assert!(one.is_multiple_of(ENTRY) && bytes.len() == one + ENTRY);
        let read: Vec<_> = records(&bytes)
            .map(|record| (record.moment, record.changes().collect::<Vec<_>>()))
            .collect();
        assert_eq!(read, [(first, changes), (second, vec![])]);
        for len in 0..bytes.len() {
            let whole = if len < one { 0 } else { 1 };
            assert_eq!(records(&bytes[..len]).count(), whole, "{len}");
        }
    }
}
