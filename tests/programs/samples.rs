//! Blocks of known sizes at known sites, for tests of samples.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::sync::mpsc;
use std::thread;

use mod_alloc::ModAlloc;

use crate::{ALLOC, Program};

pub(crate) const PROGRAMS: &[Program] = &[
    ("samples", samples),
    ("samples-exchange", exchange),
    ("samples-windows", windows),
    ("samples-changing", changing),
    ("samples-refused", refused),
    ("samples-asked", asked),
];

/// A site that allocates that many bytes.
type Site = fn(usize) -> *mut u8;

/// Blocks of one size, allocated by one site.
struct Blocks {
    first: Vec<(*mut u8, usize)>,
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 1).expect("valid")
}

impl Blocks {
    fn new(site: Site, size: usize, count: usize) -> Self {
        Blocks { first: (0..count).map(|_| (site(size), size)).collect() }
    }

    /// Resizes all of them; the site is that of the resize.
    fn resize(&mut self, site: fn(*mut u8, usize, usize) -> *mut u8, new: usize) {
        for (block, size) in &mut self.first {
            (*block, *size) = (site(*block, *size, new), new);
        }
    }

    /// Frees those that `is_freed` says, by number.
    fn free(&mut self, is_freed: impl Fn(usize) -> bool) {
        let mut number = 0;
        self.first.retain(|(block, size)| {
            number += 1;
            if is_freed(number - 1) {
                // SAFETY: allocated with that layout, and forgotten here.
                unsafe { ALLOC.dealloc(*block, layout(*size)) };
            }
            !is_freed(number - 1)
        });
    }
}

macro_rules! sites {
    ($($name:ident)*) => {$(
        #[inline(never)]
        fn $name(size: usize) -> *mut u8 {
            // SAFETY: the size is not zero.
            let block = unsafe { ALLOC.alloc(layout(size)) };
            // Work that differs, so that two sites are not made one function.
            black_box(stringify!($name));
            block
        }
    )*};
}

sites! { site_tiny site_small site_medium site_large site_kept site_grown_from site_shrunk_from }

macro_rules! resizing_sites {
    ($($name:ident)*) => {$(
        #[inline(never)]
        fn $name(block: *mut u8, old: usize, new: usize) -> *mut u8 {
            // SAFETY: allocated with that layout; the new size is not zero.
            let block = unsafe { ALLOC.realloc(block, layout(old), new) };
            // As above.
            black_box(stringify!($name));
            block
        }
    )*};
}

resizing_sites! { site_growing site_shrinking }

/// All kinds of sites; the sites of each that are left at the end are half of the blocks.
fn samples(_: &[&str]) {
    let kinds: [(Site, usize, usize); 4] = [
        (site_tiny, 8, 100_000),
        (site_small, 100, 60_000),
        (site_medium, 4096, 4000),
        (site_large, 300_000, 60),
    ];
    for (site, size, count) in kinds {
        let mut blocks = Blocks::new(site, size, count);
        blocks.free(|number| number % 2 == 0);
        std::mem::forget(blocks);
    }
    let mut grown = Blocks::new(site_grown_from, 64, 3000);
    grown.resize(site_growing, 10_000);
    grown.free(|number| number % 2 == 0);
    std::mem::forget(grown);
    let mut shrunk = Blocks::new(site_shrunk_from, 10_000, 3000);
    shrunk.resize(site_shrinking, 64);
    shrunk.free(|number| number % 2 == 0);
    std::mem::forget(shrunk);
    totals();
}

/// Blocks that other threads free.
fn exchange(_: &[&str]) {
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (send, receive) = mpsc::channel::<Vec<usize>>();
            let allocates = thread::spawn(move || {
                for _ in 0..200 {
                    let blocks = (0..100).map(|_| site_kept(500).expose_provenance()).collect();
                    send.send(blocks).expect("somebody receives");
                }
            });
            let frees = thread::spawn(move || {
                for blocks in receive {
                    for block in blocks {
                        let block = std::ptr::with_exposed_provenance_mut(block);
                        // SAFETY: allocated with that layout by the other thread.
                        unsafe { ALLOC.dealloc(block, layout(500)) };
                    }
                }
            });
            [allocates, frees]
        })
        .collect();
    for thread in threads.into_iter().flatten() {
        thread.join().expect("it does not panic");
    }
    totals();
}

