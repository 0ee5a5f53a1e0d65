//! The frame table and the sites: growth, room, and threads that add the same at once.

use std::collections::{HashMap, HashSet};
use std::thread;
use std::vec::Vec;

use super::*;
use crate::base::testing::Random;
use crate::store::group::NO_GROUP;
use crate::store::ids::{SiteId, ThreadIndex};
use crate::store::sites::{FIRST_SITE, Maker, NO_SITE, Record, Sites, SitesHead, TABLE_FULL};
use crate::store::tally::Tally;
use crate::store::testing::leak;

/// A table for `frames` frames, roots not counted, that may grow as far as they need.
fn frames(frames: usize) -> Frames {
    let entries = frames + ROOTS.index();
    let table = Frames {
        head: &leak::<FramesHead>(1)[0],
        frames: leak(entries),
        slots: leak(slots_up_to(last_level(entries))),
        discard: |slots| slots.iter().for_each(Slot::clear),
        room: |_| true,
    };
    table.initialize();
    table
}

/// A table for `sites` stacks.
fn sites(sites: usize) -> Sites {
    let entries = sites + FIRST_SITE.index();
    let table = Sites {
        head: &leak::<SitesHead>(1)[0],
        owners: leak(entries),
        tallies: leak::<Tally>(entries),
        shared: leak::<Tally>(entries),
        records: leak::<Record>(entries),
        room: |_| true,
    };
    table.initialize();
    table
}

/// The thread with that slot, in no group.
fn maker(thread: u32) -> Maker {
    Maker { thread: ThreadIndex::new(thread), group: NO_GROUP, whole: false, first: TABLE_FULL }
}

/// Addresses as return addresses are: close together, in a few objects.
fn address(random: &mut Random) -> u64 {
    let object = [0x5555_5555_4000, 0x7fff_f7c0_0000, 0x7fff_f7fc_1000][random.below(3) as usize];
    object + random.below(1 << 19)
}

/// Random stacks: each frame's parent is a root or one of the frames before it.
fn random_frames(
    n: usize,
    mut add: impl FnMut(FrameId, u64) -> FrameId,
) -> HashMap<(FrameId, u64), FrameId> {
    let mut random = Random(7);
    let (mut ids, mut known) = (Vec::from([ROOT_COMPLETE, ROOT_TRUNCATED]), HashMap::new());
    while known.len() < n {
        let parent = ids[random.below(ids.len() as u64) as usize];
        let edge = (parent, address(&mut random));
        let id = add(edge.0, edge.1);
        if known.insert(edge, id).is_none() {
            ids.push(id);
        }
    }
    known
}

#[test]
fn every_frame_is_found_again_over_all_levels() {
    let n = if cfg!(miri) { 60 } else { 100_000 };
    let table = frames(n);
    let mut levels = HashSet::new();
    let known = random_frames(n, |parent, address| {
        let id = table.insert(parent, address).expect("room");
        let level = table.head.level.load(Ordering::Relaxed);
        let count = table.head.count.load(Ordering::Relaxed) as usize;
        assert!(count <= most_in(FIRST_LEVEL << level), "{count} frames crowd level {level}");
        levels.insert(level);
        id
    });
    assert!(levels.len() >= 4, "the table grew {} times only", levels.len() - 1);
    let ids: HashSet<FrameId> = known.values().copied().collect();
    assert_eq!(
        ids,
        (0..n).map(|n| FrameId::new(ROOTS.number() + n as u32)).collect(),
        "ids are dense, and stay"
    );
    for ((parent, address), id) in &known {
        assert_eq!(table.find(*parent, *address), Some(*id));
        assert_eq!(table.insert(*parent, *address), Ok(*id), "known");
        assert_eq!(table.find(*parent, address + (1 << 40)), None);
    }
}

