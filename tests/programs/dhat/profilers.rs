//! Profilers one after another, threads that allocate at random, and what must come of that by a model
//! that is plain arithmetic.

use std::panic;
use std::process::exit;
use std::sync::{Barrier, Mutex};
use std::thread;

use mod_alloc::dhat_compat::{AdHocStats, HeapStats, Profiler, ad_hoc_event};

use crate::Program;
use crate::numbered::SITES;
use crate::random::Random;
use crate::rig::{Block, say};

pub(crate) const PROGRAMS: &[Program] = &[("profilers", profilers)];

const THREADS: usize = 4;
/// Events of each thread in each period.
const EVENTS: usize = 5_000;
const BLOCKS: usize = 200;
/// Sizes are multiples of this, so that equal maxima are frequent.
const UNIT: usize = 64;

/// The numbers of a site in a report, as pairs of bytes and blocks.
#[derive(Clone, Copy, Default)]
struct Numbers {
    total: (usize, usize),
    live: (usize, usize),
    peak: (usize, usize),
}

/// A block, and the period in which it became known; 0 if it did in none.
#[derive(Clone, Copy)]
struct Known {
    block: Block,
    site: usize,
    period: usize,
}

/// All in arrays: the model must not allocate.
struct Model {
    /// Counts the heap profilers; 0 while there is none.
    period: usize,
    sites: [Numbers; RESIZING + 1],
    most: (usize, usize),
    blocks: [Option<Known>; BLOCKS],
    events: (usize, usize),
}

impl Model {
    fn live(&self) -> (usize, usize) {
        self.sites.iter().fold((0, 0), |sum, site| (sum.0 + site.live.0, sum.1 + site.live.1))
    }

    fn begin(&mut self, period: usize) {
        self.period = period;
        self.sites = [Numbers::default(); RESIZING + 1];
        self.most = (0, 0);
        self.events = (0, 0);
    }

    fn allocated(&mut self, site: usize, size: usize) {
        if self.period != 0 {
            self.grow(site, size, size, 1);
        }
    }

    fn grow(&mut self, site: usize, size: usize, more: usize, blocks: usize) {
        let numbers = &mut self.sites[site];
        numbers.total = (numbers.total.0 + size, numbers.total.1 + 1);
        numbers.live = (numbers.live.0.wrapping_add(more), numbers.live.1 + blocks);
        self.note();
    }

    fn note(&mut self) {
        let live = self.live();
        // The latest of equal maxima counts.
        if live.0 >= self.most.0 {
            self.most = live;
            self.sites.iter_mut().for_each(|numbers| numbers.peak = numbers.live);
        }
    }

    fn is_known(&self, known: &Known) -> bool {
        self.period != 0 && known.period == self.period
    }

    /// One event, by whatever thread.
    fn step(&mut self, random: &mut Random) {
        let slot = random.below(BLOCKS);
        let size = UNIT * (1 + random.below(8));
        self.blocks[slot] = match self.blocks[slot] {
            None => {
                let site = random.below(SITES.len());
                let block = SITES[site](size);
                self.allocated(site, size);
                Some(Known { block, site, period: self.period })
            }
            Some(known) if random.below(3) == 0 => Some(self.resize(known, size)),
            Some(known) => {
                known.block.free();
                if self.is_known(&known) {
                    let live = &mut self.sites[known.site].live;
                    *live = (live.0 - known.block.size(), live.1 - 1);
                }
                None
            }
        };
    }

    /// A block from before the profiler becomes known as what it is then, at the place where that happens:
    /// one site more.
    fn resize(&mut self, known: Known, size: usize) -> Known {
        let old = known.block.size();
        if self.is_known(&known) {
            let block = site_resizing(known.block, size);
            self.grow(known.site, size, size.wrapping_sub(old), 0);
            return Known { block, ..known };
        }
        let block = site_resizing(known.block, size);
        let site = RESIZING;
        self.allocated(site, size);
        Known { block, site, period: self.period }
    }

