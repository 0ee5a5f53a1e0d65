//! A timer's signals at any moment: between any two instructions, in whatever function.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::mem::zeroed;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::objects::nodes_of;
use crate::programs::{mixed, runs, with_rust};
use crate::region::{INTERRUPTIBLE, Region};
use crate::{Arguments, Program, shadow};

pub(crate) const PROGRAMS: &[Program] = &[("interrupted", interrupted)];

/// The program goes on until it was interrupted so often.
const SIGNALS: u64 = 2_000;
static HANDLED: AtomicU64 = AtomicU64::new(0);

/// As in `mixed`, but every now and then a signal handler runs, which allocates.
fn interrupted(arguments: Arguments<'_>) {
    let nodes = with_rust(nodes_of(arguments.folder, &mixed()));
    Region::open();
    // SAFETY: all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = on_alarm as *const () as usize;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the action is valid and its handler lives as long as the program.
    assert_eq!(unsafe { libc::sigaction(libc::SIGALRM, &raw const action, null_mut()) }, 0);
    alarm_every(100);
    let mut seed = 0;
    while shadow::made() < arguments.captures || HANDLED.load(Ordering::Relaxed) < SIGNALS {
        seed = runs(nodes, seed, 1_000);
    }
    alarm_every(0);
    println!("handled {}", HANDLED.load(Ordering::Relaxed));
}

fn alarm_every(microseconds: i64) {
    let interval = libc::timeval { tv_sec: 0, tv_usec: microseconds };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    // SAFETY: the timer is valid.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, null_mut()) }, 0);
}

extern "C" fn on_alarm(_: i32) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
    for depth in 0..3 {
        allocates(depth);
    }
}

#[inline(never)]
fn allocates(depth: u32) {
    if depth > 0 {
        allocates(depth - 1);
    }
    let layout = Layout::new::<[u64; 4]>();
    // SAFETY: the size is not 0.
    let block = black_box(unsafe { INTERRUPTIBLE.alloc(layout) });
    // SAFETY: just made, with this layout.
    unsafe { INTERRUPTIBLE.dealloc(block, layout) };
}
