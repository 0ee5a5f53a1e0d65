//! Captures against the `backtrace` crate, which walks with the system's unwinder: in every shape
//! of frame and caller that programs have.
//!
//! Each place that calls [`look`] captures the stack twice, once with the thread's remembered
//! stack as the hook does and once from scratch, and compares both with the oracle's frames from
//! the common caller on.

use core::cell::RefCell;
use core::ffi::{c_int, c_void};
use core::hint::black_box;
use std::boxed::Box;
use std::panic;
use std::string::String;

use std::thread;
use std::vec::Vec;

use crate::base::os;
use crate::base::os::loaded::Loaded;
use crate::base::settings::Unwind;
use crate::base::testing::Random;
use crate::capture::own_stack::OwnStack;
use crate::capture::process_rules::{Objects, ProcessRules};
use crate::capture::registers::Registers;
use crate::capture::stack::{Base, MAX_FRAMES, NoNames, Stack};

/// One thread's looks and their results.
struct Seen {
    stack: Box<Stack>,
    scratch: Box<Stack>,
    looks: usize,
    /// Looks at the very stack that was looked at before.
    unchanged: usize,
    deepest: usize,
    /// Signal handlers on the stack.
    signals: usize,
    differences: Vec<String>,
}

std::thread_local! {
    static SEEN: RefCell<Seen> = RefCell::new(Seen {
        stack: empty_stack(MAX_FRAMES),
        scratch: empty_stack(MAX_FRAMES),
        looks: 0,
        unchanged: 0,
        deepest: 0,
        signals: 0,
        differences: Vec::new(),
    });
}

fn empty_stack(limit: usize) -> Box<Stack> {
    let mut stack = Box::<Stack>::new_uninit();
    // SAFETY: the memory is one stack's.
    unsafe { stack.as_mut_ptr().write_bytes(0, 1) };
    // SAFETY: zeroed memory is a stack, as its description says, once its limit is set.
    let mut stack = unsafe { stack.assume_init() };
    stack.set_limit(limit);
    stack
}

/// A list that no object gets into.
#[derive(Debug)]
struct NoList;

impl Objects for NoList {
    fn note(&self, _: &Loaded) {}

    fn is_noted(&self, _: &Loaded) -> bool {
        true
    }

    fn forget(&self, _: u64) {}
}

mod entry {
    use crate::capture::registers::with_callers_registers;

    with_callers_registers! {
        /// Compares the caller's stack. The arguments are for nothing.
        pub(super) look(usize, usize, usize) => super::compare
    }
}

/// Compares the stack of the function that this is inlined into.
#[inline(always)]
fn look() {
    // SAFETY: the function has no conditions.
    unsafe { entry::look(0, 0, 0) };
    black_box(()); // so that no call above is the caller's last thing
}

unsafe extern "C" fn compare(_: usize, _: usize, _: usize, pc: u64, sp: u64, bp: u64) {
    let mut expected = Vec::new();
    backtrace::trace(|frame| {
        expected.push(frame.ip().addr() as u64);
        true
    });
    while expected.last() == Some(&0) {
        expected.pop();
    }
    let first = expected.iter().position(|ip| *ip == pc).unwrap_or(expected.len());
    let (rules, at) = (ProcessRules::new(Unwind::Auto, &NoList), Registers { pc, sp, bp });
    let (_, high) = os::stack_bounds().expect("an ordinary thread");
    // SAFETY: this thread's stack, of which `look`'s caller is a frame; both stacks are captured
    // here only.
    let memory = unsafe { OwnStack::new(high) };
    SEEN.with_borrow_mut(|seen| {
        if seen.stack.is_unchanged(&at, &memory) {
            seen.unchanged += 1;
        } else {
            seen.stack.capture(at, &memory, &rules, &mut NoNames);
        }
        seen.scratch.clear();
        seen.scratch.capture(at, &memory, &rules, &mut NoNames);
        seen.looks += 1;
        seen.deepest = seen.deepest.max(expected.len() - first);
        let (mut stacks, signals) = ([&mut seen.stack, &mut seen.scratch], seen.signals);
        let differences =
            stacks.iter_mut().filter_map(|stack| difference(stack, &expected[first..], signals));
        seen.differences.extend(differences);
    });
}

