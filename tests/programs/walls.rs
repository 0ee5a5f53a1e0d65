//! Programs that go to the edges of what an allocator may be asked for.

use std::cell::Cell;
use std::hint::black_box;
use std::thread;

use crate::Program;
use crate::rig::{Block, layout, say, sites};

pub(crate) const PROGRAMS: &[Program] = &[
    ("refusals", |_| refusals()),
    ("lazy-zeros", |_| lazy_zeros()),
    ("alignments", |_| alignments()),
    ("overrun", overrun),
    ("deep", |_| deep()),
    ("small-stack", |_| small_stack()),
    ("teardown", |_| teardown()),
];

sites! { site_survivor site_overrun site_after site_deep site_small site_teardown site_key site_tls }

/// The C library's `getrlimit` and `setrlimit` for the size of the address space.
pub(crate) fn limit_address_space(bytes: u64) {
    let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
    // SAFETY: the structure is valid; the call changes nothing of ours.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_AS, &raw const limit) }, 0);
}

#[inline(never)]
fn site_refused(size: usize) -> Option<Block> {
    let block = Block::with(layout(black_box(size), 1));
    black_box("refused");
    block
}

#[inline(never)]
fn site_refused_zeroed(size: usize) -> Option<Block> {
    let block = Block::zeroed(layout(black_box(size), 1));
    black_box("refused, zeroed");
    block
}

/// A request without memory for it is refused, is no event, and leaves a block as it is.
fn refusals() {
    const LARGEST: usize = isize::MAX as usize;
    let mut survivor = site_survivor(1_000);
    // With the profiler's own 8 bytes these would be larger than an object may be.
    for size in [LARGEST, LARGEST - 7, LARGEST - 8, LARGEST / 2] {
        assert!(site_refused(size).is_none(), "{size} bytes");
        assert!(site_refused_zeroed(size).is_none(), "{size} bytes");
        assert!(!survivor.try_resize(black_box(size)), "{size} bytes");
    }
    let mut vector = Vec::<u8>::new();
    assert!(vector.try_reserve_exact(LARGEST).is_err());
    limit_address_space(2 << 30);
    assert!(site_refused(4 << 30).is_none(), "more than the limit");
    assert!(site_refused_zeroed(4 << 30).is_none(), "more than the limit");
    assert!(!survivor.try_resize(black_box(4 << 30)), "more than the limit");
    survivor.resized(2_000).free();
    say(format_args!("refused"));
}

#[inline(never)]
fn site_lazy() -> Block {
    let block = Block::zeroed(layout(1 << 30, 1)).expect("address space");
    black_box("lazy");
    block
}

/// A gigabyte of zeros touches next to nothing.
fn lazy_zeros() {
    let before = resident_kilobytes();
    let block = site_lazy();
    say(format_args!("touched {}", resident_kilobytes() - before));
    for offset in (0..block.size()).step_by(100_000_000).chain([block.size() - 1]) {
        assert_eq!(block.read(offset), 0, "at {offset}");
    }
    block.free();
}

/// The most memory the process had so far.
fn resident_kilobytes() -> i64 {
    // SAFETY: all zeros is a valid value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the out-pointer is valid.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) }, 0);
    usage.ru_maxrss
}

#[inline(never)]
fn site_aligned(size: usize, align: usize) -> Block {
    let block = Block::with(layout(size, align)).expect("memory");
    black_box("aligned");
    block
}

#[inline(never)]
fn site_aligned_zeroed(size: usize, align: usize) -> Block {
    let block = Block::zeroed(layout(size, align)).expect("memory");
    black_box("aligned, zeroed");
    block
}

/// Every alignment up to 2 MiB, three sizes each; contents survive a reallocation.
fn alignments() {
    for align in (0..=21).map(|power| 1_usize << power) {
        for size in [1, 100, 5_000] {
            let plain = site_aligned(size, align);
            let zeroed = site_aligned_zeroed(size, align);
            assert!(plain.is_aligned() && zeroed.is_aligned(), "{size} bytes, {align}");
            assert!((0..size).all(|offset| zeroed.read(offset) == 0), "{size} bytes, {align}");
            plain.write(0, 42);
            plain.write(size - 1, 43);
            let grown = plain.resized(size + 3_000);
            assert!(grown.is_aligned(), "{size} bytes, {align}");
            assert_eq!(grown.read(size - 1), 43);
            assert_eq!(grown.read(0), if size == 1 { 43 } else { 42 });
            grown.free();
            zeroed.free();
        }
    }
    say(format_args!("aligned"));
}

/// Writes past the end of two blocks, as many bytes as the argument says; one is freed and one
/// reallocated.
fn overrun(arguments: &[&str]) {
    let bytes: usize = arguments[0].parse().expect("a number");
    for freed in [true, false] {
        let block = site_overrun(100);
        for offset in 100..100 + bytes {
            block.write(offset, !block.read(offset));
        }
        if freed {
            block.free();
        } else {
            site_overrun_again(block).free();
        }
    }
    site_after(1_000);
    say(format_args!("went on"));
}

#[inline(never)]
fn site_overrun_again(block: Block) -> Block {
    let block = block.resized(200);
    black_box("again");
    block
}

/// Ten thousand calls on top of each other, a block at every thousandth.
fn deep() {
    descend(10_000);
}

#[inline(never)]
fn descend(depth: u32) {
    if depth.is_multiple_of(1_000) {
        site_deep(100);
    }
    if depth > 1 {
        descend(depth - 1);
    }
    black_box(depth);
}

/// A thread with 64 KiB of stack allocates, panics and is joined.
fn small_stack() {
    let builder = thread::Builder::new().stack_size(64 << 10);
    let thread = builder.spawn(|| {
        for size in 1..=1_000 {
            site_small(size).resized(2 * size).free();
        }
        panic!("on a small stack");
    });
    assert!(thread.expect("a thread").join().is_err());
}

/// Frees and allocates when its thread ends.
struct Teardown(Cell<Option<Block>>);

impl Drop for Teardown {
    fn drop(&mut self) {
        if let Some(block) = self.0.take() {
            block.free();
        }
        site_teardown(1_000);
        site_teardown(500).free();
    }
}

thread_local! {
    static TEARDOWN: Teardown = const { Teardown(Cell::new(None)) };
}

unsafe extern "C" fn key_ends(value: *mut libc::c_void) {
    assert!(!value.is_null());
    site_key(300);
    site_key(200).free();
}

/// Never followed; a key whose value is null has no destructor.
const NOT_NULL: *const libc::c_void = std::ptr::without_provenance(1);

/// Ten threads whose thread-locals allocate while they are taken down, by Rust and by C.
fn teardown() {
    let mut key = 0;
    // SAFETY: the out-pointer is valid and the destructor lives as long as the program.
    assert_eq!(unsafe { libc::pthread_key_create(&raw mut key, Some(key_ends)) }, 0);
    for _ in 0..10 {
        let work = move || {
            TEARDOWN.with(|teardown| teardown.0.set(Some(site_tls(700))));
            // SAFETY: the key was made above.
            assert_eq!(unsafe { libc::pthread_setspecific(key, NOT_NULL) }, 0);
        };
        thread::spawn(work).join().expect("no panic");
    }
}
