//! Programs of many threads whose totals and end values are known whatever the schedule is.

use std::hint::black_box;
use std::process::exit;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use crate::numbered::SITES;
use crate::random::Random;
use crate::rig::{Block, free_all, say, sites};
use crate::{ALLOC, Program};

pub(crate) const PROGRAMS: &[Program] = &[
    ("exchange", exchange),
    ("summit", |_| summit()),
    ("crowd", crowd),
    ("generations", generations),
    ("exit-race", |_| exit_race()),
];

sites! { site_crowd site_generation site_race }

const THREADS: usize = 8;
/// Sites that all threads of the exchange use.
const SHARED_SITES: usize = 16;

/// The receiver's work with a block.
#[derive(Clone, Copy)]
enum Fate {
    Freed,
    GrownAndFreed,
    ShrunkAndKept,
    Kept,
}

/// The blocks that a thread makes, and their receivers: alike in every run.
struct Order {
    site: usize,
    size: usize,
    receiver: usize,
    fate: Fate,
}

impl Order {
    fn next(random: &mut Random) -> Self {
        let fate = match random.below(1_000) {
            0..=1 => Fate::Kept,
            2..=3 => Fate::ShrunkAndKept,
            4..=103 => Fate::GrownAndFreed,
            _ => Fate::Freed,
        };
        Self {
            site: random.below(SHARED_SITES),
            size: 16 + random.below(500),
            receiver: random.below(THREADS),
            fate,
        }
    }
}

fn orders(thread: usize) -> Random {
    Random::new(0x9e37_79b9_7f4a_7c15 + thread as u64)
}

/// Eight threads send each other blocks; a ninth writes reports all the while. Arguments: how
/// many blocks each makes, and the folder for the reports.
fn exchange(arguments: &[&str]) {
    let rounds: usize = arguments[0].parse().expect("a number");
    let done = AtomicBool::new(false);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    let reports = thread::scope(|scope| {
        let reporter = scope.spawn(|| report_until(&done, arguments[1]));
        let traders: Vec<_> = receivers
            .into_iter()
            .enumerate()
            .map(|(index, receiver)| {
                let senders = senders.clone();
                scope.spawn(move || trade(index, rounds, senders, &receiver))
            })
            .collect();
        drop(senders);
        for trader in traders {
            trader.join().expect("no panic");
        }
        done.store(true, Ordering::Relaxed);
        reporter.join().expect("no panic")
    });
    say(format_args!("reports {reports}"));
    print_expected(rounds);
}

fn report_until(done: &AtomicBool, folder: &str) -> usize {
    let mut reports = 0;
    while !done.load(Ordering::Relaxed) {
        let path = format!("{folder}/meanwhile-{}.json", reports % 4);
        ALLOC.write_dhat_json(path).expect("the folder can be written to");
        reports += 1;
    }
    reports
}

fn trade(
    index: usize,
    rounds: usize,
    senders: Vec<Sender<(Block, Fate)>>,
    receiver: &Receiver<(Block, Fate)>,
) {
    let mut random = orders(index);
    for _ in 0..rounds {
        let order = Order::next(&mut random);
        let block = SITES[order.site](order.size);
        senders[order.receiver].send((block, order.fate)).expect("all receive to the end");
        for (block, fate) in receiver.try_iter().take(2) {
            receive(block, fate);
        }
    }
    drop(senders);
    for (block, fate) in receiver {
        receive(block, fate);
    }
}

fn receive(block: Block, fate: Fate) {
    match fate {
        Fate::Freed => block.free(),
        Fate::GrownAndFreed => block.resized(2 * block.size()).free(),
        Fate::ShrunkAndKept => {
            black_box(block.resized(block.size() / 2));
        }
        Fate::Kept => {}
    }
}

