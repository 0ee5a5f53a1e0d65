//! Many threads at work while signals come.

use std::sync::{Arc, Barrier, Condvar, Mutex};
use std::thread;

use mod_alloc::memory_stats::{increment_pool_allocations, update_arena_stats};

use crate::rig::{Block, say};
use crate::{Program, next_byte};

pub(crate) const PROGRAMS: &[Program] = &[("busy", |arguments| busy(arguments))];

/// Steps that the threads may have done: as many as bytes came on standard input; all at its end.
static ALLOWED: Mutex<u64> = Mutex::new(0);
static MORE: Condvar = Condvar::new();

/// Each thread's work is alike in every run; its time depends on standard input. Prints a
/// line when all threads are there, and one with what they made. A third number is that of a step: a
/// line is printed when all have done it, too.
fn busy(arguments: &[&str]) {
    let [threads, steps] = [0, 1].map(|index| arguments[index].parse().expect("a number"));
    let told = arguments.get(2).map(|step| step.parse().expect("a number"));
    let there = Arc::new(Barrier::new(usize::try_from(threads).expect("small") + 1));
    let workers: Vec<_> = (0..threads)
        .map(|index: u64| {
            let here = there.clone();
            let builder = thread::Builder::new().name(format!("worker-{index:02}"));
            builder.spawn(move || work(&here, index, steps, told)).expect("room for a thread")
        })
        .collect();
    there.wait();
    say(format_args!("ready"));
    let mut read = 0;
    while next_byte() {
        read += 1;
        *ALLOWED.lock().expect("nobody panics") = read;
        MORE.notify_all();
        if told == Some(read) {
            there.wait();
            say(format_args!("done"));
        }
    }
    *ALLOWED.lock().expect("nobody panics") = u64::MAX;
    MORE.notify_all();
    let made: u64 = workers.into_iter().map(|worker| worker.join().expect("no panic")).sum();
    say(format_args!("made {made}"));
}

/// Blocks of many sizes, a few of which stay; how many were made.
fn work(there: &Barrier, index: u64, steps: u64, told: Option<u64>) -> u64 {
    let mut kept = Vec::with_capacity(64);
    there.wait();
    let mut made = 0;
    for step in 1..=steps {
        let allowed = ALLOWED.lock().expect("nobody panics");
        drop(MORE.wait_while(allowed, |allowed| *allowed < step).expect("nobody panics"));
        for round in 0..100 {
            let size = usize::try_from(16 + (index * 31 + step * 7 + round * 131) % 2_000).unwrap();
            let block = made_here(size);
            let other = Block::new(size + 8).resized(2 * size);
            made += 3;
            other.free();
            if round == 0 && step % 50 == 1 {
                kept.push(block);
            } else {
                block.free();
            }
        }
        update_arena_stats(usize::try_from(index * 4_096 + step).unwrap());
        increment_pool_allocations();
        if told == Some(step) {
            there.wait();
        }
    }
    // They stay to the end.
    std::mem::forget(kept);
    made
}

#[inline(never)]
fn made_here(size: usize) -> Block {
    let block = Block::new(size);
    std::hint::black_box("made here");
    block
}
