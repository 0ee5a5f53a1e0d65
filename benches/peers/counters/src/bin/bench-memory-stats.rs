//! What it costs a thread to say what its arenas and pools hold: nanoseconds per update, the loop included.
//!
//! `--quick` measures for a shorter time; other arguments are the driver's.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use mod_alloc::ModAlloc;
use mod_alloc::memory_stats::{
    MemorySlot, capacity, get_or_register_slot, increment_pool_allocations, update_arena_stats,
    update_pool_stats,
};
use workloads::measure;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let bench = Bench {
        budget: Duration::from_millis(if is_quick { 200 } else { 2_000 }),
        threads: thread::available_parallelism().map_or(1, usize::from),
    };
    println!("\nmemory_stats — one update, in ns; this machine has {} cores", bench.threads);
    let headings = ["by slot", "by function", "on every core", "no slot free"];
    line("update", headings.map(str::to_owned));
    bench.row("update_arena_stats", MemorySlot::update_arena_stats, update_arena_stats);
    bench.row(
        "update_pool_stats",
        |slot, n| slot.update_pool_stats(n, n),
        |n| update_pool_stats(n, n),
    );
    bench.row(
        "increment_pool_allocations",
        |slot, _| slot.increment_pool_allocations(),
        |_| increment_pool_allocations(),
    );
}

fn line(name: &str, cells: [String; 4]) {
    print!("{name:<26}");
    cells.iter().for_each(|cell| print!("  {cell:>13}"));
    println!();
}

struct Bench {
    budget: Duration,
    threads: usize,
}

impl Bench {
    /// One kind of update: by the slot that the program keeps, and by the function that looks for it.
    fn row(
        &self,
        name: &str,
        by_slot: impl Fn(MemorySlot, usize),
        by_function: impl Fn(usize) + Sync,
    ) {
        let slot = get_or_register_slot();
        let numbers = [
            self.measure(|n| by_slot(slot, n)),
            self.measure(&by_function),
            self.on_every_core(&by_function),
            self.beside_full_slots(&by_function),
        ];
        line(name, numbers.map(|number| format!("{number:.2}")));
    }

    /// Nanoseconds per update.
    fn measure(&self, update: impl Fn(usize)) -> f64 {
        measure::per_unit(self.budget, 0, |units| {
            measure::time(|| (0..units).for_each(|n| update(black_box(n as usize))))
        })
    }

    /// The mean over threads that measure at the same time.
    fn on_every_core(&self, update: impl Fn(usize) + Sync) -> f64 {
        let start = Barrier::new(self.threads);
        let one = || {
            start.wait();
            self.measure(&update)
        };
        let sum: f64 = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(one)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        sum / self.threads as f64
    }

    /// In a new thread, beside as many that wait as have slots.
    fn beside_full_slots(&self, update: impl Fn(usize) + Sync) -> f64 {
        let others = capacity();
        let (here, there) = (Barrier::new(others + 1), Barrier::new(others + 1));
        thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(|| {
                    update_arena_stats(0);
                    here.wait();
                    there.wait();
                });
            }
            here.wait();
            let measured = scope.spawn(|| self.measure(&update)).join().expect("no panic");
            there.wait();
            measured
        })
    }
}
