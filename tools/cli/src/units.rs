//! Sizes, counts, shares and times as people read them, the crate's; and as people write them in
//! options.

mod age;
mod duration;
mod limit;
mod percent;

pub(crate) use age::age;
pub(crate) use duration::duration;
pub(crate) use limit::{Limit, size};
pub(crate) use mod_alloc::units::{Bytes, Count, Counted, Micros, Share, ShortCount, blocks};
pub(crate) use percent::Percent;
