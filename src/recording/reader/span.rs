//! Which part of a recording is read: how long it has lasted, and from which site on.

use crate::base::sync::Ordering;
use crate::store::layout::Header;

/// How long the recording has lasted, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// Clock units.
    pub(crate) units: u64,
    /// Nanoseconds of the monotonic clock.
    pub(crate) nanos: u64,
}

impl Span {
    /// A number of clock units, as microseconds.
    pub(super) fn micros(self, units: u64) -> u64 {
        let micros = u128::from(units) * u128::from(self.nanos) / 1000;
        u64::try_from(micros / u128::from(self.units.max(1))).unwrap_or(u64::MAX)
    }

    /// The end, in microseconds since `opened`.
    pub(super) fn end_micros(self, opened: u64) -> u64 {
        let before = if opened == 0 { 0 } else { self.micros(opened) };
        (self.nanos / 1000).saturating_sub(before).max(1)
    }
}

/// The sites that are read: those of the latest window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) first: usize,
    /// In clock units.
    pub(super) opened: u64,
}

impl Window {
    pub(super) fn of(header: &Header) -> Self {
        let first = header.sites.first.load(Ordering::Relaxed) as usize;
        Window { first, opened: header.sites.opened.load(Ordering::Relaxed) }
    }

    /// Those of the sites that are the window's.
    pub(super) fn of_sites<T>(self, sites: &[T]) -> &[T] {
        sites.get(self.first..).unwrap_or_default()
    }
}
