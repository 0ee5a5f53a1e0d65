//! The spin lock, the gate and the start of a session.

use std::mem::MaybeUninit;
use std::sync::Arc;

use loom::cell::UnsafeCell;

use crate::sync::gate::Gate;
use crate::sync::once::{Once, Undecided};
use crate::sync::spin_lock::SpinLock;
use crate::sync::{AtomicU32, Ordering};
use crate::{Part, model, together};

/// A lock and the number it guards; loom reports accesses that are not ordered.
struct Guarded<L> {
    lock: L,
    number: UnsafeCell<u32>,
}

// SAFETY: loom checks in every execution that accesses to the number are ordered.
unsafe impl<L: Sync> Sync for Guarded<L> {}

impl<L: Default> Guarded<L> {
    fn new() -> Arc<Self> {
        Arc::new(Guarded { lock: L::default(), number: UnsafeCell::new(0) })
    }

    fn add_one(&self) {
        // SAFETY: loom fails the model if another thread has access at the same time.
        self.number.with_mut(|number| unsafe { *number += 1 });
    }

    fn read(&self) -> u32 {
        // SAFETY: as above.
        self.number.with(|number| unsafe { *number })
    }
}

#[test]
fn the_lock_excludes_and_shows_what_the_last_holder_wrote() {
    model(|| {
        let shared = Guarded::<SpinLock>::new();
        let add = |times| -> Part<()> {
            let shared = shared.clone();
            Box::new(move || {
                for _ in 0..times {
                    let _held = shared.lock.lock();
                    shared.add_one();
                }
            })
        };
        let other = shared.clone();
        let look = Box::new(move || {
            if let Some(_held) = other.lock.try_lock() {
                assert!(other.read() <= 3);
            }
        });
        together([add(2), add(1), look]);
        assert_eq!(shared.read(), 3);
    });
}

#[test]
fn a_closed_gate_has_nobody_inside() {
    model(|| {
        let shared = Guarded::<Gate>::new();
        let pass = || -> Part<()> {
            let shared = shared.clone();
            Box::new(move || {
                let _passing = shared.lock.pass();
                assert!(shared.read() <= 1);
            })
        };
        let other = shared.clone();
        let close = Box::new(move || {
            let _closed = other.lock.close().expect("nobody else closes");
            assert!(other.lock.close().is_none(), "closed once only");
            other.add_one();
        });
        together([pass(), close, pass()]);
        assert_eq!(shared.read(), 1);
    });
}

#[test]
fn of_two_who_close_the_gate_one_may_be_told_not_to() {
    model(|| {
        let shared = Guarded::<Gate>::new();
        let close = || -> Part<u32> {
            let shared = shared.clone();
            Box::new(move || {
                let closed = shared.lock.close();
                if closed.is_some() {
                    shared.add_one();
                }
                u32::from(closed.is_some())
            })
        };
        let [one, two] = together([close(), close()]);
        assert!(one + two >= 1);
        let _passing = shared.lock.pass();
        assert_eq!(shared.read(), one + two);
    });
}

/// Three threads ask for the value at once.
fn start(value: Option<u32>) {
    let place = UnsafeCell::new(MaybeUninit::uninit());
    let once = Arc::new(Once::new(AtomicU32::new(0), place));
    let made = Arc::new(AtomicU32::new(0));
    let get = || -> Part<()> {
        let (once, made) = (once.clone(), made.clone());
        Box::new(move || {
            let make = || {
                made.fetch_add(1, Ordering::Relaxed);
                value
            };
            let begin = || assert_eq!(once.get(), Ok(value.as_ref()));
            let found = once.get().unwrap_or_else(|Undecided| once.decide(make, |_| None, begin));
            assert_eq!(found, value.as_ref());
        })
    };
    together([get(), get(), get()]);
    assert_eq!(made.load(Ordering::Relaxed), 1, "made once");
}

#[test]
fn a_session_is_made_once_and_seen_whole() {
    model(|| start(Some(7)));
}

#[test]
fn a_session_that_is_refused_is_refused_for_all() {
    model(|| start(None));
}
