//! Programs that ask for their threads' figures, or are asked by a signal, for the tests
//! `memory_stats` and `memory_signal`. They need the feature `counters` alone.
//!
//! One binary; the first argument names the program, the rest are its arguments. Figures whose values
//! follow from what the program does it checks itself.

#![no_main]

mod busy;
mod figures;
mod forks;
mod handlers;
#[path = "../rig.rs"]
#[expect(dead_code, unused_macros, unused_imports, reason = "other programs use more of it")]
mod rig;
mod slots;

use mod_alloc::ModAlloc;

#[global_allocator]
static ALLOC: ModAlloc = ModAlloc::new();

/// Without Rust's runtime around it, through which `pthread_exit` cannot pass.
#[unsafe(no_mangle)]
extern "C-unwind" fn main() -> i32 {
    // SAFETY: the name ends with a zero byte.
    if unsafe { libc::getenv(c"TEST_FIRST_ENDS".as_ptr()) }.is_null() {
        run();
        return 0;
    }
    handlers::end_first_thread()
}

fn run() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (name, arguments) = arguments.split_first().expect("the name of a program");
    let families =
        [busy::PROGRAMS, figures::PROGRAMS, forks::PROGRAMS, handlers::PROGRAMS, slots::PROGRAMS];
    let program = families.iter().copied().flatten().find(|(known, _)| known == name);
    let (_, run) = program.unwrap_or_else(|| panic!("no program is called {name}"));
    run(arguments);
}

/// A program's name and what it does with its arguments.
type Program = (&'static str, fn(&[&str]));

/// Waits for a byte on standard input, as a program does that nobody interrupts; `false` at its end.
fn next_byte() -> bool {
    let mut byte = 0_u8;
    // SAFETY: the buffer is valid for one byte.
    let read = unsafe { libc::read(0, (&raw mut byte).cast(), 1) };
    assert!(read >= 0, "{}: a call was interrupted", std::io::Error::last_os_error());
    read == 1
}

/// The kernel's id of the calling thread.
fn thread_id() -> u32 {
    // SAFETY: no preconditions.
    u32::try_from(unsafe { libc::gettid() }).expect("ids are positive")
}
