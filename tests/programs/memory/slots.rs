//! Slots for what programs keep themselves.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mod_alloc::memory_stats::{
    AggregateMemoryStats, ProcessStats, SlotHandle, ThreadMemoryStats, capacity,
    get_or_register_slot, increment_pool_allocations, memory_registry, overflow_count,
    process_stats, slot_handle, thread_stats, update_arena_stats, update_pool_stats,
};

use crate::rig::say;
use crate::{Program, thread_id};

pub(crate) const PROGRAMS: &[Program] = &[
    ("slots", |arguments| slots(arguments)),
    ("slots-reused", |_| slots_reused()),
    ("teardown", |_| teardown()),
    ("slots-forked", |arguments| slots_forked(arguments)),
    ("slots-by-index", |_| slots_by_index()),
    ("slots-of-others", |_| slots_of_others()),
];

fn own_figures(all: &ProcessStats) -> [u64; 4] {
    [all.arena_bytes, all.pool_free, all.pool_capacity, all.pool_allocations]
}

/// The sums of arenas and pools, which both ways of asking agree on.
fn sums() -> [u64; 4] {
    let (all, process) = (memory_registry().aggregate_stats(), process_stats());
    let AggregateMemoryStats { total_arena_bytes, total_pool_free, .. } = all;
    let AggregateMemoryStats { total_pool_capacity, total_pool_allocations, .. } = all;
    let sums = [total_arena_bytes, total_pool_free, total_pool_capacity, total_pool_allocations];
    assert_eq!(own_figures(&process), sums);
    assert_eq!(all.overflow_count, overflow_count());
    sums
}

/// The registry's line of the calling thread.
fn own_line() -> ThreadMemoryStats {
    let id = u64::from(thread_id());
    let mut lines = memory_registry().per_thread_stats().filter(|thread| thread.thread_id == id);
    let line = lines.next().expect("it has a slot");
    assert_eq!(lines.next(), None, "one slot for each thread");
    line
}

/// Threads, each with figures of its own; more than there are slots.
fn slots(arguments: &[&str]) {
    let count: usize = arguments[0].parse().expect("a number of threads");
    let (here, there) = (Barrier::new(count + 1), Barrier::new(count + 1));
    thread::scope(|scope| {
        for index in 1..=count {
            let (here, there) = (&here, &there);
            scope.spawn(move || {
                update_arena_stats(7);
                update_arena_stats(index * 1_000);
                update_pool_stats(index, 2 * index);
                (0..index).for_each(|_| increment_pool_allocations());
                here.wait();
                check_index(index as u64);
                there.wait();
            });
        }
        here.wait();
        let sum = (1..=count as u64).sum::<u64>();
        assert_eq!(sums(), [1_000 * sum, sum, 2 * sum, sum]);
        assert_eq!(overflow_count(), count.saturating_sub(capacity()) as u64);
        let registry = memory_registry();
        assert_eq!(registry.overflow_count.load(Ordering::Relaxed), overflow_count());
        assert_eq!(registry.aggregate_stats().active_threads, count.min(capacity()));
        assert_eq!(registry.per_thread_stats().count(), count.min(capacity()));
        let threads = thread_stats();
        let with_arena: Vec<_> = threads.iter().filter(|thread| thread.arena_bytes > 0).collect();
        assert_eq!(with_arena.len(), count.min(capacity()));
        for thread in with_arena {
            let index = thread.arena_bytes / 1_000;
            let figures = [thread.pool_free, thread.pool_capacity, thread.pool_allocations];
            assert_eq!(figures, [index, 2 * index, index]);
        }
        there.wait();
    });
    // The threads have ended as far as their results are concerned; their slots are free a little later.
    let sum = (1..=count as u64).sum::<u64>();
    while own_figures(&process_stats()) != [0, 0, 0, sum] {
        thread::yield_now();
    }
    assert_eq!(sums(), [0, 0, 0, sum]);
    assert_eq!(process_stats().elsewhere.pool_allocations, sum);
    assert_eq!(memory_registry().per_thread_stats().count(), 0);
    say(format_args!("right {}", overflow_count()));
}

/// A thread that has given its figures has an index if its slot is its own, and none otherwise.
fn check_index(index: u64) {
    let own = get_or_register_slot();
    assert_eq!(memory_registry().register(), own);
    let Some(own) = own else { return };
    let slot = &memory_registry().slots()[own];
    assert_eq!(slot.thread_id(), u64::from(thread_id()));
    assert_eq!((slot.arena_bytes(), slot.pool_free_count()), (1_000 * index, index));
    assert_eq!((slot.pool_capacity(), slot.pool_allocations()), (2 * index, index));
    assert_eq!(slot.stats(), Some(own_line()));
}

