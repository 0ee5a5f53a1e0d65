//! A recording in plain memory, threads that take turns in one thread, and beside it a model that
//! knows every block and scans all sites at each new maximum.

use std::collections::HashMap;
use std::vec;
use std::vec::Vec;

use crate::base::settings::{self, Settings, Unwind};
use crate::base::testing::{Random, Zeroed};
use crate::engine::ledger::{Allocated, Event, Freed, FreedTimed, Resized, enter};
use crate::engine::session::Session;
use crate::engine::thread::Thread;
use crate::engine::timeline;
use crate::recording::model::{Counters, Histogram, Recording, Timeline};
use crate::recording::reader;
use crate::recording::reader::Span;
use crate::store::frames::{ROOT_COMPLETE, last_level, slots_up_to};
use crate::store::group::NO_GROUP;
use crate::store::histograms::Histograms;
use crate::store::ids::{SiteId, ThreadIndex};
use crate::store::layout::Geometry;
use crate::store::mapping::Mapping;
use crate::store::peak::HeapNow;
use crate::store::sites::{FIRST_SITE, Maker, TABLE_FULL};
use crate::store::slot::Slot;
use crate::store::space::SPACE;
use crate::store::testing::leak;
use crate::store::thread_slot::{SLOTS, ThreadSlot, claim};
use crate::store::timeline::SAMPLE_ENTRIES;
use crate::store::view;

/// Length of the timeline's first intervals: each event takes one unit of time.
const INTERVAL: u64 = 7;

/// A live block, as the model knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    pub(crate) site: usize,
    pub(crate) size: u64,
    born: u64,
}

/// The heap after an event: bytes and blocks.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Point {
    micros: u64,
    live: (u64, u64),
    total: (u64, u64),
}

/// The right numbers, found the slow way.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) sites: Vec<Counters>,
    pub(crate) live: (u64, u64),
    pub(crate) peak_bytes: u64,
    pub(crate) peak_time: u64,
    pub(crate) most_blocks: u64,
    /// The most bytes and blocks since the last mark.
    pub(crate) recent: (u64, u64),
    /// Allocated blocks by their sizes, and freed ones by their lifetimes.
    histograms: [Histogram; 2],
}

impl Model {
    fn new(sites: usize) -> Self {
        Model {
            sites: vec![Counters::default(); sites],
            live: (0, 0),
            peak_bytes: 0,
            peak_time: 0,
            most_blocks: 0,
            recent: (0, 0),
            histograms: Default::default(),
        }
    }

    /// The latest of equal maxima counts; freeing a block without bytes does not end one.
    fn note_max(&mut self, site: usize) {
        let counters = &mut self.sites[site];
        if counters.end_bytes >= counters.max_bytes {
            (counters.max_bytes, counters.max_blocks) = (counters.end_bytes, counters.end_blocks);
        }
    }

    fn grew(&mut self, site: usize, now: u64) {
        self.note_max(site);
        self.most_blocks = self.most_blocks.max(self.live.1);
        self.recent = (self.recent.0.max(self.live.0), self.recent.1.max(self.live.1));
        if self.live.0 >= self.peak_bytes {
            (self.peak_bytes, self.peak_time) = (self.live.0, now);
            for counters in &mut self.sites {
                counters.peak_bytes = counters.end_bytes;
                counters.peak_blocks = counters.end_blocks;
            }
        }
    }

    fn add(&mut self, block: Block, blocks: u64, now: u64) {
        let counters = &mut self.sites[block.site];
        counters.end_bytes += block.size;
        counters.end_blocks += blocks;
        self.live = (self.live.0 + block.size, self.live.1 + blocks);
        self.count(block);
        self.grew(block.site, now);
    }

    fn count(&mut self, block: Block) {
        self.sites[block.site].total_bytes += block.size;
        self.sites[block.site].total_blocks += 1;
        self.note_in(0, block.size, block.size);
    }

    fn note_in(&mut self, histogram: usize, value: u64, bytes: u64) {
        let Histogram { blocks, bytes: sums } = &mut self.histograms[histogram];
        let class = (0..).find(|class| value < 1 << class).expect("no value is that large");
        let needed = blocks.len().max(class + 1);
        blocks.resize(needed, 0);
        sums.resize(needed, 0);
        blocks[class] += 1;
        sums[class] += bytes;
    }

