//! Sizes, counts, shares and times as people read them: the crate's.

pub(crate) use mod_alloc::units::{Bytes, Count, Counted, Micros, Share, ShortCount, blocks};
