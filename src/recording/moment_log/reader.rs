//! Records as they are read: the bytes may be anything.

use super::varint::{take, unzigzag};
use super::{ENTRY, HEAD, Moment, Numbers};

/// A moment and the sites' changes up to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    pub(crate) moment: Moment,
    sites: u32,
    changes: &'a [u8],
}

/// The records that are whole.
pub(crate) fn records(mut bytes: &[u8]) -> impl Iterator<Item = Record<'_>> {
    core::iter::from_fn(move || {
        let word = |index: usize| {
            let word = bytes.get(index * 8..)?.first_chunk()?;
            Some(u64::from_ne_bytes(*word))
        };
        let (begin, end, counts, len) = (word(0)?, word(1)?, word(2)?, word(3)?);
        let all = HEAD.checked_add(usize::try_from(len).ok()?)?;
        let changes = bytes.get(HEAD..all)?;
        bytes = bytes.get(all.checked_next_multiple_of(ENTRY)?..)?;
        let moment = Moment { begin, end, skipped: counts as u32 };
        Some(Record { moment, sites: (counts >> 32) as u32, changes })
    })
}

impl<'a> Record<'a> {
    /// Sites that changed, ascending, and their differences; those that are whole.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (u32, Numbers)> + use<'a> {
        let (mut bytes, mut site, mut left) = (self.changes, 0_u32, self.sites);
        core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            site = site.checked_add(u32::try_from(take(&mut bytes)?).ok()?)?;
            let mut differences = [0; 4];
            for difference in &mut differences {
                *difference = unzigzag(take(&mut bytes)?);
            }
            Some((site, differences))
        })
    }
}