    fn remove(&mut self, block: Block, blocks: u64) {
        let counters = &mut self.sites[block.site];
        counters.end_bytes -= block.size;
        counters.end_blocks -= blocks;
        self.live = (self.live.0 - block.size, self.live.1 - blocks);
    }
}

/// See the module's description.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) session: &'static Session,
    pub(crate) model: Model,
    pub(crate) blocks: Vec<Block>,
    pub(crate) random: Random,
    pub(crate) now: u64,
    /// Slots whose threads are running.
    pub(crate) running: Vec<ThreadIndex>,
    states: HashMap<ThreadIndex, Zeroed>,
    /// Site of the table, by the model's site.
    sites: HashMap<usize, SiteId>,
    /// The window's first site, and when it was opened.
    first: SiteId,
    opened: u64,
    /// The heap after each event of the window.
    pub(crate) history: Vec<Point>,
    _memory: [Zeroed; 2],
}

impl World {
    /// A recording for N threads and sites; no thread runs yet.
    pub(crate) fn new(threads: usize, sites: usize, exact: bool, seed: u64) -> Self {
        Self::with_windows(0, threads, sites, exact, seed)
    }

    /// A recording that also has room for the sites of some more windows.
    pub(crate) fn with_windows(
        windows: usize,
        threads: usize,
        sites: usize,
        exact: bool,
        seed: u64,
    ) -> Self {
        let entries = sites + FIRST_SITE.index() + windows * (sites + 1);
        let frames = sites + 8;
        let slots = slots_up_to(last_level(frames));
        let geometry = Geometry([
            SLOTS,
            0,
            entries,
            entries,
            entries,
            entries,
            frames,
            0,
            threads,
            SAMPLE_ENTRIES,
            SLOTS,
            0,
        ]);
        let memory = Zeroed::new(geometry.offsets().1, 4096);
        // SAFETY: zeroed, aligned, of that size; it lives as long as the session is used.
        let mapping = unsafe { Mapping::initialize(memory.base, &geometry) };
        let place = Zeroed::new(size_of::<Session>(), align_of::<Session>());
        let session = place.base.cast::<Session>();
        // SAFETY: memory for a session.
        unsafe { session.write(make_session(mapping, slots)) };
        // SAFETY: just written; not used after the world's end.
        let session: &'static Session = unsafe { session.as_ref() };
        session.heap().initialize(exact);
        session.header.self_check.lifetimes.set(1);
        SPACE.unlimited();
        timeline::restart(session, 0);
        let schedule = &session.header.process.timeline;
        schedule.sample_at.set(INTERVAL);
        schedule.interval.set(INTERVAL);
        timeline::mode_has_changed(session);
        World {
            session,
            model: Model::new(sites),
            blocks: Vec::new(),
            random: Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            now: 0,
            running: Vec::new(),
            states: HashMap::new(),
            sites: HashMap::new(),
            first: TABLE_FULL,
            opened: 0,
            history: Vec::new(),
            _memory: [memory, place],
        }
    }

    /// A thread begins; its slot.
    pub(crate) fn join(&mut self) -> ThreadIndex {
        let session = self.session;
        let index =
            claim(session.slots, &session.header.process.threads, |_| true).expect("a free slot");
        let slot = session.slot(index).expect("claimed");
        slot.begin_peak(index, session.heap());
        let sole_front = |sole| {
            timeline::mode_has_changed(session);
            Some(&session.slot(sole)?.front)
        };
        let fronts = session.slots.iter().map(|slot| &slot.front);
        session.heap().join(&slot.front, index, || {}, sole_front, fronts);
        self.states.entry(index).or_insert_with(|| {
            let state = Zeroed::new(size_of::<Thread>(), align_of::<Thread>());
            // SAFETY: zeroed memory of that size, of this world alone.
            unsafe { Thread::initialize(state.base.cast(), session, index) }.expect("in range");
            state
        });
        self.running.push(index);
        index
    }

    /// The thread in the slot ends.
    pub(crate) fn leave(&mut self, index: ThreadIndex) {
        self.running.retain(|running| *running != index);
        let slot = self.session.slot(index).expect("claimed");
        self.session.heap().leave(&slot.front);
        slot.leave();
    }