/// The difference of the captured stack, if there is one. Where a signal interrupted something, our
/// pc is one more than the interrupted one.
fn difference(stack: &mut Stack, expected: &[u64], mut signals: usize) -> Option<String> {
    let (base, limit, truncated) = (stack.base(), stack.limit(), stack.is_truncated());
    let found: Vec<u64> = stack.marks().iter().rev().map(|mark| mark.pc).take(limit).collect();
    let mut same = |(found, expected): (&u64, &u64)| {
        let interrupted = *found == *expected + 1 && signals > 0;
        signals -= usize::from(interrupted);
        found == expected || interrupted
    };
    let as_many = found.len() == expected.len().min(limit);
    let ended = truncated == (expected.len() > limit) && (truncated || base == Base::Complete);
    let equal = as_many && ended && found.iter().zip(expected).all(&mut same);
    (!equal).then(|| std::format!("{base:?}, found {found:x?}, expected {expected:x?}"))
}

/// Looks at nothing more; fails unless there were so many looks, so deep, all of them right.
fn check(looks: usize, depth: usize) {
    SEEN.with_borrow(|seen| {
        let differences = &seen.differences;
        let first = differences.first();
        assert!(first.is_none(), "{} of {}: {first:#?}", differences.len(), seen.looks);
        assert!(seen.looks >= looks, "looked {} times only", seen.looks);
        assert!(seen.unchanged < seen.looks, "each stack is new once");
        assert!(seen.deepest >= depth, "at most {} frames", seen.deepest);
    });
}

#[inline(never)]
fn recursion(depth: u64, turns: u64) -> u64 {
    for _ in 0..black_box(2) {
        look();
    }
    if depth == 0 {
        return 1;
    }
    let mut sum = 0;
    for _ in 0..turns {
        sum += recursion(depth - 1, turns);
        look();
    }
    black_box(sum)
}

#[test]
fn recursion_down_and_up() {
    recursion(100, 1);
    recursion(5, 3);
    check(500, 100);
    let unchanged = SEEN.with_borrow(|seen| seen.unchanged);
    assert!(unchanged > 300, "{unchanged} stacks were met again");
}

#[test]
fn a_stack_deeper_than_the_limit_keeps_its_innermost_frames() {
    for limit in [1, 2, 7, 32] {
        SEEN.with_borrow_mut(|seen| {
            seen.stack.set_limit(limit);
            seen.scratch.set_limit(limit);
        });
        recursion(60, 1);
        recursion(3, 3);
    }
    check(600, 60);
}

fn through_generics<T: Copy + Into<u64>>(values: &[T], visit: &mut dyn FnMut(u64)) {
    values.iter().map(|value| (*value).into()).filter(|value| value % 2 == 1).for_each(|value| {
        look();
        visit(value);
    });
}

#[test]
fn closures_and_generics() {
    let mut deeper = |value: u64| {
        look();
        let boxed: Box<dyn Fn(u64) -> u64> = Box::new(move |more| {
            look();
            more + value
        });
        black_box(boxed(1));
    };
    through_generics(&[1_u8, 2, 3], &mut deeper);
    through_generics(&[1_u32, 5, 9], &mut |value| through_generics(&[value], &mut deeper));
    let mut words = ["pear", "fig", "apple", "plum", "quince", "grape"];
    words.sort_by(|one, other| {
        look();
        one.cmp(other)
    });
    assert_eq!(words[0], "apple");
    check(25, 8);
}

