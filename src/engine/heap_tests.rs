//! The heap, the fronts, the tallies and the reader against a model that scans all sites at each
//! new maximum, as dhat does.

use std::vec::Vec;

use self::world::World;
use crate::base::sync::Ordering;
use crate::store::peak::{MANY_PUBLICATIONS, SOLE};

pub(crate) mod world;

/// Miri is a thousand times slower.
const fn times(n: u64) -> u64 {
    if cfg!(miri) { n.div_ceil(100) } else { n }
}

/// True if the test is to look now: after every `n`th event; under Miri at the end only.
fn is_due(world: &mut World, n: u64) -> bool {
    !cfg!(miri) && world.random.below(n) == 0
}

/// Runs `test` with several seeds.
fn with_seeds(n: u64, test: impl Fn(u64)) {
    (1..=times(n)).for_each(test);
}

/// All nine numbers of every site, and the peak, equal the model's.
fn check_exact(world: &World, seed: u64) {
    let (model, heap) = (&world.model, world.heap());
    let what = (seed, world.now);
    assert_eq!(heap.peak_bytes, model.peak_bytes.cast_signed(), "peak {what:?}");
    assert_eq!(heap.peak_time, model.peak_time, "time of the peak {what:?}");
    assert_eq!(heap.peak_blocks, model.most_blocks.cast_signed(), "most blocks {what:?}");
    let (found, expected) = (world.read(), world.expected());
    for (site, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "site {site} {what:?}");
    }
}

/// Each interval's bounds and the heap at its end equal the history's.
fn check_timeline(world: &World, seed: u64) {
    let (found, right) = world.timelines();
    assert_eq!(found, right, "timeline {:?}", (seed, world.now));
}

/// The error allowed in Bounded mode: 1 % of the peak.
fn tolerance(world: &World) -> u64 {
    // A step is at least one byte, of each thread.
    world.model.peak_bytes / 100 + world.session.arenas.len() as u64
}

/// Totals are exact, and bounds are within 1 % of the peak.
fn check_bounded_timeline(world: &World, seed: u64) {
    let ((found, right), what) = (world.timelines(), (seed, world.now));
    let tolerance = tolerance(world);
    assert_eq!(found.total_bytes, right.total_bytes, "{what:?}");
    assert_eq!(found.total_blocks, right.total_blocks, "{what:?}");
    for (found, right) in
        [(&found.min_bytes, &right.min_bytes), (&found.max_bytes, &right.max_bytes)]
    {
        let far =
            found.iter().zip(right).find(|(found, right)| found.abs_diff(**right) > tolerance);
        assert_eq!(far, None, "{tolerance} {what:?}");
    }
}

/// Totals, lifetimes and ends are exact; the peak, the sites' values at the peak, and the sites'
/// maxima are within 1 % of the peak.
fn check_bounded(world: &World, seed: u64) {
    let (model, heap, what) = (&world.model, world.heap(), (seed, world.now));
    let tolerance = tolerance(world);
    let peak = heap.peak_bytes.cast_unsigned();
    assert!(peak.abs_diff(model.peak_bytes) <= tolerance, "{peak} {} {what:?}", model.peak_bytes);
    let (found, expected) = (world.read(), world.expected());
    let mut at_peak = 0;
    for (site, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let exact = |counters: &crate::recording::model::Counters| {
            let totals = (counters.total_bytes, counters.total_blocks, counters.lifetimes_micros);
            (totals, counters.end_bytes, counters.end_blocks)
        };
        assert_eq!(exact(found), exact(expected), "site {site} {what:?}");
        let (found_max, max) = (found.max_bytes, expected.max_bytes);
        assert!(found_max.abs_diff(max) <= tolerance, "{found_max} {max} site {site} {what:?}");
        at_peak += found.peak_bytes;
    }
    assert!(at_peak.abs_diff(peak) <= tolerance, "at peak {at_peak} of {peak} {what:?}");
}

/// Grows for a while, then shrinks for a while.
fn growth(world: &World) -> u64 {
    if world.now / 300 % 3 == 2 { 25 } else { 60 }
}

