//! The heap's peak, without looking at every site when it comes.
//!
//! While the heap is at its maximum, the numbers at the peak are those of now. When it first
//! shrinks, an epoch begins. A site saves its numbers the first time that it changes in an epoch; a
//! site that does not change still has them.

/// Bytes and blocks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) bytes: u64,
    pub(crate) blocks: u64,
}

impl Amount {
    pub(crate) const NONE: Self = Amount { bytes: 0, blocks: 0 };

    pub(crate) fn add(&mut self, bytes: u64, blocks: u64) {
        self.bytes = self.bytes.wrapping_add(bytes);
        self.blocks = self.blocks.wrapping_add(blocks);
    }

    pub(crate) fn subtract(&mut self, bytes: u64, blocks: u64) {
        self.bytes = self.bytes.wrapping_sub(bytes);
        self.blocks = self.blocks.wrapping_sub(blocks);
    }
}

/// The whole heap.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Heap {
    pub(crate) live: Amount,
    /// The most bytes live at once.
    pub(crate) most_bytes: u64,
    /// The most blocks live at once, at whichever moment.
    pub(crate) most_blocks: u64,
    /// Nanoseconds of the clock at the latest of equal peaks.
    #[cfg(feature = "backtraces")]
    pub(crate) peak_nanos: u64,
    /// True from a peak until the heap shrinks.
    #[cfg(feature = "backtraces")]
    is_at_peak: bool,
    #[cfg(feature = "backtraces")]
    epoch: u64,
}

impl Heap {
    pub(crate) const fn new() -> Self {
        Heap {
            live: Amount::NONE,
            most_bytes: 0,
            most_blocks: 0,
            #[cfg(feature = "backtraces")]
            peak_nanos: 0,
            #[cfg(feature = "backtraces")]
            is_at_peak: false,
            #[cfg(feature = "backtraces")]
            epoch: 0,
        }
    }

    /// The heap is about to have fewer bytes. Sites are to be [touched](AtPeak::touch) afterwards.
    pub(crate) fn will_shrink(&mut self) {
        #[cfg(feature = "backtraces")]
        if self.is_at_peak {
            self.is_at_peak = false;
            self.epoch += 1;
        }
    }

    /// The heap has as many bytes as before, or more. `now`: the clock's nanoseconds.
    pub(crate) fn has_grown(&mut self, now: impl FnOnce() -> u64) {
        self.most_blocks = self.most_blocks.max(self.live.blocks);
        if self.live.bytes >= self.most_bytes {
            self.most_bytes = self.live.bytes;
            #[cfg(feature = "backtraces")]
            {
                self.is_at_peak = true;
                self.peak_nanos = now();
            }
            #[cfg(not(feature = "backtraces"))]
            let _ = now;
        }
    }
}

/// A site's numbers at the peak, as far as they are not those of now.
#[cfg(feature = "backtraces")]
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AtPeak {
    saved: Amount,
    epoch: u64,
}

#[cfg(feature = "backtraces")]
impl AtPeak {
    /// The site's live blocks, `live`, are about to change.
    pub(crate) fn touch(&mut self, live: Amount, heap: &Heap) {
        if !heap.is_at_peak && self.epoch != heap.epoch {
            *self = AtPeak { saved: live, epoch: heap.epoch };
        }
    }

    /// The numbers at the peak of a site that has `live` now.
    pub(crate) fn get(&self, live: Amount, heap: &Heap) -> Amount {
        if heap.is_at_peak || self.epoch != heap.epoch { live } else { self.saved }
    }
}

#[cfg(all(test, feature = "backtraces"))]
mod tests {
    use super::*;

    /// Three sites, and what they had at the latest moment of most bytes, by copying all.
    #[test]
    fn saved_numbers_are_those_of_a_copy_at_the_peak() {
        let mut random = 7_u64;
        let mut next = |below: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % below
        };
        let (mut heap, mut model) = (Heap::default(), [Amount::default(); 3]);
        let mut sites = [(Amount::default(), AtPeak::default()); 3];
        for _ in 0..10_000 {
            let (site, bytes) = (next(3) as usize, next(4));
            let (live, at_peak) = &mut sites[site];
            if next(2) == 0 {
                at_peak.touch(*live, &heap);
                live.add(bytes, 1);
                heap.live.add(bytes, 1);
                heap.has_grown(|| 0);
                if heap.live.bytes == heap.most_bytes {
                    model = sites.map(|(live, _)| live);
                }
            } else if live.blocks > 0 && live.bytes >= bytes {
                heap.will_shrink();
                at_peak.touch(*live, &heap);
                live.subtract(bytes, 1);
                heap.live.subtract(bytes, 1);
            }
            assert_eq!(sites.map(|(live, at_peak)| at_peak.get(live, &heap)), model);
        }
    }
}