unsafe extern "C" fn by_number(one: *const c_void, other: *const c_void) -> c_int {
    look();
    // SAFETY: `qsort` gives pointers to two of the numbers.
    let one = unsafe { one.cast::<u32>().read() };
    // SAFETY: as above.
    let other = unsafe { other.cast::<u32>().read() };
    one.cmp(&other) as c_int
}

extern "C" fn only_once() {
    look();
    recursion(3, 2);
}

#[test]
fn callbacks_of_libc() {
    let mut numbers: Vec<u32> = (0..100).map(|n| n * 7919 % 101).collect();
    // SAFETY: as many numbers of that size; the function compares two of them.
    unsafe { libc::qsort(numbers.as_mut_ptr().cast(), numbers.len(), 4, Some(by_number)) };
    assert!(numbers.is_sorted());
    unsafe extern "C" {
        fn pthread_once(control: *mut c_int, routine: extern "C" fn()) -> c_int;
    }
    let mut control = 0; // PTHREAD_ONCE_INIT
    // SAFETY: the control word outlives the call.
    assert_eq!(unsafe { pthread_once(&raw mut control, only_once) }, 0);
    check(300, 8);
}

extern "C" fn on_signal(_signal: c_int) {
    SEEN.with_borrow_mut(|seen| seen.signals += 1);
    look();
    recursion(4, 2);
    SEEN.with_borrow_mut(|seen| seen.signals -= 1);
}

#[inline(never)]
fn interrupted(depth: u32) {
    look();
    if depth > 0 {
        interrupted(depth - 1);
    } else {
        // SAFETY: the handler is installed.
        unsafe { libc::raise(libc::SIGUSR1) };
    }
    look();
}

#[test]
fn signal_handlers_on_the_normal_stack() {
    // SAFETY: the handler has a signal handler's signature; no other test uses this signal.
    unsafe { libc::signal(libc::SIGUSR1, on_signal as *const () as libc::sighandler_t) };
    for depth in 0..5 {
        interrupted(depth);
    }
    check(150, 12);
}

#[inline(never)]
fn large_frame<const SIZE: usize>(depth: usize) -> u8 {
    let mut local = [0_u8; SIZE];
    black_box(&mut local);
    look();
    if depth > 0 {
        local[depth] = large_frame::<SIZE>(depth - 1);
    }
    look();
    black_box(&local)[depth]
}

#[test]
fn large_frames() {
    large_frame::<20_000>(9);
    // Too large for a rule in the cache.
    large_frame::<300_000>(2);
    check(26, 12);
}

#[repr(align(64))]
struct Line([u64; 8]);

#[repr(align(4096))]
struct Page([u64; 512]);

#[inline(never)]
fn over_aligned(depth: u64) -> u64 {
    let mut line = Line([depth; 8]);
    assert_eq!(black_box(&raw mut line).addr() % 64, 0);
    look();
    if depth > 0 {
        line.0[0] += if depth.is_multiple_of(3) {
            over_aligned_more(depth - 1)
        } else {
            over_aligned(depth - 1)
        };
    }
    look();
    black_box(line).0[0]
}

#[inline(never)]
fn over_aligned_more(depth: u64) -> u64 {
    let mut page = Page([depth; 512]);
    assert_eq!(black_box(&raw mut page).addr() % 4096, 0);
    look();
    page.0[1] += over_aligned(depth) + recursion(2, 2);
    look();
    black_box(page).0[1]
}

#[test]
fn over_aligned_frames() {
    for depth in [1, 8, 9, 30, 4] {
        over_aligned(depth);
    }
    check(150, 40);
}

