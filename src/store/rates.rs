//! The rates at which a process takes samples: one line of the recording's header.
//!
//! A rate is a mean gap in bytes, and has a number by which sampled blocks name it: see
//! [`crate::store::sampling`]. Numbers are given once, and never to another gap: a block may live
//! as long as the process. So there are at most [`RATES`] of them; a rate that comes back has its
//! number already.

use crate::base::sync::AtomicU32;
#[cfg(feature = "backtraces")]
use crate::base::sync::Ordering;

/// Different rates of a process, at most.
pub(crate) const RATES: usize = 8;

#[cfg(feature = "backtraces")]
pub(crate) use crate::base::settings::EACH;

/// The rates so far, and the present one. All zero where blocks are not sampled.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Rates {
    /// Mean gaps in bytes, by number; 0: there is none of that number. [`EACH`] is possible.
    gaps: [AtomicU32; RATES],
    /// The number of the present rate.
    present: AtomicU32,
    /// The mean gap that another process asks for; 0: none. See [`Rates::take_wanted`].
    wanted: AtomicU32,
    /// Requests of other processes that were refused: there were [`RATES`] rates already.
    refused: AtomicU32,
    spare: [AtomicU32; 5],
}

const _: () = assert!(size_of::<Rates>() == 64);

#[cfg(feature = "backtraces")]
impl Rates {
    /// Makes the rate of that mean gap the present one. `false`: there is no number for it.
    ///
    /// Threads follow at their next event once the change is
    /// [announced](crate::base::changes::announce).
    pub(crate) fn set(&self, mean_gap: u64) -> bool {
        let Some(number) = u32::try_from(mean_gap).ok().and_then(|gap| self.number_for(gap)) else {
            return false;
        };
        // Release pairs with the Acquire in `present`: the gap of that number is seen.
        self.present.store(number, Ordering::Release);
        true
    }

    /// The number of a gap, which may be a new one.
    fn number_for(&self, gap: u32) -> Option<u32> {
        let numbered = self.gaps.iter().zip(0..);
        numbered.filter(|_| gap != 0).find_map(|(known, number)| {
            let found = known.compare_exchange(0, gap, Ordering::Relaxed, Ordering::Relaxed);
            found.map_or_else(|found| found == gap, |_| true).then_some(number)
        })
    }

    /// The present rate's number.
    pub(crate) fn present(&self) -> u32 {
        // Acquire pairs with the Release in `set`.
        self.present.load(Ordering::Acquire)
    }

    /// The mean gap of the rate with that number; 0: there is none.
    pub(crate) fn gap(&self, number: u32) -> u64 {
        self.gaps.get(number as usize).map_or(0, |gap| gap.load(Ordering::Relaxed).into())
    }

    /// The mean gaps so far, by number.
    pub(crate) fn gaps(&self) -> impl Iterator<Item = u64> {
        self.gaps.iter().map(|gap| gap.load(Ordering::Relaxed).into()).take_while(|gap| *gap != 0)
    }

    /// The mean gap that another process asks for, once; 0: none.
    pub(crate) fn take_wanted(&self) -> u64 {
        match self.wanted.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.wanted.swap(0, Ordering::Relaxed).into(),
        }
    }

    /// Counts a request that was refused.
    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Requests that were refused.
    #[cfg(feature = "dhat-compat")]
    pub(crate) fn refused(&self) -> u32 {
        self.refused.load(Ordering::Relaxed)
    }

    /// True if a request has not been taken yet.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed) != 0
    }

    /// The word of the request, from the line's beginning.
    #[cfg(feature = "dhat-compat")]
    pub(crate) const WANTED: usize = core::mem::offset_of!(Rates, wanted);

    /// The line as plain words: before version 6, more of the command line.
    pub(crate) fn words(&self) -> &[crate::base::sync::AtomicU64] {
        let first = (&raw const *self).cast::<crate::base::sync::AtomicU64>();
        // SAFETY: the fields are atomics, aligned to 64 bytes, and no code writes them but as what
        // they are, in later versions.
        unsafe { core::slice::from_raw_parts(first, size_of::<Self>() / 8) }
    }
}

#[cfg(all(test, feature = "backtraces"))]
mod tests {
    use super::*;

    #[test]
    fn a_rate_keeps_its_number_and_a_ninth_is_refused() {
        let rates = Rates::default();
        assert_eq!((rates.gap(rates.present()), rates.set(0)), (0, false));
        for number in 0..RATES as u32 {
            assert!(rates.set(u64::from(number) * 1024 + 1));
            assert_eq!(
                (rates.present(), rates.gap(number)),
                (number, u64::from(number) * 1024 + 1)
            );
        }
        assert!(!rates.set(5));
        assert_eq!(rates.present(), 7);
        assert!(rates.set(EACH));
        assert_eq!(rates.present(), 0);
        assert_eq!(rates.gaps().count(), RATES);
        assert_eq!(rates.gap(8), 0);
    }

    #[test]
    fn a_request_is_taken_once() {
        let rates = Rates::default();
        assert_eq!(rates.take_wanted(), 0);
        rates.wanted.store(4096, Ordering::Relaxed);
        assert!(rates.is_wanted());
        assert_eq!([rates.take_wanted(), rates.take_wanted()], [4096, 0]);
    }
}