    fn check(&self) {
        let stats = HeapStats::get();
        let total = self.sites.iter().map(|site| site.total);
        let total = total.fold((0, 0), |sum, site| (sum.0 + site.0, sum.1 + site.1));
        let expected = [total, self.live(), self.most];
        let found = [
            (stats.total_bytes as usize, stats.total_blocks as usize),
            (stats.curr_bytes, stats.curr_blocks),
            (stats.max_bytes, stats.max_blocks),
        ];
        assert_eq!(found, expected, "totals, live, at the maximum: bytes and blocks");
    }

    fn print(&self) {
        for (index, Numbers { total, live, peak }) in self.sites.iter().enumerate() {
            say(format_args!(
                "{}-{index} {} {} {} {} {} {}",
                self.period, total.0, total.1, peak.0, peak.1, live.0, live.1,
            ));
        }
    }
}

/// In the model's list, behind the sites: the place where unknown blocks are resized.
const RESIZING: usize = SITES.len();

#[inline(never)]
fn site_resizing(block: Block, size: usize) -> Block {
    let block = block.resized(size);
    std::hint::black_box(block)
}

/// The events of one period. The profiler is made and ends while no thread is at work.
fn period(model: &Mutex<Model>, number: usize, kind: Kind) {
    let profiler = match kind {
        Kind::None => None,
        Kind::Heap => Some(Profiler::builder().file_name(format!("{number}.json")).build()),
        Kind::Testing => Some(Profiler::builder().testing().build()),
        Kind::AdHoc => Some(Profiler::builder().ad_hoc().file_name("ad-hoc.json").build()),
    };
    // The names of files, and the profiler's, are not the model's.
    let counts = matches!(kind, Kind::Heap | Kind::Testing);
    {
        let mut model = model.lock().expect("no panic");
        model.begin(if counts { number } else { 0 });
        if counts {
            model.check();
        }
    }
    START.wait();
    END.wait();
    let model = model.lock().expect("no panic");
    if counts {
        model.check();
    }
    if kind == Kind::AdHoc {
        let AdHocStats { total_events, total_units, .. } = AdHocStats::get();
        assert_eq!((total_events as usize, total_units as usize), model.events);
    }
    drop(profiler);
    if kind == Kind::Heap {
        model.print();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    None,
    Heap,
    Testing,
    AdHoc,
}

/// All threads and the one that makes the profilers.
static START: Barrier = Barrier::new(THREADS + 1);
static END: Barrier = Barrier::new(THREADS + 1);

const PERIODS: [Kind; 9] = [
    Kind::None,
    Kind::Heap,
    Kind::None,
    Kind::AdHoc,
    Kind::Heap,
    Kind::Heap,
    Kind::AdHoc,
    Kind::Testing,
    Kind::Heap,
];

/// Arguments: the seed.
fn profilers(arguments: &[&str]) {
    let seed: u64 = arguments[0].parse().expect("a number");
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        usual(what);
        exit(1); // the other threads would wait for this one
    }));
    let model: &'static Mutex<Model> = Box::leak(Box::new(Mutex::new(Model {
        period: 0,
        sites: [Numbers::default(); RESIZING + 1],
        most: (0, 0),
        blocks: [None; BLOCKS],
        events: (0, 0),
    })));
    let threads: Vec<_> = (0..THREADS as u64)
        .map(|index| thread::spawn(move || work(model, Random::new(seed * 100 + index))))
        .collect();
    for (number, kind) in PERIODS.into_iter().enumerate() {
        period(model, number + 1, kind);
    }
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

fn work(model: &Mutex<Model>, mut random: Random) {
    for kind in PERIODS {
        START.wait();
        for event in 0..EVENTS {
            // So that what other threads do is over, and in the model.
            let mut model = model.lock().expect("no panic");
            model.step(&mut random);
            if kind == Kind::AdHoc {
                let weight = random.below(100);
                ad_hoc_event(weight);
                model.events = (model.events.0 + 1, model.events.1 + weight);
            }
            let counts = matches!(kind, Kind::Heap | Kind::Testing);
            if counts && event % 7 == 0 {
                model.check();
            }
        }
        END.wait();
    }
}
