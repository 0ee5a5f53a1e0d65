//! Programs with many sites that make reports while they run, and look at their memory meanwhile.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Read;
use std::panic;
use std::path::Path;
use std::thread;

use mod_alloc::dhat_compat::Profiler;
use mod_alloc::{assert_allocs, heap_state};

use crate::rig::{Block, say};
use crate::{ALLOC, Program};

pub(crate) const PROGRAMS: &[Program] = &[
    ("reports-asked", |_| asked()),
    ("reports-blocked", |_| blocked()),
    ("reports-of-profilers", |_| of_others(profiler)),
    ("reports-of-limits", |_| of_others(limit)),
    ("reports-thrice", |_| thrice()),
];

/// Each path is a stack of its own.
const DEPTH: u32 = 13;

/// A block for each path.
fn many_sites() -> Vec<Vec<u8>> {
    let mut blocks = Vec::with_capacity(1 << DEPTH);
    for path in 0..1 << DEPTH {
        blocks.push(branch(path, DEPTH));
    }
    blocks
}

fn branch(path: usize, depth: u32) -> Vec<u8> {
    match (depth, path & 1) {
        (0, _) => vec![0; 100],
        (_, 0) => left(path >> 1, depth - 1),
        _ => right(path >> 1, depth - 1),
    }
}

#[inline(never)]
fn left(path: usize, depth: u32) -> Vec<u8> {
    let mut block = black_box(branch(path, depth));
    block[0] = 1;
    block
}

#[inline(never)]
fn right(path: usize, depth: u32) -> Vec<u8> {
    let mut block = black_box(branch(path, depth));
    block[1] = 1;
    block
}

/// Says the process's anonymous memory, the allocator's figures, and the process's addresses, in
/// bytes; without the heap.
fn figures(word: &str) {
    let anonymous = heap_state::process().anonymous.expect("the kernel tells");
    let state = heap_state::glibc().expect("glibc 2.33");
    let (allocated, mapped) = (state.allocated.expect("known"), state.mapped.expect("known"));
    let mut bytes = [0; 100];
    let read = File::open("/proc/self/statm").and_then(|mut file| file.read(&mut bytes));
    let text = std::str::from_utf8(&bytes[..read.expect("the kernel tells")]).expect("numbers");
    let pages: u64 = text.split(' ').next().expect("a number").parse().expect("a number");
    say(format_args!("{word} {anonymous} {allocated} {mapped} {}", pages * 4096));
}

fn next_byte() {
    let mut byte = 0_u8;
    // SAFETY: the buffer is valid for one byte.
    assert!(unsafe { libc::read(0, (&raw mut byte).cast(), 1) } >= 0);
}

/// Reports that the program asks for itself, after it was asked by signals.
fn asked() {
    let kept = many_sites();
    say(format_args!("ready"));
    next_byte();
    figures("before");
    for _ in 0..3 {
        ALLOC.write_dhat_json("now.json").expect("room for a file");
        figures("written");
        assert!(ALLOC.dhat_json_string().len() > 1 << 20);
        figures("string");
        assert!(ALLOC.symbolicated_report().len() > 1 << DEPTH);
        figures("named");
    }
    assert!(ALLOC.write_dhat_json("no/such/folder").is_err());
    figures("failed");
    next_byte();
    std::mem::forget(kept);
}

/// Figures before and after each of four reports.
fn of_others(report: fn()) {
    let kept = many_sites();
    panic::set_hook(Box::new(|_| ()));
    figures("before");
    for _ in 0..4 {
        report();
        figures("after");
    }
    std::mem::forget(kept);
}

/// The report of a profiler.
fn profiler() {
    drop(Profiler::builder().file_name("profiler.json").build());
}

/// The message of a limit that does not hold.
fn limit() {
    let failed = panic::catch_unwind(|| assert_allocs!(black_box(vec![1_u8]), blocks == 0));
    drop(failed.expect_err("there is a block"));
}

/// A dump, a report that the program asks for, and the one at exit.
fn thrice() {
    let few_levels = DEPTH - 5;
    let kept: Vec<_> = (0..1 << few_levels).map(|path| branch(path, few_levels)).collect();
    // SAFETY: no memory is involved.
    assert_eq!(unsafe { libc::raise(libc::SIGUSR1) }, 0);
    while !Path::new("dhat-heap.1.json").exists() {
        thread::yield_now();
    }
    ALLOC.write_dhat_json("asked.json").expect("room for a file");
    std::mem::forget(kept);
}

/// A report that is being written, to a pipe that nobody reads, while the program goes on.
fn blocked() {
    let kept = many_sites();
    figures("before");
    // SAFETY: the path ends with a zero byte.
    assert_eq!(unsafe { libc::mkfifo(c"pipe".as_ptr(), 0o600) }, 0);
    let (tell, told) = std::sync::mpsc::channel();
    let writer = thread::spawn(move || {
        // SAFETY: no preconditions.
        tell.send(unsafe { libc::gettid() }).expect("somebody waits");
        ALLOC.write_dhat_json("pipe").expect("somebody reads");
    });
    let call = format!("/proc/self/task/{}/syscall", told.recv().expect("it runs"));
    let opens = format!("{} ", libc::SYS_openat);
    // The report is made and held in memory, and the pipe is being opened.
    while !fs::read_to_string(&call).expect("it runs").starts_with(&opens) || !is_pipe_waited_for()
    {
        thread::yield_now();
    }
    figures("during");
    go_on();
    in_child();
    let mut report = String::new();
    let reader = File::open("pipe").and_then(|mut pipe| pipe.read_to_string(&mut report));
    reader.expect("somebody writes");
    writer.join().expect("no panic");
    fs::write("through-pipe.json", &report).expect("room for a file");
    drop(report);
    figures("after");
    std::mem::forget(kept);
}

/// The work has its addresses, and much memory of them.
fn is_pipe_waited_for() -> bool {
    heap_state::process().anonymous.is_some_and(|bytes| bytes > 12 << 20)
}

/// The numbers are exact, and blocks are resized and freed as ever.
fn go_on() {
    let before = ALLOC.snapshot();
    let kept = Block::new(1_000).resized(5_000);
    Block::new(300).free();
    let after = ALLOC.snapshot();
    assert_eq!(after.alloc_count - before.alloc_count, 3);
    assert_eq!(after.total_bytes - before.total_bytes, 6_300);
    assert_eq!(after.current_bytes - before.current_bytes, 5_000);
    kept.free();
}

/// A forked child has nothing of the work, and makes its own report.
fn in_child() {
    // SAFETY: the child does what a program does that is a thread.
    let child = unsafe { libc::fork() };
    if child == 0 {
        figures("child");
        go_on();
        ALLOC.write_dhat_json("child.json").expect("room for a file");
        figures("child-after");
        // SAFETY: no preconditions.
        unsafe { libc::_exit(0) };
    }
    let mut status = 0;
    // SAFETY: the out-pointer is valid.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert_eq!(status, 0);
}