/// Blocks from before a profiler are freed while it runs.
fn windows(_: &[&str]) {
    let mut before = Blocks::new(site_kept, 1000, 3000);
    let profiler = mod_alloc::dhat_compat::Profiler::new_heap();
    before.free(|_| true);
    std::mem::forget(Blocks::new(site_small, 1000, 2000));
    drop(profiler);
}

const LONG: u64 = 256 << 10;
const SHORT: u64 = 8 << 10;

/// Gaps change between stretches, with blocks of each stretch live across all later ones: up, down,
/// to each block and back. Sites are called in all stretches.
fn changing(_: &[&str]) {
    let mut kept: Vec<(u64, Blocks, Blocks, Blocks)> = Vec::new();
    for gap in [SHORT, LONG, 0, LONG, SHORT, 0] {
        mod_alloc::set_sampling(gap).expect("a process with samples");
        let threads: Vec<_> = [(), ()]
            .map(|()| {
                thread::spawn(|| {
                    let mut blocks = Blocks::new(site_small, 100, 10_000);
                    blocks.free(|number| number % 2 == 0);
                    std::mem::forget(blocks);
                })
            })
            .into();
        let mut tiny = Blocks::new(site_tiny, 8, 10_000);
        let large = Blocks::new(site_large, 300_000, 12);
        let mut grown = Blocks::new(site_grown_from, 64, 600);
        threads.into_iter().for_each(|thread| thread.join().expect("it does not panic"));
        // Blocks of all earlier stretches are resized or freed at this gap.
        for (_, tiny, _, grown) in &mut kept {
            tiny.free(|number| number % 4 == 0);
            grown.resize(site_growing, 10_000);
            grown.free(|number| number % 4 == 0);
        }
        tiny.free(|number| number % 2 == 0);
        grown.resize(site_growing, 5000);
        kept.push((gap, tiny, large, grown));
    }
    for (gap, tiny, large, grown) in &kept {
        let sum = |blocks: &Blocks| blocks.first.iter().map(|(_, size)| *size as u64).sum::<u64>();
        println!("left {gap} {} {} {}", sum(tiny), sum(large), sum(grown));
    }
    // One site ends with nothing live, whatever the gaps were at which its blocks were drawn.
    for (_, _, large, _) in &mut kept {
        large.free(|_| true);
    }
    std::mem::forget(kept);
    totals();
}

/// Changes that cannot be made are refused, and change nothing.
fn refused(_: &[&str]) {
    use mod_alloc::{SamplingError, set_sampling};
    assert_eq!(set_sampling(1023), Err(SamplingError::OutOfRange));
    assert_eq!(set_sampling((1 << 30) + 1), Err(SamplingError::OutOfRange));
    let prepared = std::env::var_os("MOD_ALLOC_SAMPLE").is_some();
    if !prepared {
        assert_eq!(set_sampling(4096), Err(SamplingError::NotPrepared));
        return;
    }
    for number in 1..8 {
        assert_eq!(set_sampling(number * 2048), Ok(()));
    }
    assert_eq!(set_sampling(100_000), Err(SamplingError::TooMany));
    assert_eq!(set_sampling(2048), Ok(()));
    println!("{}", SamplingError::TooMany);
}

/// Says its process id, allocates what a line of standard input says (`site BYTES COUNT`), and
/// answers each line with one.
fn asked(_: &[&str]) {
    println!("{}", std::process::id());
    for line in std::io::stdin().lines() {
        let line = line.expect("text");
        let words: Vec<_> = line.split(' ').collect();
        let site = if words[0] == "tiny" { site_tiny } else { site_small };
        let [size, count] = [1, 2].map(|at| words[at].parse().expect("a number"));
        std::mem::forget(Blocks::new(site, size, count));
        println!("done");
    }
}

/// Prints the process's totals.
fn totals() {
    let stats = ModAlloc::snapshot(&ALLOC);
    let numbers = [stats.alloc_count, stats.total_bytes, stats.live_count, stats.current_bytes];
    println!("totals {} {} {} {}", numbers[0], numbers[1], numbers[2], numbers[3]);
}
