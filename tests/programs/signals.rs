//! Programs that allocate in signal handlers.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::mem::{MaybeUninit, zeroed};
use std::ptr::{addr_of_mut, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Program;
use crate::region::{INTERRUPTIBLE, Region};
use crate::rig::{say, sites};

pub(crate) const PROGRAMS: &[Program] =
    &[("interrupted", |_| interrupted()), ("other-stack", |_| other_stack())];

sites! { site_on_other_stack }

static IN_HANDLER: AtomicUsize = AtomicUsize::new(0);

/// Makes and frees a block of `size` bytes.
#[inline(always)]
fn make_and_free(size: usize) {
    let layout = Layout::from_size_align(size, 8).expect("a valid layout");
    // SAFETY: the size is not 0.
    let block = black_box(unsafe { INTERRUPTIBLE.alloc(layout) });
    // SAFETY: just made, with this layout.
    unsafe { INTERRUPTIBLE.dealloc(block, layout) };
}

#[inline(never)]
fn site_in_handler() {
    make_and_free(40);
    black_box("in handler");
}

#[inline(never)]
fn site_interrupted() {
    make_and_free(24);
    black_box("interrupted");
}

extern "C" fn on_alarm(_: i32) {
    IN_HANDLER.fetch_add(1, Ordering::Relaxed);
    site_in_handler();
}

fn handle(signal: i32, handler: extern "C" fn(i32), flags: i32) {
    // SAFETY: all zeros is a valid value.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = flags;
    // SAFETY: the action is valid and its handler lives as long as the program.
    assert_eq!(unsafe { libc::sigaction(signal, &raw const action, null_mut()) }, 0);
}

fn alarm_every(microseconds: i64) {
    let interval = libc::timeval { tv_sec: 0, tv_usec: microseconds };
    let timer = libc::itimerval { it_interval: interval, it_value: interval };
    // SAFETY: the timer is valid.
    assert_eq!(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, null_mut()) }, 0);
}

/// Allocates while a handler that allocates interrupts it again and again.
fn interrupted() {
    const SIGNALS: usize = 3_000;
    Region::open();
    handle(libc::SIGALRM, on_alarm, libc::SA_RESTART);
    alarm_every(100);
    let mut made = 0_usize;
    while IN_HANDLER.load(Ordering::Relaxed) < SIGNALS {
        site_interrupted();
        made += 1;
    }
    alarm_every(0);
    say(format_args!("made {made} {}", IN_HANDLER.load(Ordering::Relaxed)));
}

extern "C" fn on_other_stack(_: i32) {
    for _ in 0..3 {
        site_on_other_stack(100);
    }
    site_on_other_stack(1_000).free();
}

/// A handler on a stack of its own allocates.
fn other_stack() {
    // Small, as such stacks are. Code that was not optimized takes more.
    const SIZE: usize = if cfg!(debug_assertions) { 128 << 10 } else { 12 << 10 };
    static mut STACK: MaybeUninit<[u8; SIZE]> = MaybeUninit::uninit();
    let stack = libc::stack_t { ss_sp: addr_of_mut!(STACK).cast(), ss_flags: 0, ss_size: SIZE };
    // SAFETY: the stack is a static that nothing else uses.
    assert_eq!(unsafe { libc::sigaltstack(&raw const stack, null_mut()) }, 0);
    handle(libc::SIGUSR1, on_other_stack, libc::SA_ONSTACK);
    for _ in 0..2 {
        // SAFETY: the handler is in place; no allocation is interrupted here.
        assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    }
    say(format_args!("came back"));
}
