//! What it costs a thread to say what its arenas and pools hold: nanoseconds per update, the loop included.
//!
//! `--quick` measures for a shorter time; other arguments are the driver's.

use std::hint::black_box;
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use mod_alloc::ModAlloc;
use mod_alloc::memory_stats::{
    MemoryStatsRegistry, SlotHandle, capacity, get_or_register_slot, increment_pool_allocations,
    memory_registry, slot_handle, update_arena_stats, update_pool_stats,
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
    let headings = ["by handle", "by index", "by function", "on every core", "no slot free"];
    line("update", headings.map(str::to_owned));
    bench.row(
        "update_arena_stats",
        SlotHandle::update_arena_stats,
        MemoryStatsRegistry::update_arena,
        update_arena_stats,
    );
    bench.row(
        "update_pool_stats",
        |slot, n| slot.update_pool_stats(n, n),
        |registry, slot, n| registry.update_pool(slot, n, n),
        |n| update_pool_stats(n, n),
    );
    bench.row(
        "increment_pool_allocations",
        |slot, _| slot.increment_pool_allocations(),
        |registry, slot, _| registry.increment_pool_allocations(slot),
        |_| increment_pool_allocations(),
    );
}

fn line(name: &str, cells: [String; 5]) {
    print!("{name:<26}");
    cells.iter().for_each(|cell| print!("  {cell:>13}"));
    println!();
}

struct Bench {
    budget: Duration,
    threads: usize,
}

impl Bench {
    /// One kind of update: by the handle and by the index that the program keeps, and by the function
    /// that finds the slot itself.
    fn row(
        &self,
        name: &str,
        by_handle: impl Fn(SlotHandle, usize),
        by_index: impl Fn(&MemoryStatsRegistry, usize, usize),
        by_function: impl Fn(usize) + Sync,
    ) {
        let (registry, slot) = (memory_registry(), slot_handle());
        let index = get_or_register_slot().expect("the first thread has a slot");
        let numbers = [
            self.measure(|n| by_handle(slot, n)),
            self.measure(|n| by_index(registry, index, n)),
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
