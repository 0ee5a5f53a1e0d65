//! Shares that are flushed, evicted and left pending, against a model with one number per site.

use std::vec;
use std::vec::Vec;

use super::*;
use crate::base::testing::Random;
use crate::store::sites::{FIRST_SITE, Record, SitesHead};
use crate::store::testing::leak;

/// A site's numbers as they are: live, live when the epoch was raised last, most live at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Truth {
    total: (u64, u64),
    live: (i64, i64),
    peak: (i64, i64),
    most: i64,
}

/// Sites that all belong to one thread, and arenas of other threads.
struct Table {
    sites: Sites,
    arenas: &'static [Arena],
    journal: Journal,
    epoch: u64,
    step: i64,
    truth: Vec<Truth>,
    random: Random,
}

impl Table {
    fn new(sites: usize, arenas: usize, step: i64, seed: u64) -> Self {
        let entries = sites + FIRST_SITE.index();
        let sites = Sites {
            head: &leak::<SitesHead>(1)[0],
            owners: leak(entries),
            tallies: leak::<Tally>(entries),
            shared: leak::<Tally>(entries),
            records: leak::<Record>(entries),
            room: |_| true,
        };
        sites.initialize();
        Table {
            sites,
            arenas: leak(arenas),
            journal: Journal::default(),
            epoch: 1,
            step,
            truth: vec![Truth::default(); entries],
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        }
    }

    /// The heap leaves its maximum: what is live now is what was live then.
    fn raise_epoch(&mut self) {
        self.epoch += 1;
        for truth in &mut self.truth {
            truth.peak = truth.live;
        }
    }

    /// Thread `thread` allocates a block (`birth`) or frees one; thread 0 is the sites' owner.
    fn post(&mut self, thread: usize, site: SiteId, bytes: u64, birth: bool) {
        let epoch = Epoch::new(self.epoch);
        let post = |tally: &Tally| match birth {
            true => tally.count_allocated(bytes, 0),
            false => tally.count_freed(bytes, 0),
        };
        if let Some(arena) = thread.checked_sub(1).map(|index| &self.arenas[index]) {
            let share = arena.share(site, epoch, &self.sites, &self.journal);
            share.touch(epoch);
            post(share);
            arena.settle(share, self.step, epoch, &self.sites, &self.journal);
        } else {
            let tally = &self.sites.tallies[site.index()];
            self.sites.touch(site, tally, epoch);
            if !birth {
                self.sites.before_shrinking(site, tally);
            }
            post(tally);
        }
        let truth = &mut self.truth[site.index()];
        let (sign, born) = if birth { (1, 1) } else { (-1, 0) };
        truth.total = (truth.total.0 + born * bytes, truth.total.1 + born);
        let live = (truth.live.0 + sign * bytes.cast_signed(), truth.live.1 + sign);
        truth.live = live;
        truth.most = truth.most.max(live.0);
    }

    /// An event in a random thread at a random site.
    fn anything(&mut self) {
        let sites = (self.truth.len() - FIRST_SITE.index()) as u64;
        let site = SiteId::at(FIRST_SITE.index() + self.random.below(sites) as usize);
        self.anything_at(site);
    }

    /// An event in a random thread; bytes live never go below 0.
    fn anything_at(&mut self, site: SiteId) {
        let thread = self.random.below(self.arenas.len() as u64 + 1) as usize;
        let bytes = self.random.below(100);
        let birth = self.random.below(2) == 0
            || self.truth[site.index()].live.0 < bytes.cast_signed()
            || self.truth[site.index()].live.1 == 0;
        self.post(thread, site, bytes, birth);
        if self.random.below(20) == 0 {
            self.raise_epoch();
        }
    }

    fn pending(&self, site: SiteId) -> impl Iterator<Item = &Tally> {
        let places = self.arenas.iter().map(move |arena| &arena.shares()[site.index() % SHARES]);
        places.filter(move |share| share.site() == site)
    }

