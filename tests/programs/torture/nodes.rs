//! Nodes in Rust.

use std::ffi::CStr;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::host::Node;
use crate::shadow;
use crate::walk::{self, Walk};

/// All of them.
pub(crate) const NODES: [Node; 9] = [
    node(node_plain, 1 << 10),
    node(node_closures, 2 << 10),
    node(node_boxed, 2 << 10),
    node(node_sorts, 8 << 10),
    node(node_catches, 4 << 10),
    node(node_drops, 4 << 10),
    node(node_large, 24 << 10),
    node(node_line, 1 << 10),
    node(node_page, 12 << 10),
];

const fn node(run: unsafe extern "C" fn(*mut Walk), stack: usize) -> Node {
    Node { run: Some(run), stack }
}

/// On the stack as long as it lives.
struct Inside(usize);

impl Inside {
    fn new(name: &CStr) -> Self {
        Self(shadow::enter(name))
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        shadow::leave(self.0);
    }
}

/// Goes on from the function that this is inlined into.
#[inline(always)]
fn step(walk: *mut Walk) {
    // SAFETY: nodes get a run that only their thread uses, and hold no reference to it.
    unsafe { walk::step(walk) };
    black_box(()); // so that the call is not the caller's last thing
}

#[inline(always)]
fn below(walk: *mut Walk, limit: usize) -> usize {
    // SAFETY: as above.
    unsafe { walk::below(walk, limit) }
}

#[inline(never)]
unsafe extern "C" fn node_plain(walk: *mut Walk) {
    let _inside = Inside::new(c"node_plain");
    for _ in 0..=below(walk, 2) {
        step(walk);
    }
}

fn each<T: Copy + Into<u64>>(values: &[T], visit: &mut dyn FnMut(u64)) {
    values.iter().map(|value| (*value).into()).filter(|value| value % 2 == 1).for_each(visit);
}

#[inline(never)]
unsafe extern "C" fn node_closures(walk: *mut Walk) {
    let _inside = Inside::new(c"node_closures");
    each(&[1_u8, 2], &mut |_| each(&[3_u32, 4], &mut |_| step(walk)));
    step(walk);
}

#[inline(never)]
unsafe extern "C" fn node_boxed(walk: *mut Walk) {
    let _inside = Inside::new(c"node_boxed");
    let much = [0_u64; 12];
    let call: Box<dyn Fn(u64) -> u64> = Box::new(move |more| {
        step(walk);
        more + black_box(&much)[3]
    });
    black_box(call(1));
}

#[inline(never)]
unsafe extern "C" fn node_sorts(walk: *mut Walk) {
    let _inside = Inside::new(c"node_sorts");
    let mut words = ["pear", "fig", "apple", "plum", "quince", "grape"];
    words.sort_by(|one, other| {
        if below(walk, 6) == 0 {
            step(walk);
        }
        one.cmp(other)
    });
    black_box(words);
}

/// Steps when it is dropped, as the stack unwinds or not.
struct Guard(*mut Walk);

impl Drop for Guard {
    fn drop(&mut self) {
        step(self.0);
    }
}

#[inline(never)]
fn node_unwinds(walk: *mut Walk, depth: usize) {
    let _inside = Inside::new(c"node_unwinds");
    let _guard = Guard(walk);
    if depth == 0 {
        resume_unwind(Box::new([7_u64; 4]));
    }
    node_unwinds(walk, depth - 1);
}

#[inline(never)]
unsafe extern "C" fn node_catches(walk: *mut Walk) {
    let _inside = Inside::new(c"node_catches");
    let result = catch_unwind(AssertUnwindSafe(|| node_unwinds(walk, below(walk, 4))));
    step(walk);
    black_box(result.expect_err("it always panics"));
}

#[inline(never)]
unsafe extern "C" fn node_drops(walk: *mut Walk) {
    let _inside = Inside::new(c"node_drops");
    let guards: Vec<Guard> = (0..=below(walk, 2)).map(|_| Guard(walk)).collect();
    step(walk);
    drop(guards);
}

#[inline(never)]
unsafe extern "C" fn node_large(walk: *mut Walk) {
    let _inside = Inside::new(c"node_large");
    let mut local = [0_u8; 20_000];
    black_box(&mut local);
    step(walk);
    black_box(&local);
}

#[repr(align(64))]
struct Line([u64; 8]);

#[inline(never)]
unsafe extern "C" fn node_line(walk: *mut Walk) {
    let _inside = Inside::new(c"node_line");
    let mut line = Line([1; 8]);
    black_box(&mut line.0);
    step(walk);
    black_box(&line.0);
}

#[repr(align(4096))]
struct Page([u64; 512]);

#[inline(never)]
unsafe extern "C" fn node_page(walk: *mut Walk) {
    let _inside = Inside::new(c"node_page");
    let mut page = Page([1; 512]);
    black_box(&mut page.0);
    step(walk);
    step(walk);
    black_box(&page.0);
}