#[test]
fn a_full_table_says_so_and_keeps_what_it_has() {
    let table = frames(50);
    let known = random_frames(50, |parent, address| table.insert(parent, address).expect("room"));
    for attempt in 0..20 {
        assert_eq!(table.insert(ROOT_COMPLETE, 0x1000 + attempt), Err(Full));
        assert_eq!(table.find(ROOT_COMPLETE, 0x1000 + attempt), None);
    }
    for ((parent, address), id) in known {
        assert_eq!(table.find(parent, address), Some(id));
        assert_eq!(table.insert(parent, address), Ok(id));
    }
}

#[test]
fn a_stack_without_room_for_its_site_is_made_one_never() {
    let (frames, sites) = (frames(10), sites(2));
    let ids = [1, 2, 3].map(|n| frames.insert(ROOT_COMPLETE, n << 12).expect("room"));
    assert!(!sites.is_full());
    let found = ids.map(|id| sites.of(&frames, id, maker(5)));
    assert_eq!(found, [FIRST_SITE, SiteId::at(FIRST_SITE.index() + 1), TABLE_FULL]);
    assert!(sites.is_full());
    assert_eq!(ids.map(|id| sites.of(&frames, id, maker(6))), found, "whoever asks");
    assert!(sites.owners[FIRST_SITE.index()].is(ThreadIndex::new(5)));
    assert_eq!(sites.of(&frames, FrameId::new(u32::MAX), maker(5)), TABLE_FULL, "no frame");
}

/// Ids and sites found by one of several threads that add the same stacks.
fn add_stacks(
    frames: Frames,
    sites: Sites,
    stacks: &[(u64, u64)],
    thread: u32,
) -> Vec<(FrameId, SiteId)> {
    let mut found = Vec::from_iter(stacks.iter().map(|_| (ROOT_COMPLETE, NO_SITE)));
    // Each thread begins elsewhere and goes its own way, so that they meet now and then.
    let n = stacks.len();
    for index in (0..n).map(|index| (index * (2 * thread as usize + 1) + index / 2) % n).chain(0..n)
    {
        let (outer, inner) = stacks[index];
        let parent = frames
            .find(ROOT_COMPLETE, outer)
            .map_or_else(|| frames.insert(ROOT_COMPLETE, outer), Ok);
        let id = frames.insert(parent.expect("room"), inner).expect("room");
        let site = sites.of(&frames, id, maker(thread));
        assert!(found[index] == (ROOT_COMPLETE, NO_SITE) || found[index] == (id, site), "ids stay");
        found[index] = (id, site);
    }
    found
}

#[test]
fn threads_that_add_the_same_stacks_find_the_same_sites() {
    let (rounds, n) = if cfg!(miri) { (2, 12) } else { (60, 3000) };
    for round in 0..rounds {
        let mut random = Random(round * 2 + 1);
        let stacks: Vec<_> =
            (0..n).map(|_| (0x1000 + random.below(n / 4), address(&mut random))).collect();
        // Ids may be given out in vain where threads race: one for each thread and insertion.
        let (frames, sites) = (frames(8 * n as usize), sites(n as usize));
        let found = thread::scope(|scope| {
            let threads = [0, 1, 2].map(|thread| {
                let stacks = &stacks;
                scope.spawn(move || add_stacks(frames, sites, stacks, thread))
            });
            threads.map(|thread| thread.join().expect("no panic"))
        });
        assert!(found[0] == found[1] && found[1] == found[2], "round {round}");
        let distinct: HashSet<_> = stacks.iter().collect();
        let ids: HashSet<_> = found[0].iter().map(|(id, _)| id).collect();
        let sites_found: HashSet<_> = found[0].iter().map(|(_, site)| site).collect();
        assert_eq!((ids.len(), sites_found.len()), (distinct.len(), distinct.len()));
        for (frame, site) in &found[0] {
            let site = site.index();
            assert_eq!(sites.records[site].frame.load(Ordering::Relaxed), frame.number());
            assert!((0..3).any(|thread| sites.owners[site].is(ThreadIndex::new(thread))));
        }
    }
}
