//! Heap figures of each thread, to the byte.

use std::sync::{Barrier, mpsc};
use std::thread;

use mod_alloc::memory_stats::{ThreadStats, process_stats, thread_stats};

use crate::rig::{Block, say};
use crate::{ALLOC, Program, thread_id};

pub(crate) const PROGRAMS: &[Program] = &[
    ("figures", |_| figures()),
    ("reused", |_| reused()),
    ("crowd", |arguments| crowd(arguments)),
];

/// The calling thread's figures, and the size of the vector that they came in. Of what is live, that
/// vector is left out; it is gone when this returns.
fn own_with_vector() -> (ThreadStats, u64) {
    let id = thread_id();
    let threads = thread_stats();
    let vector = threads.capacity() * size_of::<ThreadStats>();
    let own = threads.iter().find(|thread| thread.id == id).copied();
    let mut own = own.expect("the thread has allocated");
    own.live_bytes -= i64::try_from(vector).expect("small");
    own.live_blocks -= 1;
    (own, vector as u64)
}

fn own() -> ThreadStats {
    own_with_vector().0
}

/// The change of the figures by `work`: bytes allocated, those that were growth, blocks allocated,
/// bytes live, blocks live.
fn change(work: impl FnOnce()) -> [i64; 5] {
    let before = own();
    work();
    let (after, vector) = own_with_vector();
    [
        (after.total_bytes - before.total_bytes - vector).cast_signed(),
        (after.grown_bytes - before.grown_bytes - vector).cast_signed(),
        (after.total_blocks - before.total_blocks - 1).cast_signed(),
        after.live_bytes - before.live_bytes,
        after.live_blocks - before.live_blocks,
    ]
}

/// The sum over all threads is what the process has, as long as nobody else allocates.
fn assert_sums() {
    // Room for the vector first: then nothing changes between the three.
    let threads = thread_stats();
    let all = process_stats();
    let snapshot = ALLOC.snapshot();
    let mut sum = [0_i64; 5];
    for stats in threads.iter().chain([&all.elsewhere]) {
        let signed = u64::cast_signed;
        sum[0] += signed(stats.total_bytes);
        sum[1] += signed(stats.total_blocks);
        sum[2] += stats.live_bytes;
        sum[3] += stats.live_blocks;
        sum[4] += signed(stats.grown_bytes);
    }
    let signed = u64::cast_signed;
    let of_all = [
        signed(all.total_bytes),
        signed(all.total_blocks),
        all.live_bytes,
        all.live_blocks,
        signed(all.grown_bytes),
    ];
    let process = [
        signed(snapshot.total_bytes),
        signed(snapshot.alloc_count),
        signed(snapshot.current_bytes),
        signed(snapshot.live_count),
        signed(snapshot.grown_bytes),
    ];
    assert_eq!(threads.len(), all.threads);
    assert_eq!(sum, of_all);
    assert_eq!(of_all, process);
}

fn figures() {
    let name = std::fs::read_to_string("/proc/self/comm").expect("the kernel knows it");
    assert_eq!(&*own().name, name.trim_end());
    worker_figures("first");
    thread::Builder::new()
        .name("worker".into())
        .spawn(|| worker_figures("worker"))
        .unwrap()
        .join()
        .unwrap();
    freed_elsewhere();
    assert_sums();
    say(format_args!("right"));
}

/// Blocks made, resized and freed by the thread itself.
fn worker_figures(name: &str) {
    if name == "worker" {
        assert_eq!(&*own().name, name);
    }
    let changed = change(|| {
        let kept = Block::new(1_000);
        let freed = Block::new(20_000);
        let grown = Block::new(300).resized(4_300);
        let shrunk = Block::new(5_000).resized(1_000);
        freed.free();
        std::hint::black_box([kept, grown, shrunk]);
    });
    let total = 1_000 + 20_000 + 300 + 4_300 + 5_000 + 1_000;
    // Of reallocations, what they grew by: 4,000 and 0.
    let grown = 1_000 + 20_000 + 4_300 + 5_000;
    assert_eq!(changed, [total, grown, 6, 1_000 + 4_300 + 1_000, 3]);
    peaks();
    assert_sums();
}

/// The most that was live, with a peak that lies behind, and then one that is higher.
fn peaks() {
    let base = u64::try_from(own().live_bytes).expect("the thread's own blocks");
    Block::new(1 << 20).free();
    assert_eq!(own().peak_bytes, base + (1 << 20));
    let half = Block::new(1 << 19);
    assert_eq!(own().peak_bytes, base + (1 << 20));
    // Old and new are never live together.
    let more = half.resized(1 << 21);
    assert_eq!(own().live_bytes, (base + (1 << 21)).cast_signed());
    more.free();
    assert_eq!(own().peak_bytes, base + (1 << 21) + slack());
}

/// The vector of figures was live beside the larger block.
fn slack() -> u64 {
    own_with_vector().1
}

/// A thread that frees what others made has less than nothing live.
fn freed_elsewhere() {
    let blocks: Vec<Block> = (0..10).map(|_| Block::new(10_000)).collect();
    let changed =
        thread::spawn(move || change(|| blocks.into_iter().for_each(Block::free))[3..].to_vec());
    let changed = changed.join().unwrap();
    // The vector of the blocks was this thread's, too.
    let vector = i64::try_from(10 * size_of::<Block>()).unwrap();
    assert_eq!(changed, [-100_000 - vector, -11]);
}

/// Threads that use one slot after another begin at zero, and what they had stays in the sums.
fn reused() {
    let before = process_stats().elsewhere;
    for round in 0..50_u64 {
        let (send, receive) = mpsc::channel();
        let worker = thread::spawn(move || {
            let at_start = own();
            assert!(at_start.total_bytes < 100_000, "{at_start:?} in round {round}");
            assert!(at_start.peak_bytes < 100_000, "{at_start:?} in round {round}");
            Block::new(3 << 20).free();
            let kept = Block::new(1 << 20);
            let stats = own();
            // It has freed a little that was made for it elsewhere.
            assert!(stats.peak_bytes.abs_diff(3 << 20) < 100_000, "{stats:?} in round {round}");
            send.send(kept).unwrap();
        });
        let kept = receive.recv().unwrap();
        worker.join().unwrap();
        assert_sums();
        kept.free();
    }
    let elsewhere = process_stats().elsewhere;
    assert!(elsewhere.total_bytes - before.total_bytes >= 200 << 20);
    assert!(elsewhere.live_bytes - before.live_bytes >= 50 << 20, "{elsewhere:?}");
    let running = thread_stats();
    assert_eq!(running.len(), 1, "{running:?}");
    drop(running);
    assert_sums();
    say(format_args!("right"));
}

/// So many threads at once that some have no slot of the profiler's.
fn crowd(arguments: &[&str]) {
    let count: usize = arguments[0].parse().expect("a number of threads");
    let (here, there) = (Barrier::new(count + 1), Barrier::new(count + 1));
    thread::scope(|scope| {
        for _ in 0..count {
            let work = || {
                let block = Block::new(1_000);
                here.wait();
                there.wait();
                block.free();
            };
            let builder = thread::Builder::new().stack_size(64 << 10);
            builder.spawn_scoped(scope, work).expect("room for a thread");
        }
        here.wait();
        assert_sums();
        let listed = thread_stats();
        let of_block = listed.iter().filter(|thread| thread.total_bytes >= 1_000);
        // The one that waits here has made much more.
        say(format_args!("listed {}", of_block.count() - 1));
        drop(listed);
        there.wait();
    });
    assert_sums();
}
