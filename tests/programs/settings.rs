//! Programs that show what an environment variable does.

use std::hint::black_box;
use std::process::exit;
use std::thread;

use crate::Program;
use crate::rig::{Block, say, sites};

pub(crate) const PROGRAMS: &[Program] = &[
    ("three-blocks", three_blocks),
    ("usable-size", |_| usable_size()),
    ("depth", depth),
    ("two-threads", |_| two_threads()),
];

sites! { site_three site_deep site_twin }

/// Three blocks of 1,000 bytes, a line, and the exit status asked for.
fn three_blocks(arguments: &[&str]) {
    for _ in 0..3 {
        site_three(1_000);
    }
    say(format_args!("three blocks"));
    exit(arguments.first().map_or(0, |status| status.parse().expect("a number")));
}

/// The bytes that the C library has set aside for a block of 24: 24 if nothing is behind it.
fn usable_size() {
    let block = Block::new(24);
    // SAFETY: the block is live and comes from malloc.
    let size = unsafe { libc::malloc_usable_size(block.start().cast()) };
    say(format_args!("usable {size}"));
}

/// Arguments: pairs of calls on top of each other, and how many blocks are made at their end.
fn depth(arguments: &[&str]) {
    let [depth, blocks] = [0, 1].map(|index| arguments[index].parse().expect("a number"));
    descend(depth, blocks);
}

/// Calls its twin, so that no two frames in a row have one address: those would look like
/// functions inlined into each other.
#[inline(never)]
fn descend(depth: u32, blocks: u32) {
    if depth == 0 {
        for _ in 0..blocks {
            site_deep(100);
        }
    } else {
        descend_twin(depth - 1, black_box(blocks));
    }
    black_box(depth);
}

#[inline(never)]
fn descend_twin(depth: u32, blocks: u32) {
    descend(depth, black_box(blocks));
    black_box(blocks);
}

/// One block each, by `main` and by another thread.
fn two_threads() {
    site_twin(1_000);
    let work = || {
        black_box(site_twin(1_000));
    };
    thread::spawn(work).join().expect("no panic");
}
