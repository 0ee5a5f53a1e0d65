//! A recording's parts, wherever its bytes are.
//!
//! The process that records, a report that it makes of itself, and the command that reads a file
//! all use this view. The header gives the number of used entries of each region; entries behind
//! them may lie on pages that a file has no space for, and are not touched. Of slots and arenas,
//! entries between used ones may lie there, too.

use crate::base::sync::Ordering;
use crate::store::arena::Arena;
use crate::store::frames::Frame;
use crate::store::group::Group;
use crate::store::histograms::Histograms;
use crate::store::layout::{Header, Module, Region};
use crate::store::mapping::Mapping;
use crate::store::mappings;
use crate::store::sites::{Owner, Record};
use crate::store::space::SPACE;
use crate::store::tally::Tally;
use crate::store::thread_slot::ThreadSlot;
use crate::store::timeline::{self, Sample};

/// The used part of each region. Its bytes may be anything: the program may have been stopped at
/// any moment, and a file may come from anywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) header: &'a Header,
    /// See [`used_slots`](Self::used_slots).
    pub(crate) slots: &'a [ThreadSlot],
    pub(crate) modules: &'a [Module],
    pub(crate) owners: &'a [Owner],
    pub(crate) tallies: &'a [Tally],
    pub(crate) shared: &'a [Tally],
    pub(crate) records: &'a [Record],
    pub(crate) frames: &'a [Frame],
    pub(crate) groups: &'a [Group],
    /// See [`arena`](Self::arena).
    pub(crate) arenas: &'a [Arena],
    /// See [`used_histograms`](Self::used_histograms).
    pub(crate) histograms: &'a [Histograms],
    /// Samples and log of the heap over time, as far as they are written.
    pub(crate) timeline: &'a [Sample],
    /// Mappings that the program made itself: their sums, then their call sites.
    pub(crate) mappings: &'a [mappings::Entry],
    /// True if an entry of a region may be touched. A mapped file has no space for some entries: on
    /// a full tmpfs even reading one of them would end the process.
    pub(crate) may_touch: fn(Region, usize) -> bool,
}

impl<'a> View<'a> {
    /// The slots that threads have used, with their indices.
    pub(crate) fn used_slots(&self) -> impl Iterator<Item = (usize, &'a ThreadSlot)> + use<'a> {
        let may_touch = self.may_touch;
        let slots = self.slots.iter().enumerate();
        slots.filter(move |(index, _)| may_touch(Region::Threads, *index))
    }

    /// The histograms of the slots that threads have used.
    pub(crate) fn used_histograms(&self) -> impl Iterator<Item = &'a Histograms> + use<'a> {
        let may_touch = self.may_touch;
        let entries = self.histograms.iter().enumerate();
        entries
            .filter(move |(index, _)| may_touch(Region::Histograms, *index))
            .map(|(_, entry)| entry)
    }

    /// An arena; `None` if its thread never needed it.
    pub(crate) fn arena(&self, index: usize) -> Option<&'a Arena> {
        self.arenas.get(index).filter(|_| (self.may_touch)(Region::Arenas, index))
    }

    /// The arenas that threads have needed.
    pub(crate) fn used_arenas(&self) -> impl Iterator<Item = &'a Arena> + use<'a, '_> {
        (0..self.arenas.len()).filter_map(|index| self.arena(index))
    }
}

/// The number of used entries of a region, by the header. A frame or site is written before its
/// number; the orders here are the partners of those writes.
pub(crate) fn used(header: &Header, region: Region) -> usize {
    let process = &header.process;
    let used = match region {
        Region::Threads | Region::Arenas | Region::Histograms => {
            process.threads.load(Ordering::Relaxed)
        }
        // Acquire pairs with the Release in `Modules::note`: the modules are described.
        Region::Modules => process.modules.load(Ordering::Acquire),
        Region::Owners | Region::Tallies | Region::Shared | Region::Records => {
            header.sites.count.load(Ordering::Acquire)
        }
        Region::Frames => header.frames.count.load(Ordering::Acquire),
        Region::Groups => process.groups.load(Ordering::Relaxed),
        // Before, a part of the command line was there.
        Region::Mappings if header.version.load(Ordering::Relaxed) < 4 => 0,
        Region::Mappings => {
            // Acquire pairs with the Release where an entry is made: it is described.
            return header.late.mapping_entries.load(Ordering::Acquire) as usize;
        }
        Region::Timeline => {
            return timeline::used(&process.timeline, header.place(region).1 as usize);
        }
    };
    used as usize
}

/// The recording in this process's memory.
pub(crate) fn of_mapping(mapping: &Mapping) -> View<'static> {
    fn first<T>(mapping: &Mapping, region: Region) -> &'static [T] {
        // SAFETY: each region holds the type that it is asked for below, of atomics, valid whatever
        // its bits.
        let all = unsafe { mapping.region::<T>(region) };
        all.get(..used(mapping.header(), region)).unwrap_or(all)
    }
    View {
        header: mapping.header(),
        slots: first(mapping, Region::Threads),
        modules: first(mapping, Region::Modules),
        owners: first(mapping, Region::Owners),
        tallies: first(mapping, Region::Tallies),
        shared: first(mapping, Region::Shared),
        records: first(mapping, Region::Records),
        frames: first(mapping, Region::Frames),
        groups: first(mapping, Region::Groups),
        arenas: first(mapping, Region::Arenas),
        histograms: first(mapping, Region::Histograms),
        timeline: first(mapping, Region::Timeline),
        mappings: first(mapping, Region::Mappings),
        may_touch: |region, index| SPACE.may_touch(region, index),
    }
}
