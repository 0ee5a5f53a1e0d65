//! Numbers in the trailers of blocks, where blocks are sampled.

use crate::base::settings::BUCKETS;
use crate::store::ids::SiteId;
use crate::store::rates::RATES;
use crate::store::sites::NO_SITE;

/// Numbers from here on are of no site: tables are smaller.
const UNSAMPLED: u32 = 1 << 23;

/// The bits of a sampled block's number that have its site; those above have its rate.
const SITE_BITS: u32 = 20;

const _: () = assert!(RATES as u32 == UNSAMPLED >> SITE_BITS);
const _: () = assert!(BUCKETS.1 <= 1 << SITE_BITS, "a site has no room in its blocks' numbers");

/// The number in the trailer of a block of `site` that was sampled at the rate with that number.
pub(crate) fn sampled(site: SiteId, rate: u32) -> SiteId {
    match site {
        NO_SITE => NO_SITE,
        site => SiteId::new(site.number() | rate << SITE_BITS),
    }
}

/// The site of a sampled block, by the number in its trailer.
pub(crate) fn site_of(number: SiteId) -> SiteId {
    SiteId::new(number.number() & ((1 << SITE_BITS) - 1))
}

/// The number of a sampled block's rate, by the number in its trailer; `None`: the block was not
/// sampled.
pub(crate) fn rate_of(number: SiteId) -> Option<u32> {
    (number.number() < UNSAMPLED).then_some(number.number() >> SITE_BITS)
}

/// The number in the trailer of an unsampled block of the window whose first site is `first`.
pub(crate) fn unsampled(first: SiteId) -> SiteId {
    SiteId::new(UNSAMPLED | first.number() & (UNSAMPLED - 1))
}

/// The first site of an unsampled block's window, by the number in its trailer; `None`: the number
/// is that of a site.
pub(crate) fn window_of(number: SiteId) -> Option<SiteId> {
    (number.number() >= UNSAMPLED).then(|| SiteId::new(number.number() & (UNSAMPLED - 1)))
}

/// True if a block was sampled whose trailer has that number.
#[cfg(feature = "usdt")]
pub(crate) fn is_sampled(number: SiteId) -> bool {
    number != NO_SITE && rate_of(number).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_an_unsampled_block_tells_its_window_and_is_no_sites() {
        for first in [1, 2, 70_000, (1 << 20) + 5] {
            let number = unsampled(SiteId::new(first));
            assert_eq!(window_of(number), Some(SiteId::new(first)));
            assert!(number.number() < 1 << 24, "the bits of a trailer");
            assert_eq!(window_of(SiteId::new(first)), None);
        }
    }
}
