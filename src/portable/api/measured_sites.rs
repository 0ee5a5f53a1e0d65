//! The sites that a group's numbers come from, in the table of the portable engine.

use std::vec::Vec;

use crate::api::own_recording;
use crate::base::current;
use crate::engine::reading;
use crate::engine::session::Session;
use crate::store::ids::{FrameId, GroupId};

/// A site's part in a group's numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SiteNumbers {
    site: u32,
    /// The innermost frame of its stack.
    pub(super) frame: FrameId,
    pub(super) blocks: u64,
    pub(super) bytes: u64,
    pub(super) live_blocks: i64,
    pub(super) live_bytes: i64,
}

/// Those of a group's sites.
pub(super) fn of_group(session: &'static Session, group: GroupId) -> Vec<SiteNumbers> {
    current::as_profiler(|| {
        let of_group = reading::of_group(group);
        // The sites are in the recording in the order of their numbers.
        let recording = own_recording::read(session);
        let of_site = |(site, numbers): (u32, crate::engine::sites::Numbers)| SiteNumbers {
            site,
            frame: recording
                .sites
                .get(site as usize)
                .map_or_else(FrameId::default, |plain| FrameId::new(plain.frame)),
            blocks: numbers.total.blocks,
            bytes: numbers.total.bytes,
            live_blocks: numbers.live.blocks.cast_signed(),
            live_bytes: numbers.live.bytes.cast_signed(),
        };
        of_group.into_iter().map(of_site).collect()
    })
}

/// The numbers of now without those of before.
pub(super) fn since(now: Vec<SiteNumbers>, before: &[SiteNumbers]) -> Vec<SiteNumbers> {
    let difference =
        |numbers: SiteNumbers| match before.iter().find(|before| before.site == numbers.site) {
            Some(before) => SiteNumbers {
                blocks: numbers.blocks.wrapping_sub(before.blocks),
                bytes: numbers.bytes.wrapping_sub(before.bytes),
                live_blocks: numbers.live_blocks - before.live_blocks,
                live_bytes: numbers.live_bytes - before.live_bytes,
                ..numbers
            },
            None => numbers,
        };
    now.into_iter().map(difference).filter(|numbers| numbers.blocks != 0).collect()
}