    pub(crate) fn any_thread(&mut self) -> ThreadIndex {
        self.running[self.random.below(self.running.len() as u64) as usize]
    }

    fn enter(&mut self, thread: ThreadIndex, site: usize, event: impl Event) {
        let session = self.session;
        let (frames, first) = (&session.frames, self.first);
        let site = *self.sites.entry(site).or_insert_with(|| {
            let address = 0x1000 + site as u64;
            let known = frames.find_in(&frames.level(), ROOT_COMPLETE, address);
            let frame =
                known.unwrap_or_else(|| frames.insert(ROOT_COMPLETE, address).expect("room"));
            session.sites.of(frames, frame, Maker { thread, group: NO_GROUP, whole: false, first })
        });
        let mut state = self.states[&thread].base.cast::<Thread>();
        // SAFETY: initialised by `join`; nothing else has a reference at this time.
        let thread = unsafe { state.as_mut() };
        assert!(thread.slot.front.is_current(session.heap()), "nobody waits for nothing");
        enter(thread, session, site, event, self.now);
    }

    /// `thread` allocates a block of `size` bytes at `site`.
    pub(crate) fn allocate(&mut self, thread: ThreadIndex, site: usize, size: u64) {
        self.now += 1;
        self.enter(thread, site, Allocated { bytes: size });
        let block = Block { site, size, born: self.now };
        self.model.add(block, 1, self.now);
        self.blocks.push(block);
        self.note();
    }

    /// `thread` frees the block of that index.
    pub(crate) fn free(&mut self, thread: ThreadIndex, index: usize) {
        self.now += 1;
        let block = self.blocks.swap_remove(index);
        let freed = Freed { bytes: block.size };
        self.enter(thread, block.site, FreedTimed { freed, born: block.born });
        let micros = (self.now - block.born) * 256 / 1000;
        self.model.note_in(1, micros, block.size);
        self.model.remove(block, 1);
        self.model.note_max(block.site);
        self.model.sites[block.site].lifetimes_micros += self.now - block.born;
        self.note();
    }

    /// `thread` gives the block of that index another size.
    pub(crate) fn resize(&mut self, thread: ThreadIndex, index: usize, size: u64) {
        self.now += 1;
        let (old, site) = (self.blocks[index].size, self.blocks[index].site);
        self.enter(thread, site, Resized { old, new: size });
        self.model.remove(self.blocks[index], 0);
        self.blocks[index].size = size;
        if size >= old {
            self.model.add(self.blocks[index], 0, self.now);
        } else {
            let counters = &mut self.model.sites[site];
            counters.end_bytes += size;
            self.model.live.0 += size;
            self.model.count(self.blocks[index]);
        }
        self.note();
    }

    /// Something happens to a random block in a random thread. `growth`: of a hundred events,
    /// how many allocate.
    pub(crate) fn anything(&mut self, growth: u64) {
        let (thread, size) = (self.any_thread(), self.random.size());
        let site = self.random.below(self.model.sites.len() as u64) as usize;
        let choice = self.random.below(100);
        if self.blocks.is_empty() || choice < growth {
            return self.allocate(thread, site, size);
        }
        let index = self.random.below(self.blocks.len() as u64) as usize;
        match choice % 4 {
            0 => self.resize(thread, index, size),
            1 if size > 32 => self.resize(thread, index, self.blocks[index].size),
            _ => self.free(thread, index),
        }
    }

    /// `thread` begins a new stretch of time; returns the last one's maximum, as found and by the
    /// model.
    pub(crate) fn mark(&mut self, thread: ThreadIndex) -> [(u64, u64); 2] {
        let session = self.session;
        let own = &session.slot(thread).expect("claimed").front;
        let fronts = session.slots.iter().map(|slot| &slot.front);
        let found = session.heap().mark(own, fronts);
        let truth = core::mem::replace(&mut self.model.recent, self.model.live);
        [(found.0.cast_unsigned(), found.1.cast_unsigned()), truth]
    }