#[test]
fn a_thread_that_never_grew_does_not_move_the_peaks_time() {
    let mut world = World::new(2, 1, false, 1);
    let (busy, idle) = (world.join(), world.join());
    world.allocate(busy, 0, 1 << 20);
    let grown = world.now;
    assert!(grown > 0 && world.heap().peak_time == grown, "published, being so much");
    world.leave(idle);
    assert_eq!(world.heap().peak_time, grown);
}

#[test]
fn one_thread_is_exact_after_every_event() {
    with_seeds(12, |seed| {
        let mut world = World::new(1, 5, false, seed);
        world.join();
        for _ in 0..times(400) {
            world.anything(growth(&world));
            if is_due(&mut world, 1) {
                check_exact(&world, seed);
            }
        }
        check_exact(&world, seed);
        check_timeline(&world, seed);
    });
}

#[test]
#[cfg_attr(miri, ignore = "does what the test above does")]
fn one_thread_is_exact_after_many_events() {
    with_seeds(40, |seed| {
        let mut world = World::new(1, 50, false, seed);
        world.join();
        for _ in 0..times(50) {
            for _ in 0..world.random.below(times(200)) {
                world.anything(growth(&world));
            }
            if is_due(&mut world, 1) {
                check_exact(&world, seed);
            }
        }
        check_exact(&world, seed);
        check_timeline(&world, seed);
    });
}

#[test]
#[cfg_attr(miri, ignore = "does what the test above does")]
fn blocks_without_bytes_and_resizing_to_the_same_size_count_at_the_peak() {
    with_seeds(100, |seed| {
        let mut world = World::new(1, 2, false, seed);
        let thread = world.join();
        for _ in 0..60 {
            let (site, size) = (world.random.below(2) as usize, world.random.below(3) * 8);
            match world.random.below(3) {
                0 => world.allocate(thread, site, size),
                1 if !world.blocks.is_empty() => world.free(thread, 0),
                _ if !world.blocks.is_empty() => world.resize(thread, 0, size),
                _ => {}
            }
            if is_due(&mut world, 1) {
                check_exact(&world, seed);
            }
        }
        check_exact(&world, seed);
        check_timeline(&world, seed);
    });
}

/// Samples of so many events, with pauses among them, are joined several times.
#[test]
#[cfg_attr(miri, ignore = "takes tens of thousands of events")]
fn a_timeline_of_joined_samples_has_lost_no_spike() {
    with_seeds(3, |seed| {
        let mut world = World::new(1, 3, false, seed);
        world.join();
        for _ in 0..300 {
            for _ in 0..world.random.below(300) {
                world.anything(growth(&world));
            }
            world.now += world.random.below(200);
        }
        check_timeline(&world, seed);
    });
}

#[test]
fn a_thread_that_takes_the_only_slot_over_stays_exact() {
    with_seeds(12, |seed| {
        let mut world = World::new(1, 5, false, seed);
        for _ in 0..times(300) {
            let thread = world.join();
            for _ in 0..world.random.below(20) {
                world.anything(growth(&world));
            }
            world.leave(thread);
            if is_due(&mut world, 1) {
                check_exact(&world, seed);
            }
        }
        check_exact(&world, seed);
        check_timeline(&world, seed);
        assert_eq!(world.session.heap().mode.load(Ordering::Relaxed), SOLE);
    });
}

#[test]
fn exact_mode_is_exact_with_several_threads() {
    with_seeds(30, |seed| {
        let mut world = World::new(6, 7, true, seed);
        for _ in 0..times(600) {
            come_and_go(&mut world, 6);
            world.anything(growth(&world));
            if is_due(&mut world, 5) {
                check_exact(&world, seed);
            }
        }
        check_exact(&world, seed);
        check_timeline(&world, seed);
    });
}

/// The most of each stretch of time is found exactly, and nothing else is disturbed.
#[test]
fn stretches_have_exact_peaks_of_their_own() {
    for exact in [false, true] {
        with_seeds(20, |seed| {
            let mut world = World::new(3, 5, exact, seed);
            for _ in 0..if exact { 3 } else { 1 } {
                world.join();
            }
            for _ in 0..times(500) {
                world.anything(growth(&world));
                if is_due(&mut world, 12) {
                    let thread = world.any_thread();
                    let [found, truth] = world.mark(thread);
                    assert_eq!(found, truth, "{:?}", (seed, exact, world.now));
                }
                if is_due(&mut world, 3) {
                    check_exact(&world, seed);
                }
            }
            check_exact(&world, seed);
        });
    }
}

