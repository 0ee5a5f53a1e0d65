//! jemalloc's figures: ours, those of `mallctl`, and those of `malloc_stats_print`.

use mod_alloc::heap_state;
use mod_alloc_test_allocators::{figures, heap_with_gaps, number_after, say, say_ours, settled};
use tikv_jemalloc_ctl::stats_print::{Options, stats_print};
use tikv_jemalloc_ctl::{epoch, stats};

#[global_allocator]
static ALLOC: mod_alloc::ModAlloc<tikv_jemallocator::Jemalloc> =
    mod_alloc::ModAlloc::with(tikv_jemallocator::Jemalloc);

fn main() {
    let blocks = heap_with_gaps();
    let mut printed = Vec::with_capacity(4 << 20);
    let _warm = settled();
    let before = epoch::read().expect("jemalloc is linked");
    let state = heap_state::collect();
    let after = epoch::read().expect("jemalloc is linked");
    let read = [
        stats::allocated::read(),
        stats::active::read(),
        stats::resident::read(),
        stats::mapped::read(),
        stats::retained::read(),
    ];
    let mut options = Options::default();
    options.json_format = true;
    stats_print(&mut printed, options).expect("memory can be written to");
    let now = heap_state::jemalloc();
    say_ours(state);
    say("epochs", &[before, after]);
    say("mallctl", &read.map(|figure| figure.expect("a statistic") as u64));
    let text = String::from_utf8_lossy(&printed);
    let (_, all) = text.split_once("\"stats\":").expect("statistics of everything");
    let names = ["allocated", "active", "resident", "mapped", "retained"];
    let of = |name: &str| number_after(all, &format!("\"{name}\":"));
    say("printed", &names.map(of));
    let (_, arenas) = all.split_once("\"stats.arenas\":").expect("statistics of arenas");
    let initialized = arenas.matches("\"nthreads\":").count();
    let merged = arenas.matches("\"merged\":").count() + arenas.matches("\"destroyed\":").count();
    say("arenas", &[(initialized - merged) as u64]);
    say("now", &figures(now));
    drop(blocks);
}