    /// Begins a new window, which knows no earlier block.
    pub(crate) fn open_window(&mut self, exact: bool) {
        self.now += 1;
        let session = self.session;
        let fronts = session.slots.iter().map(|slot| &slot.front);
        session.slots.iter().for_each(ThreadSlot::keep_peak);
        session.heap().restart(exact, self.now, fronts);
        session.histograms.iter().for_each(Histograms::clear);
        timeline::restart(session, self.now);
        let schedule = &session.header.process.timeline;
        schedule.sample_at.set(self.now + INTERVAL);
        schedule.interval.set(INTERVAL);
        timeline::mode_has_changed(session);
        self.first = session.sites.begin_window(self.now);
        self.opened = self.now;
        self.sites.clear();
        self.blocks.clear();
        self.model = Model::new(self.model.sites.len());
        self.model.peak_time = self.now;
        self.history.clear();
    }

    /// The heap as the engine sees it.
    pub(crate) fn heap(&self) -> HeapNow {
        let heap = self.session.heap();
        let sole = heap.sole_thread();
        heap.now(sole.and_then(|index| self.session.slot(index)).map(|slot| &slot.front))
    }

    /// The sites as a report would have them, in the model's order. The recording's distributions
    /// are the model's.
    pub(crate) fn read(&self) -> Vec<Counters> {
        let recording = self.recording();
        let found = recording.histograms.clone().expect("in each recording");
        assert_eq!([found.sizes, found.lifetimes], self.model.histograms.clone().map(Some));
        let address = |frame: u32| recording.frames[frame as usize].address;
        let mut sites = vec![Counters::default(); self.model.sites.len()];
        for site in &recording.sites {
            sites[(address(site.frame) - 0x1000) as usize] = site.counters;
        }
        sites
    }

    /// The recording, whose clock has one unit a microsecond.
    fn recording(&self) -> Recording {
        let now = self.now.max(1);
        let span = Span { units: now, nanos: now * 1000 };
        reader::read(&view::of_mapping(&self.session.mapping), span)
    }

    /// The heap over time, as a report would have it, and what it is by the history.
    pub(crate) fn timelines(&self) -> (Timeline, Timeline) {
        let found = self.recording().timeline.expect("there are samples");
        let mut right = Timeline { end_micros: found.end_micros.clone(), ..Timeline::default() };
        let (mut events, mut last) = (self.history.iter().peekable(), Point::default());
        for (index, end) in found.end_micros.iter().enumerate() {
            // The last one is the end itself.
            let is_open = index + 2 == found.end_micros.len();
            let (mut least, mut most) = (last.live.0, last.live.0);
            while let Some(point) = events.next_if(|point| is_open || point.micros < *end) {
                least = least.min(point.live.0);
                most = most.max(point.live.0);
                last = *point;
            }
            right.min_bytes.push(least);
            right.max_bytes.push(most);
            right.blocks.push(last.live.1);
            right.total_bytes.push(last.total.0);
            right.total_blocks.push(last.total.1);
        }
        right.resident_bytes.clone_from(&found.resident_bytes);
        (found, right)
    }

    fn note(&mut self) {
        let sites = self.model.sites.iter();
        let total =
            sites.fold((0, 0), |sum, site| (sum.0 + site.total_bytes, sum.1 + site.total_blocks));
        let micros = self.now - self.opened;
        self.history.push(Point { micros, live: self.model.live, total });
    }

    /// The right sites of now: the model's, with live blocks freed at this moment.
    pub(crate) fn expected(&self) -> Vec<Counters> {
        let mut sites = self.model.sites.clone();
        for block in &self.blocks {
            sites[block.site].lifetimes_micros += self.now - block.born;
        }
        sites
    }
}

/// The session's views of the recording, with N slots for frames.
fn make_session(mapping: Mapping, slots: usize) -> Session {
    let settings = Settings {
        on: true,
        buckets: None,
        frames: 64,
        unwind: Unwind::Auto,
        exact_peak: false,
        self_check: false,
        lifetimes: true,
        record: None,
        children: true,
        tests: None,
        timeline: settings::Timeline::Totals,
        mappings: false,
        sample: 0,
    };
    let discard = |slots: &'static [Slot]| slots.iter().for_each(Slot::clear);
    let room: [fn(u32) -> bool; 2] = [|_| true, |_| true];
    Session::of_mapping(mapping, leak(slots), discard, room, None, settings, |_, _, _| {})
}
