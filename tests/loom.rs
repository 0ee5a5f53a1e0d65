//! Every interleaving of the lock-free parts, in small models.
//!
//! The protocol files of the engine are compiled here once more, over loom's atomics: a model
//! fails when some order of the threads' steps, or some value that the memory model lets a load
//! see, breaks an assertion or makes two accesses to a cell race.
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --test loom
//! ```
//!
//! At most [`PREEMPTIONS`] times a thread is stopped where it could go on;
//! `LOOM_MAX_PREEMPTIONS` changes that. All models together take half a minute on two cores, most
//! of it for the gate with three threads; the build takes longer.
#![cfg(loom)]
#![expect(dead_code, reason = "the models use a part of what the engine's files define")]

mod base {
    pub(crate) use crate::sync;
}
#[path = "loom/frames.rs"]
mod frames;
#[path = "../src/store/peak.rs"]
mod heap;
#[path = "loom/locks.rs"]
mod locks;
#[path = "loom/modes.rs"]
mod modes;
mod store {
    pub(crate) use crate::table::{ids, slot};
}
#[path = "loom/sync.rs"]
mod sync;
#[path = "loom/table.rs"]
mod table;

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Enough for every fault that was put into the protocols to see the models fail.
const PREEMPTIONS: usize = 3;

std::thread_local! {
    /// True if [`together`] starts the last part first.
    static REVERSED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `execution` in every order, and says how many there were.
///
/// Of the accesses to an atomic loom remembers the last one only, and so overlooks that a store
/// may come before a load if the storing thread has loaded in between. Which orders
/// that costs depends on which thread runs first: it is done both ways.
fn model(execution: impl Fn() + Send + Sync + 'static) {
    let (execution, executions) = (Arc::new(execution), Arc::new(AtomicU64::new(0)));
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound.get_or_insert(PREEMPTIONS);
    for reversed in [false, true] {
        REVERSED.set(reversed);
        let (execution, executions) = (execution.clone(), executions.clone());
        builder.check(move || {
            executions.fetch_add(1, Ordering::Relaxed);
            execution();
        });
    }
    println!("{} executions", executions.load(Ordering::Relaxed));
}

/// The work of one thread.
type Part<R> = Box<dyn FnOnce() -> R + Send>;

/// Runs each part in a thread of its own; what they returned, in their order.
fn together<R: Send + 'static, const N: usize>(parts: [Part<R>; N]) -> [R; N] {
    let mut results = [const { None }; N];
    let mut parts: Vec<_> = parts.into_iter().enumerate().collect();
    if REVERSED.get() {
        parts.reverse();
    }
    let spawn = |(index, part): (usize, Part<R>)| (index, loom::thread::spawn(part));
    let threads: Vec<_> = parts.into_iter().map(spawn).collect();
    for (index, thread) in threads {
        results[index] = thread.join().ok();
    }
    results.map(|result| result.expect("the thread has not panicked"))
}
