//! A heap over time that is known: in each phase the program allocates, says so, and waits for a
//! byte.

use mod_alloc::dhat_compat::Profiler;

use crate::Program;
use crate::rig::{say, sites};

pub(crate) const PROGRAMS: &[Program] = &[
    ("over-time", |_| phases()),
    ("over-time-fork", |_| forks()),
    ("over-time-window", |_| in_a_window()),
];

sites! { site_before site_plateau site_spike site_leak }

/// Says that a phase is over, and waits. The end of standard input is an answer, too.
fn passed(phase: &str) {
    say(format_args!("{phase}"));
    let mut byte = 0_u8;
    // SAFETY: the buffer is valid for one byte.
    let read = unsafe { libc::read(0, (&raw mut byte).cast(), 1) };
    assert!(read >= 0, "{}", std::io::Error::last_os_error());
}

fn phases() {
    let plateau = site_plateau(1_000_000);
    passed("1");
    site_spike(50_000_000).free();
    passed("2");
    leak();
    passed("3");
    plateau.free();
    passed("4");
}

fn leak() {
    for _ in 0..100 {
        site_leak(1_000);
    }
}

/// The child begins with what its parent has.
fn forks() {
    site_plateau(1_000_000);
    passed("1");
    // SAFETY: the program has no other thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        leak();
        say(format_args!("child {}", std::process::id()));
        return passed("2");
    }
    let mut status = -1;
    // SAFETY: the out-pointer is valid.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
    passed("3");
}

/// The phases, to a profiler that knows nothing of what was before.
fn in_a_window() {
    site_before(2_000_000);
    passed("0");
    let profiler = Profiler::builder().file_name("window.json").build();
    phases();
    drop(profiler);
}