#[test]
fn stretches_of_several_threads_are_within_one_percent_of_the_peak() {
    with_seeds(30, |seed| {
        let mut world = World::new(4, 10, false, seed);
        world.join();
        for event in 0..times(3_000) {
            if event % 500 == 250 && world.running.len() < 4 {
                world.join();
            }
            world.anything(growth(&world));
            if is_due(&mut world, 40) {
                let (thread, tolerance) = (world.any_thread(), tolerance(&world));
                let blocks = world.model.most_blocks / 100 + 4;
                let [found, truth] = world.mark(thread);
                let what = (seed, world.now, found, truth);
                assert!(found.0.abs_diff(truth.0) <= tolerance, "bytes {what:?}");
                assert!(found.1.abs_diff(truth.1) <= blocks, "blocks {what:?}");
                check_bounded(&world, seed);
            }
        }
    });
}

/// A window is like a fresh process, in each mode and whatever the mode before.
#[test]
fn windows_know_nothing_of_what_was_before() {
    with_seeds(60, |seed| {
        let windows = 6;
        let mut world = World::with_windows(windows, 8, 5, false, seed);
        world.join();
        for window in 0..windows as u64 {
            for _ in 0..world.random.below(times(300)) {
                world.anything(growth(&world));
            }
            let exact = world.random.below(2) == 0;
            if window == seed % 4 {
                world.join();
            }
            world.open_window(exact);
            let mode = world.session.heap().mode.load(Ordering::Relaxed);
            assert_eq!(mode == SOLE, world.running.len() == 1);
            let is_exact = exact || mode == SOLE;
            for _ in 0..times(200) {
                if exact && world.running.len() < 4 && is_due(&mut world, 100) {
                    world.join();
                }
                world.anything(growth(&world));
                if is_exact && is_due(&mut world, 30) {
                    let thread = world.any_thread();
                    let [found, truth] = world.mark(thread);
                    assert_eq!(found, truth, "{:?}", (seed, world.now));
                }
                match is_exact {
                    _ if !is_due(&mut world, 9) => {}
                    true => check_exact(&world, seed),
                    false => check_bounded(&world, seed),
                }
            }
        }
    });
}

/// Sometimes a thread ends, sometimes one begins.
fn come_and_go(world: &mut World, most: usize) {
    let choice = world.random.below(40);
    if world.running.is_empty() || choice == 0 && world.running.len() < most {
        world.join();
    } else if choice == 1 && world.running.len() > 1 {
        let thread = world.any_thread();
        world.leave(thread);
    }
}

#[test]
fn several_threads_stay_within_one_percent() {
    with_seeds(30, |seed| {
        let mut world = World::new(8, 20, false, seed);
        for _ in 0..1 + seed % 8 {
            world.join();
        }
        for _ in 0..times(5_000) {
            world.anything(growth(&world));
            if is_due(&mut world, 100) {
                check_bounded(&world, seed);
            }
        }
        check_bounded(&world, seed);
        check_bounded_timeline(&world, seed);
    });
}

#[test]
fn threads_may_come_and_go() {
    with_seeds(30, |seed| {
        let mut world = World::new(8, 20, false, seed);
        for _ in 0..times(5_000) {
            come_and_go(&mut world, 8);
            world.anything(growth(&world));
            if is_due(&mut world, 100) {
                check_bounded(&world, seed);
            }
        }
        check_bounded(&world, seed);
        check_bounded_timeline(&world, seed);
    });
}

#[test]
fn the_second_thread_finds_the_exact_peak_of_the_first() {
    with_seeds(100, |seed| {
        let mut world = World::new(2, 5, false, seed);
        world.join();
        for _ in 0..world.random.below(times(400)) {
            world.anything(growth(&world));
        }
        if is_due(&mut world, 1) {
            check_exact(&world, seed);
        }
        world.join();
        check_exact(&world, seed);
        for _ in 0..times(200) {
            world.anything(growth(&world));
            if is_due(&mut world, 10) {
                check_bounded(&world, seed);
            }
        }
        check_bounded(&world, seed);
        check_bounded_timeline(&world, seed);
    });
}

