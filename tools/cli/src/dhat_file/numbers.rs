//! The numbers of a stack.

/// dhat's nine numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// Bytes ever allocated (`tb`).
    pub total_bytes: u64,
    /// Blocks ever allocated (`tbk`).
    pub total_blocks: u64,
    /// Sum of the blocks' lifetimes in the document's unit of time (`tl`).
    pub lifetimes: u64,
    /// The most bytes live at once (`mb`).
    pub max_bytes: u64,
    /// Live blocks at that moment (`mbk`).
    pub max_blocks: u64,
    /// Bytes live when the whole heap peaked (`gb`).
    pub peak_bytes: u64,
    /// Blocks live when the whole heap peaked (`gbk`).
    pub peak_blocks: u64,
    /// Bytes live at the end (`eb`).
    pub end_bytes: u64,
    /// Blocks live at the end (`ebk`).
    pub end_blocks: u64,
}

impl Numbers {
    /// Adds `other`, up to the largest number there is.
    pub fn add(&mut self, other: &Numbers) {
        for (sum, more) in self.all_mut().into_iter().zip(other.all()) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Mean lifetime of a block, in the document's unit of time; `None` without blocks.
    #[must_use]
    pub fn mean_lifetime(&self) -> Option<f64> {
        (self.total_blocks > 0).then(|| self.lifetimes as f64 / self.total_blocks as f64)
    }

    /// All nine, in the order of [`mod_alloc::report::wire::KEYS`].
    pub(crate) fn all(&self) -> [u64; 9] {
        let mut copy = *self;
        copy.all_mut().map(|number| *number)
    }

    pub(super) fn all_mut(&mut self) -> [&mut u64; 9] {
        let Numbers {
            total_bytes,
            total_blocks,
            lifetimes,
            max_bytes,
            max_blocks,
            peak_bytes,
            peak_blocks,
            end_bytes,
            end_blocks,
        } = self;
        [
            total_bytes,
            total_blocks,
            lifetimes,
            max_bytes,
            max_blocks,
            peak_bytes,
            peak_blocks,
            end_bytes,
            end_blocks,
        ]
    }
}