/// A function as GCC makes it where a local is aligned to more than the stack is: the CFA is a word
/// of the frame, and the unwind tables say so by expressions. It calls its first argument with
/// its second.
#[cfg(target_arch = "x86_64")]
mod like_gcc {
    core::arch::global_asm!(
        ".globl oracle_like_gcc",
        ".hidden oracle_like_gcc",
        ".type oracle_like_gcc, @function",
        "oracle_like_gcc:",
        ".cfi_startproc",
        "lea r10, [rsp + 8]",
        ".cfi_def_cfa r10, 0",
        "and rsp, -64",
        "push qword ptr [r10 - 8]",
        "push rbp",
        "mov rbp, rsp",
        ".cfi_escape 0x10, 6, 2, 0x76, 0", // rbp is at rbp + 0
        "push r10",
        ".cfi_escape 0x0f, 3, 0x76, 0x78, 6", // the CFA is the word at rbp - 8
        "sub rsp, 8",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "mov r10, [rbp - 8]",
        ".cfi_def_cfa r10, 0",
        "mov rbp, [rbp]",
        ".cfi_restore rbp",
        "lea rsp, [r10 - 8]",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
        ".size oracle_like_gcc, . - oracle_like_gcc",
    );

    unsafe extern "C" {
        #[link_name = "oracle_like_gcc"]
        pub(super) fn call(callback: extern "C" fn(u64), depth: u64);
    }
}

#[cfg(target_arch = "x86_64")]
extern "C" fn over_aligned_as_in_c(depth: u64) {
    look();
    if depth > 0 {
        for _ in 0..2 {
            // SAFETY: the function calls this one, as any compiled function would.
            unsafe { like_gcc::call(over_aligned_as_in_c, depth - 1) };
            look();
        }
    }
    recursion(1, 1);
}

#[cfg(target_arch = "x86_64")]
#[test]
fn over_aligned_frames_as_in_c() {
    over_aligned_as_in_c(6);
    check(300, 16);
}

struct LooksWhenDropped;

impl Drop for LooksWhenDropped {
    fn drop(&mut self) {
        look();
        recursion(2, 2);
    }
}

#[inline(never)]
fn unwinds(depth: u32) {
    let _looks = LooksWhenDropped;
    if depth == 0 {
        panic::resume_unwind(Box::new(7));
    }
    unwinds(depth - 1);
}

#[test]
fn destructors_while_the_stack_unwinds() {
    for depth in 0..4 {
        let result = panic::catch_unwind(|| unwinds(depth));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&7));
        look();
    }
    check(80, 10);
}

#[inline(never)]
fn never_returns(value: u64) -> ! {
    look();
    panic::resume_unwind(Box::new(value))
}

/// The return address is the first byte behind the function.
#[inline(never)]
fn ends_with_a_call(value: u64) -> ! {
    never_returns(value)
}

#[test]
fn calls_that_never_return() {
    for _ in 0..3 {
        let result = panic::catch_unwind(|| ends_with_a_call(black_box(7)));
        assert_eq!(result.unwrap_err().downcast_ref(), Some(&7_u64));
    }
    check(3, 8);
}

/// A program that calls at random, so that what was remembered is met in every way.
#[inline(never)]
fn anything(random: &mut Random, depth: u64) {
    for _ in 0..random.below(4) {
        if depth == 0 {
            return look();
        }
        match random.below(7) {
            0 => look(),
            1 => _ = recursion(random.below(6), 1),
            2 => _ = large_frame::<5000>(random.below(2) as usize),
            3 => _ = over_aligned(random.below(5)),
            4 => through_generics(&[1_u8, 3], &mut |_| anything(random, depth - 1)),
            5 => _ = panic::catch_unwind(panic::AssertUnwindSafe(|| anything(random, depth - 1))),
            _ => anything(random, depth - 1),
        }
    }
}

#[test]
fn several_threads_that_call_at_random() {
    let threads = [1, 2, 3].map(|seed| {
        thread::spawn(move || {
            let mut random = Random(seed * 0x9e37_79b9);
            for _ in 0..300 {
                anything(&mut random, 5);
            }
            check(3000, 15);
        })
    });
    for thread in threads {
        thread.join().unwrap_or_else(|cause| panic::resume_unwind(cause));
    }
}

// A static program loads no object, and there is no compiler of C++ for musl.
#[cfg(not(target_env = "musl"))]
#[path = "oracle_native_tests.rs"]
mod native;