/// Updates by the index of the thread's slot, and by indexes of no slot.
fn slots_by_index() {
    let registry = memory_registry();
    // Before the thread has a slot, no index is its own.
    registry.update_arena(0, 1);
    assert_eq!((registry.ignored_updates(), registry.per_thread_stats().count()), (1, 0));
    let own = registry.register().expect("all are free");
    registry.update_arena(own, 4_096);
    registry.update_pool(own, 3, 8);
    (0..5).for_each(|_| registry.increment_pool_allocations(own));
    assert_eq!(sums(), [4_096, 3, 8, 5]);
    let line = own_line();
    assert_eq!(line.name, thread_stats()[0].name);
    assert_eq!((line.arena_bytes, line.pool_free_count), (4_096, 3));
    assert_eq!((line.pool_capacity, line.pool_allocations), (8, 5));
    for wrong in [own + 1, capacity(), usize::MAX] {
        registry.update_arena(wrong, 1 << 30);
        registry.update_pool(wrong, 1 << 20, 1 << 20);
        registry.increment_pool_allocations(wrong);
    }
    assert_eq!(sums(), [4_096, 3, 8, 5]);
    assert_eq!(registry.ignored_updates(), 1 + 9);
    say(format_args!("right"));
}

/// Updates by the index of another thread's slot, while that thread runs, after its end, and when the
/// next thread has the slot.
fn slots_of_others() {
    let registry = memory_registry();
    let indexes = [1, 2].map(|round| {
        let (here, there) = (Barrier::new(2), Barrier::new(2));
        let index = thread::scope(|scope| {
            let other = scope.spawn(|| updates_between(&here, &there));
            here.wait();
            let taken = |slot: &usize| registry.slots()[*slot].thread_id() != 0;
            let index = (0..capacity()).find(taken).expect("the other thread's");
            spoil(index, [50, 1, 2, round]);
            there.wait();
            assert_eq!(other.join().unwrap(), index);
            index
        });
        while registry.aggregate_stats().active_threads > 0 {
            thread::yield_now();
        }
        spoil(index, [0, 0, 0, round]);
        index
    });
    assert_eq!(indexes[0], indexes[1], "the second thread has the first one's slot");
    say(format_args!("right"));
}

/// A thread with figures of its own, which nothing between the barriers changes; its index.
fn updates_between(here: &Barrier, there: &Barrier) -> usize {
    let registry = memory_registry();
    let index = registry.register().expect("all are free");
    let line = own_line();
    assert_eq!([line.arena_bytes, line.pool_free_count, line.pool_capacity], [0; 3]);
    assert_eq!(line.pool_allocations, 0);
    registry.update_arena(index, 50);
    registry.update_pool(index, 1, 2);
    registry.increment_pool_allocations(index);
    here.wait();
    there.wait();
    assert_eq!((own_line().arena_bytes, own_line().pool_allocations), (50, 1));
    index
}

/// Updates by an index that is not the calling thread's: they are counted, and the sums stay.
fn spoil(index: usize, sums_before: [u64; 4]) {
    let registry = memory_registry();
    let before = registry.ignored_updates();
    registry.update_arena(index, 1 << 30);
    registry.update_pool(index, 1 << 20, 1 << 20);
    registry.increment_pool_allocations(index);
    assert_eq!((sums(), registry.ignored_updates()), (sums_before, before + 3));
}

/// Ten times as many threads as slots, one after another: nobody finds them taken.
fn slots_reused() {
    for round in 1..=10 * capacity() as u64 {
        thread::spawn(|| {
            update_arena_stats(1 << 20);
            update_pool_stats(1, 2);
            increment_pool_allocations();
            let id = thread_id();
            let threads = thread_stats();
            let own = threads.iter().find(|thread| thread.id == id).expect("it has a slot");
            assert_eq!((own.arena_bytes, own.pool_allocations), (1 << 20, 1));
            assert_eq!((own_line().arena_bytes, own_line().pool_allocations), (1 << 20, 1));
        })
        .join()
        .unwrap();
        assert_eq!(sums(), [0, 0, 0, round]);
    }
    assert_eq!(overflow_count(), 0);
    say(format_args!("right"));
}