    /// All that the table knows of a site, added up as a reader does.
    fn found(&self, site: SiteId) -> Truth {
        let index = site.index();
        let (own, shared) = (&self.sites.tallies[index], &self.sites.shared[index]);
        let mut found = Truth::default();
        let epoch = Epoch::new(self.epoch);
        let own_peak = own.own_at_peak(self.sites.records[index].saved(), epoch, false);
        let others = [shared].into_iter().chain(self.pending(site));
        let others = others.map(|tally| (tally, tally.at_peak(epoch, false)));
        for (tally, peak) in [(own, own_peak)].into_iter().chain(others) {
            found.peak = (found.peak.0 + peak.0, found.peak.1 + peak.1);
            found.live.0 += tally.live_bytes();
            found.live.1 += tally.live_blocks();
            found.total.0 += tally.total.bytes.get();
            found.total.1 += tally.total.blocks.get();
        }
        let noted = own.max().0;
        let settled = own.live_bytes() + shared.live_bytes();
        found.most = noted.max(settled).max(found.live.0);
        found
    }

    /// All numbers are right; the site's own maximum within `tolerance`.
    fn check_site(&self, site: SiteId, tolerance: i64, seed: u64) {
        let (found, truth) = (self.found(site), self.truth[site.index()]);
        let distance = (found.most - truth.most).abs();
        assert!(distance <= tolerance, "{site:?} seed {seed}: {found:?} {truth:?}");
        assert_eq!(Truth { most: truth.most, ..found }, truth, "{site:?} seed {seed}");
    }

    fn check(&self, tolerance: i64, seed: u64) {
        (FIRST_SITE.index()..self.truth.len())
            .map(SiteId::at)
            .for_each(|site| self.check_site(site, tolerance, seed));
    }
}

/// Miri is a thousand times slower.
const fn times(n: u64) -> u64 {
    if cfg!(miri) { n.div_ceil(100) } else { n }
}

#[test]
fn an_owner_alone_finds_its_sites_maxima_exactly() {
    for seed in 1..=times(50) {
        let mut table = Table::new(5, 0, 0, seed);
        for _ in 0..times(2000) {
            table.anything();
            table.check(0, seed);
        }
    }
}

#[test]
fn shares_keep_sums_and_values_at_the_peak_wherever_they_are() {
    for seed in 1..=times(50) {
        let arenas = 1 + seed % 3;
        let mut table = Table::new(5, arenas as usize, 200, seed);
        for _ in 0..times(2000) {
            table.anything();
            // Each arena may hold a share that has just not reached the step.
            table.check(200 * arenas.cast_signed(), seed);
        }
    }
}

#[test]
fn eviction_loses_nothing() {
    // Three sites for each place of the arena; of as many places as there is time for.
    let places = if cfg!(miri) { 8 } else { SHARES };
    let mut table = Table::new(2 * SHARES + places, 2, 1 << 40, 3);
    let site = |n| SiteId::at(FIRST_SITE.index() + n % places + n / places * SHARES);
    let sites: Vec<_> = (0..3 * places).map(site).collect();
    for _ in 0..if cfg!(miri) { 100 } else { 100_000 } {
        let site = sites[table.random.below(sites.len() as u64) as usize];
        table.anything_at(site);
    }
    for site in &sites {
        table.check_site(*site, i64::MAX, 3);
    }
    let was_evicted = |site: &&SiteId| table.sites.owners[site.index()].is_shared();
    let evicted = sites.iter().filter(was_evicted).count();
    assert!(evicted > sites.len() / 2, "{evicted} sites have left their places");
}

#[test]
fn a_share_is_flushed_when_it_has_moved_by_a_step() {
    let mut table = Table::new(1, 1, 100, 1);
    table.post(1, FIRST_SITE, 99, true);
    assert_eq!(table.sites.shared[FIRST_SITE.index()].live_bytes(), 0);
    table.post(1, FIRST_SITE, 1, true);
    assert_eq!(table.sites.shared[FIRST_SITE.index()].live_bytes(), 100);
    table.post(1, FIRST_SITE, 99, false);
    assert_eq!(table.found(FIRST_SITE).live, (1, 1));
    table.post(1, FIRST_SITE, 1, false);
    assert_eq!(table.sites.shared[FIRST_SITE.index()].live_bytes(), 0);
    assert_eq!(table.sites.tallies[FIRST_SITE.index()].max().0, 100);
}
