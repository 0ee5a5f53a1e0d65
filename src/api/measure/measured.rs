//! The numbers of a measurement.

/// The allocations of a piece of code; see [`measure`](fn@crate::measure).
///
/// ```
/// # #[global_allocator]
/// # static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();
/// let (kept, measured) = mod_alloc::measure(|| vec![0_u8; 2048]);
/// assert_eq!((measured.blocks, measured.end_bytes), (1, 2048));
/// assert_eq!(
///     measured.to_string(),
///     "1 block, 2.00 KiB; 2.00 KiB at the peak; 1 block, 2.00 KiB live at the end"
/// );
/// # drop(kept);
/// ```
///
/// `{:#}` prints bytes in full: `2,048 bytes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Measured {
    /// Allocations: new blocks, and reallocations.
    pub blocks: u64,
    /// Bytes allocated; of a reallocation the whole new size, as dhat counts.
    pub bytes: u64,
    /// The most bytes live at once, of blocks that were measured.
    pub peak_bytes: u64,
    /// Blocks that were allocated and not freed.
    pub end_blocks: u64,
    /// Bytes of the blocks that were not freed.
    pub end_bytes: u64,
}