/// Keeps a thread's slot, and says something when the thread's locals are destroyed.
struct Late(SlotHandle);

impl Drop for Late {
    fn drop(&mut self) {
        self.0.update_arena_stats(5);
        update_pool_stats(1, 1);
        let own = get_or_register_slot().expect("it has its slot still");
        memory_registry().increment_pool_allocations(own);
    }
}

thread_local! {
    static LATE: Late = Late(slot_handle());
}

/// Threads whose locals update the slot while they are destroyed; and, by the last of all rounds of
/// destructors, after that.
fn teardown() {
    static AGAIN: AtomicBool = AtomicBool::new(false);
    unsafe extern "C" fn last_words(value: *mut libc::c_void) {
        assert!(get_or_register_slot().is_some(), "the slot stays for the last round");
        increment_pool_allocations();
        update_arena_stats(1 << 30);
        update_arena_stats(0);
        if AGAIN.load(Ordering::Relaxed) {
            // SAFETY: the key was made below.
            unsafe { libc::pthread_setspecific(KEY.load(Ordering::Relaxed), value) };
        }
    }
    use std::sync::atomic::AtomicU32;
    static KEY: AtomicU32 = AtomicU32::new(0);
    let mut key = 0;
    // SAFETY: the out-pointer is valid, and the destructor lives as long as the program.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(last_words)) }, 0);
    KEY.store(key, Ordering::Relaxed);
    for again in [false, true] {
        AGAIN.store(again, Ordering::Relaxed);
        let before = process_stats().pool_allocations;
        for _ in 0..2 * capacity() {
            thread::spawn(move || {
                LATE.with(|late| late.0.update_arena_stats(1_000));
                // SAFETY: the key was made above; the value is not null.
                unsafe { libc::pthread_setspecific(key, (&raw const KEY).cast()) };
            })
            .join()
            .unwrap();
        }
        let rounds = if again { 4 } else { 1 };
        let expected = 2 * capacity() as u64 * (1 + rounds);
        assert_eq!(sums()[3] - before, expected);
        assert_eq!(sums()[..3], [0, 0, 0]);
        assert_eq!(memory_registry().ignored_updates(), 0);
        assert_eq!(overflow_count(), 0);
    }
    say(format_args!("right"));
}

/// The child of a fork has the forking thread's figures, and no other's. Beside as many other threads
/// as there are slots, the forking thread has none of its own.
fn slots_forked(arguments: &[&str]) {
    let others: u64 = arguments[0].parse().expect("a number of threads");
    let count = usize::try_from(others).expect("small");
    let (here, there) = (Barrier::new(count + 1), Barrier::new(count + 1));
    thread::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|| {
                update_arena_stats(50);
                increment_pool_allocations();
                here.wait();
                there.wait();
            });
        }
        here.wait();
        if count > capacity() {
            // One of the others shares, too.
            assert_eq!(overflow_count(), 1);
        }
        update_arena_stats(8);
        update_pool_stats(1, 2);
        increment_pool_allocations();
        let slot = get_or_register_slot();
        assert_eq!(slot.is_some(), count < capacity());
        // SAFETY: the child uses what does not depend on other threads.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let is_right = is_right_in_child(slot, others);
            // SAFETY: no preconditions.
            unsafe { libc::_exit(if is_right { 0 } else { 1 }) };
        }
        let mut status = -1;
        // SAFETY: the out-pointer is valid.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        assert_eq!(status, 0, "the child's figures are right");
        assert_eq!(sums(), [8 + 50 * others, 1, 2, 1 + others]);
        there.wait();
    });
    say(format_args!("right"));
}

/// Of the forking thread, with that slot, the figures are there; of others, the counts.
fn is_right_in_child(slot: Option<usize>, others: u64) -> bool {
    let (all, threads) = (process_stats(), thread_stats());
    // The shared slot's figures are of no thread that is listed.
    let (arena_bytes, counted) = if slot.is_some() { (8, others) } else { (0, others + 1) };
    sums() == [8, 1, 2, 1 + others]
        && get_or_register_slot() == slot
        && memory_registry().aggregate_stats().active_threads == usize::from(slot.is_some())
        && (slot.is_none() || own_line().pool_allocations == 1)
        && all.elsewhere.pool_allocations == counted
        && threads.len() == 1
        && (threads[0].id, threads[0].arena_bytes) == (thread_id(), arena_bytes)
}