#[test]
fn of_equal_peaks_the_latest_counts_with_several_threads_too() {
    let mut world = World::new(2, 2, false, 1);
    let (one, two) = (world.join(), world.join());
    world.allocate(one, 0, 1 << 20);
    world.free(two, 0);
    world.allocate(two, 1, 1 << 20);
    world.free(one, 0);
    assert_eq!(world.heap().peak_time, 3);
    let sites = world.read();
    assert_eq!([sites[0].peak_bytes, sites[1].peak_bytes], [0, 1 << 20]);
}

/// The sum of all threads' pending bytes, when each has just not reached its step.
#[test]
#[cfg_attr(miri, ignore = "takes an hour")]
fn what_many_threads_have_pending_together_is_within_one_percent() {
    let threads = 200;
    let mut world = World::new(threads, 3, false, 1);
    let first = world.join();
    // Enough blocks that a few more need not be published.
    for _ in 0..256 * threads {
        world.allocate(first, 0, 1 << 14);
    }
    let mut joined = Vec::from([first]);
    for _ in 1..threads {
        let thread = world.join();
        joined.push(thread);
        let step = world.session.slot(thread).expect("joined").front.step();
        world.allocate(thread, 1, step.cast_unsigned() - 1);
        if is_due(&mut world, 1) {
            check_bounded(&world, 1);
        }
    }
    for thread in joined {
        world.leave(thread);
    }
    check_bounded(&world, 1);
    let live = world.session.heap().live_bytes.get();
    assert_eq!(live, world.model.live.0.cast_signed(), "nothing is pending of those who left");
}

#[test]
#[cfg_attr(miri, ignore = "takes an hour")]
fn many_small_blocks_beside_a_large_one_are_within_one_percent_too() {
    let mut world = World::new(2, 3, false, 1);
    let (one, two) = (world.join(), world.join());
    world.allocate(one, 0, 1 << 30);
    let blocks = 20_000;
    for _ in 0..blocks {
        world.allocate(one, 1, 1);
    }
    for _ in 0..blocks {
        let last = world.blocks.len() - 1;
        world.free(one, last);
    }
    for _ in 0..blocks {
        world.allocate(two, 2, 1);
    }
    let (found, most) = (world.heap().peak_blocks.cast_unsigned(), world.model.most_blocks);
    assert!(found.abs_diff(most) <= most / 100 + 1, "{found} blocks at once, not {most}");
    let at_peak: u64 = world.read().iter().map(|site| site.peak_blocks).sum();
    let expected: u64 = world.expected().iter().map(|site| site.peak_blocks).sum();
    assert!(at_peak.abs_diff(expected) <= expected / 100 + 1, "{at_peak} of {expected} at peak");
}

/// A heap that is small and busy: then each thread may keep a kilobyte pending.
#[test]
#[cfg_attr(miri, ignore = "takes an hour")]
fn small_and_busy_heaps_stay_within_a_kilobyte_a_thread() {
    let threads = 3;
    let mut world = World::new(threads, 4, false, 9);
    for _ in 0..threads {
        world.join();
    }
    let far = |world: &World| {
        let peak = world.heap().peak_bytes.cast_unsigned();
        let at_peak: u64 = world.read().iter().map(|site| site.peak_bytes).sum();
        peak.abs_diff(world.model.peak_bytes).max(at_peak.abs_diff(peak))
    };
    let mut most = 0;
    for event in 0..400_000 {
        let growth = if world.blocks.len() < 100 { 60 } else { 20 };
        world.anything(growth);
        if event % 1000 == 999 {
            most = most.max(far(&world));
        }
    }
    let publications = world.session.heap().publications.get();
    assert!(publications > MANY_PUBLICATIONS, "{publications} are not many");
    let tolerance = 1024 * threads as u64 + world.model.peak_bytes / 100;
    assert!(most <= tolerance, "{most} bytes off, {tolerance} allowed");
}