fn print_expected(rounds: usize) {
    let (mut totals, mut ends) = ([(0, 0); SHARED_SITES], [(0, 0); SHARED_SITES]);
    let add = |sum: &mut (usize, usize), bytes| *sum = (sum.0 + bytes, sum.1 + 1);
    for thread in 0..THREADS {
        let mut random = orders(thread);
        for _ in 0..rounds {
            let Order { site, size, fate, .. } = Order::next(&mut random);
            add(&mut totals[site], size);
            match fate {
                Fate::Freed => {}
                Fate::GrownAndFreed => add(&mut totals[site], 2 * size),
                Fate::ShrunkAndKept => {
                    add(&mut totals[site], size / 2);
                    add(&mut ends[site], size / 2);
                }
                Fate::Kept => add(&mut ends[site], size),
            }
        }
    }
    for (index, (total, end)) in totals.iter().zip(&ends).enumerate() {
        say(format_args!("site_{index:02} {} {} {} {}", total.0, total.1, end.0, end.1));
    }
}

const CLIMBERS: usize = 4;
const BLOCKS: usize = 1_000;

/// Four threads, each with a site of its own and one for all, go up together to 1,000 blocks of
/// 10,000 bytes each, half down, and up again, but less far.
fn summit() {
    let barrier = Barrier::new(CLIMBERS);
    let climbs = [(BLOCKS / 2, 100), (BLOCKS, BLOCKS / 2), (BLOCKS * 9 / 10, 0)];
    in_threads(CLIMBERS, |index| {
        let mut blocks = Vec::with_capacity(BLOCKS);
        // One place for all rounds, so that each site has one stack.
        for &(top, bottom) in black_box(&climbs[..]) {
            barrier.wait();
            climb(&mut blocks, index, top);
            barrier.wait();
            blocks.drain(bottom..).for_each(Block::free);
        }
    });
    let stats = ALLOC.snapshot();
    say(format_args!("snapshot {} {}", stats.peak_bytes, stats.current_bytes));
}

#[inline(never)]
fn climb(blocks: &mut Vec<Block>, index: usize, top: usize) {
    while blocks.len() < top {
        let site = if blocks.len().is_multiple_of(2) { index } else { CLIMBERS };
        blocks.push(SITES[site](10_000));
    }
}

/// Runs `work` in so many threads with small stacks and waits for their very end: what they
/// free in their teardown is freed then.
fn in_threads(threads: usize, work: impl Fn(usize) + Sync) {
    thread::scope(|scope| {
        let work = &work;
        let start = |index| {
            let builder = thread::Builder::new().stack_size(64 << 10);
            builder.spawn_scoped(scope, move || work(index)).expect("a thread")
        };
        let handles: Vec<_> = (0..threads).map(start).collect();
        for handle in handles {
            handle.join().expect("no panic");
        }
    });
}

/// As many threads at once as the argument says. Each makes 4 blocks of 1,000 bytes and frees
/// 3 of them.
fn crowd(arguments: &[&str]) {
    let threads: usize = arguments[0].parse().expect("a number");
    let barrier = Barrier::new(threads);
    in_threads(threads, |_| {
        let blocks = [(); 3].map(|()| site_crowd(1_000));
        barrier.wait(); // each has its slot, or none
        site_crowd(1_000);
        free_all(blocks);
        barrier.wait();
    });
}

/// As many threads as the argument says, at most four at once beside those that start them.
/// Each makes 2 blocks of 64 bytes and frees one of them.
fn generations(arguments: &[&str]) {
    let threads: usize = arguments[0].parse().expect("a number");
    let left = AtomicUsize::new(threads);
    in_threads(4, |_| {
        let one_less = |left: usize| left.checked_sub(1);
        while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
            in_threads(1, |_| {
                site_generation(64).free();
                black_box(site_generation(64));
            });
        }
    });
}

/// Exits while four threads allocate, when they have made a thousand blocks.
fn exit_race() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..4 {
        thread::spawn(|| {
            loop {
                let block = site_race(1_000);
                black_box(vec![1_u8; 5_000]);
                block.resized(3_000).free();
                MADE.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    // Somewhere in the middle of what they do.
    while MADE.load(Ordering::Relaxed) < 1_000 {
        thread::sleep(Duration::from_millis(1));
    }
    exit(3);
}
