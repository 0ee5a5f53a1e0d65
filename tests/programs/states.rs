//! Programs whose heap's state is taken down.

use std::hint::black_box;
use std::thread::sleep;
use std::time::Duration;

use crate::rig::say;
use crate::{ALLOC, Program};

pub(crate) const PROGRAMS: &[Program] = &[
    ("states", |_| grow_and_shrink()),
    ("states-grow", |_| grow_only()),
    ("states-reports", |_| reports()),
    ("states-killed", |_| killed_after_peak()),
    ("states-in-handler", |_| peak_in_handler()),
    ("states-exit-in-handler", |_| exit_in_handler()),
    ("states-mapped", |_| _ = mapped()),
    ("states-returned", |_| returned()),
    ("states-blocks", |_| std::mem::forget(black_box(vec![1_u8; 64 << 20]))),
];

const BLOCK: usize = 10_000;

/// Blocks that are filled slowly, as a program that does something with them, and waits for others:
/// taking down the state may take a share of the time, and a processor that is taken away from the
/// process may make it take milliseconds.
fn blocks(count: usize) -> Vec<Vec<u64>> {
    let mut blocks = Vec::with_capacity(count);
    for index in 0..count {
        let mut block = vec![index as u64; BLOCK / 8];
        for round in 0..20 {
            block.iter_mut().for_each(|word| *word = black_box(word.wrapping_mul(round | 1)));
        }
        blocks.push(block);
        // The heap shrinks now and then.
        drop(black_box(vec![0_u8; 100]));
        if index % 3 == 0 {
            sleep(Duration::from_millis(1));
        }
    }
    blocks
}

fn grow_and_shrink() {
    const COUNT: usize = 3000;
    let mut all = blocks(COUNT);
    all.truncate(COUNT / 10);
    let bytes = |count: usize| count * (BLOCK / 8 * 8) + COUNT * size_of::<Vec<u64>>();
    say(format_args!("live {} {}", bytes(COUNT / 10), bytes(COUNT)));
    std::mem::forget(all);
}

/// Maps 64 MiB, which no allocator sees, and writes to all of it.
fn mapped() -> (*mut libc::c_void, usize) {
    let (bytes, access) = (64 << 20, libc::PROT_READ | libc::PROT_WRITE);
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at an address of the kernel's choice.
    let memory = unsafe { libc::mmap(std::ptr::null_mut(), bytes, access, flags, -1, 0) };
    assert_ne!(memory, libc::MAP_FAILED, "{}", std::io::Error::last_os_error());
    // SAFETY: the mapping just made, of so many bytes.
    unsafe { memory.write_bytes(1, bytes) };
    (memory, bytes)
}

/// Gives that memory back, after events over many times as long as two looks at it are apart.
fn returned() {
    let (memory, bytes) = mapped();
    (0..1_000_000).for_each(|index| drop(black_box(Box::new(index))));
    // SAFETY: the mapping, which is not used any more.
    unsafe { libc::munmap(memory, bytes) };
}

/// Frees nothing after its last and largest block.
fn grow_only() {
    std::mem::forget(blocks(200));
    std::mem::forget(black_box(vec![1_u8; 8 << 20]));
    std::process::exit(0);
}

/// Memory that the profiler allocates for reports is given back, all of it.
fn reports() {
    for _ in 0..4 {
        ALLOC.write_dhat_json("now.json").expect("the folder can be written to");
        drop(black_box(ALLOC.dhat_json_string()));
        drop(black_box(ALLOC.call_sites()));
    }
}

fn killed_after_peak() {
    let mut all = blocks(3000);
    all.truncate(1);
    let process = std::process::id().cast_signed();
    // SAFETY: no preconditions.
    unsafe { libc::kill(process, libc::SIGKILL) };
    black_box(all);
}

/// The heap is at its peak in the handler, several times.
extern "C" fn allocate(_signal: libc::c_int) {
    for round in 1..20 {
        drop(black_box(vec![1_u8; round << 20]));
    }
}

extern "C" fn leave(_signal: libc::c_int) {
    std::process::exit(3);
}

fn raise_with(handler: extern "C" fn(libc::c_int)) {
    // SAFETY: the handler has a handler's signature.
    unsafe { libc::signal(libc::SIGUSR1, handler as *const () as libc::sighandler_t) };
    // Not from inside the allocator, so that what the handlers do is allowed.
    // SAFETY: no preconditions.
    unsafe { libc::raise(libc::SIGUSR1) };
}

fn peak_in_handler() {
    let all = blocks(300);
    raise_with(allocate);
    // And what Rust's runtime has.
    say(format_args!("outside {}", 300 * BLOCK + (64 << 10)));
    drop(all);
}

fn exit_in_handler() {
    let all = blocks(30);
    raise_with(leave);
    black_box(all);
}
