//! Programs that end in unusual ways.

use std::hint::black_box;
use std::process::{abort, exit};
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::Program;
use crate::rig::{Block, say, sites};

pub(crate) const PROGRAMS: &[Program] = &[
    ("panic", |_| panic_out_of_main()),
    ("exit-nested", |_| exit_nested(30)),
    ("exit-in-thread", exit_in_thread),
    ("at-exit", |_| at_exit()),
    ("abort", |_| abort_with_blocks()),
    ("overflow", overflow),
    ("close-stderr", |_| close_stderr()),
    ("remove-folder", remove_folder),
    ("fork", |_| fork_quietly()),
    ("fork-among-threads", |_| fork_among_threads()),
];

sites! {
    site_kept site_guarded site_nested site_in_thread site_at_exit
    site_parent site_child site_contended
}

/// Frees its block when the stack is unwound.
struct Guard(Block);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.free();
    }
}

fn panic_out_of_main() {
    let _guard = Guard(site_guarded(2_000));
    site_kept(1_000);
    panic!("out of main");
}

#[inline(never)]
fn exit_nested(depth: u32) {
    let block = site_nested(100);
    if depth == 1 {
        exit(5);
    }
    exit_nested(depth - 1);
    block.free();
}

/// Arguments: the size of the thread's stack in KiB.
fn exit_in_thread(arguments: &[&str]) {
    let kilobytes: usize = arguments[0].parse().expect("a number");
    site_kept(1_000);
    let builder = thread::Builder::new().stack_size(kilobytes << 10);
    let work = || {
        site_in_thread(500);
        exit(6)
    };
    let thread: thread::JoinHandle<()> = builder.spawn(work).expect("a thread");
    thread.join().expect("it does not end");
}

extern "C" fn allocate_at_exit() {
    site_at_exit(3_000);
    site_at_exit(4_000).free();
}

/// The handler is registered after ours, so it runs before.
fn at_exit() {
    // SAFETY: the handler lives as long as the program.
    assert_eq!(unsafe { libc::atexit(allocate_at_exit) }, 0);
    site_kept(1_000);
}

fn abort_with_blocks() {
    site_kept(1_000);
    abort();
}

/// Overflows the stack, which Rust's own handler says before it aborts. Argument: in a thread or
/// not.
fn overflow(arguments: &[&str]) {
    site_kept(1_000);
    let overflow = || {
        black_box(descend(black_box(1)));
    };
    match arguments[0] {
        "thread" => thread::spawn(overflow).join().expect("no end"),
        _ => overflow(),
    }
}

fn descend(depth: usize) -> usize {
    let room = black_box([depth; 64]);
    let below = if depth == 0 { 0 } else { descend(depth + 1) };
    below + room[depth % 64]
}

fn close_stderr() {
    site_kept(1_000);
    // SAFETY: nothing of ours owns the descriptor.
    assert_eq!(unsafe { libc::close(2) }, 0);
    exit(4);
}

/// Makes the folder given its own and removes it.
fn remove_folder(arguments: &[&str]) {
    std::fs::create_dir(arguments[0]).expect("a new folder");
    std::env::set_current_dir(arguments[0]).expect("it is there");
    std::fs::remove_dir(arguments[0]).expect("it is empty");
    site_kept(1_000);
    exit(7);
}

/// Forks, runs `child` in the child and exits there with status 9; returns the child's id.
fn forked(child: impl FnOnce()) -> libc::pid_t {
    // SAFETY: no preconditions; the child uses nothing that another thread may hold.
    let id = unsafe { libc::fork() };
    assert!(id >= 0, "fork failed");
    if id == 0 {
        // A child that waits for a lock of the parent's is ended by this. One that does not needs a
        // second, where ten others want the processor.
        // SAFETY: no preconditions.
        unsafe { libc::alarm(60) };
        child();
        exit(9);
    }
    id
}

/// The exit status of a child; `None` if a signal ended it.
fn status_of(id: libc::pid_t) -> Option<i32> {
    let mut status = 0;
    // SAFETY: the out-pointer is valid.
    assert_eq!(unsafe { libc::waitpid(id, &raw mut status, 0) }, id);
    libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status))
}

/// A child with blocks of its own that frees one of the parent's.
fn fork_quietly() {
    let given = site_parent(1_000);
    site_parent(2_000);
    let id = forked(|| {
        given.free();
        for _ in 0..5 {
            site_child(100);
        }
    });
    say(format_args!("child {id}"));
    assert_eq!(status_of(id), Some(9));
    site_parent(4_000);
}

/// Children forked while other threads have the profiler's locks. They free blocks that those
/// threads made, for which they need the very same locks.
fn fork_among_threads() {
    const THREADS: usize = 8;
    const GIVEN: usize = 5;
    let (sender, receiver) = sync_channel(THREADS * GIVEN);
    for _ in 0..THREADS {
        let sender = sender.clone();
        thread::spawn(move || {
            for made in 0_usize.. {
                // Large: each of these events goes to what the threads share.
                let block = site_contended(1 << 20);
                if made < GIVEN {
                    sender.send(block).expect("room for all");
                } else {
                    block.free();
                }
            }
        });
    }
    let given: Vec<Block> = receiver.iter().take(THREADS * GIVEN).collect();
    let ended = (0..40).filter(|_| {
        let id = forked(|| {
            given.iter().copied().for_each(Block::free);
            black_box(vec![0; 100]);
            // Forty reports would take long; what is tested is that the child gets here.
            // SAFETY: no preconditions.
            unsafe { libc::_exit(9) };
        });
        status_of(id) == Some(9)
    });
    say(format_args!("children {}", ended.count()));
    exit(0);
}
