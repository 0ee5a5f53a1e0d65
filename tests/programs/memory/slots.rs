//! Slots for what programs keep themselves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;

use mod_alloc::memory_stats::{
    AggregateStats, MemorySlot, aggregate_stats, capacity, get_or_register_slot,
    increment_pool_allocations, overflow_count, per_thread_stats, update_arena_stats,
    update_pool_stats,
};

use crate::rig::say;
use crate::{Program, thread_id};

pub(crate) const PROGRAMS: &[Program] = &[
    ("slots", |arguments| slots(arguments)),
    ("slots-reused", |_| slots_reused()),
    ("teardown", |_| teardown()),
    ("slots-forked", |_| slots_forked()),
];

fn own_figures(all: &AggregateStats) -> [u64; 4] {
    [all.arena_bytes, all.pool_free, all.pool_capacity, all.pool_allocations]
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
                there.wait();
            });
        }
        here.wait();
        let sum = (1..=count as u64).sum::<u64>();
        assert_eq!(own_figures(&aggregate_stats()), [1_000 * sum, sum, 2 * sum, sum]);
        assert_eq!(overflow_count(), count.saturating_sub(capacity()) as u64);
        let threads = per_thread_stats();
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
    while own_figures(&aggregate_stats()) != [0, 0, 0, sum] {
        thread::yield_now();
    }
    assert_eq!(aggregate_stats().elsewhere.pool_allocations, sum);
    say(format_args!("right {}", overflow_count()));
}

/// Ten times as many threads as slots, one after another: nobody finds them taken.
fn slots_reused() {
    for round in 1..=10 * capacity() as u64 {
        thread::spawn(|| {
            update_arena_stats(1 << 20);
            update_pool_stats(1, 2);
            increment_pool_allocations();
            let id = thread_id();
            let threads = per_thread_stats();
            let own = threads.iter().find(|thread| thread.id == id).expect("it has a slot");
            assert_eq!((own.arena_bytes, own.pool_allocations), (1 << 20, 1));
        })
        .join()
        .unwrap();
        assert_eq!(own_figures(&aggregate_stats()), [0, 0, 0, round]);
    }
    assert_eq!(overflow_count(), 0);
    say(format_args!("right"));
}

/// Keeps a thread's slot, and says something when the thread's locals are destroyed.
struct Late(MemorySlot);

impl Drop for Late {
    fn drop(&mut self) {
        self.0.update_arena_stats(5);
        update_pool_stats(1, 1);
        increment_pool_allocations();
    }
}

thread_local! {
    static LATE: Late = Late(get_or_register_slot());
}

/// Threads whose locals update the slot while they are destroyed; and, by the last of all rounds of
/// destructors, after that.
fn teardown() {
    static AGAIN: AtomicBool = AtomicBool::new(false);
    unsafe extern "C" fn last_words(value: *mut libc::c_void) {
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
        let before = aggregate_stats().pool_allocations;
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
        assert_eq!(aggregate_stats().pool_allocations - before, expected);
        assert_eq!(own_figures(&aggregate_stats())[..3], [0, 0, 0]);
        assert_eq!(overflow_count(), 0);
    }
    say(format_args!("right"));
}

/// The child of a fork has the forking thread's figures, and no other's.
fn slots_forked() {
    let (send, receive) = mpsc::channel();
    let (stop, stopped) = mpsc::channel::<()>();
    let other = thread::spawn(move || {
        update_arena_stats(50);
        increment_pool_allocations();
        send.send(()).unwrap();
        let _ = stopped.recv();
    });
    receive.recv().unwrap();
    update_arena_stats(8);
    update_pool_stats(1, 2);
    increment_pool_allocations();
    // SAFETY: the child uses what does not depend on other threads.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let all = aggregate_stats();
        let is_right = own_figures(&all) == [8, 1, 2, 2] && all.elsewhere.pool_allocations == 1;
        let threads = per_thread_stats();
        let is_right = is_right && threads.len() == 1 && threads[0].id == thread_id();
        let is_right = is_right && threads[0].arena_bytes == 8;
        // SAFETY: no preconditions.
        unsafe { libc::_exit(if is_right { 0 } else { 1 }) };
    }
    let mut status = -1;
    // SAFETY: the out-pointer is valid.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!(status, 0, "the child's figures are right");
    assert_eq!(own_figures(&aggregate_stats()), [58, 1, 2, 2]);
    drop(stop);
    other.join().unwrap();
    say(format_args!("right"));
}
