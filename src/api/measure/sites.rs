//! The sites that a group's numbers come from.

use std::vec::Vec;

use crate::base::current;
use crate::base::sync::Ordering;
use crate::engine::session::Session;
use crate::store::ids::{FrameId, GroupId, SiteId};
use crate::store::tally::Tally;
use crate::store::view;
use crate::store::view::View;

/// The numbers of one site so far, or in a measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SiteNumbers {
    site: SiteId,
    /// The stack's innermost frame.
    pub(super) frame: FrameId,
    pub(super) blocks: u64,
    pub(super) bytes: u64,
    pub(super) live_blocks: i64,
    pub(super) live_bytes: i64,
}

impl SiteNumbers {
    fn add(&mut self, tally: &Tally) {
        let (bytes, blocks) = tally.total.get();
        self.bytes = self.bytes.wrapping_add(bytes);
        self.blocks = self.blocks.wrapping_add(blocks);
        self.live_bytes += tally.live_bytes();
        self.live_blocks += tally.live_blocks();
    }

    /// With whole blocks: where they are sampled, words have estimates.
    fn whole(self, session: &Session) -> Self {
        let live = session.whole_blocks(self.live_blocks.max(0).cast_unsigned());
        SiteNumbers {
            blocks: session.whole_blocks(self.blocks),
            live_blocks: if session.is_sampled() { live.cast_signed() } else { self.live_blocks },
            ..self
        }
    }

    fn since(self, before: &SiteNumbers) -> Self {
        SiteNumbers {
            blocks: self.blocks.wrapping_sub(before.blocks),
            bytes: self.bytes.wrapping_sub(before.bytes),
            live_blocks: self.live_blocks - before.live_blocks,
            live_bytes: self.live_bytes - before.live_bytes,
            ..self
        }
    }
}

/// The numbers of a group's sites, by site.
pub(super) fn of_group(session: &Session, group: GroupId) -> Vec<SiteNumbers> {
    current::as_profiler(|| {
        let view = view::of_mapping(&session.mapping);
        // A share on its way from an arena to a site must be neither missed nor counted twice.
        let _moving: Vec<_> =
            session.used_slots().map(|(_, slot)| slot.journal.moving.lock()).collect();
        let sites = view.owners.iter().enumerate().filter(|(_, owner)| owner.group() == group);
        sites.map(|(site, _)| numbers(&view, SiteId::at(site)).whole(session)).collect()
    })
}

fn numbers(view: &View<'_>, site: SiteId) -> SiteNumbers {
    let record = view.records.get(site.index());
    let frame = record.map_or(0, |record| record.frame.load(Ordering::Relaxed));
    let mut numbers = SiteNumbers { site, frame: FrameId::new(frame), ..SiteNumbers::default() };
    let pending = view.arenas.iter().map(|arena| arena.place_of(site));
    let pending = pending.filter(|share| share.site() == site);
    let settled = view.tallies.get(site.index()).into_iter().chain(view.shared.get(site.index()));
    settled.chain(pending).for_each(|tally| numbers.add(tally));
    numbers
}

/// The numbers counted after `before`, without sites that counted nothing.
pub(super) fn since(now: Vec<SiteNumbers>, before: &[SiteNumbers]) -> Vec<SiteNumbers> {
    let known = |site: SiteId| before.iter().find(|numbers| numbers.site == site);
    let difference = |numbers: SiteNumbers| match known(numbers.site) {
        Some(before) => numbers.since(before),
        None => numbers,
    };
    now.into_iter().map(difference).filter(|numbers| numbers.blocks != 0).collect()
}
