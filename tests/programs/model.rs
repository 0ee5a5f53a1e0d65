//! Random allocations, and what must come of them by a model that is plain arithmetic.

use crate::numbered::SITES;
use crate::random::Random;
use crate::rig::{Block, say};
use crate::{ALLOC, Program};

pub(crate) const PROGRAMS: &[Program] = &[("model", model)];

const EVENTS: usize = 300_000;
const BLOCKS: usize = 600;
/// Sizes are multiples of this, so that equal maxima are frequent.
const UNIT: usize = 512;

/// dhat's numbers without the lifetimes.
#[derive(Clone, Copy, Default)]
struct Numbers {
    total: (usize, usize),
    live: (usize, usize),
    max: (usize, usize),
    peak: (usize, usize),
}

/// All in arrays: the model must not allocate.
struct Model {
    sites: [Numbers; SITES.len()],
    live: usize,
    peak: usize,
}

impl Model {
    fn allocated(&mut self, site: usize, size: usize) {
        let numbers = &mut self.sites[site];
        numbers.total = (numbers.total.0 + size, numbers.total.1 + 1);
        numbers.live = (numbers.live.0 + size, numbers.live.1 + 1);
        self.live += size;
        self.note(site);
    }

    fn freed(&mut self, site: usize, size: usize) {
        let live = &mut self.sites[site].live;
        *live = (live.0 - size, live.1 - 1);
        self.live -= size;
    }

    fn resized(&mut self, site: usize, old: usize, new: usize) {
        let numbers = &mut self.sites[site];
        numbers.total = (numbers.total.0 + new, numbers.total.1 + 1);
        numbers.live.0 = numbers.live.0 - old + new;
        self.live = self.live - old + new;
        self.note(site);
    }

    /// The latest of equal maxima counts.
    fn note(&mut self, site: usize) {
        let numbers = &mut self.sites[site];
        if numbers.live.0 >= numbers.max.0 {
            numbers.max = numbers.live;
        }
        if self.live >= self.peak {
            self.peak = self.live;
            for numbers in &mut self.sites {
                numbers.peak = numbers.live;
            }
        }
    }

    fn print(&self, when: usize) {
        say(format_args!("after {when}"));
        for (index, Numbers { total, live, max, peak }) in self.sites.iter().enumerate() {
            say(format_args!(
                "site_{index:02} {} {} {} {} {} {} {} {}",
                total.0, total.1, max.0, max.1, peak.0, peak.1, live.0, live.1,
            ));
        }
    }
}

/// Arguments: the seed, and the folder for the reports in the middle of the run.
fn model(arguments: &[&str]) {
    let mut random = Random::new(arguments[0].parse().expect("a number"));
    let paths: Vec<_> = (0..4).map(|n| format!("{}/after-{n}.json", arguments[1])).collect();
    let mut model = Model { sites: [Numbers::default(); SITES.len()], live: 0, peak: 0 };
    let mut blocks: [Option<(usize, Block)>; BLOCKS] = [None; BLOCKS];
    for event in 0..EVENTS {
        // The share of slots in use goes up and down, so that there are many peaks.
        let room = BLOCKS / 4 + (event / 500 * 37) % (BLOCKS * 3 / 4);
        let slot = random.below(BLOCKS);
        step(&mut model, &mut blocks[slot], slot < room, &mut random);
        if event % (EVENTS / 4) == EVENTS / 4 - 1 {
            let when = event / (EVENTS / 4);
            ALLOC.write_dhat_json(&paths[when]).expect("the folder can be written to");
            model.print(when);
        }
    }
}

fn step(model: &mut Model, slot: &mut Option<(usize, Block)>, keep: bool, random: &mut Random) {
    let size = UNIT * (1 + random.below(8));
    *slot = match slot.take() {
        None if keep => {
            let site = random.below(SITES.len());
            let block = SITES[site](size);
            model.allocated(site, size);
            Some((site, block))
        }
        None => None,
        Some((site, block)) if keep && random.below(3) == 0 => {
            let old = block.size();
            let block = block.resized(size);
            model.resized(site, old, size);
            Some((site, block))
        }
        Some((site, block)) => {
            block.free();
            model.freed(site, block.size());
            None
        }
    };
}
