//! A program that describes itself: the sample of rustdoc's front page. Its threads stand still until
//! standard input ends.

use std::io::Read;
use std::sync::{Arc, Barrier};
use std::thread;

use mod_alloc::memory_stats;

#[global_allocator]
static ALLOC: mod_alloc::ModAlloc = mod_alloc::ModAlloc::new();

fn main() {
    let steps = Arc::new(Barrier::new(3));
    let workers = [1, 2].map(|number| {
        let steps = Arc::clone(&steps);
        let builder = thread::Builder::new().name(format!("worker-{number}"));
        builder.spawn(move || work(number, &steps)).expect("room for a thread")
    });
    steps.wait();
    let mut input = std::io::stdin().lock(); // which has its buffer from now on
    println!("ready");
    let _ = input.read(&mut [0]);
    steps.wait();
    workers.into_iter().for_each(|worker| worker.join().expect("no panic"));
}

fn work(number: usize, steps: &Barrier) {
    let pages: Vec<_> = (0..40 * number).map(|_| read_page()).collect();
    let index = index_of(&pages);
    memory_stats::update_arena_stats(8192 * number);
    memory_stats::update_pool_stats(28, 32);
    for _ in 0..1000 {
        memory_stats::increment_pool_allocations();
    }
    steps.wait();
    steps.wait();
    drop((pages, index));
}

fn read_page() -> Box<[u8]> {
    vec![0; 2000].into_boxed_slice()
}

fn index_of(pages: &[Box<[u8]>]) -> Vec<usize> {
    pages.iter().map(|page| page.len()).collect()
}
